"""The course of a value over days: what noise, temperature and bad readings make of it."""

from __future__ import annotations

from itertools import pairwise
from math import pi, sin
from random import Random

import pytest

from mlxtop.health.trend import BUCKET_S, DAY_S, LEAST, Value, buckets, course

STEP = BUCKET_S


def line(
    count: int = 56, slope: float = 0.1, warm: float = 0.0, noise: float = 0.05, seed: int = 1
) -> list[Value]:
    """A value that changes by `slope` a day, and by `warm` a kelvin of a daily swing of 5 K."""
    random = Random(seed)
    found = []
    for n in range(count):
        swing = 5 * sin(n * pi / 2 + 0.4) + random.gauss(0, 0.3)
        value = -8 + slope * n * STEP / DAY_S + warm * swing + random.gauss(0, noise)
        found.append(Value(n * STEP, value, 45 + swing))
    return found


def test_a_slope_is_found_within_its_error() -> None:
    inside = 0
    for seed in range(40):
        found = course(line(seed=seed))
        assert found is not None
        inside += abs(found.slope - 0.1) < 2 * found.error
    assert inside >= 34


def test_what_goes_with_the_temperature_is_taken_out() -> None:
    values = line(slope=0.0, warm=0.05)
    found = course(values)
    assert found is not None
    assert found.per_kelvin == pytest.approx(0.05, abs=0.01)
    assert found.slope == pytest.approx(0.0, abs=0.01)
    assert found.noise < 0.1
    cold = course([one._replace(celsius=None) for one in values])
    assert cold is not None
    assert cold.noise > 0.15


def test_single_bad_readings_have_no_say() -> None:
    values = line(slope=0.0)
    spoilt = [one._replace(value=-2.0) if n % 11 == 10 else one for n, one in enumerate(values)]
    found = course(spoilt)
    assert found is not None
    assert abs(found.slope) < 0.01
    assert found.level == pytest.approx(-8, abs=0.1)


def test_too_few_values_have_no_course() -> None:
    assert course(line(count=LEAST - 1)) is None
    assert course(line(count=LEAST)) is not None
    assert course([Value(5.0, 1.0)] * LEAST) is None
    assert course([]) is None


def test_values_that_are_all_the_same_are_level() -> None:
    found = course([Value(n * STEP, -9.0, 40.0) for n in range(20)])
    assert found is not None
    assert found.slope == pytest.approx(0.0, abs=1e-9)
    assert found.per_kelvin == 0.0


def test_a_wander_makes_the_error_larger_than_noise_of_the_same_size() -> None:
    random = Random(3)
    still = [random.gauss(0, 0.14) for _ in range(56)]
    wander = [0.0]
    while len(wander) < 56:
        wander.append(0.9 * wander[-1] + random.gauss(0, 0.06))
    errors = []
    for values in (still, wander):
        found = course([Value(n * STEP, one) for n, one in enumerate(values)])
        assert found is not None
        errors.append(found.error / found.noise)
    assert errors[1] > 1.8 * errors[0]


def test_buckets_are_in_the_order_of_time_and_of_medians() -> None:
    values = [Value(n * 3600.0, float(n), 40.0) for n in range(48)]
    found = buckets(reversed(values))
    assert len(found) == 8
    assert all(a.wall < b.wall for a, b in pairwise(found))
    assert found[0] == Value(2.5 * 3600, 2.5, 40.0)
