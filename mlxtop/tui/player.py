"""A recording that is played for a screen, and the threads that seek in it and look through it.

The event loop owns the Playback and steps it while it plays. To go somewhere else it hands it to a
thread, and shows what was there until the thread hands it back; meanwhile nobody else touches it.
Another thread looks through the whole recording, for its events and so that seeking is fast.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import monotonic

from mlxtop.recording.index import Index
from mlxtop.recording.playback import Playback
from mlxtop.recording.recording import Recording
from mlxtop.recording.replay import LONGEST_S, ReplaySource
from mlxtop.recording.survey import Survey
from mlxtop.report.collect import all_numbered_causes
from mlxtop.report.values import NumberedCause
from mlxtop.system.clock import Clock
from mlxtop.tui.feed import Feed
from mlxtop.watch.causes import Cause

BUSY_S = 0.05
"""Seconds that the screen is held up by playing at most; what is left comes at the next tick."""

GLANCE_S = 20.0
"""Seconds before a time that are played for the first picture of it."""

Move = Callable[[Playback], object]


class Player(Feed):
    """A recording that is played, and a thread that seeks in it."""

    def __init__(
        self,
        recording: Recording,
        clock: Clock,
        at: float | None = None,
        index: Index | None = None,
    ) -> None:
        """`at`: stand still at this time; None plays from the beginning."""
        super().__init__(ReplaySource(recording, clock))
        self.recording = recording
        self.survey = Survey(recording, index)
        self.speed = 1.0
        self.playing = at is None
        self.busy = False
        """The thread has the Playback."""
        self.target = recording.begin if at is None else at
        """Epoch second that is shown, or will be when all moves are done."""
        self._playback = Playback(recording, self.survey)
        self._clock, self._jobs = clock, clock.queue()
        self._moves: deque[Move] = deque()
        self.counted: float | None = None
        """Epoch second from which on what is shown counts; None: from the beginning."""
        self._done = False
        self._glances = False
        """The last move was one for a first picture."""
        self._credit_s = 0.0
        """Seconds of the recording that are to be played yet."""
        self._begun = False
        self._causes: tuple[int, list[NumberedCause]] = (0, [])
        """What was made of the events, and of which version of them."""

    @property
    def playback(self) -> Playback | None:
        """Return the Playback; None while the thread has it."""
        return None if self.busy else self._playback

    # The threads

    def start(self) -> None:
        if not self._begun:
            self._begun = True
            self._clock.thread(self._seek, "seek")
            self._clock.thread(self._look_through, "survey")
            self.go(self.target)

    def _seek(self) -> None:
        while not self.stop.is_set():
            move: Move | None = self._jobs.get()
            if move is None:
                return
            try:
                move(self._playback)
            except Exception as error:
                self.error = error
            self._done = True
            self._announce()

    def _look_through(self) -> None:
        try:
            self.survey.run(self.stop)
        except Exception as error:
            self.error = error
        self._announce()

    def end(self) -> None:
        """End both threads."""
        self.stop.set()
        self._jobs.put(None)

    # Moves

    def arrive(self) -> bool:
        """Take the Playback back where the thread is done; return whether there is news."""
        self._announced.clear()
        if not self._done:
            self._refine()
            return False
        self._done = self.busy = False
        self.counted = self._playback.counted
        if not self._moves:
            self._settle()
        if not self._glances:
            self.go_on()
        return True

    def go_on(self) -> None:
        """Let the thread do the next move; a glance can be shown until then."""
        self._glances = False
        self._next()
        self._refine()

    def _next(self) -> None:
        if self._moves and not self.busy and self._begun:
            self.busy = True
            self._jobs.put(self._moves.popleft())

    def _settle(self) -> None:
        moment = self._playback.moment
        self.target = moment.sample.wall if moment else self.recording.begin
        self._credit_s = 0.0

    def _refine(self) -> None:
        """Go to the same moment once more where what was before it is only known now."""
        if self.survey.is_done and not self.busy and not self._playback.is_exact:
            self.go(self.target)

    def _covers(self, wall: float) -> bool:
        return self.survey.is_done or self.survey.wall >= wall

    def go(self, wall: float, *, behind: bool = False) -> None:
        """Go to the last sample up to a time; `behind`: to the first at or after it."""
        wall = min(max(wall, self.recording.begin), self.recording.end)

        def glance(playback: Playback) -> None:
            if not self._covers(wall):
                playback.seek(wall, exact=False, warm_s=GLANCE_S)
                self._glances = True

        def move(playback: Playback) -> None:
            playback.seek(wall, exact=self._covers(wall))
            moment = playback.moment
            if behind and moment is not None and moment.sample.wall < wall:
                playback.step()

        self._moves.clear()
        self.target = wall
        if not self._covers(wall) and wall > self.recording.begin:
            self._moves.append(glance)
        self._moves.append(move)
        self._next()

    def step(self, samples: int) -> None:
        """Go a sample on (1) or back (-1), and stand still."""
        self.playing = False
        self._moves.append(Playback.step if samples > 0 else Playback.back)
        self._next()

    def advance(self, seconds: float) -> bool:
        """Play for so many seconds of the clock; return whether something else is to be shown."""
        if not self.playing or self.busy or self._playback.moment is None:
            return False
        most_s, stepped, begun = LONGEST_S * self.speed, False, monotonic()
        self._credit_s = min(self._credit_s + seconds * self.speed, most_s)
        while (coming := self._playback.peek()) is not None:
            gap_s = coming.sample.wall - self._playback.moment.sample.wall
            gap_s = min(max(0.0, gap_s), most_s)
            if gap_s > self._credit_s or monotonic() - begun > BUSY_S:
                break
            left_s = self._credit_s - gap_s
            stepped = self._playback.step()
            self._settle()
            self._credit_s = left_s
        else:
            self.playing, stepped = False, True
        return stepped

    def numbered_causes(self) -> list[NumberedCause]:
        """Return what is known of with its numbers, the oldest first: as a report has it."""
        version = self.survey.version
        if self._causes[0] != version:
            causes = all_numbered_causes(self.recording, tuple(self.survey.events))
            self._causes = version, causes
        return self._causes[1]

    def causes(self) -> list[Cause]:
        """Return what happened in the recording as far as it was looked through."""
        begin = self.recording.begin
        return [one.cause for one in self.numbered_causes() if one.cause.begin >= begin]
