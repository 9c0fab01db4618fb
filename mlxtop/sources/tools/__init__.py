"""Read the output of other programs."""
