"""Settings of a host and its ports, which decide about throughput beside link and slot.

None is unknown, and `absent` says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from mlxtop.model.qos import Dcb, Roce
from mlxtop.model.sample import Slow


class Rings(NamedTuple):
    """Descriptors of each receive and transmit ring, now and at most."""

    rx: int | None = None
    rx_max: int | None = None
    tx: int | None = None


class Channels(NamedTuple):
    """Queues with an interrupt of their own, now and at most."""

    combined: int | None = None
    combined_max: int | None = None


class Coalesce(NamedTuple):
    """Moderation of interrupts."""

    adaptive_rx: bool | None = None


class Pause(NamedTuple):
    """Global (802.3x) flow control."""

    autoneg: bool | None = None
    rx: bool | None = None
    tx: bool | None = None


MOST_SYMBOLS = 64
"""More symbols of a code word than any FEC of a link corrects."""


class FecBin(NamedTuple):
    """Code words in which FEC has corrected so many symbols."""

    low: int
    high: int
    words: int


class Fec(NamedTuple):
    """Forward error correction of the line."""

    active: str | None = None
    auto: bool | None = None
    """The driver chooses; what is set is only a wish."""
    modes: tuple[str, ...] = ()
    """What is set."""
    bins: tuple[FecBin, ...] = ()
    """What it had to do since the driver's start; empty where the driver or kernel has no bins."""


class LinkModes(NamedTuple):
    """Link modes that a port and its peer offered."""

    autoneg: bool | None = None
    lanes: int | None = None
    supported: tuple[str, ...] = ()
    """Names like `100000baseSR4/Full`."""
    advertised: tuple[str, ...] = ()
    peer: tuple[str, ...] = ()


class PciControl(NamedTuple):
    """Device control of a PCI Express function; bytes."""

    mps: int
    mps_supported: int
    mrrs: int
    relaxed_ordering: bool


class Interrupt(NamedTuple):
    """An interrupt of a port's queues and the cores that it is delivered to."""

    number: int
    name: str
    cpus: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PortTuning:
    """Settings of one port."""

    rings: Rings | None = None
    channels: Channels | None = None
    coalesce: Coalesce | None = None
    pause: Pause | None = None
    fec: Fec | None = None
    modes: LinkModes | None = None
    features: Mapping[str, bool] | None = None
    control: PciControl | None = None
    """Of the port's own function."""
    bridge_control: PciControl | None = None
    """Of the port above the card."""
    interrupts: tuple[Interrupt, ...] | None = None
    dcb: Dcb | None = None
    """Priorities of Ethernet."""
    roce: Roce | None = None
    ecn: bool | None = None
    """Congestion notification of RoCE is on for some priority, as far as a driver shows it."""
    iommu: str | None = None
    """Type of the function's IOMMU domain, `DMA-FQ`, `identity`; `none` without an IOMMU."""
    absent: Mapping[str, str] = field(default_factory=dict)


class BondSlave(NamedTuple):
    """A member of a bond."""

    name: str
    up: bool
    speed: int | None = None
    """Mb/s."""
    aggregator: int | None = None
    partner: str | None = None
    """MAC address of the LACP partner."""
    failures: int | None = None
    """Link failures since the bond was made."""


class Bond(NamedTuple):
    """A bond as /proc/net/bonding tells it."""

    name: str
    mode: str
    """`balance-rr`, `active-backup`, `802.3ad` …"""
    policy: str | None = None
    active: str | None = None
    partner: str | None = None
    """MAC address of the LACP partner; all zeros where nobody answers."""
    aggregator: int | None = None
    slaves: tuple[BondSlave, ...] = ()


class LoadProgram(NamedTuple):
    """A process of iperf3, perftest or the like."""

    pid: int
    name: str
    words: tuple[str, ...] = ()
    cpus: tuple[int, ...] | None = None


class Gpu(NamedTuple):
    """A GPU, or another accelerator that talks to network cards over PCIe."""

    address: str
    driver: str
    path: str = ""
    """Canonical sysfs directory; its PCI ancestors are the path to the root."""
    numa_node: int | None = None


@dataclass(frozen=True, slots=True)
class HostTuning:
    """Settings of the host."""

    governors: Mapping[str, int] | None = None
    """Frequency governor to number of cores that use it."""
    smt: bool | None = None
    aspm_policy: str | None = None
    sysctls: Mapping[str, str] = field(default_factory=dict)
    """`net.ipv4.tcp_rmem` and others, as the kernel writes them."""
    processes: frozenset[str] | None = None
    """Of `irqbalance` and `opensm`, those that run."""
    programs: tuple[LoadProgram, ...] = ()
    """Programs that measure, as far as they can be seen from here."""
    huge_pages: str | None = None
    """When memory is given out in huge pages: `always`, `madvise` or `never`."""
    modules: frozenset[str] | None = None
    """Kernel modules, loaded or built in."""
    bonds: Mapping[str, Bond] = field(default_factory=dict)
    gpus: tuple[Gpu, ...] = ()
    """Those that have a driver."""
    nodes: int | None = None
    """NUMA nodes."""
    dead: frozenset[str] = frozenset()
    """PCI functions whose configuration space reads as all ones."""
    absent: Mapping[str, str] = field(default_factory=dict)


S = TypeVar("S", HostTuning, PortTuning)


def settled(fact: Slow[S], kind: type[S]) -> S:
    """Return settings, empty with one reason for all where they were not read."""
    if fact.value is not None:
        return fact.value
    return kind(absent=dict.fromkeys(kind.__slots__, fact.absent or "no answer yet"))
