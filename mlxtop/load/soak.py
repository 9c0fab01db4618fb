"""A thermal soak: how far, how fast and to which temperature a sensor warms up under steady load.

One exponential is fitted to the whole load phase, T = settles - rise e^(-t/τ); real cards are two
coupled masses, so that τ is the effective one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from mlxtop.watch.heat_limits import HeatLimits

LEAST_READINGS = 20
"""Readings that a fit needs."""
_CONSTANTS = [2.0 * 1.09**n for n in range(80)]
"""Time constants that are tried, 2 s to half an hour."""

Points = Sequence[tuple[float, float]]


class Soak(NamedTuple):
    """One sensor's warm-up, °C and seconds; None where the readings do not tell."""

    name: str
    baseline: float | None
    peak: float | None
    settles: float | None
    """Where it would settle if the load went on."""
    constant: float | None
    per_gbps: float | None
    """°C of rise for each Gb/s carried."""
    limits: HeatLimits

    @property
    def rise(self) -> float | None:
        """Return °C from the baseline to where it settles, else to the peak."""
        top = self.top
        return top - self.baseline if top is not None and self.baseline is not None else None

    @property
    def top(self) -> float | None:
        """Return the temperature at which it settles, else its peak, °C."""
        return self.peak if self.settles is None else self.settles

    @property
    def verdict(self) -> str:
        top = self.top
        if top is None:
            return "not enough readings"
        words = "settles at" if self.settles is not None else "reached"
        for name, limit in (("alarm", self.limits.alarm), ("warning", self.limits.warning)):
            if top >= limit:
                return f"{words} {top:.1f} °C, above its {name} limit of {limit:g} °C"
        room = self.limits.warning - top
        return f"{words} {top:.1f} °C, {room:.1f} °C below its warning limit"

    def document(self) -> dict[str, Any]:
        return {
            "name": self.name,
            **{f"{n}_c": getattr(self, n) for n in ("baseline", "peak", "settles", "rise")},
            "time_constant_s": self.constant,
            "c_per_gbps": self.per_gbps,
            "verdict": self.verdict,
        }


def soak(
    name: str, points: Points, limits: HeatLimits, load: tuple[float, float], bps: float | None
) -> Soak:
    """Return the warm-up of a sensor.

    `points` are its readings by monotonic second, `load` is when the load began and ended.
    """
    start, end = load
    before = [value for tick, value in points if tick <= start][-5:]
    during = [(tick - start, value) for tick, value in points if start < tick <= end]
    baseline = sum(before) / len(before) if before else None
    settles, constant = fit_rise(during) or (None, None)
    peak = max((value for _, value in during), default=None)
    warm_up = Soak(name, baseline, peak, settles, constant, None, limits)
    rise = warm_up.rise
    return warm_up if rise is None or not bps else warm_up._replace(per_gbps=rise / (bps / 1e9))


def fit_rise(points: Points) -> tuple[float, float] | None:
    """Return settling temperature and time constant, or None where the curve is too short.

    >>> curve = [(t, 60.0 - 20.0 * math.exp(-t / 40.0)) for t in range(0, 200, 2)]
    >>> settles, constant = fit_rise(curve)
    >>> round(settles, 1), abs(constant - 40) < 3
    (60.1, True)
    """
    if len(points) < LEAST_READINGS:
        return None
    fits = (
        (*_line([(math.exp(-tick / constant), value) for tick, value in points]), constant)
        for constant in _CONSTANTS
    )
    _, settles, slope, constant = min(fits, key=lambda fit: fit[0])
    passed = points[-1][0] - points[0][0]
    level = max(value for _, value in points)
    # less than one time constant of curve, or a tail that leads far out of it, tells nothing
    if constant > passed or settles - level > max(5.0, abs(slope) / 2):
        return None
    return settles, constant


def _line(points: Points) -> tuple[float, float, float]:
    """Return sum of squares, value at x = 0 and slope of the best line."""
    x_mean, y_mean = (sum(values) / len(points) for values in zip(*points, strict=True))
    spread = sum((x - x_mean) ** 2 for x, _ in points)
    covariance = sum((x - x_mean) * (y - y_mean) for x, y in points)
    slope = covariance / spread if spread >= 1e-12 else 0.0
    level = y_mean - slope * x_mean
    return sum((y - level - slope * x) ** 2 for x, y in points), level, slope
