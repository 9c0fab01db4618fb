"""Several machines at once: this one, simulated ones, and those that are read over ssh."""
