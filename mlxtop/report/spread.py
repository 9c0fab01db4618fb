"""Mean, 95th percentile and peak of values that come one by one, in little memory.

Values are counted by seconds in classes that are 1 % wide, or finer, so that a percentile is right
to half of that, however long the recording is.
"""

from __future__ import annotations

from array import array
from math import exp, inf, log

from mlxtop.report.values import Chart, Spread

CLASSES, FINE = 100, 1000
"""Classes a factor e of the value: each is 1 %, or a thousandth, wide."""
_NAN = float("nan")


class SpreadOf:
    """Takes values with the seconds for which they held."""

    def __init__(self, classes: int = CLASSES) -> None:
        self.seconds = 0.0
        self._width = classes
        self._sum = 0.0
        self._classes: dict[int | None, float] = {}
        """Seconds by class; None for values of 0 and below."""
        self._peak, self._peak_wall = -inf, 0.0

    def add(self, value: float, seconds: float, wall: float) -> None:
        """Take a value in that held for some seconds and ended at a time."""
        self.seconds += seconds
        self._sum += value * seconds
        place = None if value <= 0 else round(log(value) * self._width)
        self._classes[place] = self._classes.get(place, 0.0) + seconds
        if value > self._peak:
            self._peak, self._peak_wall = value, wall

    def result(self) -> Spread | None:
        """Return what the values were; None without any."""
        if self.seconds <= 0:
            return None
        return Spread(self._sum / self.seconds, self._percentile(0.95), self._peak, self._peak_wall)

    def _percentile(self, share: float) -> float:
        passed = 0.0
        for place in sorted(self._classes, key=lambda one: -inf if one is None else one):
            passed += self._classes[place]
            if passed >= share * self.seconds * (1 - 1e-9):
                return 0.0 if place is None else min(exp(place / self._width), self._peak)
        return self._peak


class ChartOf:
    """Mean and peak of values in equal steps of a span of time."""

    def __init__(self, begin: float, end: float, steps: int) -> None:
        self._begin = begin
        self._per_s = steps / max(1e-3, end - begin)
        self._sums = array("d", bytes(8 * steps))
        self._seconds = array("d", bytes(8 * steps))
        self._peaks = array("d", [_NAN] * steps)

    def add(self, value: float, seconds: float, wall: float) -> None:
        """Take a value in that held for some seconds and ended at a time."""
        last = len(self._sums) - 1
        to = int((wall - self._begin) * self._per_s)
        if to < 0 or to > last + 1:
            return  # the clock was somewhere else
        to = min(to, last)
        first = min(to, max(0, int((wall - seconds - self._begin) * self._per_s + 1)))
        for place in range(first, to + 1):  # several where a sample is longer than a step
            self._sums[place] += value * seconds
            self._seconds[place] += seconds
            peak = self._peaks[place]
            if not value <= peak:
                self._peaks[place] = value

    def result(self) -> Chart:
        """Return the chart."""
        pairs = list(zip(self._sums, self._seconds, self._peaks, strict=True))
        means = (total / seconds if seconds > 0 else None for total, seconds, _ in pairs)
        return Chart(tuple(means), tuple(p if s > 0 else None for _, s, p in pairs))
