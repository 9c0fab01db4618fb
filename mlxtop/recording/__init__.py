"""Recordings: what Samples are written to, and where they come back from."""
