"""The meaning of values: pure functions of frames and history."""
