"""The heat autopilot on simulated machines: no sensor over its limit, the best rate held."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlxtop.lab import LabSystem
from mlxtop.load import hold_run, runner
from mlxtop.load.guard import HeatGuard
from mlxtop.load.hold import HOLD_TIME_S, UNDER_C
from mlxtop.load.hold_run import HoldRun, hold_plan
from mlxtop.load.outcome import Outcome
from mlxtop.load.plan import plan_load
from mlxtop.load.request import GuardOptions, LoadRequest, Timing
from mlxtop.load.run_log import RunWriter, read_run
from mlxtop.model.frame import Frame
from mlxtop.model.load import Tool

from .load_lab import first_frame, follow, simulated

PEERS = {"fry": "10.0.0.2", "fry-x16": "10.0.0.2", "pacu": "10.0.0.3"}
FEW, SEEDS = range(2), range(int(os.environ.get("MLXTOP_SEEDS", "25")))
WARNINGS = (105.0, 75.0)
"""Of chip and module."""


def hold(
    system: LabSystem,
    started: Callable[[HoldRun], None] = lambda run: None,
    record: Path | None = None,
    **more: Any,
) -> Outcome:
    def make(frame: Frame) -> HoldRun:
        asked = {"seconds": HOLD_TIME_S, "interval": 5.0} | more
        plan = plan_load(system, frame, LoadRequest(PEERS[system.label], **asked))
        guard = HeatGuard.of(plan, GuardOptions(ahead=0.0))
        guard.look(frame)
        assert hold_plan(plan, guard).refusals == ()
        writer = RunWriter(record, system.wall()) if record else None
        return HoldRun(system, plan, guard, timing=Timing(cooldown=0.0), record=writer)

    return follow(system, make, started)


def best_rate(system: LabSystem) -> float:
    """The constant rate in bit/s at which the hottest sensor of the model is on target."""
    world = system.world
    (heat,), low, high = world.heats, 0.0, 200e9
    while high - low > 1e6:
        rate = (low + high) / 2
        heat.loads = [rate / 2 / 100e9]
        heat.load = heat.loads[0]
        heat.settle(world.spec.ambient)
        masses = (heat.asic, *heat.modules)
        fits = all(m.celsius <= w - UNDER_C for m, w in zip(masses, WARNINGS, strict=True))
        low, high = (rate, high) if fits else (low, rate)
    return low


@pytest.fixture(autouse=True)
def _few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "POLL_S", 5.0)
    monkeypatch.setattr(hold_run, "POLL_S", 2.0)


@pytest.mark.quick("pacu")
@pytest.mark.parametrize("seeds", [FEW, pytest.param(SEEDS, marks=pytest.mark.slow)], ids=len)
@pytest.mark.parametrize("name", PEERS)
def test_the_best_rate_is_held_and_no_sensor_gets_too_warm(name: str, seeds: range) -> None:
    for seed in seeds:
        system = simulated(name, seed)
        outcome = hold(system)
        assert outcome.ended == "complete" and outcome.hold is not None, (seed, outcome.ended)
        (heat,) = system.world.heats
        for mass, warning in zip((heat.asic, *heat.modules), WARNINGS, strict=True):
            assert mass.highest < warning, (seed, mass.highest)
        whole = max(interval.bps for interval in outcome.intervals)
        best = min(best_rate(system), whole if outcome.hold.full else math.inf)
        assert outcome.hold.bps == pytest.approx(best, rel=0.05), seed
        assert outcome.hold.full is (name != "fry"), seed


def test_the_run_ends_when_a_sensor_falls_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    system = simulated("fry")
    read, began = system._sensor, system.now()

    def failing(*arguments: Any) -> str:
        if system.now() - began > 100:
            raise OSError(5, "Input/output error")
        return read(*arguments)

    monkeypatch.setattr(system, "_sensor", failing)
    system._build()
    outcome = hold(system)
    assert outcome.ended.startswith("stopped by the heat guard: the "), outcome.ended
    assert outcome.hold is not None and outcome.hold.bps is None
    assert system.now() - began < 150


def test_a_cancelled_run_keeps_what_it_has() -> None:
    def soon(run: HoldRun) -> None:
        def tell() -> None:
            if len(run.status().intervals) >= 2:
                assert run.status().aim_bps is not None
                run.cancel()

        run._changed = tell

    outcome = hold(simulated("pacu"), soon)
    assert outcome.ended == "cancelled" and len(outcome.intervals) < 10


def test_the_answer_is_in_the_record(tmp_path: Path) -> None:
    outcome = hold(simulated("pacu"), record=tmp_path)
    assert outcome.hold is not None and outcome.hold.bps is not None
    kept = read_run(tmp_path, outcome.run or "").end["hold"]
    assert (kept["bps"], kept["verdict"]) == (outcome.hold.bps, outcome.hold.verdict)


def test_rdma_is_regulated_by_what_the_port_carries() -> None:
    system = simulated("pacu")
    outcome = hold(system, tool=Tool.IB_WRITE_BW)
    assert outcome.hold is not None and outcome.hold.bps is not None, outcome.ended
    assert outcome.hold.full


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (LoadRequest("10.0.0.3", tool=Tool.PING), "ping takes no rate"),
        (LoadRequest("10.0.0.3", bitrate=1e9), "a rate that is held is found"),
    ],
)
def test_what_cannot_be_regulated_is_refused(request_: LoadRequest, why: str) -> None:
    system = simulated("pacu")
    frame = first_frame(system)
    plan = plan_load(system, frame, request_)
    guard = HeatGuard.of(plan, GuardOptions())
    guard.look(frame)
    assert hold_plan(plan, guard).refusals[0].startswith(why)


def test_the_server_of_a_hold_goes_on() -> None:
    system = simulated("pacu")
    frame = first_frame(system)
    plan = plan_load(system, frame, LoadRequest("10.0.0.3"))
    guard = HeatGuard.of(plan, GuardOptions())
    guard.look(frame)
    assert hold_plan(plan, guard).server == ("iperf3 -s -p 5201",)
