"""Follow pause and congestion control from reading to reading: how long, how often, and storms.

A storm is what SONiC's PFC watchdog calls one: paused for (nearly) the whole of several readings,
while no packet went that way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from mlxtop.analysis.pause_time import Way, pauses, unheld
from mlxtop.analysis.transport import NOTIFICATIONS, RETRIES, hardware
from mlxtop.model.counters import Origin
from mlxtop.model.frame import Frame, PortFrame
from mlxtop.model.identity import PortId, PortKind
from mlxtop.watch.alert import Alert, AlertKind

STORM_SHARE = 0.99
"""Share of the time that is paused in a storm."""
READINGS = 3
"""Readings in a row that are one, or that a steady pause needs."""
KEPT = 40
"""Rates of a counter that are kept: 80 s of readings."""
_NOTHING = (0.0, False)
_FOLLOWED = (*NOTIFICATIONS, *RETRIES)
LONG_S = 15.0
"""Seconds between two readings above which they do not follow each other."""


class Pause(NamedTuple):
    """Pause in one direction over the last readings: of the whole link, or of one priority."""

    way: str
    """`rx`: the switch or peer holds this host. `tx`: this host holds the peer."""
    priority: int | None
    share: float
    """Of the time of the last `READINGS` readings."""
    least: float
    """The smallest share among them."""
    readings: int
    """Readings so far, at most `READINGS`."""
    storm: bool
    key: str
    """The counter of its time."""

    @property
    def what(self) -> str:
        """Return what is paused: `priority 3`, or `the link`."""
        return "the link" if self.priority is None else f"priority {self.priority}"

    @property
    def storm_text(self) -> str:
        """Return a storm in few words that say who holds whom."""
        if self.way == "rx":
            return f"pause storm: the switch or peer holds {self.what}"
        return f"pause storm: this host holds {self.what} of the switch or peer"


class _Track:
    """What is kept of a port."""

    def __init__(self) -> None:
        self.ticks: dict[Origin, float] = {}
        self.pauses: dict[Way, deque[tuple[float, bool]]] = {}
        """By direction, priority and counter: share of the time, and whether nothing moved."""
        self.ways: tuple[Way, ...] = ()
        """What was taken in last, where nothing of it was held."""
        self.rates: dict[str, deque[float]] = {}
        self.storm: Pause | None = None


class CongestionWatch:
    """Pause and congestion control of the physical ports of a machine."""

    def __init__(self) -> None:
        self._tracks: dict[PortId, _Track] = {}

    def observe(self, frame: Frame) -> list[Alert]:
        """Take in what is new of every port, forget those that are gone; return new storms."""
        for port in self._tracks.keys() - frame.ports.keys():
            del self._tracks[port]
        alerts = []
        for port, its in frame.ports.items():
            if its.now.port.kind is not PortKind.PHYSICAL:
                continue
            track = self._tracks.get(port)
            if track is None:
                track = self._tracks[port] = _Track()
            if Origin.DRIVER not in its.now.readings:  # nobody knows whether it goes on
                track.pauses.clear()
                track.storm = None
            if not self._port(its, track):
                continue
            before, track.storm = track.storm, self._storm(port)
            if track.storm is not None and before is None:
                kind, tick = AlertKind.PAUSE_STORM, frame.sample.tick
                alerts.append(Alert(kind, its.now.port, track.storm.storm_text, tick))
        return alerts

    def _port(self, its: PortFrame, track: _Track) -> bool:
        """Take in a port; return whether its pause was counted anew."""
        counted = _is_new(its, Origin.DRIVER, track)
        if counted:
            _take_pauses(its, track)
        if _is_new(its, Origin.RDMA_HW, track):
            _take_rates(its, track)
        return counted

    def storm(self, port: PortId) -> Pause | None:
        """Return the storm at a port; None while there is none."""
        track = self._tracks.get(port)
        return track.storm if track else None

    def _storm(self, port: PortId) -> Pause | None:
        return next((pause for pause in self.pauses(port) if pause.storm), None)

    def pauses(self, port: PortId) -> list[Pause]:
        """Return the pause of a port that is more than none, the longest first; in any thread."""
        track = self._tracks.get(port)
        pauses = []
        for (way, priority, key), kept in tuple(track.pauses.items()) if track else ():
            past = tuple(kept)
            shares = [share for share, _ in past]
            if not any(shares):
                continue
            full = len(past) == READINGS
            storm = full and all(share >= STORM_SHARE and still for share, still in past)
            mean = sum(shares) / len(shares)
            pauses.append(Pause(way, priority, mean, min(shares), len(past), storm, key))
        return sorted(pauses, key=lambda pause: -pause.share)

    def rates(self, port: PortId, key: str) -> Iterable[float]:
        """Return the last rates of one of `hw_counters`, events a second, the oldest first."""
        track = self._tracks.get(port)
        return tuple(track.rates.get(key, ())) if track else ()


def _take_pauses(its: PortFrame, track: _Track) -> None:
    """Keep the pause of the last readings."""
    ways, is_long = unheld(its), (its.seconds(Origin.DRIVER) or 0.0) > LONG_S
    if ways and ways is track.ways and not is_long and len(ways) == len(track.pauses):
        for past in track.pauses.values():
            past.append(_NOTHING)
        return
    for held in pauses(its):
        key = held.way, held.priority, held.key
        past = track.pauses.setdefault(key, deque(maxlen=READINGS))
        if held.share is None or is_long:
            past.clear()
        else:
            past.append((held.share, held.progress is False))
    track.ways = ways or ()


def _take_rates(its: PortFrame, track: _Track) -> None:
    """Keep the rates of congestion control; of a counter that never moved there are none."""
    now, before = its.now.readings[Origin.RDMA_HW], its.before.get(Origin.RDMA_HW)
    if before is None:
        return
    same = before.schema is now.schema
    if same and before.values == now.values:
        for rates in track.rates.values():
            rates.append(0.0)
        return
    for counter in hardware(its, _FOLLOWED):
        place, past = now.schema.index[counter.key], track.rates.get(counter.key)
        if same and before.values[place] == now.values[place]:
            if past:
                past.append(0.0)
        elif (rate := its.rate(counter)) is not None:
            track.rates.setdefault(counter.key, deque(maxlen=KEPT)).append(rate)


def _is_new(its: PortFrame, origin: Origin, track: _Track) -> bool:
    """Return whether a table was read again since it was last taken in."""
    reading = its.now.readings.get(origin)
    if reading is None or track.ticks.get(origin) == reading.tick:
        return False
    track.ticks[origin] = reading.tick
    return True


def followed(frames: Iterable[Frame]) -> CongestionWatch:
    """Return what is known after these frames."""
    watch = CongestionWatch()
    for frame in frames:
        watch.observe(frame)
    return watch
