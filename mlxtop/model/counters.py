"""Counters: where each comes from, its unit, its width and how it ends.

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
    VFS = "vfs"
    """rtnetlink, IFLA_VF_STATS: what the card counts of each virtual function of a port."""
    RDMA = "rdma"
    """/sys/class/infiniband/*/ports/*/counters."""
    RDMA_ERRORS = "rdma-errors"
    """The error counters of the same directory, read less often."""
    RDMA_HW = "rdma-hw"
    """/sys/class/infiniband/*/ports/*/hw_counters."""


class Miscount(NamedTuple):
    """A source of throughput that a load test has proven wrong on a card with its driver."""

    source: str
    """`eth-mac`, as `analysis.throughput` names it."""
    factor: float | None
    """What it counts for each byte; None where it loses turns or stays at its highest number."""
    instead: str
    """The source that is taken in its place."""
    run: str = ""
    """Id of the load test."""


class Schema:
    """The names of a table of counters, shared by all readings of that table.

    Counters are kept as tuples beside one Schema, since a dict per port and tick would cost more
    than reading the kernel does. Two of the same names in the same order are equal.
    """

    __slots__ = ("__weakref__", "_hash", "index", "keys")

    def __init__(self, keys: tuple[str, ...]) -> None:
        self.keys = keys
        self.index = {key: position for position, key in enumerate(keys)}
        self._hash = hash(keys)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Schema) and self.keys == other.keys)

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return f"Schema({len(self.keys)} keys)"


class Unit(StrEnum):
    """Unit of a counter after scaling."""

    BYTES = "bytes"
    PACKETS = "packets"
    EVENTS = "events"
    MICROSECONDS = "µs"
    PERCENT = "%"


class Severity(StrEnum):
    """The weight of an error counter that moves."""

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
    family: str | None = None
    """The key of its family, `rx_prio{n}_pause`, where `{n}` stands for the number."""
    number: int | None = None
    """A member's number in its family: priority, lane or queue."""

    def member(self, number: int) -> Counter:
        """Return one counter of a family."""
        key, text = (words.replace("{n}", str(number)) for words in (self.key, self.help))
        return self._replace(key=key, help=text, family=self.key, number=number)

    @property
    def ceiling(self) -> int | None:
        """Return the raw value at which the counter sticks; None where it does not."""
        return None if self.wraps or self.width >= 64 else (1 << self.width) - 1
