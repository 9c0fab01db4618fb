"""The bounds of a port: line, PCIe and processor, and what it carries of that.

Figures are bit/s. Raw is what the hardware signals, usable what is left for data, measured what
was counted in the last interval.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache, partial
from typing import TYPE_CHECKING, NamedTuple

from mlxtop.analysis.slot import Hop, find_hop
from mlxtop.analysis.throughput import NETDEV, Throughput
from mlxtop.model.frame import Frame, remembered
from mlxtop.model.identity import PortId
from mlxtop.model.linkrate import Protocol, ethernet_goodput, infiniband_goodput, parse_rate
from mlxtop.model.pcie import Direction, PciePath, payload
from mlxtop.model.sample import Link, PcieStatus

if TYPE_CHECKING:
    from mlxtop.model.tuning import PortTuning

_MEGA = 1_000_000
FULL_CORE = 90.0
"""Percent of load from which a core is taken for full."""


def gbps(bits: float) -> str:
    """Return Gb/s with one decimal, as the ceiling and findings say it.

    >>> gbps(54_545_454_545)
    '54.5'
    """
    return f"{bits / 1e9:.1f}"


class LineLimit(NamedTuple):
    """The rates of the line, bit/s."""

    raw: float
    """Signalling rate as it is named: 40e9 for QDR; on Ethernet the data rate."""
    usable: int
    """After encoding."""
    mtu: int | None
    goodput: Mapping[Protocol, float]
    """An application's data at the present MTU; without those that are unknown."""


class PcieLimit(NamedTuple):
    """The rates of the path to memory, bit/s, for all ports of the card together."""

    path: PciePath
    """The narrowest of `paths`, that of the port's own function among equals."""
    raw: int
    usable: Mapping[Direction, int]
    mps: int | None
    """Bytes; None: not readable, 256 is assumed."""
    hop: Hop | None
    """Where the path is narrower than the card; None where it is not, all paths together."""
    ports: tuple[PortId, ...]
    """All ports that share it."""
    paths: tuple[PciePath, ...] = ()
    """All paths of the port, used together: several for a multi-PF netdev."""


class CpuLoad(NamedTuple):
    """The busiest core: of those that serve the port's interrupts, else of all."""

    core: int
    percent: float
    serves: bool
    full: int = 0
    """All cores that are full."""


class Measured(NamedTuple):
    """Traffic of the busier direction."""

    direction: Direction
    rate: float
    utilisation: float | None
    """Share of the line, with the framing of every packet."""
    rdma: bool
    """Most of it bypasses the kernel."""


@lru_cache(maxsize=256)
def line_limit(link: Link) -> LineLimit | None:
    """Return what the line carries; None while its speed is unknown."""
    rate = parse_rate(link.rate) if link.is_infiniband else None
    usable = link.speed or (rate.bits if rate else None)
    if not usable:
        return None
    raw = rate.signalling * 1e9 if rate else float(usable)
    share_of = ethernet_goodput
    if link.is_infiniband:
        share_of = partial(infiniband_goodput, connected=link.ipoib_mode == "connected")
    shares = {protocol: share_of(protocol, link.mtu) for protocol in Protocol}
    goodput = {protocol: usable * share for protocol, share in shares.items() if share}
    return LineLimit(raw, usable, link.mtu, goodput)


@partial(remembered, most=64)
def told_mbps(status: PcieStatus) -> int | None:
    """Return what a path tells that it carries, Mb/s; a tunnel tells nothing that counts."""
    return None if status.is_tunnelled else status.path.available_mbps


def pcie_limit(frame: Frame, port: PortId, settings: PortTuning | None) -> PcieLimit | None:
    """Return what PCIe carries for a port and those beside it; None where no path is seen.

    A tunnel of Thunderbolt or USB4 shows no rate.
    """
    statuses = frame.paths(port)
    paths = tuple(status.path for status in statuses)
    widths = [mbps for status in statuses if (mbps := told_mbps(status)) is not None]
    if not widths or len(widths) < len(paths):
        return None
    path, available = paths[widths.index(min(widths))], sum(widths)
    mps = settings.control.mps if settings and settings.control else None
    usable = {way: (payload(available, mps, way) or 0) * _MEGA for way in Direction}
    enough = available >= (path.capable_mbps or 0)
    hop = None if enough else find_hop(path)
    return PcieLimit(path, available * _MEGA, usable, mps, hop, frame.beside(port), paths)


def carried(flow: Throughput, link: Link, direction: Direction) -> Measured | None:
    """Return one direction of a port; where only the kernel's share is counted, RDMA is added."""
    if direction is Direction.RX:
        rate, share, rdma = flow.rx_bps, flow.rx_utilisation, flow.rdma_rx_bps or 0.0
    else:
        rate, share, rdma = flow.tx_bps, flow.tx_utilisation, flow.rdma_tx_bps or 0.0
    if rate is None:
        return None
    if flow.source == NETDEV.name and not link.is_infiniband:
        rate += rdma
        if share is not None and link.speed:
            share += rdma / link.speed
    return Measured(direction, rate, share, rdma > rate / 2)


def cpu_load(frame: Frame, settings: PortTuning | None) -> CpuLoad | None:
    """Return the core to look at: a full one that serves the port, else the busiest of all."""
    busy = frame.sample.cpu.busy if frame.sample.cpu else ()
    if not busy:
        return None
    interrupts = (settings.interrupts if settings else None) or ()
    busiest, full = _busiest(busy)
    if full:
        serving = {core for one in interrupts for core in one.cpus}
        busiest = max(filter(serving.__contains__, full), key=busy.__getitem__, default=busiest)
    serves = any(busiest in one.cpus for one in interrupts)
    return CpuLoad(busiest, busy[busiest], serves, len(full))


@remembered
def _busiest(busy: tuple[float, ...]) -> tuple[int, list[int]]:
    """Return the busiest core, and those that are full."""
    most = max(busy)
    if most < FULL_CORE:
        return busy.index(most), []
    return busy.index(most), [core for core, load in enumerate(busy) if load >= FULL_CORE]
