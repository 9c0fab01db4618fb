"""A recording as a source of samples: the machine as it was, at any speed.

`frames(ReplaySource(recording, clock), stop)` gives the Frames that the live machine gave. Whoever
wants to go to and fro takes a `Playback`.
"""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event

from mlxtop.model.identity import PortId
from mlxtop.model.sample import Sample, SourceKind
from mlxtop.recording.recording import Recording
from mlxtop.sampler.facts import Fact
from mlxtop.system.clock import Clock

LONGEST_S = 5.0
"""Seconds of a gap that are waited for at most, whatever the speed."""


class ReplaySource:
    """Samples of a recording, as far apart as they were, or as fast as they are taken."""

    def __init__(self, recording: Recording, clock: Clock, speed: float | None = 1.0) -> None:
        """`speed`: seconds of the recording in a second of the clock; None waits for nothing."""
        self.interval = recording.interval
        self.guarded = False
        self.looked_at: PortId | None = None
        self.more_wants: frozenset[Fact] = frozenset()
        self.speed = speed
        self._recording = recording
        self._clock = clock

    @property
    def label(self) -> str:
        return self._recording.host

    @property
    def kind(self) -> SourceKind:
        return SourceKind.REPLAY

    def samples(self, stop: Event) -> Iterator[Sample]:
        """Yield all samples until the end or `stop`. Raises OSError."""
        self._clock.take_part()
        last: Sample | None = None
        for moment in self._recording.moments():
            if last is not None and self.speed and not moment.restarts:
                seconds = (moment.sample.tick - last.tick) / self.speed
                self._clock.wait(min(max(0.0, seconds), LONGEST_S), stop)
            if stop.is_set():
                return
            last = moment.sample
            yield last

    def read_again(self) -> None:
        """Do nothing: what was not read cannot be read any more."""

    def close(self) -> None:
        """Do nothing: files are open only while they are read."""
