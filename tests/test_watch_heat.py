"""Forecasts, states and alerts over the frames of a run."""

from __future__ import annotations

import pytest

from mlxtop.analysis.forecast import Trend
from mlxtop.model.frame import Frame, derive
from mlxtop.model.identity import Host
from mlxtop.model.module import Bound, Identity, Lane, Module, Quantity, Thresholds
from mlxtop.model.sample import (
    Link,
    LinkState,
    PortSample,
    Sample,
    Temperature,
)
from mlxtop.watch.alert import Alert
from mlxtop.watch.heat import NO_FORECASTS, HeatWatch, SensorTrack, worst
from mlxtop.watch.heat_limits import AlarmState
from tests.heat_curves import Body, Sensor, readings
from tests.samples import PACU, card, mlx5_port

TWIN = mlx5_port("0000:43:00.1", "enp67s0f1np1", "mlx5_1")
UP = Link(state=LinkState.UP)
MODULE = Module(
    Identity(part="X"),
    lanes=(Lane(0.8, 1.0, 40.0), Lane(0.7, 1.0, 41.0)),
    thresholds={
        Quantity.TEMPERATURE: Thresholds(75, -5, 70, 0),
        Quantity.RX_POWER: Thresholds(2.0, 0.05, 1.6, 0.1),
    },
)


def frame(
    tick: float,
    module_c: float | None = 40.0,
    *,
    asic_c: float | None = 60.0,
    stale: bool = False,
    link: Link = UP,
    module: Module | None = MODULE,
    ports: bool = True,
) -> Frame:
    temperatures = (
        Temperature("asic", asic_c, tick, critical=105.0),
        Temperature("module", module_c, tick, stale=stale, problem="no answer" if stale else None),
    )
    adapter = card(PACU, TWIN)
    mine = {
        port.id: PortSample(port, link, temperatures=temperatures[: 2 - n], module=module)
        for n, port in enumerate((PACU, TWIN))
    }
    return derive(Sample(0.0, tick, Host("x"), (adapter,), mine if ports else {}), None)


def kinds(alerts: list[Alert]) -> list[str]:
    return [f"{alert.kind} {alert.sensor or ''}".strip() for alert in alerts]


def test_a_warm_up_is_forecast_and_told_before_it_happens() -> None:
    watch = HeatWatch()
    told: dict[AlarmState, float] = {}
    alerts: list[Alert] = []
    for tick, celsius in readings(Body(42, 60, start=36), Sensor(0.125), 240):
        alerts += watch.observe(frame(tick, celsius))
        heat = watch.of(PACU.id, "module")
        assert heat is not None
        told.setdefault(heat.alarm.state, tick)
    assert told[AlarmState.WARMING] < told[AlarmState.WARNING] - 20
    assert told[AlarmState.WARNING] < told[AlarmState.ALARM]
    assert kinds(alerts) == ["warning module", "alarm module"]
    assert alerts[1].limit == 75
    assert alerts[1].forecast is not None


def test_without_forecasts_the_same_is_told_and_nothing_is_foretold() -> None:
    watch, plain = HeatWatch(), HeatWatch(NO_FORECASTS)
    states: set[AlarmState] = set()
    for tick, celsius in readings(Body(42, 60, start=36), Sensor(0.125), 240):
        one = frame(tick, celsius, stale=tick > 230)
        with_forecasts = [alert._replace(forecast=None) for alert in watch.observe(one)]
        assert [alert._replace(forecast=None) for alert in plain.observe(one)] == with_forecasts
        known, heat = watch.of(PACU.id, "module"), plain.of(PACU.id, "module")
        assert known is not None and heat is not None
        assert (heat.sensor, heat.limits) == (known.sensor, known.limits)
        assert heat.forecast is None or heat.forecast.trend is Trend.UNKNOWN
        states.add(heat.alarm.state)
    expected = {AlarmState.OK, AlarmState.WARNING, AlarmState.ALARM, AlarmState.STALE}
    assert states == expected


def test_the_chip_is_followed_once_for_both_ports_of_a_card() -> None:
    watch = HeatWatch()
    alerts = watch.observe(frame(0.0)) + watch.observe(frame(2.0, asic_c=106.0))
    assert kinds(alerts) == ["warning asic"]
    assert watch.of(PACU.id, "asic") is watch.of(TWIN.id, "asic")
    hottest = worst(watch, TWIN.id)
    assert hottest is not None
    assert hottest.limits.source == "ConnectX-4 manual"


def test_a_sensor_that_answered_and_then_does_not_is_stale_once() -> None:
    watch = HeatWatch()
    watch.observe(frame(0.0))
    assert kinds(watch.observe(frame(10.0, stale=True))) == ["stale module"]
    assert watch.observe(frame(12.0, stale=True)) == []
    heat = watch.of(PACU.id, "module")
    assert heat is not None
    assert heat.alarm.state is AlarmState.STALE


def test_a_sensor_that_never_answered_is_no_alarm() -> None:
    watch = HeatWatch()
    assert watch.observe(frame(0.0, None)) == []
    assert watch.of(PACU.id, "module") is None


def dim(rx: float) -> Module:
    return MODULE._replace(lanes=(Lane(0.8, 1.0, 40.0), Lane(rx, 1.0, 41.0)))


def test_light_beyond_the_modules_limits_is_an_alarm_like_heat() -> None:
    watch = HeatWatch()
    watch.observe(frame(0.0))
    warning = [a for a in watch.observe(frame(2.0, module=dim(0.09))) if a.port is PACU]
    assert kinds(warning) == ["warning rx power lane 2"]
    alarm = [a for a in watch.observe(frame(4.0, module=dim(0.04))) if a.port is PACU]
    assert kinds(alarm) == ["alarm rx power lane 2"]
    assert (alarm[0].value, alarm[0].limit, alarm[0].unit) == (0.04, 0.05, "mW")
    watch.observe(frame(6.0, module=dim(0.102)))
    assert watch.crossings(PACU.id) == {(Quantity.RX_POWER, 2): Bound.LOW_WARNING}
    watch.observe(frame(8.0, module=dim(0.12)))
    assert watch.crossings(PACU.id) == {}
    hot = [a for a in watch.observe(frame(10.0, module=dim(2.4))) if a.port is PACU]
    assert kinds(hot) == ["alarm rx power lane 2"]


def test_a_dark_lane_of_a_link_that_is_down_is_no_alarm_of_its_own() -> None:
    watch = HeatWatch()
    down = Link(state=LinkState.DOWN)
    watch.observe(frame(0.0, link=down, module=dim(0.0)))
    assert watch.observe(frame(2.0, link=down, module=dim(0.01))) == []
    assert watch.observe(frame(4.0, module=dim(0.0))) == []


def test_a_port_that_is_gone_has_no_heat() -> None:
    watch = HeatWatch()
    watch.observe(frame(0.0))
    watch.observe(frame(3.0, ports=False))
    assert watch.of(PACU.id, "module") is None


def test_another_source_of_a_sensor_begins_a_new_series() -> None:
    """hwmon and the module's memory differ by degrees: their step is no warm-up."""
    track = SensorTrack()
    port = PortSample(PACU, UP)
    for tick in range(10):
        track.take(Temperature("module", 40.0, float(tick), source="hwmon"), port, None, tick)
    assert len(track.series) == 10
    track.take(Temperature("module", 43.0, 10.0, source="EEPROM"), port, None, 10.0)
    assert list(track.series.values) == [43.0]


def still(celsius: float) -> tuple[SensorTrack, Temperature]:
    """A sensor that has said the same for ten minutes, and its last reading at second 0."""
    track = SensorTrack()
    for tick in range(-600, 2, 2):
        last = Temperature("module", celsius, float(tick))
        track.take(last, PortSample(PACU, UP), None, float(tick))
    # The newest forecast is of second 0, whatever the pause before it was.
    track.take(last, PortSample(PACU, UP), None, 100.0)
    return track, last


@pytest.mark.parametrize(("celsius", "pause"), [(55.0, 20.0), (55.125, 3.0)])
def test_a_calm_sensor_far_below_its_limit_is_forecast_less_often(
    celsius: float, pause: float
) -> None:
    track, last = still(celsius)
    port = PortSample(PACU, UP)
    assert not track.take(last, port, None, 100.0 + pause - 0.1)
    assert track.take(last, port, None, 100.0 + pause)


def test_a_sensor_that_is_not_calm_is_forecast_often_however_cold_it_is() -> None:
    track, port = SensorTrack(), PortSample(PACU, UP)
    for tick, celsius in readings(Body(60, 60, start=20), Sensor(0.125), 30):
        last = Temperature("module", celsius, tick)
        track.take(last, port, None, tick)
    track.take(last, port, None, 100.0)
    assert not track.take(last, port, None, 102.9)
    assert track.take(last, port, None, 103.0)


@pytest.mark.parametrize(
    ("jump", "trend"), [(2.125, Trend.STABLE), (2.25, Trend.UNKNOWN), (-2.25, Trend.UNKNOWN)]
)
def test_a_forecast_that_was_wrong_by_two_degrees_beyond_its_error_is_dropped(
    jump: float, trend: Trend
) -> None:
    track, _ = still(50.0)
    assert track.heat is not None
    assert track.heat.forecast is not None
    assert (track.heat.forecast.settles, track.heat.forecast.error) == (50.0, 0.125)
    track.take(Temperature("module", 50.0 + jump, 101.0), PortSample(PACU, UP), None, 101.0)
    assert track.heat.forecast is not None
    assert track.heat.forecast.trend is trend


@pytest.mark.parametrize(
    ("beyond", "inside", "ended"),
    [(1.6, 1.5201, 1.5199), (2.0, 1.9001, 1.5199), (0.1, 0.1049, 0.1051), (0.05, 0.0524, 0.1051)],
)
def test_a_lanes_alarm_ends_a_twentieth_inside_its_limit(
    beyond: float, inside: float, ended: float
) -> None:
    watch = HeatWatch()
    watch.observe(frame(0.0))
    watch.observe(frame(2.0, module=dim(beyond)))
    (bound,) = watch.crossings(PACU.id).values()
    watch.observe(frame(4.0, module=dim(inside)))
    assert list(watch.crossings(PACU.id).values()) == [bound]
    watch.observe(frame(6.0, module=dim(ended)))
    assert watch.crossings(PACU.id) == {}


def test_light_that_wavers_at_an_alarm_limit_is_told_once() -> None:
    watch = HeatWatch()
    watch.observe(frame(0.0))
    alerts: list[Alert] = []
    for tick, rx in enumerate((0.049, 0.051, 0.049, 0.0521, 0.049), 1):
        alerts += watch.observe(frame(2.0 * tick, module=dim(rx)))
    assert kinds([alert for alert in alerts if alert.port is PACU]) == ["alarm rx power lane 2"]
    watch.observe(frame(20.0, module=dim(0.06)))
    assert watch.crossings(PACU.id) == {(Quantity.RX_POWER, 2): Bound.LOW_WARNING}
