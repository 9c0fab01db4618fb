"""Subcommands, one a file."""
