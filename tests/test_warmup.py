"""Sensors are known by their readings, and a stretch is as long as one exponential explains it."""

from __future__ import annotations

import math

import pytest

from mlxtop.analysis.warmup import (
    CONSTANTS,
    LEAST,
    STRETCHES,
    Fits,
    Points,
    Shape,
    longest_stretch,
    sensor_of,
)
from tests.heat_curves import Body, Sensor, readings


@pytest.mark.parametrize("step", [0.125, 0.25, 1.0, 2.0])
def test_the_step_of_a_sensor_is_its_smallest_change(step: float) -> None:
    assert sensor_of(readings(Body(40, 60), Sensor(step), 120)).step == pytest.approx(step)


def test_a_step_is_at_most_two_degrees_and_an_eighth_where_nothing_changed() -> None:
    jumps: Points = [(0.0, 40.0), (2.0, 45.0), (4.0, 50.0)]
    assert sensor_of(jumps).step == 2.0
    assert sensor_of([(0.0, 40.0), (2.0, 40.0)]).step == 0.125


def test_the_noise_of_a_sensor_is_what_smooth_change_does_not_explain() -> None:
    smooth = sensor_of([(float(t), 40 + t / 4) for t in range(60)])
    assert smooth.noise == pytest.approx(0.0, abs=1e-9)
    noisy = sensor_of(readings(Body(0, 60), Sensor(0.001, 0.3, 1.0), 600))
    assert noisy.noise == pytest.approx(0.3, rel=0.2)


def test_a_shape_shrinks_from_one_to_nothing_and_its_slow_part_last() -> None:
    fast, slow = Shape(60.0), Shape(60.0, 0.5)
    assert (fast(0.0), slow(0.0)) == (1.0, 1.0)
    assert fast(60.0) == pytest.approx(math.exp(-1))
    assert slow(60.0) == pytest.approx(0.5 * math.exp(-1) + 0.5 * math.exp(-1 / 5.5))
    assert slow(3000.0) > fast(3000.0)


@pytest.mark.parametrize(("count", "enough"), [(LEAST, True), (LEAST - 1, False)])
def test_a_stretch_needs_six_readings(count: int, enough: bool) -> None:
    points = [(2.0 * n, 40.0 + n / 2) for n in range(count)]
    assert LEAST == 6
    found = longest_stretch(points, points[-1][0], sensor_of(points))
    assert (found is not None) is enough


def test_one_exponential_is_explained_as_long_as_it_lasts() -> None:
    points = readings(Body(40, CONSTANTS[6]), Sensor(0.25, every=5.0), 180)
    stretch = longest_stretch(points, 180.0, sensor_of(points))
    assert stretch is not None
    assert (stretch.start, len(stretch.points), stretch.binned) == (0.0, 37, 1.0)
    best = min(stretch.fits.fine(), key=lambda fit: fit.squares)
    assert best.settles == pytest.approx(80.0, abs=0.5)
    assert best.shape.constant == pytest.approx(CONSTANTS[6])


@pytest.mark.parametrize("moment", [200.0, 300.0])
def test_a_stretch_begins_after_the_load_has_changed(moment: float) -> None:
    body = Body(40, 60, power=lambda t: 0.2 if t < moment else 1.0)
    points = readings(body, Sensor(0.125), 400)
    stretch = longest_stretch(points, 400.0, sensor_of(points))
    assert stretch is not None
    assert 400.0 - STRETCHES[-1] < moment - 20.0 <= stretch.start + 20.0
    assert len(stretch.points) >= LEAST


def test_all_time_constants_are_tried_and_more_around_the_best() -> None:
    points = readings(Body(40, 60), Sensor(0.125), 120)
    fits = Fits(points)
    rough = [fit.shape.constant for fit in fits.rough()]
    assert rough == list(CONSTANTS)
    assert rough[0] == 6.0
    assert rough[-1] == pytest.approx(1168, rel=0.01)
    assert len(fits.fine()) == len(rough) + 6


def test_what_is_flat_has_no_fit() -> None:
    assert Fits([(0.0, 40.0)] * 6).rough() == []
