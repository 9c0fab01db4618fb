"""Heat on the simulated machines: told before it happens, and what hangs stops nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from threading import Event

import pytest

from mlxtop.lab import ManualClock, load_lab
from mlxtop.model.counters import Origin
from mlxtop.model.frame import Frame, derive
from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.model.module import Bound, Quantity
from mlxtop.sampler.live import LiveSource
from mlxtop.watch.alert import AlertKind
from mlxtop.watch.heat import HeatWatch
from mlxtop.watch.heat_limits import AlarmState


@contextmanager
def run(machine: str, seed: int = 0) -> Iterator[Iterator[Frame]]:
    """Frames of a simulated machine, a simulated second apart."""
    system = load_lab(machine, ManualClock(), seed=seed)
    with closing(LiveSource(system, 1.0, patience=2.0, incidents=True)) as source:
        stop = Event()
        yield _frames(source, stop)
        stop.set()


def _frames(source: LiveSource, stop: Event) -> Iterator[Frame]:
    last: Frame | None = None
    for sample in source.samples(stop):
        last = derive(sample, last)
        yield last


@pytest.mark.parametrize(
    "seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (4, 5))]
)
def test_fry_announces_the_alarm_long_before_it_happens(seed: int) -> None:
    watch = HeatWatch()
    announced = None
    with run("fry", seed) as found:
        for _, frame in zip(range(90), found, strict=False):
            watch.observe(frame)
            heat = watch.of(next(iter(frame.ports)), "module")
            assert heat is not None
            crossing = heat.forecast.alarm if heat.forecast else None
            if announced is None and crossing is not None and crossing.seconds:
                announced = frame.sample.tick
            if heat.alarm.state is AlarmState.ALARM:
                assert announced is not None
                assert frame.sample.tick - announced >= 20.0
                return
    pytest.fail("the module never got too hot")


@pytest.mark.slow
def test_the_hanging_sensor_of_faulty_is_stale_while_everything_else_goes_on() -> None:
    watch = HeatWatch()
    stale = None
    with run("faulty") as found:
        for count, frame in zip(range(50), found, strict=False):
            for alert in watch.observe(frame):
                if alert.kind is AlertKind.STALE:
                    stale = frame
            if count == 0:
                first = frame
    assert stale is not None
    port = next(iter(frame.ports))
    chip = watch.of(port, "asic")
    assert chip is not None
    assert chip.alarm.state is AlarmState.STALE
    module = watch.of(port, "module")
    assert module is not None
    assert module.alarm.state is AlarmState.OK
    assert module.sensor.tick > stale.sample.tick - 15.0
    readings = frame.ports[port].now.readings
    assert readings[Origin.MAC].tick > stale.sample.tick
    assert any("hwmon" in problem.subject for problem in frame.sample.problems)
    assert first.sample.tick < stale.sample.tick


def test_the_dim_lane_of_faulty_is_an_alarm_and_its_erased_module_an_absence() -> None:
    watch = HeatWatch()
    with run("faulty") as found:
        alerts = watch.observe(next(found))
        frame = next(found)
        alerts += watch.observe(frame)
    dim, erased = list(frame.ports)
    assert watch.crossings(dim) == {(Quantity.RX_POWER, 3): Bound.LOW_WARNING}
    assert [alert.sensor for alert in alerts] == ["rx power lane 3"]
    gone = frame.ports[erased].now
    assert gone.module is None
    assert "0xff" in gone.absent["module"]


def test_the_kernel_log_of_a_machine_is_part_of_its_samples() -> None:
    with run("pacu") as found:
        kinds = [i.kind for _, frame in zip(range(3), found, strict=False) for i in _new(frame)]
    assert IncidentKind.MODULE_PLUGGED in kinds
    assert kinds.count(IncidentKind.PCIE) == 1


def _new(frame: Frame) -> tuple[Incident, ...]:
    return frame.sample.incidents
