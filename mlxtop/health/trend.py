"""The straight course of a value over days, with the temperature's part in it taken out.

Robust regression by iteratively reweighted least squares with Tukey's biweight (Beaton and Tukey,
1974): single bad readings lose their say. What neighbouring residuals have in common makes the
uncertainty larger.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import sqrt
from typing import NamedTuple, TypeVar

Number = TypeVar("Number", int, float)

DAY_S = 86400.0
BUCKET_S = 6 * 3600.0
"""Seconds of which one value is made: the median of its hours."""
LEAST = 8
"""Values that a course needs at least."""
_BIWEIGHT = 4.685
_ROUNDS = 6
_SWING_K = 1.0
"""Spread of the temperature below which it explains nothing."""


def median(values: Iterable[float]) -> float:
    """Return the middle of some values, one at least; `statistics` takes long to load.

    >>> median([3.0, 1.0, 2.0]), median([4.0, 1.0])
    (2.0, 2.5)
    """
    there = sorted(values)
    middle = len(there) // 2
    return there[middle] if len(there) % 2 else (there[middle - 1] + there[middle]) / 2


def median_high(values: Iterable[Number]) -> Number:
    """Return the middle of some numbers, one at least; of two in the middle the higher one."""
    there = sorted(values)
    return there[len(there) // 2]


class Value(NamedTuple):
    """A value at an instant, and the temperature then."""

    wall: float
    value: float
    celsius: float | None = None


class Course(NamedTuple):
    """The straight course of a value."""

    wall: float
    """Epoch second of the newest value."""
    level: float
    """The value that the course has then, at the usual temperature."""
    slope: float
    """Change a day."""
    error: float
    """Standard error of `slope`."""
    per_kelvin: float
    """Change with the temperature; 0 where it explains nothing."""
    noise: float
    """Usual distance of a value from the course."""
    days: float
    """From the oldest to the newest value."""

    @property
    def rise(self) -> float:
        """Return what the course has gained from the oldest to the newest value."""
        return self.slope * self.days


def buckets(values: Iterable[Value], seconds: float = BUCKET_S) -> list[Value]:
    """Return the medians of values in stretches of time, the oldest first.

    >>> buckets([Value(0, 1.0, 40), Value(3600, 9.0, 42), Value(7200, 1.5, 41)])
    [Value(wall=3600.0, value=1.5, celsius=41)]
    """
    groups: dict[int, list[Value]] = {}
    for one in values:
        groups.setdefault(int(one.wall // seconds), []).append(one)
    medians = []
    for _, group in sorted(groups.items()):
        heat = [one.celsius for one in group if one.celsius is not None]
        wall = sum(one.wall for one in group) / len(group)
        middle = median(one.value for one in group)
        medians.append(Value(wall, middle, median(heat) if heat else None))
    return medians


def course(values: Sequence[Value]) -> Course | None:
    """Return the course of values in the order of time; None where they are too few."""
    if len(values) < LEAST or values[-1].wall <= values[0].wall:
        return None
    end = values[-1].wall
    heat = [one.celsius for one in values if one.celsius is not None]
    usual = median(heat) if heat else 0.0
    swings = len(heat) == len(values) and _spread(heat) >= _SWING_K
    rows = [
        (1.0, (one.wall - end) / DAY_S, *(((one.celsius or 0.0) - usual,) if swings else ()))
        for one in values
    ]
    targets = [one.value for one in values]
    weights = [1.0] * len(rows)
    for _ in range(_ROUNDS):
        solved = _solve(rows, targets, weights)
        if solved is None:
            return None
        factors, inverse = solved
        left = [
            y - sum(f * x for f, x in zip(factors, row, strict=True))
            for y, row in zip(targets, rows, strict=True)
        ]
        scale = max(median(map(abs, left)) / 0.6745, 1e-9)
        weights = [max(0.0, 1 - (r / (_BIWEIGHT * scale)) ** 2) ** 2 for r in left]
    alike = _alike(left, scale)
    count = max(1.0, sum(weights) - len(factors))
    squares = sum(w * r * r for w, r in zip(weights, left, strict=True)) / count
    error = sqrt(max(squares, 1e-12) * inverse[1][1] * (1 + alike) / (1 - alike))
    warm = factors[2] if swings else 0.0
    return Course(end, factors[0], factors[1], error, warm, scale, -rows[0][1])


def _spread(values: Sequence[float]) -> float:
    middle = sum(values) / len(values)
    return sqrt(sum((one - middle) ** 2 for one in values) / len(values))


def _alike(left: Sequence[float], scale: float) -> float:
    """Return how much a residual has of the one before, 0 to 0.9; bad readings are cut."""
    cut = [max(-3 * scale, min(3 * scale, one)) for one in left]
    square = sum(one * one for one in cut)
    both = sum(one * two for one, two in pairwise(cut))
    return max(0.0, min(0.9, both / square)) if square else 0.0


def _solve(
    rows: Sequence[Sequence[float]], targets: Sequence[float], weights: Sequence[float]
) -> tuple[list[float], list[list[float]]] | None:
    """Return the weighted least squares' factors, and the inverse of their normal matrix."""
    size = len(rows[0])
    matrix = [
        [sum(w * r[i] * r[j] for w, r in zip(weights, rows, strict=True)) for j in range(size)]
        + [1.0 if i == j else 0.0 for j in range(size)]
        for i in range(size)
    ]
    right = [
        sum(w * r[i] * y for w, r, y in zip(weights, rows, targets, strict=True))
        for i in range(size)
    ]
    for i in range(size):  # Gauss and Jordan; the matrix is positive definite unless degenerate
        pivot = matrix[i][i]
        if pivot < 1e-9:
            return None
        matrix[i] = [value / pivot for value in matrix[i]]
        for k in range(size):
            if k != i:
                factor = matrix[k][i]
                matrix[k] = [a - factor * b for a, b in zip(matrix[k], matrix[i], strict=True)]
    inverse = [row[size:] for row in matrix]
    return [sum(a * b for a, b in zip(row, right, strict=True)) for row in inverse], inverse
