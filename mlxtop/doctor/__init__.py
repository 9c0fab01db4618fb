"""Checks of what slows ports down, and the report of their findings."""
