"""Follow a machine from frame to frame: heat, incidents, alarms, hooks."""
