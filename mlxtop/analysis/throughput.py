"""The traffic of a port: the best source of the wire's rate, and the shares of kernel and RDMA.

In legacy mode the wire is the kernel's traffic plus RDMA plus virtual functions; the three are
shown apart and never added up. IPoIB runs inside the InfiniBand counters, and the netdev of an
uplink representor already shows the wire.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from mlxtop.model import catalogue
from mlxtop.model.catalogue import Traffic
from mlxtop.model.counters import Counter, Origin, Unit
from mlxtop.model.frame import Frame, PortFrame
from mlxtop.model.identity import PortId, PortKind
from mlxtop.model.pcie import Direction
from mlxtop.model.sample import LinkState, PortSample

_IPOIB_HEADERS = 0.03
"""Share of IPoIB traffic that its InfiniBand headers can add at most."""


class WireSource(NamedTuple):
    """One set of counters for what goes over a port, and where it comes from."""

    name: str
    counts: Traffic
    overhead: int
    """Bytes a frame takes on the line beyond those counted: preamble, gap, and FCS if missing."""
    help: str


ETH_MAC = WireSource(
    "eth-mac",
    catalogue.MAC,
    20,
    "octets of the physical port, by ethtool's standard statistics (eth-mac)",
)
BYTES_PHY = WireSource(
    "bytes_phy", catalogue.PHY, 20, "octets of the physical port, by the driver's *_bytes_phy"
)
IB_DATA = WireSource(
    "ib-data", catalogue.RDMA, 0, "InfiniBand port_rcv_data and port_xmit_data, IPoIB included"
)
NETDEV = WireSource(
    "netdev",
    catalogue.NET,
    24,
    "the kernel's network stack only: RDMA and virtual functions are not in it",
)
SOURCES = {source.name: source for source in (ETH_MAC, BYTES_PHY, IB_DATA, NETDEV)}


class Throughput(NamedTuple):
    """Rates in bit/s and packets/s, totals in bytes of the counter that `source` names.

    `kernel_*` is what the host's stack handled, `rdma_*` what bypassed it, both None where
    unknown. `*_utilisation` is a share of the line rate, with the framing of every packet.
    """

    source: str | None = None
    rx_bps: float | None = None
    tx_bps: float | None = None
    rx_pps: float | None = None
    tx_pps: float | None = None
    rx_bytes: int | None = None
    tx_bytes: int | None = None
    rdma_rx_bps: float | None = None
    rdma_tx_bps: float | None = None
    kernel_rx_bps: float | None = None
    kernel_tx_bps: float | None = None
    rx_utilisation: float | None = None
    tx_utilisation: float | None = None


def wire_source(now: PortSample, *, trusting: bool = False) -> WireSource | None:
    """Return the best source that a port's readings have values of; None where there is none.

    `trusting`: also one that a load test has proven wrong, as if nobody knew.
    """
    order: tuple[WireSource, ...] = (NETDEV,)
    if now.link.is_infiniband:
        order = (IB_DATA, NETDEV)
    elif now.port.kind is PortKind.PHYSICAL:
        order = (ETH_MAC, BYTES_PHY, NETDEV)
    first = next((source for source in order if _has(now, source.counts.rx_bytes)), None)
    if first is None or trusting:
        return first
    for miscount in now.miscounts:
        instead = SOURCES.get(miscount.instead)
        if first.name == miscount.source and instead in order:
            return instead if _has(now, instead.counts.rx_bytes) else first
    return first


def _has(now: PortSample, counter: Counter) -> bool:
    reading = now.readings.get(counter.origin)
    return reading is not None and reading.get(counter.key) is not None


def wire_bps(frame: PortFrame) -> tuple[float | None, float | None]:
    """Return what a port received and sent, bit/s: the same as `throughput`, for less."""
    source = wire_source(frame.now)
    if source is None:
        return None, None
    rx, tx = frame.rates(source.counts[:2])
    return _eightfold(rx), _eightfold(tx)


def throughput(frame: PortFrame) -> Throughput:
    """Return what a port carried in the last interval; ask `port_view` for it, which keeps it.

    RDMA traffic of a device that several ports share (RoCE LAG) is no port's.
    """
    now = frame.now
    source = wire_source(now)
    rdma_rx = rdma_tx = None
    if now.port.rdma_lag is None:
        rdma_rx = _rdma(frame, catalogue.RDMA.rx_bytes, catalogue.VPORT_RDMA_RX)
        rdma_tx = _rdma(frame, catalogue.RDMA.tx_bytes, catalogue.VPORT_RDMA_TX)
    if source is None:
        return Throughput(rdma_rx_bps=rdma_rx, rdma_tx_bps=rdma_tx)
    counts = source.counts
    rx, tx, rx_pps, tx_pps = frame.rates(counts)
    rx, tx = _eightfold(rx), _eightfold(tx)
    kernel_rx = kernel_tx = None
    if source is NETDEV and not now.port.switchdev:
        kernel_rx, kernel_tx = rx, tx
    elif not now.port.switchdev:
        kernel_rx, kernel_tx = map(_eightfold, frame.rates(catalogue.NET[:2]))
    if source is IB_DATA:
        rdma_rx, rdma_tx = _beside_ipoib(rx, kernel_rx), _beside_ipoib(tx, kernel_tx)
    speed = now.link.speed
    return Throughput(
        source=source.name,
        rx_bps=rx,
        tx_bps=tx,
        rx_pps=rx_pps,
        tx_pps=tx_pps,
        rx_bytes=_total(frame, counts.rx_bytes),
        tx_bytes=_total(frame, counts.tx_bytes),
        rdma_rx_bps=rdma_rx,
        rdma_tx_bps=rdma_tx,
        kernel_rx_bps=kernel_rx,
        kernel_tx_bps=kernel_tx,
        rx_utilisation=_utilisation(rx, rx_pps, source.overhead, speed),
        tx_utilisation=_utilisation(tx, tx_pps, source.overhead, speed),
    )


def _total(frame: PortFrame, counter: Counter) -> int | None:
    value = frame.raw(counter)
    if value is None or (counter.width < 64 and value == counter.ceiling):
        return None
    return value * counter.scale


def _bits(frame: PortFrame, counter: Counter) -> float | None:
    return _eightfold(frame.rate(counter))


def _eightfold(rate: float | None) -> float | None:
    return None if rate is None else rate * 8


def _rdma(frame: PortFrame, port_data: Counter, vport: Counter) -> float | None:
    """Return RDMA traffic of an Ethernet port: the RDMA port's counters, else the driver's."""
    rate = _bits(frame, port_data)
    return _bits(frame, vport) if rate is None else rate


def _beside_ipoib(total: float | None, ipoib: float | None) -> float | None:
    """Return what an InfiniBand port carried besides IPoIB and its headers."""
    if total is None or ipoib is None:
        return total
    rest = total - ipoib
    return rest if rest > _IPOIB_HEADERS * ipoib else 0.0


def _utilisation(
    bits: float | None, packets: float | None, overhead: int, speed: int | None
) -> float | None:
    if bits is None or not speed:
        return None
    return (bits + 8 * overhead * (packets or 0.0)) / speed


class Total(NamedTuple):
    """Bytes or packets that a port has carried in all, in one direction."""

    unit: Unit
    direction: Direction
    share: str
    """`all`, `kernel` or `rdma`."""
    value: int


def totals(frame: PortFrame) -> Iterator[Total]:
    """Yield what a port has carried since the driver was loaded, as far as it is counted.

    An InfiniBand port has no share `rdma`: it is what `kernel` leaves of `all`, and two readings
    that are subtracted can go back, which a total must not.
    """
    now = frame.now
    source = wire_source(now)
    if source is not None:
        yield from _totals(frame, "all", source.counts)
    if not now.port.switchdev:
        yield from _totals(frame, "kernel", catalogue.NET)
    if source is IB_DATA or now.port.rdma_lag is not None:
        return
    if _has(now, catalogue.RDMA.rx_bytes):
        yield from _totals(frame, "rdma", catalogue.RDMA)
        return
    vport = {Direction.RX: catalogue.VPORT_RDMA_RX, Direction.TX: catalogue.VPORT_RDMA_TX}
    for direction, counter in vport.items():
        if (count := _total(frame, counter)) is not None:
            yield Total(Unit.BYTES, direction, "rdma", count)


def _totals(frame: PortFrame, share: str, counts: Traffic) -> Iterator[Total]:
    for counter, direction in zip(counts, (Direction.RX, Direction.TX) * 2, strict=True):
        if (count := _total(frame, counter)) is not None:
            yield Total(counter.unit, direction, share, count)


class VfFlow(NamedTuple):
    """What a virtual function carried between two readings, bit/s; None over a gap."""

    number: int
    rx_bps: float | None
    tx_bps: float | None

    @property
    def bps(self) -> float:
        return (self.rx_bps or 0.0) + (self.tx_bps or 0.0)


def virtual_functions(frame: PortFrame) -> list[VfFlow]:
    """Return the traffic of each virtual function that the port's driver tells of."""
    reading = frame.now.readings.get(Origin.VFS)
    counters = catalogue.counters_of(Origin.VFS, reading.schema) if reading else ()
    rates: dict[int, dict[str, float | None]] = {}
    for counter in counters:
        if counter.unit is Unit.BYTES:
            rates.setdefault(counter.number or 0, {})[counter.family or ""] = _bits(frame, counter)
    ways = ("vf{n}_rx_bytes", "vf{n}_tx_bytes")
    return [VfFlow(number, *map(one.get, ways)) for number, one in sorted(rates.items())]


class SharedRdma(NamedTuple):
    """An RDMA device that the members of a bond share (RoCE LAG), bit/s of all of them."""

    names: tuple[str, ...] = ()
    """The members; one of them alone has the rate that the device names. None: no such device."""
    speed: int | None = None
    """What the members that are up carry together."""
    rx_bps: float | None = None
    tx_bps: float | None = None
    rx_bytes: int | None = None
    tx_bytes: int | None = None


def shared_rdma(frame: Frame, port: PortId) -> SharedRdma:
    """Return what the RDMA device that a port shares with others carried."""
    lag = frame.ports[port].now.port.rdma_lag
    if lag is None:
        return SharedRdma()
    members = {one: its for one, its in frame.ports.items() if its.now.port.rdma_lag == lag}
    owner, counts = members.get(lag), catalogue.RDMA
    up = (its.now.link.speed for its in members.values() if its.now.link.state is LinkState.UP)
    names = tuple(its.now.port.name for its in members.values())
    together = sum(speed or 0 for speed in up) or None
    if owner is None:
        return SharedRdma(names, together)
    return SharedRdma(
        names,
        together,
        _bits(owner, counts.rx_bytes),
        _bits(owner, counts.tx_bytes),
        _total(owner, counts.rx_bytes),
        _total(owner, counts.tx_bytes),
    )


class Capacity(NamedTuple):
    """The most that a port carries in one direction, bit/s, and what sets it: `link` or `PCIe`."""

    bps: float
    by: str


def capacity(frame: Frame, port: PortId) -> Capacity | None:
    """Return the smaller of line rate and the port's PCIe paths; None where neither is known.

    PCIe is shared by all ports in a slot; each of them could use it alone.
    """
    speed = frame.ports[port].now.link.speed
    widths = [
        None if status.is_tunnelled else status.path.available_mbps for status in frame.paths(port)
    ]
    known = [mbps for mbps in widths if mbps is not None]
    available = sum(known) * 1e6 if known and len(known) == len(widths) else None
    if available is not None and (speed is None or available < speed):
        return Capacity(available, "PCIe")
    return Capacity(float(speed), "link") if speed else None
