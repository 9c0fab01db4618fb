"""What values mean: pure functions from frames and history to ceilings, heat and findings."""
