"""What a counter is: where it comes from, its unit, its width and how it ends.

The counters themselves are rows of `mlxtop.model.catalogue`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Origin(StrEnum):
    """The kernel interface that a counter is read from."""

    NETDEV = "netdev"
    """rtnetlink, IFLA_STATS_LINK_64: what the kernel's network stack saw."""
    MAC = "eth-mac"
    """ethtool netlink standard statistics: the octets of the physical port."""
    DRIVER = "ethtool"
    """ethtool -S, the driver's own table."""
    RDMA = "rdma"
    """/sys/class/infiniband/*/ports/*/counters."""
    RDMA_ERRORS = "rdma-errors"
    """The error counters of the same directory, read less often."""
    RDMA_HW = "rdma-hw"
    """/sys/class/infiniband/*/ports/*/hw_counters."""


class Unit(StrEnum):
    """Unit of a counter after scaling."""

    BYTES = "bytes"
    PACKETS = "packets"
    EVENTS = "events"
    MICROSECONDS = "µs"
    PERCENT = "%"


class Severity(StrEnum):
    """How bad it is when an error counter moves."""

    NOTE = "note"
    WARNING = "warning"
    CRITICAL = "critical"


class Counter(NamedTuple):
    """A row of the catalogue.

    `scale` turns raw units into `unit`; `width` is the number of bits of the raw value; `wraps`
    tells a counter that starts again at 0 from one that stays at its ceiling. A gauge is shown as
    it is and never differentiated. `severity` is None for counters that are not errors.
    """

    origin: Origin
    key: str
    unit: Unit
    help: str
    scale: int = 1
    width: int = 64
    wraps: bool = False
    gauge: bool = False
    severity: Severity | None = None
    advice: str = ""

    @property
    def ceiling(self) -> int | None:
        """Raw value at which the counter sticks; None where it does not."""
        return None if self.wraps or self.width >= 64 else (1 << self.width) - 1
