"""Whether the counters of a port agree with a number of bytes that is known to have passed it.

What a counter counts of a frame: 14 bytes of Ethernet header without FCS for the network stack, 18
with it for the port, IPv4 and TCP with timestamps 52 (Documentation/networking/statistics.rst,
Documentation/networking/device_drivers/ethernet/mellanox/mlx5/counters.rst). RDMA counters are in
words of 4 bytes (InfiniBand specification, volume 1, 16.1.3.5); some drivers count bytes there.

A counter that has too much can have counted something else at the same time. So it is wrong only
where its frames would be longer than any on this port. One that has too little is wrong only where
another counter of the port, read in the same time, has what was sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from mlxtop.analysis.throughput import BYTES_PHY, ETH_MAC, IB_DATA, NETDEV, WireSource
from mlxtop.model.counters import Counter, Miscount
from mlxtop.model.frame import PortFrame
from mlxtop.model.identity import PortKind
from mlxtop.model.pcie import Direction

LEAST_BYTES = 10_000_000
"""Bytes of a test from which other frames are no part of it worth naming."""
LEAST_S = 2.0
TOLERANCE = 0.1
"""Share by which a counter that agrees may be off: a tool's clock does not begin with its data."""
FACTORS = (0.125, 0.25, 0.5, 2.0, 4.0, 8.0)
"""What a wrong unit makes of a count: bits, bytes, words of 32 and 64 bits for one another."""
NEAR = 0.15
"""Share by which a count may be off such a factor."""
NOTHING = 0.02
"""Share of the known bytes below which a counter has not seen the test at all."""
HEADERS, MOST_HEADERS = 70, 140
"""Bytes of a frame that are no data: IPv4, TCP, Ethernet; and with IPv6, VLANs, a tunnel, RDMA."""
SMALL_FRAME = 500
"""Bytes of data in a frame of a throughput test at least."""
IB_FRAME = 4096 + 150
"""Bytes of the largest InfiniBand packet, and of an RDMA packet on Ethernet."""
OTHER_BYTES = 64
"""Bytes that a frame can have beside its MTU: headers, VLANs, FCS."""
HALF, WHOLE = 1 << 31, 1 << 32


class Judgement(StrEnum):
    """How a counter stands to the bytes that are known."""

    AGREES = "agrees"
    MORE = "more"
    """It has more, which other traffic explains."""
    LESS = "less"
    """It has less, and no reason is certain."""
    ELSEWHERE = "elsewhere"
    """It has not seen the test, which goes another way past it."""
    WRONG = "wrong"
    """It is off by a factor that nothing but the counter explains."""
    WRAPS = "wraps"
    """It starts again at 0 after 32 bits."""
    FULL = "full"
    """It stays at its highest number."""
    RESET = "reset"
    """It began anew while the test ran."""

    @property
    def proven(self) -> bool:
        """Return whether it speaks against the counter itself."""
        return self in (Judgement.WRONG, Judgement.WRAPS, Judgement.FULL)


class Known(NamedTuple):
    """What a test has moved in one direction of the port, bytes of data without headers."""

    direction: Direction
    least: float
    most: float
    rdma: bool = False
    answers: float = 0.0
    """Bytes of frames that are not data of this direction: repeated ones, acknowledgements."""
    tolerance: float = TOLERANCE


class Gain(NamedTuple):
    """What a counter has gained from before the test to after it."""

    bytes: int
    """After scaling; negative where it has gone back."""
    packets: int | None = None
    steps_back: int = 0
    """Times that it was less than at the reading before."""
    highest: int = 0
    """The highest raw value that was read."""
    full: bool = False


class Row(NamedTuple):
    """One counter against the known bytes of one direction."""

    source: str
    direction: Direction
    judgement: Judgement
    counted: int
    expected: float
    """Bytes, with headers, that it should have."""
    frame_bytes: float | None
    """Bytes of its average frame."""

    @property
    def factor(self) -> float:
        return self.counted / self.expected

    @property
    def unit(self) -> float | None:
        """Return the factor of a wrong unit; None for what is wrong in another way, or right."""
        return unit_of(self.factor) if self.judgement is Judgement.WRONG else None

    def document(self) -> dict[str, Any]:
        return {
            "source": self.source,
            "direction": str(self.direction),
            "judgement": str(self.judgement),
            "counted_bytes": self.counted,
            "expected_bytes": round(self.expected),
            "factor": round(self.factor, 4),
            "unit": self.unit,
            "frame_bytes": None if self.frame_bytes is None else round(self.frame_bytes),
        }


class CounterCheck(NamedTuple):
    """The counters of a port against a test."""

    rows: tuple[Row, ...] = ()
    unsure: str | None = None
    """Why nothing can be said; None where it can."""
    usual: str | None = None
    """The source of the port's throughput."""
    instead: str | None = None
    """The source to take in its place, where the usual one is wrong and this one is not."""
    mtu: int | None = None
    kept: bool = False
    """The next start will know it."""

    @property
    def wrong(self) -> Row | None:
        """Return the row that speaks against the usual source, where another one is to be taken."""
        rows = (row for row in self.rows if row.source == self.usual and row.judgement.proven)
        return next(rows, None) if self.instead else None

    @property
    def conclusive(self) -> bool:
        """Return whether the usual source is proven wrong, or right in all that was moved."""
        own = [row.judgement for row in self.rows if row.source == self.usual]
        agrees = bool(own) and all(one is Judgement.AGREES for one in own)
        return agrees or self.instead is not None

    def miscount(self, run: str) -> Miscount | None:
        """Return what is to be kept of the usual source; None where it is right."""
        row = self.wrong
        if row is None or self.instead is None:
            return None
        return Miscount(row.source, row.unit, self.instead, run)

    def document(self) -> dict[str, Any]:
        return {
            "unsure": self.unsure,
            "usual": self.usual,
            "instead": self.instead,
            "kept": self.kept and self.instead is not None,
            "mtu": self.mtu,
            "rows": [row.document() for row in self.rows],
        }


def sources_of(port: PortFrame) -> Sequence[WireSource]:
    """Return the sources of a port that can be checked, in the order in which they are taken."""
    now = port.now
    if now.link.is_infiniband:
        order: tuple[WireSource, ...] = (IB_DATA, NETDEV)
    elif now.port.kind is PortKind.PHYSICAL:
        order = (ETH_MAC, BYTES_PHY, NETDEV, IB_DATA)
    else:
        order = (NETDEV, IB_DATA)
    if now.port.switchdev:  # it shows the wire, one reading late
        order = tuple(source for source in order if source is not NETDEV)
    return order


def counters(source: WireSource, direction: Direction) -> tuple[Counter, Counter]:
    """Return the counters of bytes and packets of a source in one direction."""
    counts = source.counts
    if direction is Direction.RX:
        return counts.rx_bytes, counts.rx_packets
    return counts.tx_bytes, counts.tx_packets


def check(
    port: PortFrame,
    known: Sequence[Known],
    gains: Mapping[tuple[str, Direction], Gain],
    mtu: int | None,
    usual: str | None,
) -> CounterCheck:
    """Judge every counter by what is known; `gains` are by name of the source and direction."""
    infiniband = port.now.link.is_infiniband
    rows: list[Row] = []
    for one in known:
        seen = {
            source.name: (source, gain)
            for source in sources_of(port)
            if (gain := gains.get((source.name, one.direction))) is not None
            and _sees(source, one, infiniband)
        }
        judged = {name: _judged(source, one, gain, mtu) for name, (source, gain) in seen.items()}
        rows += _confirmed(judged)
    return CounterCheck(tuple(rows), None, usual, _instead(port, rows, usual), mtu)


def _sees(source: WireSource, known: Known, infiniband: bool) -> bool:
    """Return whether a source counts the traffic of a test: RDMA passes the kernel by."""
    if infiniband:
        return source is IB_DATA or (source is NETDEV and not known.rdma)
    return source in (ETH_MAC, BYTES_PHY) or (source is IB_DATA) == known.rdma


def _judged(source: WireSource, known: Known, gain: Gain, mtu: int | None) -> Row:
    """Return what a counter tells by itself; `WRONG` needs another counter's word as well."""
    frames = known.least / max(SMALL_FRAME, (1024 if known.rdma else (mtu or 1500)) - 52)
    most_frames = max(frames, min(gain.packets or 0.0, known.most / SMALL_FRAME))
    expected = known.least + frames * HEADERS
    low = known.least * (1 - known.tolerance)
    high = (known.most + known.answers + most_frames * MOST_HEADERS) * (1 + known.tolerance)
    size = gain.bytes / gain.packets if gain.packets and gain.bytes > 0 else None
    factor = gain.bytes / expected
    if gain.full:
        judgement = Judgement.FULL
    elif gain.steps_back:
        unit = WHOLE * source.counts.rx_bytes.scale
        judgement = Judgement.WRAPS if _wraps(gain, expected, unit) else Judgement.RESET
    elif low <= gain.bytes <= high:
        judgement = Judgement.AGREES
    elif gain.bytes > high:
        longest = IB_FRAME if source is IB_DATA else (mtu or 1500) + OTHER_BYTES
        longest = max(longest, IB_FRAME) if known.rdma else longest
        impossible = source is not NETDEV and size is not None and size > longest
        judgement = Judgement.WRONG if impossible and unit_of(factor) else Judgement.MORE
    elif factor < NOTHING:
        judgement = Judgement.ELSEWHERE
    else:
        judgement = Judgement.WRONG if unit_of(factor) else Judgement.LESS
    return Row(source.name, known.direction, judgement, gain.bytes, expected, size)


def _wraps(gain: Gain, expected: float, unit: int) -> bool:
    """Return whether a counter that went back has lost whole turns of 32 bits, `unit` bytes each.

    Any loss is near some number of turns where the test is long against one.
    """
    missing = expected - gain.bytes
    turns = round(missing / unit)
    near = abs(missing - turns * unit) <= NEAR * expected
    return HALF <= gain.highest < WHOLE and turns >= 1 and near


def unit_of(factor: float) -> float | None:
    """Return the factor of a wrong unit that a count is off by; None where it is none.

    >>> unit_of(4.4), unit_of(0.26), unit_of(1.5), unit_of(3.0)
    (4.0, 0.25, None, None)
    """
    return next((one for one in FACTORS if abs(factor / one - 1) <= NEAR), None)


def _confirmed(rows: Mapping[str, Row]) -> Iterator[Row]:
    """Yield rows; without another counter that agrees, none is wrong."""
    agreed = any(row.judgement is Judgement.AGREES for row in rows.values())
    for row in rows.values():
        if row.judgement.proven and not agreed:
            weaker = Judgement.LESS if row.counted < row.expected else Judgement.MORE
            yield row._replace(judgement=weaker)
        else:
            yield row


def _instead(port: PortFrame, rows: Sequence[Row], usual: str | None) -> str | None:
    """Return the source to take where the usual one is wrong: the first that agrees throughout."""
    if not any(row.source == usual and row.judgement.proven for row in rows):
        return None
    for source in sources_of(port):
        own = [row.judgement for row in rows if row.source == source.name]
        rdma_only = source is IB_DATA and not port.now.link.is_infiniband
        if own and not rdma_only and all(one is Judgement.AGREES for one in own):
            return source.name
    return None
