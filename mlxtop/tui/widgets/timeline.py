"""Series of a history as dots of a chart: one value a dot column, in whole steps of time.

Steps begin at whole multiples of their length, so that a dot, once drawn, never changes its
height; it only moves left by whole cells.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isnan, nan
from typing import NamedTuple

from mlxtop.model.history import Series
from mlxtop.tui.widgets.canvas import DOTS_X

STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
"""Seconds that a dot column may stand for."""


class Timeline(NamedTuple):
    """The time that a chart shows: `dots` columns of `step` seconds, up to step number `last`.

    `newest` is the last step that is complete; it may be one before `last`, since the picture
    moves by whole cells.
    """

    step: float
    dots: int
    last: int
    newest: int

    @property
    def seconds(self) -> float:
        """The span from the left to the right edge."""
        return self.step * self.dots

    @property
    def start(self) -> float:
        """Monotonic second of the left edge."""
        return (self.last - self.dots + 1) * self.step


def timeline(tick: float, columns: int, window: float, interval: float) -> Timeline:
    """The time axis at the instant `tick`; the newest dot is the last step that is complete."""
    dots = max(1, columns * DOTS_X)
    wanted = max(interval, 0.8 * window / dots)
    step = next((step for step in STEPS if step >= wanted - 1e-9), STEPS[-1])
    newest = int(tick // step) - 1
    return Timeline(step, dots, newest | (DOTS_X - 1), newest)


def resampled(
    series: Series | None, line: Timeline, merge: Callable[[Sequence[float]], float]
) -> list[float]:
    """One value a dot; NaN where there is none. Short gaps between readings are bridged."""
    steps: list[list[float]] = [[] for _ in range(line.dots)]
    if series is not None:
        first = line.last - line.dots + 1
        for tick, value in series.since(line.start):
            place = int(tick // line.step) - first
            if 0 <= place <= line.newest - first and not isnan(value):
                steps[place].append(value)
    return _bridged([merge(values) if values else nan for values in steps])


def _bridged(values: list[float]) -> list[float]:
    """A single empty dot between two others takes the value before it."""
    for place in range(1, len(values) - 1):
        if isnan(values[place]) and not isnan(values[place + 1]):
            values[place] = values[place - 1]
    return values


def mean(values: Sequence[float]) -> float:
    """The mean."""
    return sum(values) / len(values)
