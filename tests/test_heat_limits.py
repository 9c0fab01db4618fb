"""Limits of temperatures, who says so, and the states of a temperature by them."""

from __future__ import annotations

import pytest

from mlxtop.analysis.crossing import Crossing
from mlxtop.analysis.forecast import Forecast, Trend
from mlxtop.model.module import Identity, Module, Quantity, Thresholds
from mlxtop.model.sample import Link, PortSample, Temperature
from mlxtop.watch.heat_limits import (
    AlarmState,
    HeatLimits,
    SensorAlarm,
    chip_limits,
    limits_of,
    module_limits,
)
from tests.samples import PACU, card

OWN = Module(Identity(), thresholds={Quantity.TEMPERATURE: Thresholds(80, -10, 72, 0)})


@pytest.mark.parametrize(
    ("family", "reported", "limits"),
    [
        ("ConnectX-4", None, (105.0, 115.0, 130.0)),
        ("ConnectX-4 Lx", 105.0, (105.0, 115.0, 130.0)),
        ("ConnectX-5 Ex", None, (105.0, 115.0, 130.0)),
        ("ConnectX-7", 105.0, (97.0, 102.0, 110.0)),
        ("ConnectX-8", None, (97.0, 102.0, 115.0)),
        ("ConnectX-6", 105.0, (95.0, 105.0, None)),
        ("ConnectX-3", None, (90.0, 100.0, None)),
        (None, None, (90.0, 100.0, None)),
    ],
)
def test_a_chip_has_its_familys_limits(
    family: str | None, reported: float | None, limits: tuple[float, float, float | None]
) -> None:
    *degrees, source = chip_limits(family, reported)
    assert tuple(degrees) == limits
    assert source


def test_a_modules_own_limits_count_most() -> None:
    module = Module(Identity(), thresholds={Quantity.TEMPERATURE: Thresholds(80, -10, 72, 0)})
    assert module_limits(module, 70.0) == HeatLimits(72, 80, None, "module's own thresholds")
    bare = Module(Identity(), thresholds={Quantity.TEMPERATURE: Thresholds(high_alarm=80.0)})
    assert module_limits(bare).warning == 75.0
    assert module_limits(Module(Identity()), 70.0).alarm == 70.0
    assert (module_limits(None).warning, module_limits(None).alarm) == (70.0, 75.0)


def test_a_module_with_a_warning_limit_alone_is_in_alarm_there() -> None:
    module = Module(Identity(), thresholds={Quantity.TEMPERATURE: Thresholds(high_warning=72.0)})
    assert module_limits(module)[:2] == (72.0, 72.0)


@pytest.mark.parametrize(
    ("sensor", "module", "source"),
    [
        (Temperature("asic", 60.0, 1.0, 95.0, 105.0), OWN, "the sensor's own limits"),
        (Temperature("asic", 60.0, 1.0, critical=105.0), OWN, "ConnectX-4 manual"),
        (Temperature("module", 60.0, 1.0, critical=70.0), OWN, "module's own thresholds"),
        (Temperature("module", 60.0, 1.0, critical=70.0), None, "limit reported by the driver"),
        (Temperature("module", 60.0, 1.0), None, "usual for commercial optics"),
    ],
)
def test_a_sensors_own_limits_count_before_those_of_its_maker_and_the_driver(
    sensor: Temperature, module: Module | None, source: str
) -> None:
    assert limits_of(sensor, PortSample(PACU, Link(), module=module), card(PACU)).source == source


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
    assert SensorAlarm().advance(reading(celsius), LIMITS, None, 0.0).state is state


def test_a_value_that_wavers_at_a_limit_does_not_flicker() -> None:
    alarm = SensorAlarm()
    states = []
    for celsius in (69.9, 70.1, 69.9, 68.5, 70.2, 68.1, 67.9, 69.0):
        alarm = alarm.advance(reading(celsius), LIMITS, None, 0.0)
        states.append(alarm.state)
    assert states == [AlarmState.OK, *[AlarmState.WARNING] * 5, AlarmState.OK, AlarmState.OK]


def test_the_beginning_of_a_state_is_kept() -> None:
    alarm = SensorAlarm().advance(reading(71.0), LIMITS, None, 10.0)
    alarm = alarm.advance(reading(72.0), LIMITS, None, 20.0)
    assert (alarm.since, alarm.limit) == (10.0, 70.0)
    alarm = alarm.advance(reading(76.0), LIMITS, None, 30.0)
    assert (alarm.state, alarm.since, alarm.limit) == (AlarmState.ALARM, 30.0, 75.0)


@pytest.mark.parametrize(
    ("readings", "since"),
    [
        ((71.0, 76.0, 72.0), 10.0),
        ((76.0, 72.0), 10.0),
        ((71.0, 76.0, 86.0, 72.0), 10.0),
        ((76.0, 86.0, 72.0), 10.0),
        ((71.0, 86.0, 77.0), 20.0),
        ((71.0, 60.0, 71.0), 30.0),
        ((71.0, None, 71.0), 30.0),
        ((76.0, 72.0, 76.0), 30.0),
    ],
)
def test_a_limit_is_passed_from_its_first_reading_until_one_below_it(
    readings: tuple[float | None, ...], since: float
) -> None:
    alarm = SensorAlarm()
    for place, celsius in enumerate(readings, 1):
        alarm = alarm.advance(reading(celsius), LIMITS, None, 10.0 * place)
    assert alarm.since == since


def test_a_forecast_makes_it_warming_until_it_is_called_off() -> None:
    alarm = SensorAlarm().advance(reading(60.0), LIMITS, soon(120.0), 0.0)
    assert (alarm.state, alarm.limit) == (AlarmState.WARMING, 70.0)
    assert alarm.advance(reading(60.0), LIMITS, soon(None, 0.5), 1.0).state is AlarmState.WARMING
    assert alarm.advance(reading(60.0), LIMITS, soon(None, 0.1), 1.0).state is AlarmState.OK


@pytest.mark.parametrize(
    ("seconds", "state"), [(600.0, AlarmState.WARMING), (600.1, AlarmState.OK)]
)
def test_a_warm_up_is_told_from_ten_minutes_before_a_limit(
    seconds: float, state: AlarmState
) -> None:
    assert SensorAlarm().advance(reading(60.0), LIMITS, soon(seconds), 0.0).state is state


@pytest.mark.parametrize("limit", [70.0, 75.0, 85.0])
def test_a_state_ends_below_two_degrees_under_its_limit(limit: float) -> None:
    alarm = SensorAlarm().advance(reading(limit), LIMITS, None, 0.0)
    assert alarm.limit == limit
    assert alarm.advance(reading(limit - 2.0), LIMITS, None, 1.0).state is alarm.state
    below = alarm.advance(reading(limit - 2.1), LIMITS, None, 1.0).state
    assert below.level < alarm.state.level


def test_an_old_reading_is_stale_whatever_it_says() -> None:
    assert (
        SensorAlarm().advance(reading(90.0, stale=True), LIMITS, None, 0.0).state
        is AlarmState.STALE
    )


def test_states_are_ordered_from_good_to_bad() -> None:
    assert [state.level for state in AlarmState] == sorted(state.level for state in AlarmState)
    assert AlarmState.OK.level == 0
