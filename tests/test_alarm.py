"""States of a temperature, from good to bad, and what keeps them from flickering."""

from __future__ import annotations

import pytest

from mlxtop.analysis.forecast import Crossing, Forecast, Trend
from mlxtop.model.sample import Temperature
from mlxtop.watch.alarm import Alarm, AlarmState, advance
from mlxtop.watch.heat_limits import HeatLimits

LIMITS = HeatLimits(70.0, 75.0, 85.0, "test")


def reading(celsius: float | None, stale: bool = False) -> Temperature:
    return Temperature("module", celsius, 0.0, stale=stale)


def soon(seconds: float | None, chance: float = 1.0) -> Forecast:
    crossing = Crossing(70.0, chance, seconds, 5.0 if seconds is not None else None)
    return Forecast(0.0, Trend.RISING, warning=crossing, alarm=Crossing(75.0, 0.0))


@pytest.mark.parametrize(
    ("celsius", "state"),
    [
        (50.0, AlarmState.OK),
        (70.0, AlarmState.WARNING),
        (75.0, AlarmState.ALARM),
        (85.0, AlarmState.SHUTDOWN),
        (None, AlarmState.STALE),
    ],
)
def test_a_reading_has_its_state(celsius: float | None, state: AlarmState) -> None:
    assert advance(Alarm(), reading(celsius), LIMITS, None, 0.0).state is state


def test_a_value_that_wavers_at_a_limit_does_not_flicker() -> None:
    alarm = Alarm()
    states = []
    for celsius in (69.9, 70.1, 69.9, 68.5, 70.2, 68.1, 67.9, 69.0):
        alarm = advance(alarm, reading(celsius), LIMITS, None, 0.0)
        states.append(alarm.state)
    assert states == [AlarmState.OK, *[AlarmState.WARNING] * 5, AlarmState.OK, AlarmState.OK]


def test_the_beginning_of_a_state_is_kept() -> None:
    alarm = advance(Alarm(), reading(71.0), LIMITS, None, 10.0)
    alarm = advance(alarm, reading(72.0), LIMITS, None, 20.0)
    assert (alarm.since, alarm.limit) == (10.0, 70.0)
    alarm = advance(alarm, reading(76.0), LIMITS, None, 30.0)
    assert (alarm.state, alarm.since, alarm.limit) == (AlarmState.ALARM, 30.0, 75.0)


def test_a_forecast_makes_it_warming_until_it_is_called_off() -> None:
    alarm = advance(Alarm(), reading(60.0), LIMITS, soon(120.0), 0.0)
    assert (alarm.state, alarm.limit) == (AlarmState.WARMING, 70.0)
    assert advance(alarm, reading(60.0), LIMITS, soon(None, 0.5), 1.0).state is AlarmState.WARMING
    assert advance(alarm, reading(60.0), LIMITS, soon(None, 0.1), 1.0).state is AlarmState.OK


@pytest.mark.parametrize(
    ("seconds", "state"), [(600.0, AlarmState.WARMING), (600.1, AlarmState.OK)]
)
def test_a_warm_up_is_told_from_ten_minutes_before_a_limit(
    seconds: float, state: AlarmState
) -> None:
    assert advance(Alarm(), reading(60.0), LIMITS, soon(seconds), 0.0).state is state


@pytest.mark.parametrize("limit", [70.0, 75.0, 85.0])
def test_a_state_ends_below_two_degrees_under_its_limit(limit: float) -> None:
    alarm = advance(Alarm(), reading(limit), LIMITS, None, 0.0)
    assert alarm.limit == limit
    assert advance(alarm, reading(limit - 2.0), LIMITS, None, 1.0).state is alarm.state
    below = advance(alarm, reading(limit - 2.1), LIMITS, None, 1.0).state
    assert below.level < alarm.state.level


def test_an_old_reading_is_stale_whatever_it_says() -> None:
    assert advance(Alarm(), reading(90.0, stale=True), LIMITS, None, 0.0).state is AlarmState.STALE


def test_states_are_ordered_from_good_to_bad() -> None:
    assert [state.level for state in AlarmState] == sorted(state.level for state in AlarmState)
    assert AlarmState.OK.level == 0
