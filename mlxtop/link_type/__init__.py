"""Change what a port speaks, InfiniBand or Ethernet."""
