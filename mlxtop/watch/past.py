"""What was at an instant that is over.

Screens ask a `Past` and need not know who holds it: the memory of a Watch, a flight recorder or a
recording.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from typing import NamedTuple, Protocol

from mlxtop.model.frame import Frame
from mlxtop.model.history import HELD_S
from mlxtop.watch.heat import HeatStates

FRAMES, APART_S = 60, 1.0
"""Frames that memory holds, and seconds that are between two of them at least."""


class Moment(NamedTuple):
    """A frame, and the state of every sensor when it was the newest."""

    frame: Frame
    heat: HeatStates


class Past(Protocol):
    """Whoever holds what was."""

    def moment(self, tick: float) -> Moment | None:
        """Return what was the newest at a monotonic second; None where it is not held."""
        ...

    def reach_s(self) -> float:
        """Return the seconds from the oldest to the newest moment that is held."""
        ...


class RecentFrames:
    """The last frames, whole: about 30 kB each with two ports, so they are few."""

    def __init__(self) -> None:
        self._moments: deque[Moment] = deque(maxlen=FRAMES)

    def add(self, frame: Frame, heat: HeatStates) -> None:
        """Take a frame in, unless the one before is less than `APART_S` old."""
        apart = frame.sample.tick - _tick(self._moments[-1]) if self._moments else APART_S
        if apart < 0:  # another source has taken over
            self._moments.clear()
        if not 0 <= apart < APART_S * 0.9:
            self._moments.append(Moment(frame, heat))

    def moment(self, tick: float) -> Moment | None:
        place = bisect_right(self._moments, tick, key=_tick)
        if not place:
            return None
        last = self._moments[place - 1]
        return last if tick - _tick(last) <= HELD_S else None

    def reach_s(self) -> float:
        return _tick(self._moments[-1]) - _tick(self._moments[0]) if self._moments else 0.0


def _tick(moment: Moment) -> float:
    return moment.frame.sample.tick
