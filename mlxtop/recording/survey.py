"""A look through a whole recording: what a Watch was at many times, so that seeking is fast.

A checkpoint holds the Watch as it was behind a Sample, without its history; the history of the
whole recording is kept once beside them. All of it is a cache in memory, made when a recording is
first read, and nothing of it is written: what is packed is only ever unpacked by who packed it.
"""

from __future__ import annotations

import pickle
import zlib
from array import array
from collections.abc import Iterator, Mapping
from threading import Event
from time import thread_time
from typing import NamedTuple

from mlxtop.model.frame import Frame, derive
from mlxtop.model.history import History, Series
from mlxtop.model.identity import PortId
from mlxtop.recording.events import EventLog
from mlxtop.recording.moments import Moment
from mlxtop.recording.recording import Recording
from mlxtop.watch.watch import TimedIncident, Watch

EVERY, FEWEST, COST_S = 100, 20, 0.08
"""Samples from one checkpoint to the next, as long as they take little memory: fewer, but not less
than so many, where playing them takes longer than that."""
MOST_BYTES = 128 << 20
"""Memory of all checkpoints at most; beyond that every other one goes."""

SeriesKey = tuple[PortId, str]


class Checkpoint(NamedTuple):
    """A Watch behind a Sample."""

    moment: Moment
    """That Sample's, without it."""
    place: int
    """Of the recording, at or before the Sample."""
    watch: bytes
    counts: Mapping[SeriesKey, int]
    """Points of each series so far."""
    history: LongHistory
    """All points of this start of the machine."""


class LongHistory(History):
    """A history that keeps all points beside those of its series."""

    def __init__(self) -> None:
        super().__init__()
        self.points: dict[SeriesKey, tuple[array[float], array[float]]] = {}

    def append(self, port: PortId, tick: float, values: Mapping[str, float | None]) -> None:
        super().append(port, tick, values)
        for name, value in values.items():
            ticks, all_values = self.points.setdefault((port, name), (array("d"), array("d")))
            ticks.append(tick)
            all_values.append(float("nan") if value is None else value)

    def counts(self) -> dict[SeriesKey, int]:
        """Return the number of points of each series."""
        return {key: len(ticks) for key, (ticks, _) in self.points.items()}

    def at(self, counts: Mapping[SeriesKey, int]) -> History:
        """Return the history as it was when its series had so many points."""
        history = History()
        for (port, name), count in counts.items():
            ticks, values = self.points[port, name]
            series = Series()
            first = count - series.held_after(count)
            series.ticks, series.values = ticks[first:count], values[first:count]
            history.put(port, name, series)
        return history


class Survey:
    """Plays a recording from its beginning to its end and keeps checkpoints on the way.

    `run` does it, in any thread, and the others can be asked meanwhile for what is done so far.
    """

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.checkpoints: list[Checkpoint] = []
        """In the order of the recording."""
        self.wall = recording.begin
        """Epoch second up to which it is done."""
        self.is_done = False
        self._every = EVERY
        self._bytes = 0
        self._log = EventLog()

    @property
    def events(self) -> list[TimedIncident]:
        """Return what happened, in the order in which it was told."""
        return self._log.events

    @property
    def version(self) -> int:
        """Return a number that is another one when what happened has changed."""
        return self._log.version

    @property
    def share(self) -> float:
        """Return how much is done, 0 to 1."""
        whole = self.recording.end - self.recording.begin
        if self.is_done or whole <= 0:
            return 1.0 if self.is_done else 0.0
        return min(1.0, max(0.0, (self.wall - self.recording.begin) / whole))

    def run(self, stop: Event) -> None:
        """Look through the recording until it ends or `stop` is set. Raises OSError."""
        watch, history, place, since = Watch(), LongHistory(), 0, 0
        began = thread_time()
        for moment, frame in played(self.recording.moments()):
            if stop.is_set():
                return
            if moment.restarts:
                watch, history = Watch(), LongHistory()
                watch.history = history
                since = self._every
            watch.ingest(frame)
            self._log.follow(watch)
            place = self._place_of(moment, place)
            since += 1
            spent = thread_time() - began
            if since >= self._every or (since >= FEWEST * self._every / EVERY and spent > COST_S):
                since = 0
                self._keep(watch, history, moment, place)
                began = thread_time()
            self.wall = moment.sample.wall
        self.is_done = True

    def _place_of(self, moment: Moment, place: int) -> int:
        """Return the place at which the part begins that holds a Moment."""
        places = self.recording.places
        for number in range(place + 1, len(places)):
            one = places[number]
            if (one.recording, one.number) == (moment.recording, moment.number):
                return number
        return place

    def _keep(self, watch: Watch, history: LongHistory, moment: Moment, place: int) -> None:
        state = {name: one for name, one in vars(watch).items() if name != "history"}
        packed = zlib.compress(pickle.dumps(state, pickle.HIGHEST_PROTOCOL), 1)
        short = moment._replace(sample=moment.sample._replace(adapters=(), ports={}, pcie={}))
        self.checkpoints.append(Checkpoint(short, place, packed, history.counts(), history))
        self._bytes += len(packed)
        if self._bytes > MOST_BYTES:
            self.checkpoints = self.checkpoints[::2]
            self._bytes = sum(len(one.watch) for one in self.checkpoints)
            self._every *= 2

    def restored(self, one: Checkpoint) -> Watch:
        """Return the Watch of a checkpoint."""
        watch = Watch()
        vars(watch).update(pickle.loads(zlib.decompress(one.watch)))
        watch.history = one.history.at(one.counts)
        return watch


def played(moments: Iterator[Moment], last: Frame | None = None) -> Iterator[tuple[Moment, Frame]]:
    """Yield every Moment with its Frame; what restarts has no Frame before it."""
    for moment in moments:
        last = derive(moment.sample, None if moment.restarts else last)
        yield moment, last
