"""Fits of a warming body to what its sensor said: every shape that explains a recent stretch.

A body approaches its settling temperature exponentially; a card or module is a fast one (chip,
laser) on a slow one (heat sink, cage). Load, fans and rooms change, so only the longest recent
stretch counts that one exponential still explains.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import pairwise
from operator import mul, sub
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
FINER = 3
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
    """The step and the noise of a sensor, °C, by its readings."""

    step: float
    noise: float

    @property
    def variance(self) -> float:
        """Return that of one reading, °C²: a step is known to half of it."""
        return self.step**2 / 12 + self.noise**2 + 1e-6


def sensor_of(points: Points) -> Sensor:
    """Return the smallest change as step, as noise what second differences show beyond it."""
    values = [value for _, value in points]
    changes = list(map(sub, values[1:], values))
    step = min((size for change in changes if (size := abs(change)) > 1e-3), default=0.125)
    bends = sorted(map(abs, map(sub, changes[1:], changes)))
    noise = 1.4826 * bends[len(bends) // 2] / math.sqrt(6) if bends else 0.0
    return Sensor(min(step, 2.0), noise)


class Shape(NamedTuple):
    """The part of the way to the settling temperature that is left, from 1 at 0 s towards 0."""

    constant: float
    share: float = 0.0

    def __call__(self, seconds: float) -> float:
        fast = math.exp(-seconds / self.constant)
        if not self.share:
            return fast
        return fast + self.share * (math.exp(-seconds / (self.constant * SLOWER)) - fast)


class Fit(NamedTuple):
    """One shape: °C = settles + slope * shape(seconds since the stretch began)."""

    shape: Shape
    settles: float
    slope: float
    squares: float
    spread: tuple[float, float, float]
    """Variances of `settles` and `slope`, and their covariance, for a residual variance of 1."""

    def at(self, seconds: float) -> float:
        """Return °C at a second after the stretch began."""
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
    fits: Fits

    @property
    def start(self) -> float:
        return self.points[0][0]

    @property
    def variance(self) -> float:
        """Return what a sum of squared residuals is to be measured by, °C²."""
        return self.sensor.variance / self.telling

    def explained(self) -> bool:
        """Return whether one exponential does: the best of a few, or else of more of them."""
        tries = (self.fits.rough, self.fits.fine)
        return any((fits := of()) and self._explained_by(min(fits, key=_squares)) for of in tries)

    def _explained_by(self, fit: Fit) -> bool:
        """Return whether the residuals are the sensor's: of all, of the first and last ones."""
        n, sensor = len(self.points), self.sensor
        # Noise averages out in a bin, and where there is enough of it, steps do, too.
        variance = sensor.step**2 / 12 + sensor.noise**2 / self.binned + 1e-6
        if sensor.noise > 0.4 * sensor.step:
            variance = sensor.variance / self.binned
        if fit.squares / max(n - 3, 1) > MISFIT * variance:
            return False
        quarter = max(n // 4, 3)
        bound = END * sensor.step + 2.5 * math.sqrt(variance / quarter)
        return all(
            abs(sum(v - fit.at(t - self.start) for t, v in part) / len(part)) <= bound
            for part in (self.points[:quarter], self.points[-quarter:])
        )


Sums = tuple[float, float, float]
"""Of a shape over the points, of its squares, and of its products with their values."""


class Fits:
    """Least squares of every shape to the points of a stretch; a forecast makes a hundred.

    They are most of what a forecast costs, so what they share is added up once.
    """

    def __init__(self, points: Points) -> None:
        self._origin = points[-1][1]
        start = points[0][0]
        self._times = [t - start for t, _ in points]
        self._values = values = [v - self._origin for _, v in points]
        self._sum, self._squares = sum(values), sum(map(mul, values, values))
        self._bodies: dict[float, tuple[list[float], Sums]] = {}
        """What one body leaves of its way at each point, and its sums, by its time constant."""
        self._pairs: dict[float, tuple[Sums, Sums, float]] = {}
        """Sums of a body and of its slower one, and that of their products."""
        self._rough: dict[float, list[Fit]] = {}

    def rough(self, share: float = 0.0) -> list[Fit]:
        """Return the fit of every time constant."""
        if share not in self._rough:
            self._rough[share] = self._of(CONSTANTS, share)
        return self._rough[share]

    def fine(self, share: float = 0.0) -> list[Fit]:
        """Return the same, with more of them around the best one."""
        fits = list(self.rough(share))
        new, ratio = fits, RATIO
        best: Fit | None = None
        for _ in range(FINER if fits else 0):
            ratio = math.sqrt(ratio)
            best = min(new if best is None else (best, *new), key=_squares)
            constant = best.shape.constant
            new = self._of((constant / ratio, constant * ratio), share)
            fits += new
        return fits

    def _of(self, constants: Iterable[float], share: float) -> list[Fit]:
        """Return the fits of two unknowns; none of what is flat or gone over the whole stretch."""
        n, sy = len(self._times), self._sum
        fits = []
        for constant in constants:
            sx, sxx, sxy = self._mixed(constant, share) if share else self._body(constant)[1]
            determinant = n * sxx - sx * sx
            if determinant <= 1e-9 * n * n:
                continue
            slope = (n * sxy - sx * sy) / determinant
            settles = (sy - slope * sx) / n
            rest = max(self._squares - settles * sy - slope * sxy, 0.0)
            spread = (sxx / determinant, n / determinant, -sx / determinant)
            fits.append(Fit(Shape(constant, share), settles + self._origin, slope, rest, spread))
        return fits

    def _body(self, constant: float) -> tuple[list[float], Sums]:
        body = self._bodies.get(constant)
        if body is None:
            exp, rate = math.exp, -1.0 / constant
            decay = [exp(seconds * rate) for seconds in self._times]
            sums = sum(decay), sum(map(mul, decay, decay)), sum(map(mul, decay, self._values))
            body = self._bodies[constant] = decay, sums
        return body

    def _mixed(self, constant: float, share: float) -> Sums:
        """Return the sums of a body on its slower one."""
        pair = self._pairs.get(constant)
        if pair is None:
            (fast, of_fast), (slow, of_slow) = self._body(constant), self._body(constant * SLOWER)
            pair = self._pairs[constant] = of_fast, of_slow, sum(map(mul, fast, slow))
        (x, xx, xy), (y, yy, yv), product = pair
        rest = 1.0 - share
        both = 2 * rest * share * product
        squares = rest * rest * xx + both + share * share * yy
        return rest * x + share * y, squares, rest * xy + share * yv


def longest_stretch(points: Points, now: float, sensor: Sensor) -> Stretch | None:
    """Return the longest recent stretch that one exponential explains; None below `LEAST`."""
    longest: Stretch | None = None
    for seconds in STRETCHES:
        chosen = points[bisect_left(points, (now - seconds,)) :]
        part = _binned(chosen)
        if len(part) < LEAST:
            continue
        if longest is not None and part[0] == longest.points[0]:
            break
        swing = max(v for _, v in part) - min(v for _, v in part)
        telling = min(TELLING * swing / sensor.step + 3, len(part)) / len(part)
        stretch = Stretch(part, sensor, len(chosen) / len(part), telling, Fits(part))
        if longest is not None and not stretch.explained():
            break
        longest = stretch
    return longest


def _binned(chosen: Points) -> Points:
    if len(chosen) <= BINS:
        return chosen
    size = len(chosen) / BINS
    ends = [round(n * size) for n in range(BINS + 1)]
    seconds, values = zip(*chosen, strict=True)
    return [(sum(seconds[a:b]) / (b - a), sum(values[a:b]) / (b - a)) for a, b in pairwise(ends)]
