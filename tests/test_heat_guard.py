"""The heat guard stops a load in time, and when it cannot see."""

import math
from collections.abc import Iterator

import pytest

from mlxtop.load.guard import HeatGuard
from mlxtop.model.frame import Frame, derive
from mlxtop.model.sample import Link, LinkState, Temperature

from .samples import PACU, ethernet, sample

WARNING, CRITICAL = 70.0, 80.0


def frame(tick: float, *temperatures: Temperature, link: LinkState = LinkState.UP) -> Frame:
    port = ethernet(PACU, tick, 0, 0)._replace(temperatures=temperatures, link=Link(state=link))
    return derive(sample(tick, port), None)


def module(celsius: float | None, tick: float, **more: object) -> Temperature:
    return Temperature("module", celsius, tick, critical=CRITICAL, **more)  # type: ignore[arg-type]


def guard(**more: object) -> HeatGuard:
    return HeatGuard([PACU.id], **more)  # type: ignore[arg-type]


def warm_up(settles: float, constant: float = 40.0, start: float = 45.0) -> Iterator[Frame]:
    for second in range(600):
        true = settles + (start - settles) * math.exp(-second / constant)
        yield frame(float(second), module(round(true), float(second)))


def test_a_sensor_at_its_warning_limit_stops_the_load() -> None:
    watching = guard(ahead=0)
    assert watching.look(frame(1.0, module(69.0, 1.0))) is None
    reason = watching.look(frame(2.0, module(70.0, 2.0)))
    assert reason == "module at 70.0 °C, warning limit 70 °C"
    assert watching.reason == reason


def test_the_forecast_stops_the_load_before_the_limit() -> None:
    watching = guard(ahead=15)
    for each in warm_up(settles=85.0):
        if reason := watching.look(each):
            break
    assert reason is not None and "will be at its warning limit of 70 °C" in reason
    (sensor,) = watching.sensors
    assert sensor.peak is not None and 60 <= sensor.peak < 70


def test_a_module_that_settles_below_its_limit_is_never_stopped() -> None:
    watching = guard(ahead=15)
    assert all(watching.look(each) is None for each in warm_up(settles=66.0))


@pytest.mark.parametrize(
    "then",
    [
        frame(3.0, module(None, 3.0, problem="Input/output error")),
        frame(3.0, module(60.0, 1.0, stale=True, problem="no answer for 10 s")),
        frame(3.0),
        derive(sample(3.0), None),
        frame(3.0, module(60.0, 3.0), link=LinkState.OVERHEAT),
        frame(3.0, module(60.0, 3.0), link=LinkState.LOST),
    ],
)
def test_what_cannot_be_seen_any_more_stops_the_load(then: Frame) -> None:
    watching = guard()
    assert watching.look(frame(1.0, module(60.0, 1.0))) is None
    assert watching.look(then) is not None


def test_silence_stops_the_load() -> None:
    watching = guard()
    assert watching.silent(1000.0) is None, "nothing has been seen yet"
    watching.look(frame(1.0, module(60.0, 1.0)))
    assert watching.silent(15.0) is None
    assert watching.silent(16.5) == "no reading for 16 s"


def test_without_a_sensor_there_is_nothing_to_guard() -> None:
    watching = guard()
    for tick in range(100):
        assert watching.look(frame(float(tick))) is None
    assert watching.blind and watching.sensors == ()
    assert watching.silent(500.0) is None


def test_a_sensor_that_never_answered_stops_nothing() -> None:
    watching = guard()
    for tick in range(10):
        assert watching.look(frame(float(tick), module(None, 0.0, problem="no root"))) is None
    assert watching.blind


def test_only_the_chosen_sensors_stop_the_load_and_all_are_kept() -> None:
    watching = guard(sensors=["asic"])
    asic = Temperature("asic", 60.0, 1.0, critical=100.0)
    assert watching.look(frame(1.0, asic, module(79.0, 1.0))) is None
    assert [sensor.name for sensor in watching.sensors] == ["asic", "module"]
    assert not guard(sensors=["module"]).look(frame(1.0, asic._replace(celsius=120.0)))


def test_a_guard_that_is_off_only_watches() -> None:
    watching = guard(armed=False)
    assert watching.look(frame(1.0, module(90.0, 1.0))) is None
    assert watching.reason is None
    (sensor,) = watching.sensors
    watching.settle()
    assert (sensor.start, sensor.peak) == (90.0, 90.0)
    assert watching.sensors[0].settled == 90.0
