"""A load test from its first frame to its record, on simulated machines in simulated time."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event

import pytest

from mlxtop.lab import LabSystem
from mlxtop.load.guard import HeatGuard
from mlxtop.load.outcome import Phase
from mlxtop.load.request import GuardOptions, LoadMember, LoadPlan, LoadRequest, Timing
from mlxtop.load.run_log import list_ids, read_run
from mlxtop.load.runner import LoadRun
from mlxtop.model.frame import Frame
from mlxtop.model.load import Direction, LoadInterval, Tool
from mlxtop.model.sample import Temperature
from mlxtop.system.door import Finished

from .load_lab import PEER, install, run_load, simulated
from .samples import PACU, ethernet, frame, sample


def overheard(system: LabSystem, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the tool prints."""
    lines: list[str] = []
    stream = system.stream

    def listening(argv: Sequence[str], line: Callable[[str], None], stop: Event) -> Finished:
        def both(text: str) -> None:
            lines.append(text)
            line(text)

        return stream(argv, both, stop)

    monkeypatch.setattr(system, "stream", listening)
    return lines


def test_figures_are_those_that_iperf3_itself_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    system = simulated()
    lines = overheard(system, monkeypatch)
    outcome = run_load(system, LoadRequest(PEER, seconds=5, direction=Direction.BOTH))
    told = [json.loads(line) for line in lines]
    sums = [each["data"]["sum"]["bits_per_second"] for each in told if each["event"] == "interval"]
    end = told[-1]["data"]
    assert [interval.bps for interval in outcome.intervals] == sums
    assert outcome.result is not None and outcome.result.reverse is not None
    assert outcome.result.flow.received_bps == end["sum_received"]["bits_per_second"]
    assert outcome.result.flow.sent_bps == end["sum_sent"]["bits_per_second"]
    back = end["sum_received_bidir_reverse"]["bits_per_second"]
    assert outcome.result.reverse.received_bps == back
    assert outcome.ended == "complete" and not outcome.failed


def test_the_verdict_names_what_limits_and_how_near_it_is() -> None:
    outcome = run_load(simulated(), LoadRequest(PEER, seconds=10))
    assert outcome.rate == pytest.approx(54e9, rel=0.1)
    assert outcome.share is not None and 0.8 < outcome.share < 1.0
    assert "expected (PCIe: 63.0 Gb/s at 0000:40:03.0, 58.4 of it data" in outcome.verdict_text


def test_several_processes_add_up() -> None:
    system = simulated()
    install(system, iperf3="3.12")
    outcome = run_load(system, LoadRequest(PEER, seconds=4, processes=3, streams=6))
    assert len(outcome.plan.commands) == 3
    assert len(outcome.intervals) == 4
    assert outcome.result is not None and outcome.result.flow.received_bps is not None
    mean = sum(interval.bps for interval in outcome.intervals) / 4
    assert outcome.result.flow.received_bps == pytest.approx(mean, rel=0.05)


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (LoadRequest(PEER, port=7777), f"failed: no iperf3 server listens at {PEER}:7777"),
        (LoadRequest("10.0.0.77"), "failed: 10.0.0.77 cannot be reached"),
    ],
)
def test_a_test_that_fails_says_why_in_one_line(request_: LoadRequest, why: str) -> None:
    outcome = run_load(simulated(), request_)
    assert outcome.failed and outcome.ended.startswith(why)
    assert outcome.result is None and outcome.intervals == ()


def test_warm_up_is_told_and_not_counted() -> None:
    outcome = run_load(simulated(), LoadRequest(PEER, seconds=3, omit=2))
    assert [interval.omitted for interval in outcome.intervals] == [True, True, False, False, False]
    assert [round(interval.start) for interval in outcome.intervals] == [0, 1, 0, 1, 2]


def test_a_cancelled_run_keeps_what_it_has(tmp_path: Path) -> None:
    def soon(run: LoadRun) -> None:
        def tell() -> None:
            if len(run.status().intervals) >= 2:
                run.cancel()

        run._changed = tell

    outcome = run_load(
        simulated(),
        LoadRequest(PEER, seconds=60),
        timing=Timing(cooldown=60.0),
        record=tmp_path,
        started=soon,
    )
    assert outcome.ended == "cancelled" and not outcome.failed
    assert 2 <= len(outcome.intervals) < 20
    assert outcome.heat.cooled is None, "who cancels does not want to wait"
    assert outcome.result is not None and outcome.result.flow.sent_bps is not None
    run = read_run(tmp_path, list_ids(tmp_path)[0])
    assert run.ended == "cancelled"
    assert len(run.intervals) == len(outcome.intervals)


def test_the_cool_down_is_followed_and_recorded(tmp_path: Path) -> None:
    outcome = run_load(
        simulated(), LoadRequest(PEER, seconds=30), timing=Timing(cooldown=60.0), record=tmp_path
    )
    assert outcome.heat.cooled is not None and 0 < outcome.heat.cooled <= 62
    (asic,) = [sensor for sensor in outcome.heat.sensors if sensor.name == "asic"]
    assert asic.start is not None and asic.peak is not None and asic.settled is not None
    assert asic.start < asic.peak and asic.settled < asic.peak
    run = read_run(tmp_path, list_ids(tmp_path)[0])
    phases = {line["phase"] for line in run.heat}
    assert {"load", "cooling down"} <= phases
    assert run.rate == outcome.rate


def test_a_soak_tells_rise_time_constant_and_degrees_per_gigabit() -> None:
    outcome = run_load(
        simulated(),
        LoadRequest(PEER, seconds=100),
        timing=Timing(baseline=10.0, cooldown=5.0, soak=True),
    )
    asic, module = outcome.soak
    assert asic.name == "asic" and module.name == "module"
    assert asic.baseline is not None and asic.settles is not None and asic.rise is not None
    assert asic.settles == pytest.approx(asic.peak or 0.0, abs=5.0), "other traffic comes and goes"
    assert asic.constant is not None and 2 <= asic.constant < 40, "τ of the ASIC is 14 s here"
    assert asic.per_gbps is not None and asic.per_gbps > 0
    assert "below its warning limit" in asic.verdict


def test_an_rdma_tool_runs_with_the_same_guard_and_record(tmp_path: Path) -> None:
    request = LoadRequest(PEER, tool=Tool.IB_WRITE_BW, seconds=6)
    outcome = run_load(simulated(), request, record=tmp_path)
    assert outcome.ended == "complete"
    assert outcome.rate is not None and outcome.rate > 40e9
    latency = run_load(simulated(), LoadRequest(PEER, tool=Tool.IB_SEND_LAT, seconds=6))
    assert latency.result is not None and latency.result.latency is not None
    assert not latency.failed


def test_a_far_end_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    system = simulated()

    def silent(argv: Sequence[str], line: Callable[[str], None], stop: Event) -> Finished:
        """Take the connection and say nothing."""
        system.wait(100.0, stop)
        return Finished(-15, "", "")

    monkeypatch.setattr(system, "stream", silent)
    outcome = run_load(system, LoadRequest(PEER))
    assert outcome.ended == f"failed: no iperf3 server answers at {PEER}, port 5201"


def test_the_status_tells_where_a_run_is() -> None:
    seen: list[Phase] = []

    def watch(run: LoadRun) -> None:
        run._changed = lambda: seen.append(run.status().phase)

    run_load(
        simulated(),
        LoadRequest(PEER, seconds=3),
        timing=Timing(baseline=3.0, cooldown=5.0),
        started=watch,
    )
    # Whether the first moment, before anything is measured, is seen depends on the threads.
    seen = [phase for phase in seen if phase is not Phase.WAITING]
    assert [phase for n, phase in enumerate(seen) if n == 0 or seen[n - 1] is not phase] == [
        Phase.BASELINE,
        Phase.LOAD,
        Phase.COUNTING,
        Phase.COOLING,
        Phase.DONE,
    ]


def started(timing: Timing) -> LoadRun:
    """A run on PACU's port that was given no frame yet."""
    plan = LoadPlan(LoadRequest(PEER), members=(LoadMember(PACU.id, PACU.name, True),))
    return LoadRun(simulated(), plan, HeatGuard([PACU.id], GuardOptions()), timing=timing)


def at(tick: float, celsius: float = 50.0) -> Frame:
    reading = Temperature("module", celsius, tick, critical=80.0)
    return frame(sample(tick, ethernet(PACU, tick, 0, 1e9)._replace(temperatures=(reading,))))


@pytest.mark.parametrize(("celsius", "cool"), [(50.5, True), (50.6, False)])
def test_a_sensor_has_cooled_down_half_a_degree_above_its_start(celsius: float, cool: bool) -> None:
    run = started(Timing())
    for tick, reading in enumerate((50.0, 60.0, celsius)):
        run.frame(at(float(tick), reading))
    assert run._cool() is cool


def test_a_sensor_that_cannot_be_read_is_not_waited_for() -> None:
    run = started(Timing())
    run.frame(at(0.0))
    run.frame(at(1.0, 60.0))
    assert not run._cool()
    stale = Temperature("module", 60.0, 1.0, critical=80.0, problem="no answer", stale=True)
    port = ethernet(PACU, 9.0, 0, 1e9)._replace(temperatures=(stale,))
    run.frame(frame(sample(9.0, port)))
    assert run._cool()


def test_a_soak_is_never_cut_short() -> None:
    run = started(Timing(soak=True))
    run.frame(at(0.0))
    assert not run._cool()


@pytest.mark.parametrize(("seconds", "judged"), [(1.9, 0), (2.0, 1)])
def test_slow_start_is_not_judged(seconds: float, judged: int) -> None:
    run = started(Timing())
    run._enter(Phase.LOAD)
    run._intervals.append(LoadInterval(0, 1, 1e9))
    run.frame(at(run._since + seconds))
    assert len(run._course.verdicts) == judged
