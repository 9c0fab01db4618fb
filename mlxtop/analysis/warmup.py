"""Fits of a warming body to what its sensor said: every shape that explains a recent stretch.

A body approaches its settling temperature exponentially; a card or module is a fast one (chip,
laser) on a slow one (heat sink, cage). Load, fans and rooms change, so only the longest recent
stretch counts that one exponential still explains.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from operator import mul
from typing import NamedTuple

Points = Sequence[tuple[float, float]]
"""Monotonic seconds and °C, oldest first."""

STRETCHES = (16.0, 24.0, 36.0, 54.0, 80.0, 120.0, 180.0, 270.0, 400.0, 600.0)
"""Seconds of the stretches that are tried, short ones first."""
BINS = 40
"""Points of a stretch after averaging neighbours."""
LEAST = 6
"""Readings below which nothing is said."""
RATIO = 1.5
CONSTANTS = tuple(6.0 * RATIO**n for n in range(14))
"""Time constants that are tried: 6 s to 20 min."""
FINER = 4
"""Times that the best one's neighbourhood is looked at more closely."""
SLOWER = 5.5
"""How many times slower the second body is."""
SHARES = {0.0: 1.0, 0.25: 0.5, 0.5: 0.25}
"""Parts of the rise that the second body may have, and how likely that is beforehand."""
MISFIT = 1.6
"""Times the sensor's variance that the residuals of a stretch may have."""
END = 0.25
"""Steps that the mean residual of a quarter of a stretch may be off."""
TELLING = 3.0
"""Independent readings in a step: more of them on the same step tell nothing new."""


class Sensor(NamedTuple):
    """What the readings say of the sensor: its step and its noise, °C."""

    step: float
    noise: float

    @property
    def variance(self) -> float:
        """Of one reading, °C²: a step is known to half of it."""
        return self.step**2 / 12 + self.noise**2 + 1e-6


def sensor_of(points: Points) -> Sensor:
    """Step: the smallest change. Noise: what second differences show beyond smooth change."""
    values = [value for _, value in points]
    changes = (abs(b - a) for a, b in pairwise(values))
    step = min((change for change in changes if change > 1e-3), default=0.125)
    bends = sorted(
        abs(values[i] - 2 * values[i - 1] + values[i - 2]) for i in range(2, len(values))
    )
    noise = 1.4826 * bends[len(bends) // 2] / math.sqrt(6) if bends else 0.0
    return Sensor(min(step, 2.0), noise)


class Shape(NamedTuple):
    """How the way to the settling temperature shrinks, from 1 at 0 s towards 0."""

    constant: float
    share: float = 0.0

    def __call__(self, seconds: float) -> float:
        """What is left of the way after some seconds."""
        return self.over((seconds,))[0]

    def over(self, times: Iterable[float]) -> list[float]:
        """What is left at each of some seconds, at once: a forecast asks ten thousand times."""
        exp, constant, share = math.exp, self.constant, self.share
        if not share:
            return [exp(-seconds / constant) for seconds in times]
        late = constant * SLOWER
        return [
            (fast := exp(-seconds / constant)) + share * (exp(-seconds / late) - fast)
            for seconds in times
        ]


class Fit(NamedTuple):
    """One shape: °C = settles + slope * shape(seconds since the stretch began)."""

    shape: Shape
    settles: float
    slope: float
    squares: float
    spread: tuple[float, float, float]
    """Variances of `settles` and `slope`, and their covariance, for a residual variance of 1."""

    def at(self, seconds: float) -> float:
        """°C at a second after the stretch began."""
        return self.settles + self.slope * self.shape(seconds)


def _squares(fit: Fit) -> float:
    return fit.squares


class Stretch(NamedTuple):
    """A stretch that one exponential explains, with its sensor."""

    points: Points
    sensor: Sensor
    binned: float
    """Readings that make one point."""
    telling: float
    """Share of the readings that tell something new."""

    @property
    def start(self) -> float:
        """Second of the first point."""
        return self.points[0][0]

    @property
    def variance(self) -> float:
        """What a sum of squared residuals is to be measured by, °C²."""
        return self.sensor.variance / self.telling

    def fits(self, share: float = 0.0) -> list[Fit]:
        """The fit of every time constant, with more of them around the best one."""
        origin = self.points[-1][1]
        times = [t - self.start for t, _ in self.points]
        values = [v - origin for _, v in self.points]

        def fitted(constants: Iterable[float]) -> list[Fit]:
            tried = (least_squares(Shape(c, share), times, values, origin) for c in constants)
            return [fit for fit in tried if fit is not None]

        found = fitted(CONSTANTS)
        ratio = RATIO
        for _ in range(FINER if found else 0):
            ratio = math.sqrt(ratio)
            best = min(found, key=_squares).shape.constant
            found += fitted((best / ratio, best * ratio))
        return found

    def explained_by(self, fit: Fit) -> bool:
        """Whether the residuals are the sensor's, over all, at the beginning and at the end."""
        n, sensor = len(self.points), self.sensor
        # Noise averages out in a bin, and where there is enough of it, steps do, too.
        variance = sensor.step**2 / 12 + sensor.noise**2 / self.binned + 1e-6
        if sensor.noise > 0.4 * sensor.step:
            variance = sensor.variance / self.binned
        if fit.squares / max(n - 3, 1) > MISFIT * variance:
            return False
        quarter = max(n // 4, 3)
        bound = END * sensor.step + 2.5 * math.sqrt(variance / quarter)
        for part in (self.points[:quarter], self.points[-quarter:]):
            off = sum(v - fit.at(t - self.start) for t, v in part) / len(part)
            if abs(off) > bound:
                return False
        return True


def least_squares(
    shape: Shape, times: Sequence[float], values: Sequence[float], origin: float
) -> Fit | None:
    """Two unknowns; None where the shape is flat or gone over the whole stretch."""
    n = len(times)
    xs = shape.over(times)
    sx, sy = sum(xs), sum(values)
    sxx, syy = sum(map(mul, xs, xs)), sum(map(mul, values, values))
    sxy = sum(map(mul, xs, values))
    determinant = n * sxx - sx * sx
    if determinant <= 1e-9 * n * n:
        return None
    slope = (n * sxy - sx * sy) / determinant
    settles = (sy - slope * sx) / n
    squares = max(syy - settles * sy - slope * sxy, 0.0)
    spread = (sxx / determinant, n / determinant, -sx / determinant)
    return Fit(shape, settles + origin, slope, squares, spread)


def longest_stretch(points: Points, now: float, sensor: Sensor) -> Stretch | None:
    """The longest recent stretch that one exponential explains; None below `LEAST` readings."""
    found: Stretch | None = None
    for seconds in STRETCHES:
        chosen = [point for point in points if point[0] >= now - seconds]
        part = _binned(chosen)
        if len(part) < LEAST:
            continue
        if found is not None and part[0] == found.points[0]:
            break
        swing = max(v for _, v in part) - min(v for _, v in part)
        telling = min(TELLING * swing / sensor.step + 3, len(part)) / len(part)
        stretch = Stretch(part, sensor, len(chosen) / len(part), telling)
        best = min(stretch.fits(), key=_squares, default=None)
        if found is not None and (best is None or not stretch.explained_by(best)):
            break
        found = stretch
    return found


def _binned(chosen: Points) -> Points:
    if len(chosen) <= BINS:
        return chosen
    size = len(chosen) / BINS
    bins = []
    for n in range(BINS):
        part = chosen[round(n * size) : round((n + 1) * size)]
        bins.append((sum(t for t, _ in part) / len(part), sum(v for _, v in part) / len(part)))
    return bins
