"""Playback: the Frame and the Watch of any time of a recording, as linear playback gives them.

    playback = Playback(recording, survey)
    playback.seek(wall)
    while playback.step():
        playback.frame, playback.watch, playback.moment

Seeking starts at the nearest checkpoint of the `Survey` before that time, and plays from there.
Where the survey has not come so far yet, `seek` either plays from the last checkpoint on, which can
take long, or begins a little before, a quarter of an hour as a rule (`exact=False`); `is_exact`
tells which it was.
A Playback belongs to one thread; `watch` is another object after `seek`, and after a restart.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

from mlxtop.model.frame import Frame, derive
from mlxtop.recording.earlier import RecordedPast
from mlxtop.recording.moments import WARM_S, Moment
from mlxtop.recording.recording import Recording
from mlxtop.recording.survey import Checkpoint, Survey
from mlxtop.watch.calm import WINDOW_S, WINDOWS
from mlxtop.watch.watch import Watch

JUST_BEFORE_S = 1e-4
SETTLE_S = WINDOWS * WINDOW_S
"""Seconds that verdicts reach back at most."""


class Playback:
    """A recording at one of its times."""

    def __init__(self, recording: Recording, survey: Survey | None = None) -> None:
        self.recording = recording
        self.survey = survey
        self.watch = Watch(frames=False)
        self.moment: Moment | None = None
        """The newest Moment that was taken in."""
        self.is_exact = True
        """The Watch knows all that happened since the beginning."""
        self.counted: float | None = None
        """Epoch second of the first Moment that it knows where that is not so."""
        self._moments: Iterator[Moment] = recording.moments()
        self._next: Moment | None = None
        self._begins = True
        """The next Moment is the first one of this Watch."""

    @property
    def frame(self) -> Frame | None:
        """Return the newest frame."""
        return self.watch.frame

    def peek(self) -> Moment | None:
        """Return the Moment that comes next; None at the end. Raises OSError."""
        if self._next is None:
            self._next = next(self._moments, None)
        return self._next

    def step(self) -> bool:
        """Take the next Moment in; return False at the end. Raises OSError."""
        moment = self.peek()
        if moment is None:
            return False
        self._next = None
        if moment.restarts:
            self.watch = Watch(frames=False)
        self.watch.ingest(derive(moment.sample, self.watch.frame))
        self.moment = moment
        if moment.restarts or self._begins:
            self._begins = False
            self.watch.past = RecordedPast(self.recording, moment.sample)
            self.counted = None if self.is_exact else moment.sample.wall
        return True

    def back(self) -> None:
        """Go to the Moment before the newest one. Raises OSError."""
        if self.moment is not None:
            self.seek(self.moment.sample.wall - JUST_BEFORE_S, exact=self.is_exact)

    def seek(self, wall: float, *, exact: bool = True, warm_s: float = WARM_S) -> None:
        """Go to the last Moment at or before a time, at least to the first. Raises OSError.

        `exact`: whatever it takes; else begin `warm_s` before it, or at the part or whole Sample
        that is before that.
        """
        place = self.recording.find(wall)
        checkpoints = self._checkpoints(place, wall)
        checkpoint = next(checkpoints, None)
        behind = checkpoint.moment.sample.wall if checkpoint else self.recording.begin
        if not exact and wall - behind > warm_s:
            first = self.recording.find(wall - warm_s)
            self._begin(first, wall - warm_s if warm_s < WARM_S else None)
            self._play(place, wall, reached=first == place)
            return
        verdicts_from = wall - SETTLE_S - self.recording.interval
        while checkpoint is not None and self.survey is not None:
            self._resume(checkpoint, self.survey)
            reached = self.moment is not None and checkpoint.place >= place
            self._play(place, wall, reached=reached, verdicts_from=verdicts_from)
            if self.watch.keeps_verdicts and self.watch.verdicts.is_settled:
                return
            checkpoint, verdicts_from = next(checkpoints, None), -inf
        self._begin(0)
        self._play(place, wall)

    def _play(
        self, place: int, wall: float, *, reached: bool = False, verdicts_from: float = -inf
    ) -> None:
        """Play to the last Moment at or before a time, behind the beginning of a place."""
        target = self.recording.places[place]
        while (moment := self.peek()) is not None:
            is_same = moment.recording == target.recording
            reached = reached or (is_same and moment.number >= target.number)
            if reached and moment.sample.wall > wall and self.moment is not None:
                return
            if moment.sample.wall >= verdicts_from:
                self.watch.keep_verdicts(True)
            self.step()

    def _begin(self, place: int, wall: float | None = None) -> None:
        """Begin anew at a place, or behind it as late as `wall` allows."""
        self.is_exact = place == 0 and wall is None
        self.watch = Watch(frames=False)
        self.moment = self._next = None
        self._begins = True
        self._moments = self.recording.moments(place, wall=wall)

    def _resume(self, checkpoint: Checkpoint, survey: Survey) -> None:
        """Go on behind a checkpoint."""
        self.watch = survey.restored(checkpoint)
        self.watch.past = RecordedPast(self.recording, checkpoint.moment.sample)
        self._begins = False
        self.is_exact, self.counted = True, None
        self._next = None
        start = self.recording.at(checkpoint.place, checkpoint.moment)
        self.moment, self._moments = start or (None, iter(()))

    def _checkpoints(self, place: int, wall: float) -> Iterator[Checkpoint]:
        """Yield the checkpoints from which verdicts can be settled at a time, the last first."""
        for one in reversed(self.survey.checkpoints if self.survey else ()):
            seconds = wall - one.moment.sample.wall
            was_set_back = one.place < place and seconds < 0
            if one.place <= place and (seconds >= SETTLE_S or was_set_back):
                yield one
