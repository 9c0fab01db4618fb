"""The heat guard stops a load in time, and when it cannot see.

Whole runs are on simulated machines: `fry` has bad airflow, `pacu` a good one.
"""

from __future__ import annotations

import errno
import math
import os
from collections.abc import Iterator
from typing import Any

import pytest

from mlxtop.analysis.crossing import Crossing
from mlxtop.analysis.forecast import Forecast, Trend
from mlxtop.lab import LabSystem
from mlxtop.load import runner
from mlxtop.load.guard import HeatGuard
from mlxtop.load.outcome import Phase
from mlxtop.load.request import GuardOptions, LoadRequest, Timing
from mlxtop.load.runner import LoadRun
from mlxtop.model.frame import Frame, derive
from mlxtop.model.identity import Port
from mlxtop.model.sample import Link, LinkState, PortSample, Temperature
from mlxtop.watch import heat as heat_module

from . import samples
from .load_lab import A, B, run_load, simulated, slaves
from .samples import PACU, ethernet, sample

WARNING, CRITICAL = 70.0, 80.0
FEW, SEEDS = range(6), range(100)


def frame(tick: float, *temperatures: Temperature, link: LinkState = LinkState.UP) -> Frame:
    port = ethernet(PACU, tick, 0, 0)._replace(temperatures=temperatures, link=Link(state=link))
    return derive(sample(tick, port), None)


def module(celsius: float | None, tick: float, **more: object) -> Temperature:
    return Temperature("module", celsius, tick, critical=CRITICAL, **more)  # type: ignore[arg-type]


def guard(**more: Any) -> HeatGuard:
    return HeatGuard([PACU.id], GuardOptions(**more))


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
    watching = guard(sensors=frozenset(["asic"]))
    asic = Temperature("asic", 60.0, 1.0, critical=100.0)
    assert watching.look(frame(1.0, asic, module(79.0, 1.0))) is None
    assert [sensor.name for sensor in watching.sensors] == ["asic", "module"]
    assert not guard(sensors=frozenset(["module"])).look(frame(1.0, asic._replace(celsius=120.0)))


def test_a_guard_that_is_off_only_watches() -> None:
    watching = guard(armed=False)
    assert watching.look(frame(1.0, module(90.0, 1.0))) is None
    assert watching.reason is None
    (sensor,) = watching.sensors
    watching.settle()
    assert (sensor.start, sensor.peak) == (90.0, 90.0)
    assert watching.sensors[0].settled == 90.0


def heat(port: Port, tick: float, celsius: float | None = 50.0, up: bool = True) -> PortSample:
    """A port with the reading of its module; None: none."""
    link = Link(state=LinkState.UP if up else LinkState.DOWN)
    reading = Temperature("module", celsius, tick, critical=80.0)
    one = ethernet(port, tick, 0, 0, link=link)
    return one._replace(temperatures=() if celsius is None else (reading,))


def guard_of(*ports: Port) -> HeatGuard:
    return HeatGuard([port.id for port in ports], GuardOptions(), masters=["bond0"])


def test_the_module_of_any_member_stops_the_load() -> None:
    watching = guard_of(A, B)
    assert watching.look(samples.frame(sample(1.0, heat(A, 1.0), heat(B, 1.0)))) is None
    reason = watching.look(samples.frame(sample(2.0, heat(A, 2.0), heat(B, 2.0, 70.0))))
    assert reason == "eth1 module at 70.0 °C, warning limit 70 °C"
    assert [sensor.name for sensor in watching.sensors] == ["eth0 module", "eth1 module"]


def test_a_member_whose_link_is_down_may_lose_its_module_until_it_comes_back() -> None:
    watching = guard_of(A, B)
    assert watching.look(samples.frame(sample(1.0, heat(A, 1.0), heat(B, 1.0)))) is None
    for tick in (2.0, 3.0):
        down = heat(A, tick, None, up=False)
        assert watching.look(samples.frame(sample(tick, down, heat(B, tick)))) is None
    back = samples.frame(sample(4.0, heat(A, 4.0, None), heat(B, 4.0)))
    assert watching.look(back) == "the eth0 module sensor is gone"
    hot = samples.frame(sample(5.0, heat(A, 5.0, 79.0, up=False), heat(B, 5.0)))
    assert watching.look(hot) == "eth0 module at 79.0 °C, warning limit 70 °C"


def test_a_member_that_is_gone_stops_the_load() -> None:
    watching = guard_of(A, B)
    watching.look(samples.frame(sample(1.0, heat(A, 1.0), heat(B, 1.0))))
    assert watching.look(samples.frame(sample(2.0, heat(A, 2.0)))) == "eth1 is gone"


def test_a_port_that_joins_the_bond_on_the_way_is_guarded_as_well() -> None:
    watching = guard_of(A)
    one, late = slaves(A, B)
    assert watching.look(samples.frame(sample(1.0, heat(one, 1.0), heat(B, 1.0, 79.0)))) is None
    reason = watching.look(samples.frame(sample(2.0, heat(one, 2.0), heat(late, 2.0, 79.0))))
    assert reason == "eth1 module at 79.0 °C, warning limit 70 °C"
    assert watching.joined == [B.id]


@pytest.fixture(autouse=True)
def _few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "POLL_S", 5.0)


def shutdown_of(system: LabSystem) -> float:
    module = system.world.ports[0].spec.module
    assert module is not None
    return module.shutdown


def hottest(system: LabSystem) -> float:
    return max(mass.highest for heat in system.world.heats for mass in heat.modules)


def to_fry(seconds: int = 300) -> LoadRequest:
    return LoadRequest("10.0.0.2", seconds=seconds, interval=5.0)


def to_pacu(seconds: int = 300) -> LoadRequest:
    return LoadRequest("10.0.0.3", seconds=seconds, interval=5.0)


@pytest.mark.parametrize("sensors", [None, ["module"]], ids=["every sensor", "module alone"])
@pytest.mark.parametrize("seeds", [FEW, pytest.param(SEEDS, marks=pytest.mark.slow)], ids=len)
def test_the_guard_ends_every_run_on_fry_before_the_module_shuts_down(
    seeds: range, sensors: list[str] | None
) -> None:
    for seed in seeds:
        system = simulated("fry", seed)
        outcome = run_load(system, to_fry(), sensors=sensors)
        assert outcome.ended.startswith("stopped by the heat guard: "), (seed, outcome.ended)
        assert outcome.heat.reason is not None
        assert hottest(system) < shutdown_of(system), seed
        (port,) = system.world.ports
        assert port.module_fault is None and port.carrier


def test_without_the_guard_the_module_of_fry_shuts_down() -> None:
    system = simulated("fry")
    outcome = run_load(system, to_fry(), armed=False)
    assert hottest(system) >= shutdown_of(system)
    assert outcome.failed
    assert not outcome.heat.armed


@pytest.mark.parametrize(
    ("seeds", "seconds"),
    [(range(2), 120), pytest.param(SEEDS, 150, marks=pytest.mark.slow)],
    ids=["2", "100"],
)
def test_the_guard_never_ends_a_run_on_pacu(seeds: range, seconds: int) -> None:
    for seed in seeds:
        outcome = run_load(simulated("pacu", seed), to_pacu(seconds))
        assert outcome.ended == "complete", (seed, outcome.ended)


@pytest.mark.parametrize("number", [errno.EIO, errno.ENODEV])
def test_a_sensor_that_fails_on_the_way_ends_the_run(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = simulated("pacu")
    read, seen = system._sensor, [0]

    def failing(*arguments: Any) -> str:
        seen[0] += 1
        if system.now() - began > 30:
            raise OSError(number, os.strerror(number))
        return read(*arguments)

    began = system.now()
    monkeypatch.setattr(system, "_sensor", failing)
    system._build()
    outcome = run_load(system, to_pacu())
    assert outcome.ended.startswith("stopped by the heat guard: the "), outcome.ended
    assert "fails" in outcome.ended or "gone" in outcome.ended or "stale" in outcome.ended
    assert 4 <= len(outcome.intervals) <= 14


@pytest.mark.parametrize(
    ("seconds", "ahead", "stops"),
    [(12.0, 15, True), (15.0, 15, True), (15.1, 15, False), (18.0, 15, False), (18.0, 36, True)],
)
def test_a_limit_that_is_forecast_within_the_time_ahead_stops_the_load(
    seconds: float, ahead: float, stops: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    foresee(monkeypatch, seconds)
    reason = guard(ahead=ahead).look(frame(1.0, module(60.0, 1.0)))
    assert (reason is not None) is stops
    if reason is not None:
        assert reason.endswith(f"will be at its warning limit of 70 °C in {seconds:.0f} s")


@pytest.mark.parametrize(("seconds", "words"), [(0.2, "in less than 1 s"), (1.0, "in 1 s")])
def test_a_limit_that_is_about_to_be_reached_is_not_due_in_no_time(
    seconds: float, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    foresee(monkeypatch, seconds)
    reason = guard(ahead=15).look(frame(1.0, module(69.0, 1.0)))
    assert reason is not None
    assert reason.endswith(words)


def test_a_forecast_grows_older_until_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    foresee(monkeypatch, 16.0)
    watching = guard(ahead=15)
    assert watching.look(frame(1.0, module(60.0, 1.0))) is None
    assert watching.look(frame(1.9, module(60.0, 1.9))) is None
    assert watching.look(frame(2.0, module(60.0, 2.0))) is not None


def test_the_guard_is_silent_from_fifteen_seconds_on() -> None:
    watching = guard()
    watching.look(frame(1.0, module(60.0, 1.0)))
    assert watching.silent(15.9) is None
    assert watching.silent(16.0) is not None


def foresee(monkeypatch: pytest.MonkeyPatch, seconds: float, chance: float = 1.0) -> None:
    """Let every forecast be that the warning limit is reached in so many seconds."""

    def forecast(points: object, now: float, warning: float, alarm: float) -> Forecast:
        return Forecast(now, Trend.RISING, warning=Crossing(warning, chance, seconds))

    monkeypatch.setattr(heat_module, "forecast", forecast)


@pytest.mark.parametrize(("chance", "stops"), [(0.95, True), (0.949, False)])
def test_a_forecast_that_may_be_never_stops_nothing(
    chance: float, stops: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    foresee(monkeypatch, 5.0, chance)
    assert (guard().look(frame(1.0, module(60.0, 1.0))) is not None) is stops


def test_the_guard_says_before_what_it_will_do() -> None:
    watching = guard()
    assert watching.promise == "no sensor that could stop the load"
    asic = Temperature("asic", 60.0, 1.0, warning=105.0, critical=115.0)
    watching.look(frame(1.0, module(50.0, 1.0), asic))
    assert watching.promise == "stops at module 70 °C, ASIC 105 °C, or 15 s before"
    watching = guard(ahead=0, sensors=frozenset(["module"]))
    watching.look(frame(1.0, module(50.0, 1.0), asic))
    assert watching.promise == "stops at module 70 °C"
    assert guard(armed=False).promise.startswith("off, ")


def test_guard_and_screen_forecast_the_same() -> None:
    """A guard that begins late goes on from what the screen has followed."""
    screen, late = heat_module.HeatWatch(), 40
    watching: HeatGuard | None = None
    for number, each in enumerate(warm_up(settles=66.0)):
        screen.observe(each)
        if number == late:
            tracks = screen.copies(7200)
            watching = HeatGuard([PACU.id], GuardOptions(), tracks=tracks)
        if watching is not None:
            watching.look(each)
            followed = screen.of(PACU.id, "module")
            assert followed is not None
            assert watching.sensors[0].forecast == followed.forecast, number
    assert watching is not None and watching.sensors[0].start == pytest.approx(58, abs=1)


def test_a_temperature_that_was_given_counts_as_that_at_the_start() -> None:
    watching = HeatGuard([PACU.id], GuardOptions(), starts={"module": 41.0})
    watching.look(frame(1.0, module(50.0, 1.0)))
    assert watching.sensors[0].start == 41.0


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (GuardOptions(), "the module sensor gives no number any more"),
        (GuardOptions(sensors=frozenset({"module"})), "the module sensor gives no number any more"),
        (GuardOptions(sensors=frozenset({"asic"})), None),
        (GuardOptions(armed=False), None),
    ],
)
def test_a_sensor_that_was_there_before_is_missed(options: GuardOptions, told: str | None) -> None:
    watching = HeatGuard([PACU.id], options)
    watching.look(frame(1.0, Temperature("asic", 50.0, 1.0)))
    assert watching.lost(["asic", "module"]) == told
    assert watching.lost(["asic"]) is None


def test_what_is_warm_while_it_cools_down_was_not_stopped() -> None:
    """The guard looks on after the load; only what ended the load is its stop."""
    hot = frame(9.0, module(75.0, 9.0))
    system = simulated()

    def late(run: LoadRun) -> None:
        enter = run._enter

        def entering(phase: Phase) -> None:
            enter(phase)
            if phase is Phase.COOLING:
                run.frame(hot)

        run._enter = entering  # type: ignore[method-assign]

    outcome = run_load(system, to_pacu(3), timing=Timing(cooldown=2.0), started=late)
    assert outcome.ended == "complete"
    assert outcome.heat.reason is None
