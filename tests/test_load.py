"""A load test from plan to record, on simulated machines in simulated time."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event

import pytest

from mlxtop.cli import main
from mlxtop.lab import LabSystem, ManualClock, load_lab
from mlxtop.load.compare import compare
from mlxtop.load.outcome import Phase
from mlxtop.load.processes import LoadStreams
from mlxtop.load.request import LoadPlan, LoadRequest
from mlxtop.load.run_log import list_ids, read_run
from mlxtop.load.runner import LoadRun, Timing
from mlxtop.load.session import LoadSession, LoadWish
from mlxtop.model.load import Direction, LoadInterval, Tool
from mlxtop.system.door import Finished

from .load_lab import first_frame, install, planned, run_load, simulated

PEER = "10.0.0.3"


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
    assert "expected (PCIe: 63.0 Gb/s raw at 0000:40:03.0" in outcome.verdict_text


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

        run._tell = tell

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
    assert outcome.heat.cooled is not None and 5 < outcome.heat.cooled <= 62
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


def streams(plan: LoadPlan, output: list[list[str]]) -> LoadStreams:
    """Processes of a plan that print these lines, one after the other, and end."""
    system = load_lab("pacu", ManualClock())
    waiting = list(output)

    def printing(argv: Sequence[str], line: Callable[[str], None], stop: Event) -> Finished:
        for text in waiting[plan.commands.index(tuple(argv))]:
            line(text)
        return Finished(0, "", "")

    system.stream = printing  # type: ignore[method-assign]
    return LoadStreams(system, plan)


def all_intervals(running: LoadStreams) -> list[LoadInterval]:
    running.start()
    found = []
    while running.running:
        found += running.step(1.0)
    return found


def test_status_0_with_an_error_event_is_a_failure() -> None:
    plan = planned(LoadRequest(PEER))
    running = streams(
        plan, [['{"event":"error","data":"the server is busy running a test. try again later"}']]
    )
    assert all_intervals(running) == []
    assert running.error == (
        f"the server at {PEER}:5201 is busy with another test; try again later"
    )


def test_intervals_of_processes_are_put_together_by_their_number() -> None:
    def line(n: int, bps: int) -> str:
        part = {"start": n, "end": n + 1, "bits_per_second": bps, "retransmits": 1}
        return json.dumps({"event": "interval", "data": {"sum": part}})

    plan = planned(LoadRequest(PEER, processes=2))
    running = streams(
        plan, [[line(0, 10), line(1, 20), line(2, 30)], [line(0, 1), line(1, 2), line(2, 3)]]
    )
    found = all_intervals(running)
    assert [interval.bps for interval in found] == [11, 22, 33]
    assert [interval.retransmits for interval in found] == [2, 2, 2]


def test_a_run_that_is_stopped_early_does_not_take_the_far_ends_zero_for_a_figure() -> None:
    plan = planned(LoadRequest(PEER))
    end = {"sum_sent": {"bits_per_second": 5e9, "bytes": 5, "seconds": 2.0}}
    end["sum_received"] = {"bits_per_second": 0, "bytes": 0, "seconds": 2.0}
    running = streams(plan, [[json.dumps({"event": "end", "data": end})]])
    running.halt()
    all_intervals(running)
    result = running.result([])
    assert result is not None
    assert (result.flow.sent_bps, result.flow.received_bps) == (5e9, None)


def test_the_status_tells_where_a_run_is() -> None:
    seen: list[Phase] = []

    def watch(run: LoadRun) -> None:
        run._tell = lambda: seen.append(run.status().phase)

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
        Phase.COOLING,
        Phase.DONE,
    ]


def test_two_runs_are_compared_by_what_changed(tmp_path: Path) -> None:
    run_load(simulated(), LoadRequest(PEER, seconds=4), record=tmp_path)
    run_load(simulated(), LoadRequest(PEER, seconds=4, streams=1), record=tmp_path)
    before, after = (read_run(tmp_path, name) for name in list_ids(tmp_path))
    changes = {(change.part, change.name): change for change in compare(before, after)}
    assert changes["settings", "streams"].before == 8
    assert changes["settings", "streams"].after == 1
    received = changes["result", "received_bps"]
    assert received.percent is not None and received.percent < -50
    assert compare(before, before) == []


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "mlxtop-nic" / "runs"


def test_the_plan_can_be_shown_without_running_it(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--demo", "pacu", "load", PEER, "--plan", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["plan"]["port_name"] == "enp67s0np0"
    assert not state.exists()


def test_a_refused_test_ends_with_1_and_says_why(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--demo", "pacu", "load", "10.0.0.2"]) == 1
    said = capsys.readouterr()
    assert said.err.startswith("mlxtop: DEMO, ")
    assert "\nmlxtop: refused: 10.0.0.2 is an address of this host" in said.err
    assert said.out == ""
    assert main(["--demo", "pacu", "--readonly", "load", PEER]) == 1
    assert main(["--demo", "pacu", "load"]) == 1
    assert main(["--demo", "pacu", "load", PEER, "--time", "0"]) == 1
    assert not state.exists()


def test_runs_are_listed_shown_and_compared(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["runs"]) == 0
    assert "no run has been recorded yet" in capsys.readouterr().out
    run_load(simulated(), LoadRequest(PEER, seconds=3), record=state)
    run_load(simulated(), LoadRequest(PEER, seconds=3, streams=2), record=state)
    capsys.readouterr()
    assert main(["runs", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [row["ended"] for row in listed] == ["complete", "complete"]
    assert main(["runs", "show", "last", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["id"] == listed[1]["id"] and len(shown["intervals"]) == 3
    assert main(["runs", "show", "last", "--csv"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert rows[0].startswith("t,start,end,bps") and len(rows) == 4
    assert main(["runs", "compare", "-1", "last", "--json"]) == 0
    changes = json.loads(capsys.readouterr().out)["changes"]
    assert any(change["name"] == "streams" for change in changes)
    for words in (["runs"], ["runs", "show", "last"], ["runs", "compare", "-1", "last"]):
        assert main(words) == 0
        assert capsys.readouterr().out
    assert main(["runs", "show", "2001"]) == 1
    assert main(["runs", "--csv", "--json"]) == 1


def session(state: Path, clock: ManualClock) -> tuple[LoadSession, LabSystem, Event]:
    nudged = Event()
    system = load_lab("pacu", clock)
    return LoadSession(system, state, nudged.set), system, nudged


def test_a_session_plans_runs_and_keeps_what_came_of_it(state: Path) -> None:
    made, system, nudged = session(state, ManualClock())
    frame = first_frame(system)
    assert made.start(frame, LoadWish(LoadRequest("10.0.0.2")))
    while made.view().busy:
        system.wait(5.0, nudged)
        nudged.clear()
    view = made.view()
    assert view.plan is not None and view.plan.refusals and view.outcome is None
    timing = Timing(cooldown=0.0)
    assert made.start(frame, LoadWish(LoadRequest(PEER, seconds=3), timing=timing, note="new"))
    assert not made.start(frame, LoadWish(LoadRequest(PEER))), "one at a time"
    while made.view().busy:
        system.wait(5.0, nudged)
        nudged.clear()
    outcome = made.view().outcome
    assert outcome is not None and outcome.ended == "complete"
    assert read_run(state, outcome.run or "").note == "new"


def test_a_session_that_is_closed_leaves_nothing_running(state: Path) -> None:
    made, system, _ = session(state, ManualClock())
    made.serve(5201)
    assert made.start(first_frame(system), LoadWish(LoadRequest(PEER, seconds=600)))
    while not ((status := made.view().status) and status.phase is Phase.LOAD):
        Event().wait(0.005)
    made.close()
    view = made.view()
    assert not view.busy and view.serving == 0
    assert view.outcome is not None and view.outcome.ended == "mlxtop ended"
    assert read_run(state, list_ids(state)[0]).ended == "mlxtop ended"
