"""What the drivers and the PCI core write to the kernel log: tables, a file a subject."""
