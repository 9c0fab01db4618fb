"""A warm-up is fitted where the readings are enough, and judged by the sensor's limits."""

from __future__ import annotations

import math

import pytest

from mlxtop.load.soak import Soak, fit_rise, soak
from mlxtop.watch.heat_limits import HeatLimits

LIMITS = HeatLimits(70.0, 80.0, 90.0, "the module's own limits")


def curve(settles: float, rise: float, constant: float, seconds: int) -> list[tuple[float, float]]:
    """A reading a second of one body that warms up."""
    return [(float(t), settles - rise * math.exp(-t / constant)) for t in range(seconds)]


@pytest.mark.parametrize(("count", "fits"), [(19, False), (20, True)])
def test_a_fit_needs_twenty_readings(count: int, fits: bool) -> None:
    assert (fit_rise(curve(60.0, 20.0, 4.0, count)) is not None) is fits


@pytest.mark.parametrize(("seconds", "fits"), [(30, False), (60, True)])
def test_less_than_one_time_constant_is_too_short(seconds: int, fits: bool) -> None:
    assert (fit_rise(curve(60.0, 20.0, 40.0, seconds)) is not None) is fits


@pytest.mark.parametrize(
    ("top", "verdict"),
    [
        (69.9, "settles at 69.9 °C, 0.1 °C below its warning limit"),
        (70.0, "settles at 70.0 °C, above its warning limit of 70 °C"),
        (79.9, "settles at 79.9 °C, above its warning limit of 70 °C"),
        (80.0, "settles at 80.0 °C, above its alarm limit of 80 °C"),
    ],
)
def test_the_verdict_is_by_the_limits(top: float, verdict: str) -> None:
    assert Soak("module", 40.0, 65.0, top, 30.0, None, LIMITS).verdict == verdict


def test_the_rise_is_shared_by_what_was_carried() -> None:
    points = [(-1.0, 40.0), (0.0, 40.0), *curve(60.0, 20.0, 40.0, 200)[1:]]
    warm_up = soak("module", points, LIMITS, (0.0, 200.0), 50e9)
    assert warm_up.baseline == 40.0
    assert warm_up.rise == pytest.approx(20.0, abs=0.3)
    assert warm_up.per_gbps == pytest.approx(0.4, abs=0.01)
    assert soak("module", [], LIMITS, (0.0, 200.0), 50e9).verdict == "not enough readings"
