"""Change the link type of a port, InfiniBand or Ethernet."""
