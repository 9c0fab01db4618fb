"""Limits that a module's maker sets, and what its lanes show."""

from __future__ import annotations

import pytest

from mlxtop.model.module import (
    Bound,
    Flag,
    Identity,
    Lane,
    Module,
    Quantity,
    Thresholds,
    dbm,
    merge_seen,
)

LIMITS = Thresholds(75.0, -5.0, 70.0, 0.0)


@pytest.mark.parametrize(
    ("value", "bound"),
    [
        (75.0, Bound.HIGH_ALARM),
        (74.9, Bound.HIGH_WARNING),
        (70.0, Bound.HIGH_WARNING),
        (69.9, None),
        (0.1, None),
        (0.0, Bound.LOW_WARNING),
        (-4.9, Bound.LOW_WARNING),
        (-5.0, Bound.LOW_ALARM),
        (None, None),
    ],
)
def test_a_limit_is_crossed_at_the_limit(value: float | None, bound: Bound | None) -> None:
    assert LIMITS.crossed(value) is bound
    assert Thresholds().crossed(value) is None


@pytest.mark.parametrize(
    ("power", "level"), [(0.0, None), (-1.0, None), (None, None), (0.1, -10.0)]
)
def test_no_light_has_no_level(power: float | None, level: float | None) -> None:
    assert dbm(power) == level


def test_lanes_are_compared_where_two_of_them_are_lit() -> None:
    module = Module(Identity(), lanes=(Lane(1.0), Lane(0.1), Lane(0.0), Lane(None)))
    assert module.imbalance(Quantity.RX_POWER) == pytest.approx(10.0)
    assert module._replace(lanes=(Lane(1.0), Lane(0.0))).imbalance(Quantity.RX_POWER) is None
    assert module.imbalance(Quantity.TX_POWER) is None


def test_each_lane_is_judged_by_the_limits_of_its_quantity() -> None:
    limits = {Quantity.BIAS: Thresholds(high_alarm=50.0)}
    module = Module(Identity(), lanes=(Lane(bias_ma=49.0), Lane(bias_ma=51.0)), thresholds=limits)
    assert module.crossings(Quantity.BIAS) == (None, Bound.HIGH_ALARM)
    assert module.crossings(Quantity.TX_POWER) == (None, None)
    assert module.crossings(Quantity.TEMPERATURE) == (None,)


def test_the_first_sight_of_a_flag_is_kept() -> None:
    first = merge_seen({}, [Flag("rx loss of signal", 2)], 5.0)
    both = merge_seen(first, [Flag("rx loss of signal", 2), Flag("fault")], 9.0)
    assert both == {Flag("rx loss of signal", 2): 5.0, Flag("fault"): 9.0}
    assert merge_seen(both, None, 12.0) is both
    assert merge_seen(both, [Flag("fault")], 12.0) is both


@pytest.mark.parametrize(
    ("rx", "dark"), [(None, False), (0.0, True), (0.0001, True), (0.0002, False)]
)
def test_a_lane_is_dark_at_the_least_that_modules_print(rx: float | None, dark: bool) -> None:
    lane = Lane(rx, 0.0001, 0.0)
    assert (lane.is_dark, lane.laser_is_off) == (dark, True)
    assert not lane._replace(tx_mw=0.0002).laser_is_off
