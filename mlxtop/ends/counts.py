"""Packets and pause frames that one end sent and the other received, over the same seconds.

The two ends are read at different instants, and their clocks are mapped with an error. So nothing
is interpolated: what was sent between two readings inside a span is compared with what arrived
between two readings around it. A loss that remains is one, whatever happened in between.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from mlxtop.analysis.throughput import BYTES_PHY, ETH_MAC, IB_DATA, wire_source
from mlxtop.ends.match import Match
from mlxtop.model.catalogue import counters_of
from mlxtop.model.counters import Origin
from mlxtop.model.frame import Frame, PortFrame
from mlxtop.model.machine import ClockOffset, PortRef, SeenMachine
from mlxtop.model.pause import GLOBAL_PAUSE, PFC_PAUSE

READ_ERROR_S = 0.25
"""Seconds by which a total may be older or newer than its tick: it takes a while to be read, and
clocks of two machines drift apart."""
MOST_POINTS = 120
"""Readings of a port that are kept."""
LEAST_LOST = 100
"""Packets that are called lost at the least: switches keep some of their protocols to themselves"""
LEAST_SHARE = 0.0001
"""The same as a share of what was sent."""
_ON_THE_LINE = (ETH_MAC, BYTES_PHY, IB_DATA)
"""Sources that count every packet of the port, at the port."""


class Point(NamedTuple):
    """Totals of a port at an instant."""

    tick: float
    sent: int
    received: int
    source: str
    """The counters that they are of."""


class Span(NamedTuple):
    """What one end sent and the other received over the same seconds."""

    seconds: float
    sent: int
    """At the least: between readings that lie inside."""
    least_lost: int
    most_lost: int
    absent: str = ""
    """Why it cannot be told."""

    @property
    def is_loss(self) -> bool:
        """Return whether more was lost than protocols between two neighbours explain."""
        return self.least_lost >= max(LEAST_LOST, LEAST_SHARE * self.sent)

    @property
    def shares(self) -> tuple[float, float] | None:
        """Return the least and the most that can be lost as shares of what was sent."""
        if self.absent or self.sent <= 0:
            return None
        least, most = self.least_lost / self.sent, self.most_lost / self.sent
        return max(0.0, least), min(1.0, max(0.0, most))


def _unknown(reason: str) -> Span:
    return Span(0.0, 0, 0, 0, reason)


def pause_frames(frame: PortFrame, way: str) -> int | None:
    """Return the pause frames of a direction, `rx` or `tx`, with those of priorities, in all."""
    reading = frame.now.readings.get(Origin.DRIVER)
    if reading is None:
        return None
    of_link = next((v for key in GLOBAL_PAUSE[way] if (v := reading.get(key)) is not None), None)
    of_priorities = [
        total
        for counter in counters_of(Origin.DRIVER, reading.schema)
        if counter.family in PFC_PAUSE[way] and (total := frame.total(counter)) is not None
    ]
    return None if of_link is None and not of_priorities else (of_link or 0) + sum(of_priorities)


class _Series:
    """Points of one port; begun anew where a counter goes back."""

    def __init__(self) -> None:
        self.points: deque[Point] = deque(maxlen=MOST_POINTS)

    def add(self, point: Point | None) -> None:
        if point is None:
            self.points.clear()
            return
        last = self.points[-1] if self.points else None
        if last is not None and _begins_anew(last, point):
            self.points.clear()
        elif last is not None and point.tick <= last.tick:
            if point.tick < last.tick:
                self.points.clear()
            return
        self.points.append(point)


def _begins_anew(last: Point, point: Point) -> bool:
    back = point.sent < last.sent or point.received < last.received
    return back or point.source != last.source


class LinkCounts:
    """Totals of the ends of links over time; `take` one look at all machines after the other."""

    def __init__(self, read_error_s: float = READ_ERROR_S) -> None:
        self._read_error_s = read_error_s
        self._clocks: dict[str, ClockOffset | None] = {}
        self._frames: dict[str, Frame] = {}
        """The newest that were taken in."""
        self._packets: dict[PortRef, _Series] = {}
        self._pauses: dict[PortRef, _Series] = {}

    def take(self, machines: Iterable[SeenMachine], links: Sequence[Match]) -> None:
        """Take in the totals of all ends as they are now; forget ports that are no ends."""
        machines = tuple(machines)
        frames = {
            one.host: one.frame for one in machines if self._frames.get(one.host) is not one.frame
        }
        self._frames.update(frames)
        self._clocks = {machine.host: machine.clock for machine in machines}
        ends = {ref for link in links for ref in link.ends}
        for kept in (self._packets, self._pauses):
            for ref in kept.keys() - ends:
                del kept[ref]
        for ref in ends:
            frame = frames[ref.host].ports.get(ref.port) if ref.host in frames else None
            if frame is not None:
                self._packets.setdefault(ref, _Series()).add(_packets(frame))
                self._pauses.setdefault(ref, _Series()).add(_pause_point(frame))

    def packets(self, sender: PortRef, receiver: PortRef) -> Span:
        """Return what is known of packets lost from one end to the other.

        Pause frames are none: some cards count them as packets, others do not.
        """
        lacks = "counts what the kernel handled alone"
        span = self._span(self._packets, sender, receiver, lacks)
        pauses = self.pauses(sender, receiver).sent
        return span._replace(least_lost=max(0, span.least_lost - pauses))

    def pauses(self, sender: PortRef, receiver: PortRef) -> Span:
        """Return the same of pause frames."""
        return self._span(self._pauses, sender, receiver, "counts no pause frames")

    def _span(
        self, kept: dict[PortRef, _Series], sender: PortRef, receiver: PortRef, lacks: str
    ) -> Span:
        points = {ref: kept[ref].points if ref in kept else () for ref in (sender, receiver)}
        for ref, some in points.items():
            if not some:
                return _unknown(f"{ref.host} {lacks}")
        a, b = (self._clocks.get(ref.host) for ref in (sender, receiver))
        if a is None or b is None:
            return _unknown("the clocks of both machines were not compared yet")
        sent = [(p.tick - a.seconds, p.sent) for p in points[sender]]
        received = [(p.tick - b.seconds, p.received) for p in points[receiver]]
        return compare(sent, received, self._read_error_s + a.error_s + b.error_s)


Totals = Sequence[tuple[float, int]]
"""Instants and totals, both growing."""


class _Reading(NamedTuple):
    """A total of the receiver, and bounds of what the sender had sent by then; None: unknown."""

    received: int
    least_sent: tuple[float, int] | None
    most_sent: tuple[float, int] | None


def compare(sent: Totals, received: Totals, clock_error_s: float) -> Span:
    """Return bounds of what was lost between totals that two clocks have timed.

    >>> compare([(1, 0), (2, 50), (3, 50)], [(0.5, 0), (3.5, 40)], 0.1)
    Span(seconds=2, sent=50, least_lost=10, most_lost=50, absent='')
    """
    ticks = [tick for tick, _ in sent]
    readings = []
    for tick, total in received:
        before = bisect_right(ticks, tick - clock_error_s) - 1
        after = bisect_left(ticks, tick + clock_error_s)
        least = sent[before] if before >= 0 else None
        readings.append(_Reading(total, least, sent[after] if after < len(sent) else None))
    begin = next((one.most_sent for one in readings if one.most_sent), None)
    end = next((one.least_sent for one in reversed(readings) if one.least_sent), None)
    if begin is None or end is None or begin[0] >= end[0]:
        return _unknown("both ends have to be read for some seconds")
    total = end[1] - begin[1]
    lost = _least_lost(readings)
    return Span(end[0] - begin[0], total, lost, max(lost, _most_lost(readings, total)))


def _least_lost(readings: Iterable[_Reading]) -> int:
    """Return the most that is proved to be lost between any two readings, at least 0."""
    lost, under_way = 0, None
    for one in readings:
        if under_way is not None and one.least_sent is not None:
            lost = max(lost, one.least_sent[1] - one.received - under_way)
        if one.most_sent is not None:
            most = one.most_sent[1] - one.received
            under_way = most if under_way is None else min(under_way, most)
    return lost


def _most_lost(readings: Sequence[_Reading], sent: int) -> int:
    """Return what can be lost at the most between the outermost readings with bounds."""
    begins = [n for n, one in enumerate(readings) if one.least_sent]
    ends = [n for n, one in enumerate(readings) if one.most_sent]
    if not begins or not ends or begins[0] >= ends[-1]:
        return sent
    begin, end = readings[begins[0]], readings[ends[-1]]
    if begin.least_sent is None or end.most_sent is None:
        return sent
    return end.most_sent[1] - begin.least_sent[1] - (end.received - begin.received)


def _packets(frame: PortFrame) -> Point | None:
    source = wire_source(frame.now)
    if source not in _ON_THE_LINE:
        return None
    counts = source.counts
    sent, received = frame.total(counts.tx_packets), frame.total(counts.rx_packets)
    reading = frame.now.readings.get(counts.tx_packets.origin)
    if sent is None or received is None or reading is None:
        return None
    return Point(reading.tick, sent, received, source.name)


def _pause_point(frame: PortFrame) -> Point | None:
    sent, received = pause_frames(frame, "tx"), pause_frames(frame, "rx")
    reading = frame.now.readings.get(Origin.DRIVER)
    if sent is None or received is None or reading is None:
        return None
    return Point(reading.tick, sent, received, "pause")
