"""Temperatures and where they are heading, in words."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from mlxtop.analysis.crossing import Crossing
from mlxtop.analysis.forecast import Forecast, Trend
from mlxtop.model.sample import Temperature
from mlxtop.present.heat import Clock, outlook, short_outlook
from mlxtop.present.text import Role
from mlxtop.watch.heat import SensorHeat
from mlxtop.watch.heat_limits import AlarmState, HeatLimits, SensorAlarm

ALARM = Crossing(80.0, 1.0, 220.0, 31.0)
NEVER = Crossing(75.0, 0.0)
CLOCK = Clock(1000.0, 86400.0 + 12 * 3600)
"""Second 1000 was noon."""


@pytest.fixture(autouse=True)
def _greenwich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def heat(
    future: Forecast | None,
    celsius: float = 60.0,
    state: AlarmState = AlarmState.OK,
    since: float = 940.0,
) -> SensorHeat:
    limits = HeatLimits(75.0, 80.0, None, "the module's own limits")
    return SensorHeat(
        Temperature("module", celsius, 1000.0), limits, future, SensorAlarm(state, since, 75.0)
    )


@pytest.mark.parametrize(
    ("future", "words"),
    [
        (None, "not enough readings yet"),
        (Forecast(1000.0, Trend.UNKNOWN), "not enough readings yet"),
        (Forecast(1000.0, Trend.STABLE, 57.2, 57.2, 1.0), "stable at 57 °C"),
        (
            Forecast(1000.0, Trend.RISING, 60, 71.3, 1.2, 60, NEVER, Crossing(80, 0.0)),
            "rising, settles at 71 ± 1 °C, warning 75 °C never",
        ),
        (Forecast(1000.0, Trend.RISING, 60.0), "rising, too early to tell where to"),
        (
            Forecast(1000.0, Trend.RISING, 60, 90, 2, 60, None, ALARM),
            "alarm 80 °C in 3 min 40 s ± 30 s",
        ),
        (
            Forecast(1000.0, Trend.RISING, 60, 90, 2, 60, Crossing(75, 1, 64.0, 2.3), ALARM),
            "warning 75 °C in 1 min 04 s ± 2 s, alarm 80 °C in 3 min 40 s ± 30 s",
        ),
    ],
)
def test_a_forecast_is_told_no_finer_than_it_is_known(future: Forecast | None, words: str) -> None:
    assert outlook(heat(future), CLOCK)[0] == words


RISING = Forecast(1000.0, Trend.RISING, 75.2, 90, 2, 60, Crossing(75, 1, 1.0, 1.0), ALARM)
COOLING = Forecast(1000.0, Trend.FALLING, 82.0, 60, 2, 60, back=Crossing(75, 1.0, 41.0, 12.0))
STAYS = Forecast(1000.0, Trend.STABLE, 76.0, 76.0, 1.0, back=Crossing(75, 0.0))


@pytest.mark.parametrize(
    ("one", "words", "short"),
    [
        (
            heat(RISING, 75.5, AlarmState.WARNING),
            "at warning since 11:59:00, alarm 80 °C in 3 min 40 s ± 30 s",
            "alarm in 3 min 40 s",
        ),
        (
            heat(RISING._replace(alarm=Crossing(80, 1, 0.3, 1.0)), 80.0, AlarmState.ALARM, 1000.0),
            "at alarm since 12:00:00, rising, settles at 90 ± 2 °C",
            "at alarm since 12:00:00",
        ),
        (
            heat(COOLING, 82.0, AlarmState.ALARM),
            "at alarm since 11:59:00, back below warning in 40 s ± 10 s",
            "below warning in 41 s",
        ),
        (
            heat(STAYS, 76.0, AlarmState.WARNING),
            "at warning since 11:59:00, stable at 76 °C",
            "at warning since 11:59:00",
        ),
        (
            heat(None, 76.0, AlarmState.WARNING),
            "at warning since 11:59:00",
            "at warning since 11:59:00",
        ),
    ],
)
def test_a_limit_that_was_passed_is_told_by_its_time_and_by_its_end(
    one: SensorHeat, words: str, short: str
) -> None:
    assert outlook(one, CLOCK)[0] == words
    told = short_outlook(one, CLOCK)
    assert told is not None
    assert told[0] == short
    assert outlook(one, CLOCK)[1] in (Role.WARNING, Role.CRITICAL)


@pytest.mark.parametrize(("celsius", "told"), [(74.9, "warning in 1 s"), (75.0, None)])
def test_a_limit_is_ahead_until_it_is_reached(celsius: float, told: str | None) -> None:
    future = Forecast(1000.0, Trend.RISING, 75.0, None, None, 60, Crossing(75, 1, 0.2, 1.0))
    run = short_outlook(heat(future, celsius), CLOCK)
    assert (run and run[0]) == told


def test_what_settles_below_its_limits_is_told_in_short() -> None:
    future = Forecast(1000.0, Trend.RISING, 60, 71.3, 1.2, 60, NEVER)
    assert short_outlook(heat(future), CLOCK) == ("settles 71 °C", Role.DIM)
    assert short_outlook(heat(future._replace(trend=Trend.FALLING)), CLOCK) is None


@pytest.mark.parametrize(
    ("age", "words"),
    [(0.0, "alarm in 2 min 08 s"), (100.0, "alarm in 28 s"), (500.0, "alarm in 1 s")],
)
def test_the_age_of_a_forecast_is_not_waited_for_again(age: float, words: str) -> None:
    future = Forecast(1000.0 - age, Trend.RISING, 60, 90, 2, 60, None, Crossing(80, 1, 128.0, 3.0))
    told = short_outlook(heat(future), CLOCK)
    assert told is not None
    assert told[0] == words
