"""Take samples of a machine: discovery, readers, and the loop that joins them."""
