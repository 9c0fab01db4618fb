"""Follow a machine from frame to frame: history, heat, incidents, alarms, hooks."""
