"""Save what the flight recorder holds when an alarm begins, and what comes after it.

One storm of alarms is one file: it goes on as long as alarms come, and a while longer. The next
file begins some time after the one before at the earliest; what is held reaches back as far, so
that nothing is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from mlxtop.model.frame import Frame
from mlxtop.model.sample import SourceKind
from mlxtop.recording.files import own_recordings
from mlxtop.recording.recorder import Recorder
from mlxtop.recording.target import Target
from mlxtop.system.clock import Clock
from mlxtop.watch.alert import Alert, AlertKind

AFTER_S = 300.0
"""Seconds that are recorded after the last alarm began."""
HOLD_OFF_S = 600.0
"""Seconds from the beginning of one file to the beginning of the next, unless less is held."""
FORETOLD = (AlertKind.WARMING,)
"""What has not happened yet."""


class AlarmSaver:
    """Begins and ends files of a recorder by alarms; those that somebody else began it leaves."""

    def __init__(self, recorder: Recorder, target: Target) -> None:
        self._recorder = recorder
        self._target = target
        self._hold_off = min(HOLD_OFF_S, recorder.hold_s)
        self._alarm = False
        self._until: float | None = None
        """Tick up to which what happens is wanted."""
        self._begun: float | None = None
        self._writes = False

    @classmethod
    def holding(cls, seconds: float, clock: Clock, kind: SourceKind, interval: float) -> AlarmSaver:
        """Return one with a recorder that holds so much, for the folder of who asks."""
        recorder = Recorder(clock, kind, interval, hold_s=seconds)
        return cls(recorder, Target(directory=own_recordings()))

    def note(self, alert: Alert) -> None:
        """Take an alert in."""
        self._alarm = self._alarm or alert.kind not in FORETOLD

    def advance(self, tick: float) -> bool:
        """Begin or end a file by what was noted; return whether one was begun."""
        if self._alarm:
            self._alarm, self._until = False, tick + AFTER_S
        if self._until is None:
            return False
        if self._writes:
            if tick >= self._until:
                self._recorder.stop_writing("no further alarm")
                self._writes, self._until = False, None
            return False
        early = self._begun is not None and 0 <= tick - self._begun < self._hold_off
        if early or self._recorder.is_writing:
            return False
        self._recorder.write_to(self._target)
        self._writes, self._begun = True, tick
        return True

    def let_go(self) -> None:
        """Leave the file to somebody else, who ends it or has ended it."""
        self._alarm = self._writes = False
        self._until = None

    def close(self) -> None:
        """End the file and the recorder."""
        self._recorder.close()

    def over(
        self, frames: Iterable[Frame], told: Callable[[str], None] = lambda text: None
    ) -> Iterator[Frame]:
        """Yield frames, whose Samples the recorder gets; `told` gets what it has to say."""
        problem = None
        for frame in frames:
            self._recorder.put(frame.sample)
            if self.advance(frame.sample.tick):
                told("an alarm: recording what came before it and what comes now")
            if self._recorder.problem not in (None, problem):
                problem = self._recorder.problem
                told(str(problem))
            yield frame
