"""The flight recorder of the screen: it holds the last minutes, and `R` saves them and goes on."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mlxtop.model.frame import Frame
from mlxtop.model.sample import SourceKind
from mlxtop.present import units
from mlxtop.settings import Settings
from mlxtop.system.clock import Clock
from mlxtop.tui.earlier import Earlier
from mlxtop.watch.alert import Alert
from mlxtop.watch.past import Moment, Past

if TYPE_CHECKING:
    from mlxtop.recording.held import HeldPast
    from mlxtop.recording.on_alarm import AlarmSaver
    from mlxtop.recording.recorder import Recorder
    from mlxtop.recording.target import Target

BACKLOG = 1024
"""Samples that may wait to be encoded: those of a moment in which the screen was held up."""


class News(NamedTuple):
    """What the person should know, in a line."""

    text: str
    is_bad: bool = False


class Flight:
    """What the screen holds and writes; it belongs to the event loop."""

    def __init__(
        self,
        clock: Clock,
        kind: SourceKind,
        interval: float,
        settings: Settings,
        directory: Path | None = None,
    ) -> None:
        """`directory`: where files are made; None for the folder of the person who asked."""
        self._clock, self._kind, self._interval = clock, kind, interval
        self._hold_s, self._saves = float(settings.flight), settings.save_on_alarm
        self._directory = directory
        self.earlier = Earlier(clock, kind, directory)
        """What came before all that is held."""
        self._early: deque[Frame] = deque(maxlen=BACKLOG)
        """Frames that came before the recorder was loaded."""
        self._recorder: Recorder | None = None
        self._saver: AlarmSaver | None = None
        self._held: HeldPast | None = None
        self._wanted = False
        """`R` was pressed, and the file is not there yet."""
        self._wrote = False
        self._problem: str | None = None
        self._seconds = 0.0
        """Length of the file at the last look."""

    def begin(self) -> Recorder:
        """Load the recorder and give it what came before, unless that was done."""
        if self._recorder is None:
            from mlxtop.recording.held import HeldPast
            from mlxtop.recording.on_alarm import AlarmSaver
            from mlxtop.recording.recorder import Recorder

            self._recorder = Recorder(
                self._clock, self._kind, self._interval, hold_s=self._hold_s, backlog=BACKLOG
            )
            self._held = HeldPast(self._recorder)
            if self._saves and self._hold_s:
                self._saver = AlarmSaver(self._recorder, self._target())
            for frame in self._early:
                self._recorder.put(frame.sample)
            self._early.clear()
        return self._recorder

    def _target(self) -> Target:
        from mlxtop.recording.files import own_recordings
        from mlxtop.recording.target import Target

        return Target(directory=self._directory or own_recordings())

    def take(self, frame: Frame, alerts: Sequence[Alert]) -> None:
        """Take a frame in, and what has become bad with it."""
        if self._recorder is None:
            self._early.append(frame)
            return
        if self._hold_s or self._wanted or self._recorder.is_writing:
            self._recorder.put(frame.sample)
        if self._saver is not None:
            for alert in alerts:
                self._saver.note(alert)
            self._saver.advance(frame.sample.tick)

    def switch(self) -> None:
        """Save what is held and go on recording; or stop, where that is done already."""
        recorder = self.begin()
        if self._saver is not None:
            self._saver.let_go()
        if recorder.is_writing or self._wanted:
            self._wanted = False
            recorder.stop_writing()
        else:
            self._wanted, self._problem = True, None
            recorder.write_to(self._target())

    @property
    def records(self) -> bool:
        """Return whether a file is written, or soon will be."""
        return self._wanted or (self._recorder is not None and self._recorder.is_writing)

    def mark(self, tick: float) -> str | None:
        """Return `REC` with the length of the file at an instant; None where none is written."""
        recorder = self._recorder
        if recorder is None or not (recorder.is_writing or self._wanted):
            return None
        begin = recorder.begin_tick if recorder.is_writing else None
        if begin is None:
            return "REC"
        self._seconds = max(0.0, tick - begin)
        return f"REC {units.span(self._seconds)}"

    def news(self) -> list[News]:
        """Return what has happened to the file since the last look."""
        recorder = self._recorder
        if recorder is None:
            return []
        news, writes = [], recorder.is_writing
        if writes and not self._wrote:
            self._wanted, self._problem = False, None
            news.append(News(f"recording, and what came before: {recorder.path}; R stops"))
        problem = recorder.problem
        if problem is not None and problem != self._problem:
            news.append(News(problem, is_bad=True))
            self._wanted = False
        elif self._wrote and not writes:
            news.append(News(f"recorded {units.span(self._seconds)}: {recorder.last_path}"))
        self._wrote, self._problem = writes, problem
        return news

    def past(self, memory: Past) -> Past:
        """Return what is asked for what was: memory, then what is held, then recordings."""
        return _MemoryFirst(memory, self)

    @property
    def held(self) -> HeldPast | None:
        """Return what is held, once the recorder is loaded; None where nothing is."""
        return self._held if self._hold_s else None

    @property
    def path(self) -> Path | None:
        """Return the file that is being written."""
        return self._recorder.path if self._recorder is not None else None

    def close(self) -> str | None:
        """End the file and the recorder; return a line that names the file."""
        recorder = self._recorder
        if recorder is None:
            return None
        wrote = recorder.is_writing
        recorder.close()
        if recorder.problem is not None and recorder.problem != self._problem:
            return recorder.problem
        return f"recorded {units.span(self._seconds)}: {recorder.last_path}" if wrote else None


class _MemoryFirst:
    """The past of a Watch, continued by that of a flight recorder and by recordings."""

    def __init__(self, memory: Past, flight: Flight) -> None:
        self._memory, self._flight = memory, flight

    def moment(self, tick: float) -> Moment | None:
        moment, held = self._memory.moment(tick), self._flight.held
        if moment is None and held is not None:
            moment = held.moment(tick)
        return self._flight.earlier.moment(tick) if moment is None else moment

    def reach_s(self) -> float:
        held = self._flight.held
        reaches = (self._memory.reach_s(), held.reach_s() if held else 0.0)
        return max(*reaches, self._flight.earlier.reach_s())
