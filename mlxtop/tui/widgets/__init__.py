"""Widgets on the Line API, one a file."""
