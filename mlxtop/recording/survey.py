"""A look through a whole recording: what a Watch was at many times, so that seeking is fast.

A checkpoint holds the Watch as it was behind a Sample, without its history, which is kept once
beside them for the whole recording, and without verdicts: these depend on the last seconds alone,
and whoever plays on from a checkpoint has them soon. All of it is a cache: an `Index` keeps it in
a file, and where there is none it is made again.
"""

from __future__ import annotations

import sys
import zlib
from array import array
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from math import nan
from pickle import HIGHEST_PROTOCOL, dumps
from threading import Event
from time import thread_time
from typing import NamedTuple

from mlxtop.model.frame import Frame, derive
from mlxtop.model.history import NEWEST, THINNED, History, Series
from mlxtop.model.identity import PortId
from mlxtop.recording.events import EventLog
from mlxtop.recording.index import Gains, Index, Key, Mark, Step, unpacked
from mlxtop.recording.moments import Moment
from mlxtop.recording.recording import Recording
from mlxtop.watch.watch import TimedIncident, Watch

EVERY, FEWEST, COST_S = 400, 20, 0.07
"""Samples from one checkpoint to the next, as long as they take little memory: fewer, but not less
than so many, where playing them takes longer than that."""
MOST_BYTES = 128 << 20
"""Memory of all checkpoints at most; beyond that every other one goes."""


class Checkpoint(NamedTuple):
    """A Watch behind a Sample."""

    moment: Moment
    """That Sample's, without it."""
    place: int
    """Of the recording, at or before the Sample."""
    watch: bytes
    marks: Mapping[Key, Mark]
    """How far each series had come."""
    history: LongHistory
    """All points of this start of the machine."""


class LongHistory(History):
    """A history that keeps all points beside those of its series, and all that were thinned out.

    The series have what was appended from the next `marks` on: one call of many points is cheap.
    """

    def __init__(self) -> None:
        super().__init__()
        self.points: dict[Key, tuple[array[float], array[float]]] = {}
        self._passed: dict[Key, int] = {}
        """Points that the series have."""

    @staticmethod
    def new_series() -> Series:
        return Series(NEWEST, sys.maxsize)

    def append(self, port: PortId, tick: float, values: Mapping[str, float | None]) -> None:
        if self.first is None:
            self.first = tick
        for name, value in values.items():
            points = self.points.get((port, name))
            if points is None:
                points = self.points[port, name] = (array("d"), array("d"))
            points[0].append(tick)
            points[1].append(nan if value is None else value)

    def marks(self) -> dict[Key, Mark]:
        """Return how far each series has come."""
        marks = {}
        for key, (ticks, values) in self.points.items():
            series, passed = self._series[key[0]][key[1]], self._passed.get(key, 0)
            series.extend(ticks[passed:], values[passed:])
            self._passed[key] = len(ticks)
            marks[key] = Mark(len(ticks), len(series.ticks), len(series.old_ticks))
        return marks

    def gains(self, before: Mapping[Key, Mark]) -> Gains:
        """Return the points that each series has got since it had come as far as `before`."""
        gains: Gains = {}
        for key, (ticks, values) in self.points.items():
            series, mark = self._series[key[0]][key[1]], before.get(key, Mark())
            parts = (ticks[mark.points :], values[mark.points :])
            old = (series.old_ticks[mark.old :], series.old_values[mark.old :])
            gains[key] = tuple(part.tobytes() for part in (*parts, *old))
        return gains

    def add(self, gains: Gains, marks: Mapping[Key, Mark]) -> None:
        """Add points that were kept, and go on from there."""
        for (port, name), data in gains.items():
            ticks, values = self.points.setdefault((port, name), (array("d"), array("d")))
            series = self._series[port][name]
            targets = (ticks, values, series.old_ticks, series.old_values)
            for target, part in zip(targets, data, strict=True):
                target.frombytes(part)
            if not len(ticks) == len(values) == marks[port, name].points:
                raise ValueError("points are missing")
            held = slice(len(ticks) - marks[port, name].held, None)
            series.ticks, series.values = ticks[held], values[held]
            self._passed[port, name] = len(ticks)
            self.first = ticks[0] if self.first is None else self.first

    def at(self, marks: Mapping[Key, Mark]) -> History:
        """Return the history as it was when its series had come so far."""
        history = History()
        history.first = self.first
        for (port, name), mark in marks.items():
            ticks, values = self.points[port, name]
            every, series = self._series[port][name], history.new_series()
            held = slice(mark.points - mark.held, mark.points)
            old = slice(max(0, mark.old - THINNED), mark.old)
            series.ticks, series.values = ticks[held], values[held]
            series.old_ticks, series.old_values = every.old_ticks[old], every.old_values[old]
            history.put(port, name, series)
        return history


class Survey:
    """Plays a recording from its beginning to its end and keeps checkpoints on the way.

    `run` does it, in any thread, and the others can be asked meanwhile for what is done so far.
    """

    def __init__(self, recording: Recording, index: Index | None = None) -> None:
        """`index`: what an earlier survey has kept, and where this one keeps what it finds."""
        self.recording = recording
        self.checkpoints: list[Checkpoint] = []
        """In the order of the recording."""
        self.wall = recording.begin
        """Epoch second up to which it is done."""
        self.is_done = False
        self._index = index
        self._places: dict[tuple[str, int], list[int]] = {}
        """The numbers of the places that begin with a record."""
        for number, one in enumerate(recording.places):
            self._places.setdefault((one.recording, one.number), []).append(number)
        self._sparser = 1
        self._every = min(EVERY, FEWEST)
        """Few at first, for what they cost is known only behind them."""
        self._bytes = 0
        self._log = EventLog()
        self._kept: list[TimedIncident] = []
        """The events as the index has them."""

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
        try:
            self._run(stop)
        finally:
            if self._index is not None:
                self._index.close()

    def _run(self, stop: Event) -> None:
        watch, history, moments = self._continued(stop)
        place = self.checkpoints[-1].place if self.checkpoints else 0
        since, began = 0, thread_time()
        for moment, frame in played(moments, watch.frame):
            if stop.is_set():
                return
            if moment.restarts:
                watch, history = _begun()
                since = self._every
            watch.ingest(frame)
            self._log.follow(watch)
            place = self._place_of(moment, place)
            since += 1
            if since >= self._every:
                self._keep(watch, history, moment, place)
                now = thread_time()
                self._pace((now - began) / since)
                since, began = 0, now
            self.wall = moment.sample.wall
        self.is_done = True

    def _pace(self, cost: float) -> None:
        """Set how many Samples are to be between two checkpoints, by the CPU that each took."""
        fitting = int(COST_S / cost) if cost > 0 else EVERY
        self._every = self._sparser * min(EVERY, max(FEWEST, fitting))

    def _place_of(self, moment: Moment, place: int) -> int:
        """Return the place at which the part begins that holds a Moment."""
        numbers: Iterable[int] = self._places.get((moment.recording, moment.number), ())
        places = self.recording.places
        if moment.recording != places[place].recording:  # its first Samples may be left out
            later = range(place + 1, len(places))
            numbers = (n for n in later if places[n].recording == moment.recording)
        return next((number for number in numbers if number > place), place)

    def _continued(self, stop: Event) -> tuple[Watch, LongHistory, Iterator[Moment]]:
        """Take in what the index has; return what the Watch was then, and what comes after it."""
        if self._index is not None:
            with suppress(ValueError, LookupError, TypeError, AttributeError):  # of another shape
                last = self._taken(self._index, stop)
                rest = self.recording.at(last.place, last.moment) if last else None
                if last is not None and rest is not None:
                    watch = self.restored(last)
                    watch.history = last.history
                    self._log.go_on(watch, self._log.first)
                    self._kept = list(self._log.events)
                    return watch, last.history, rest[1]
            self._index.forget()
        self.checkpoints, self._log, self._bytes, self._sparser = [], EventLog(), 0, 1
        return *_begun(), self.recording.moments()

    def _taken(self, index: Index, stop: Event) -> Checkpoint | None:
        """Take in what the index has; return its last checkpoint."""
        last: Checkpoint | None = None
        for step in index.steps(self.recording):
            if stop.is_set():
                break
            history = LongHistory() if step.restarts or last is None else last.history
            history.add(step.gains, step.marks)
            last = Checkpoint(step.moment, step.place, step.watch, step.marks, history)
            self._add(last)
            self._log.events[step.same_events :] = step.events
            self._log.dropped, self._log.first = step.dropped, step.first_event
            self._log.version += 1
            self.wall = step.moment.sample.wall
        return last

    def _keep(self, watch: Watch, history: LongHistory, moment: Moment, place: int) -> None:
        state = dict(_state(watch))
        packed = zlib.compress(dumps(state, HIGHEST_PROTOCOL), 1)
        short = moment._replace(sample=moment.sample._replace(adapters=(), ports={}, pcie={}))
        last = self.checkpoints[-1] if self.checkpoints else None
        one = Checkpoint(short, place, packed, history.marks(), history)
        if self._index is not None:
            self._index.add(self._step(one, last))
        self._add(one)

    def _step(self, one: Checkpoint, last: Checkpoint | None) -> Step:
        """Return what an index keeps of a checkpoint: all that is new since the last one."""
        events, restarts = self._log.events, last is None or last.history is not one.history
        pairs = enumerate(zip(events, self._kept, strict=False))
        same = min(len(events), len(self._kept))
        same = next((n for n, (now, before) in pairs if now is not before), same)
        self._kept = list(events)
        gains = one.history.gains({} if last is None or restarts else last.marks)
        new = (gains, restarts, same, events[same:], self._log.dropped, self._log.first)
        return Step(one.moment, one.place, one.watch, one.marks, *new)

    def _add(self, one: Checkpoint) -> None:
        self.checkpoints.append(one)
        self._bytes += len(one.watch)
        if self._bytes > MOST_BYTES:
            # The newest stays: what comes next is told as what is new since then.
            self.checkpoints = self.checkpoints[::-2][::-1]
            self._bytes = sum(len(one.watch) for one in self.checkpoints)
            self._sparser *= 2

    def restored(self, one: Checkpoint) -> Watch:
        """Return the Watch of a checkpoint, which keeps no verdicts."""
        watch = Watch(frames=False)
        vars(watch).update(unpacked(one.watch))
        watch.history = one.history.at(one.marks)
        return watch


def _begun() -> tuple[Watch, LongHistory]:
    """Return a Watch of a start of the machine, and its history."""
    watch, history = Watch(verdicts=False, frames=False), LongHistory()
    watch.history = history
    return watch, history


def _state(watch: Watch) -> Iterator[tuple[str, object]]:
    """Yield what a Watch has to remember, by name: no history, and nobody whom it asks."""
    for name, one in vars(watch).items():
        if name not in ("history", "past", "recent"):
            yield name, one


def played(moments: Iterator[Moment], last: Frame | None = None) -> Iterator[tuple[Moment, Frame]]:
    """Yield every Moment with its Frame; what restarts has no Frame before it."""
    for moment in moments:
        last = derive(moment.sample, None if moment.restarts else last)
        yield moment, last
