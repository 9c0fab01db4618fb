"""What came before memory: recordings of this machine, read in a thread while one scrolls back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mlxtop.model.history import History
from mlxtop.model.sample import Sample, SourceKind
from mlxtop.system.clock import Clock
from mlxtop.watch.past import Moment

if TYPE_CHECKING:
    from mlxtop.recording.earlier import RecordedPast

LEAST_S, MOST_S = 600.0, 3600.0
"""Seconds that are read at once."""


class Earlier:
    """Reads the recordings; the event loop asks, and takes what was read."""

    def __init__(self, clock: Clock, kind: SourceKind, directory: Path | None = None) -> None:
        """`directory`: where the recordings are; None for the folder of the person who asked."""
        self.is_busy = self.is_over = False
        """It is being read; there is nothing further back."""
        self.told: Callable[[], None] = lambda: None
        """Called in the thread when something was read."""
        self._clock, self._kind, self._directory = clock, kind, directory
        self._past: RecordedPast | None = None
        self._read: History | None = None

    def read(self, now: Sample, before: float, seconds: float) -> None:
        """Have the seconds before a tick read, unless that is going on or there are none."""
        if not (self.is_busy or self.is_over):
            self.is_busy = True
            begin = before - min(MOST_S, max(LEAST_S, seconds))
            self._clock.thread(self._work, "earlier", now, begin, before)

    def _work(self, now: Sample, begin: float, before: float) -> None:
        from mlxtop.recording.earlier import past_of
        from mlxtop.recording.files import own_recordings

        history = History()
        try:
            if self._past is None:
                self._past = past_of(self._directory or own_recordings(), now, self._kind)
            if self._past is not None:
                history = self._past.history(begin, before)
        except OSError:
            self._past = None  # deleted meanwhile: what is there is looked for again
        self._read = history
        self.told()

    def take(self) -> History | None:
        """Return what was read, once; None where nothing was. Without a point: there is none."""
        history, self._read = self._read, None
        if history is not None:
            self.is_busy, self.is_over = False, history.first is None
        return history

    def forget(self) -> None:
        """Look for recordings anew the next time."""
        self.is_over = False
        if not self.is_busy:
            self._past = None

    def moment(self, tick: float) -> Moment | None:
        """Return what was the newest at a tick; None where it is not recorded."""
        past = self._past
        if past is None or self.is_busy:
            return None
        try:
            return past.moment(tick)
        except OSError:
            return None

    def reach_s(self) -> float:
        """Return the seconds from the first Sample to the last one that were found so far."""
        return self._past.reach_s() if self._past is not None else 0.0
