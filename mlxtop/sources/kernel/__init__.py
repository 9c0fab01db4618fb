"""Read kernel interfaces: sysfs, procfs, netlink, ethtool, the kernel log."""
