"""A run of iperf3 as numbers: what each stream carried in each interval."""

from __future__ import annotations

from dataclasses import dataclass, field

from mlxtop.lab.ports import PortState
from mlxtop.lab.traffic import RX, TX, Flow

BUFFERED = 1_500_000
"""Bytes of a stream that the sender has handed over and the far end has not got yet."""


@dataclass(frozen=True, slots=True)
class Call:
    """Arguments of iperf3."""

    host: str = ""
    port: int = 5201
    seconds: float = 10.0
    streams: int = 1
    omit: float = 0.0
    interval: float = 1.0
    bitrate: float = 0.0
    """bit/s of one stream; 0 for no limit."""
    bind: str = ""
    device: str = ""
    reverse: bool = False
    bidir: bool = False
    udp: bool = False
    json: bool = False
    streamed: bool = False
    server: bool = False
    once: bool = False
    version: tuple[int, ...] = (3, 18)


@dataclass(frozen=True, slots=True)
class Part:
    """What one stream, or all of one direction, carried."""

    socket: int
    sender: bool
    """This end sends."""
    bytes: int
    retransmits: int
    rtt: int
    """Microseconds."""


@dataclass(frozen=True, slots=True)
class Interval:
    """All streams in one interval."""

    start: float
    end: float
    omitted: bool
    parts: tuple[Part, ...]

    @property
    def seconds(self) -> float:
        """Length."""
        return self.end - self.start


@dataclass(slots=True)
class Run:
    """A run under way."""

    call: Call
    where: PortState
    flow: Flow
    local: str
    wall: float
    label: str
    intervals: list[Interval] = field(default_factory=list)
    _from: float = 0.0
    _mark: list[float] = field(default_factory=lambda: [0.0, 0.0])
    stopped: bool = False

    @property
    def port(self) -> PortState:
        """The port that it goes over."""
        return self.where

    @property
    def directions(self) -> tuple[int, ...]:
        """Directions that carry data, the client's sending one first."""
        if self.call.bidir:
            return TX, RX
        return (RX,) if self.call.reverse else (TX,)

    def begin(self, restart: bool) -> None:
        """The next interval begins; with `restart` time and totals are counted from here."""
        if restart:
            self.intervals = [each for each in self.intervals if each.omitted]
            self._from = 0.0

    def interval(self, rest: float, omitted: bool) -> Interval:
        """The interval that ends now; `rest` is the time since the machine's last step."""
        parts = []
        for direction in self.directions:
            carried = self.flow.payload[direction] + self.flow.rate[direction] / 8 * rest
            gained, self._mark[direction] = (
                int(carried) - int(self._mark[direction]),
                carried,
            )
            parts += self._split(gained, direction, len(self.intervals))
        start = self._from
        self._from = start + self.call.interval
        interval = Interval(start, self._from, omitted, tuple(parts))
        self.intervals.append(interval)
        return interval

    def _split(self, gained: int, direction: int, number: int) -> list[Part]:
        """Streams do not share alike: a few percent to and fro."""
        streams = self.call.streams
        weights = [
            1.0 + 0.015 * ((7 * stream + 5 * number) % 11 - 5) / 5 for stream in range(streams)
        ]
        shares = [int(gained * weight / sum(weights)) for weight in weights]
        shares[0] += gained - sum(shares)
        lossy = self.flow.waiting[direction]
        base = 5 if direction == self.directions[0] else 5 + 2 * streams
        return [
            Part(
                base + 2 * stream,
                direction == TX,
                share,
                (3 * stream + number) % 5 if lossy and direction == TX else 0,
                41 + (13 * stream + 7 * number) % 23,
            )
            for stream, share in enumerate(shares)
        ]

    def totals(self) -> list[Part]:
        """Every stream over the run, omitted intervals left out."""
        sums: dict[int, Part] = {}
        for each in self.intervals:
            for part in () if each.omitted else each.parts:
                old = sums.get(part.socket)
                sums[part.socket] = Part(
                    part.socket,
                    part.sender,
                    part.bytes + (old.bytes if old else 0),
                    part.retransmits + (old.retransmits if old else 0),
                    part.rtt,
                )
        return list(sums.values())

    @property
    def seconds(self) -> float:
        """Length of the run without what was omitted."""
        return sum(each.seconds for each in self.intervals if not each.omitted)

    def stop(self) -> None:
        """Take the flow off the port."""
        if not self.stopped:
            self.stopped = True
            if self.flow in self.where.flows:
                self.where.flows.remove(self.flow)


def both(parts: list[Part], sender: bool) -> Part | None:
    """The sum of one direction's streams; None where that direction carries nothing."""
    mine = [part for part in parts if part.sender is sender]
    if not mine:
        return None
    return Part(
        -1,
        sender,
        sum(part.bytes for part in mine),
        sum(part.retransmits for part in mine),
        max(part.rtt for part in mine),
    )
