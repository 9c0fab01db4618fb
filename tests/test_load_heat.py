"""The heat guard on simulated machines: `fry` has bad airflow, `pacu` a good one."""

from __future__ import annotations

import errno
import os
from typing import Any

import pytest

from mlxtop.lab import LabSystem
from mlxtop.load import runner as load
from mlxtop.load.request import LoadRequest

from .load_lab import run_load, simulated

FEW, SEEDS = range(6), range(100)


@pytest.fixture(autouse=True)
def _few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "POLL", 5.0)


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
