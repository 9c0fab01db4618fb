"""What recordings hold of any time, told by the ticks of one start of a machine.

Of that start a Sample is of its own tick. One of another start, before it or after it, is of the
tick that the wall clock gives it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path

from mlxtop.model.frame import Frame
from mlxtop.model.history import HELD_S, History
from mlxtop.model.identity import PortKind
from mlxtop.model.sample import Sample, SourceKind
from mlxtop.recording.files import file_name
from mlxtop.recording.moments import SAME_BOOT_S
from mlxtop.recording.recording import Recording, recordings_in
from mlxtop.recording.survey import played
from mlxtop.watch.heat import HeatWatch
from mlxtop.watch.past import Moment
from mlxtop.watch.watch import values_of

JUST_BEFORE_S = 1e-4


class RecordedPast:
    """The past as a recording has it.

    The states of the sensors are by their readings alone: what was foretold then is not known.
    """

    def __init__(self, recording: Recording, now: Sample) -> None:
        """`now`: a Sample of the start whose ticks count."""
        self.recording = recording
        self.offset = now.wall - now.tick
        """Epoch second of tick 0."""
        self._host = now.host.name
        self._frames: list[Frame] = []
        """The last that were read, one after the other."""

    @property
    def begin(self) -> float:
        """Return the tick of the first Sample."""
        return self.recording.begin - self.offset

    def tick_of(self, sample: Sample) -> float:
        """Return the tick of a Sample, of whatever start it is."""
        tick = sample.wall - self.offset
        return sample.tick if abs(tick - sample.tick) < SAME_BOOT_S else tick

    def moment(self, tick: float) -> Moment | None:
        """Return what was the newest at a tick; None where it is not recorded. Raises OSError."""
        if not (len(self._frames) > 1 and self._tick(1) <= tick < self._tick(-1)):
            self._frames = list(self._around(tick))
        # The first one has no rates: it is only there for the second.
        place = bisect_right(self._frames, tick, key=lambda frame: self.tick_of(frame.sample))
        if place < 2 or tick - self._tick(place - 1) > HELD_S:
            return None
        frame, heat = self._frames[place - 1], HeatWatch()
        heat.observe(frame)
        return Moment(frame, heat.then())

    def reach_s(self) -> float:
        """Return the seconds from the first to the last Sample."""
        return self.recording.end - self.recording.begin

    def history(self, begin: float, end: float) -> History:
        """Return what is recorded between two ticks, or the last part before that.

        Raises OSError.
        """
        history, recording = History(), self.recording
        last_part = recording.places[recording.find(end + self.offset - JUST_BEFORE_S)].wall
        first = min(begin + self.offset, last_part)
        for _, frame in played(recording.moments(recording.find(first))):
            tick = self.tick_of(frame.sample)
            if tick >= end:
                break
            if frame.sample.wall < first:
                continue
            for port, its in frame.ports.items():
                if its.now.port.kind is PortKind.PHYSICAL:
                    history.append(port, tick, values_of(its))
        return history

    def _tick(self, place: int) -> float:
        return self.tick_of(self._frames[place].sample)

    def _around(self, tick: float) -> Iterator[Frame]:
        """Yield the frames around an instant: from two whole Samples before to one after it."""
        wall = tick + self.offset
        if wall < self.recording.begin - HELD_S:
            return
        place = max(0, self.recording.find(wall) - 1)
        for _, frame in played(self.recording.moments(place, wall=wall)):
            yield frame
            if self.tick_of(frame.sample) > tick:
                return


def past_of(directory: Path, now: Sample, kind: SourceKind) -> RecordedPast | None:
    """Return the past of a machine by the recordings in a folder; None where it has none there.

    Raises OSError.
    """
    begin = file_name(now.host.name, 0.0).removesuffix("19700101T000000Z")
    own = re.compile(re.escape(begin) + r"[0-9]{8}T[0-9]{6}Z")
    paths = [one for one in recordings_in(directory) if own.match(one.name)]
    try:
        recording = Recording(paths)
    except ValueError:
        return None
    is_same = recording.host == now.host.name and recording.source is kind
    return RecordedPast(recording, now) if is_same else None
