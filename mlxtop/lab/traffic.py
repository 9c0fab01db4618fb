"""Streams of a simulated machine: how fast they go, and the frames that they are made of.

Goodput is the smallest of the offered load, the cores, the line after encoding and the PCIe
payload that all ports of a card share; frames are whole, so that every counter follows from their
number.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random

RX, TX = 0, 1
GREEDY = math.inf
PACKET_COST = 800
"""Bytes of payload that a core could move in the time that a packet takes it beside its bytes.

With it a core gets seven tenths through in packets of 1500 bytes of what it does in those of 9000.
"""
SETTLE = 0.35
"""Seconds in which a rate comes two thirds closer to its goal."""


@dataclass(frozen=True, slots=True)
class Framing:
    """One kind of frame on a port, in bytes."""

    payload: int
    netdev: int
    """As the network stack counts it; 0 for what bypasses the kernel."""
    octets: int
    """As the port counts it: Ethernet with FCS, InfiniBand without VCRC."""
    line: int
    """What it occupies on the line, preamble and gap included."""
    rdma: int = 0
    """As the RDMA counters count it; 0 on Ethernet for kernel traffic."""
    pieces: int = 1
    """Packets on the line: InfiniBand cuts large ones of IPoIB."""

    @property
    def goodput(self) -> float:
        """Share of the line that is payload."""
        return self.payload / self.line


def _ethernet(mtu: int) -> dict[str, Framing]:
    part = 4096 if mtu >= 4200 else 1024
    return {
        "tcp": Framing(mtu - 52, mtu + 14, mtu + 18, mtu + 38),
        "ack": Framing(0, 66, 70, 90),
        "rdma": Framing(part, 0, part + 62, part + 82, part + 58),
        "rdma_ack": Framing(0, 0, 66, 86, 62),
    }


def _infiniband(mtu: int) -> dict[str, Framing]:
    part = 2048 if mtu in (2044, 65520) else 4096
    pieces = -(-(mtu + 4) // part)
    whole = mtu + 4 + 24 * pieces
    return {
        "tcp": Framing(mtu - 52, mtu + 4, whole, whole + 2 * pieces, whole, pieces),
        "ack": Framing(0, 56, 80, 82, 80),
        "rdma": Framing(part, 0, part + 24, part + 26, part + 24),
        "rdma_ack": Framing(0, 0, 28, 30, 28),
    }


def framings(infiniband: bool, mtu: int) -> dict[str, Framing]:
    """The kinds of frames on a port with this MTU.

    >>> round(framings(False, 9000)["tcp"].goodput, 3)
    0.99
    """
    return _infiniband(mtu) if infiniband else _ethernet(mtu)


ACKS = {"tcp": ("ack", 60_000), "rdma": ("rdma_ack", 65_536)}
"""What answers a kind of data frame, and after how many bytes."""


@dataclass(slots=True, eq=False)
class Flow:
    """Streams of one program over one port; goodput in bit/s as (rx, tx)."""

    kernel: bool
    """TCP or UDP; otherwise RDMA."""
    streams: int
    offered: tuple[float, float]
    """Offered load; `GREEDY` for all there is."""
    rate: list[float] = field(default_factory=lambda: [0.0, 0.0])
    payload: list[float] = field(default_factory=lambda: [0.0, 0.0])
    """Bytes carried so far."""
    most: list[float] = field(default_factory=lambda: [GREEDY, GREEDY])
    """What the cores of its streams can move, bit/s."""
    full: list[float] = field(default_factory=lambda: [0.0, 0.0])
    """Share of its cores' time that the streams use, rx and tx."""
    waiting: list[bool] = field(default_factory=lambda: [False, False])
    """Whether line or PCIe, rather than offer or cores, held it back."""

    @property
    def kind(self) -> str:
        """The kind of its data frames."""
        return "tcp" if self.kernel else "rdma"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a port, its card and the host allow in one direction, bit/s."""

    stream: float
    host: float
    line: float


def goals(flows: Iterable[Flow], direction: int, limits: Limits) -> dict[int, float]:
    """Goodput that each flow (by `id`) may have on its port, before PCIe is shared out."""
    want = {}
    for flow in flows:
        flow.most[direction] = flow.streams * limits.stream if flow.kernel else GREEDY
        want[id(flow)] = min(flow.offered[direction], flow.most[direction])
        flow.waiting[direction] = False
    return want


def shrink(
    want: dict[int, float], flows: Iterable[tuple[Flow, float]], direction: int, most: float
) -> float:
    """Scale down offers so that their sum, each divided by its efficiency, is at most `most`.

    Returns what was wished, as a share of `most`, 2 at most.
    """
    members = [(flow, efficiency) for flow, efficiency in flows if want[id(flow)] > 0]
    wished = sum(want[id(flow)] / efficiency for flow, efficiency in members)
    finite = sum(
        min(want[id(flow)], most * efficiency) / efficiency for flow, efficiency in members
    )
    if finite > most or wished > most:
        for flow, efficiency in members:
            want[id(flow)] = min(want[id(flow)], most * efficiency) * most / (finite or 1.0)
            flow.waiting[direction] = True
    return min(wished / most, 2.0) if most else 0.0


@dataclass(slots=True)
class Meter:
    """Frames of one kind in one direction: counted so far, and a second."""

    frames: float = 0.0
    rate: float = 0.0

    def at(self, seconds: float) -> int:
        """Whole frames `seconds` after the last step."""
        return int(self.frames + self.rate * seconds)


def core_share(payload: int, usual: int) -> float:
    """Return what cores move in packets of a payload, as a share of that with the usual one.

    >>> round(core_share(1448, 8948), 2)
    0.7
    """
    return payload / (payload + PACKET_COST) * (usual + PACKET_COST) / usual


class Jitter:
    """Noise with a memory: the share of a goal that is missed, around one percent."""

    def __init__(self, random: Random, width: float = 0.035) -> None:
        self._random = random
        self._width = width
        self._value = 0.0

    def next(self) -> float:
        """A factor of at most 1."""
        self._value = 0.7 * self._value + 0.3 * self._random.gauss(0.0, self._width)
        return 1.0 - min(abs(self._value), 0.05)


def pcie_payload(mbps: int, mps: int, direction: int) -> float:
    """Bit/s of payload that a PCIe path of `mbps` carries; the card writes what it receives.

    Overheads of the PCI Express base specification: 24 bytes a write packet, 20 a completion,
    and three percent for flow control.
    """
    part = mps if direction == RX else min(mps, 256)
    return mbps * 1e6 * part / (part + (24 if direction == RX else 20)) * 0.97
