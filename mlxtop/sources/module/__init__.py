"""Read the memory of pluggable modules."""
