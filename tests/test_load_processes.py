"""The processes of a test are read together and ended together."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from threading import Event
from typing import Any

import pytest

from mlxtop.lab import LabSystem, ManualClock, load_lab
from mlxtop.load.plan import plan_load
from mlxtop.load.processes import LoadStreams
from mlxtop.load.request import LoadPlan, LoadRequest
from mlxtop.model.load import LoadInterval, Tool
from mlxtop.system.door import Finished

from .load_lab import PEER, first_frame, install, planned, simulated


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


@pytest.mark.parametrize(
    ("first", "limit", "error"),
    [
        ("", 9.0, f"no iperf3 server answers at {PEER}, port 5201"),
        ('{"event":"start","data":{}}', 40.0, "the test did not end within 40 s"),
    ],
    ids=["answer", "end"],
)
def test_a_far_end_has_its_time_and_no_more(first: str, limit: float, error: str) -> None:
    plan = planned(LoadRequest(PEER, seconds=10, omit=2))
    running = streams(plan, [[]])
    system = running._system

    def hanging(argv: Sequence[str], line: Callable[[str], None], stop: Event) -> Finished:
        line(first)
        system.wait(1000.0, stop)
        return Finished(-15, "", "")

    system.stream = hanging  # type: ignore[method-assign]
    running.start()
    began = system.now()
    while running.running and system.now() - began < 100:
        running.step(0.25)
        late = system.now() - began > limit
        assert (running.error is not None) is late
    assert running.error == error


def tool_plan(tool: Tool, **more: object) -> tuple[LabSystem, LoadPlan]:
    system = simulated("tiny")
    request = LoadRequest("10.40.0.1", tool=tool, seconds=2, **more)  # type: ignore[arg-type]
    return system, plan_load(system, first_frame(system), request)


def ends_as(tool: Tool, lines: Sequence[str], ended: Finished) -> LoadStreams:
    """A test whose process prints these lines and ends so."""
    system, plan = tool_plan(tool)
    assert plan.refusals == ()

    def printing(argv: Sequence[str], line: Callable[[str], None], stop: Event) -> Finished:
        for text in lines:
            line(text)
        return ended

    system.stream = printing  # type: ignore[method-assign]
    running = LoadStreams(system, plan)
    assert all_intervals(running) == []
    return running


@pytest.mark.parametrize("tool", list(Tool))
def test_a_tool_that_is_killed_has_failed_in_one_line(tool: Tool) -> None:
    running = ends_as(tool, [], Finished(-9, "", ""))
    assert running.error is not None and "\n" not in running.error
    assert running.result([]) is None


@pytest.mark.parametrize("tool", list(Tool))
def test_a_tool_that_lies_gives_no_result(tool: Tool) -> None:
    lines = [
        "rate_Mbps=nan",
        "{]",
        "bw = 1e999 GB/sec",
        "[SUM] 0.0-1.0 sec",
        " 65536 x y z",
        "\x1b[2J",
    ]
    running = ends_as(tool, lines * 200, Finished(0, "", "\x1b]0;owned\x07 error: \ufffd"))
    assert running.error is not None
    assert running.result([]) is None


@pytest.mark.parametrize("tool", list(Tool))
def test_a_tool_that_is_missing_or_hangs_is_refused(tool: Tool) -> None:
    system = simulated("tiny")
    request = LoadRequest("10.40.0.1", tool=tool, seconds=2)
    frame = first_frame(system)
    run = system.run

    def hanging(argv: Sequence[str], **more: Any) -> Finished:
        return Finished(-9, "", "", timed_out=True) if argv[0] == tool else run(argv, **more)

    system.run = hanging  # type: ignore[method-assign]
    refusals = plan_load(system, frame, request).refusals
    assert tool is Tool.PING or any("does not answer" in each for each in refusals)
    install(system, **({"ib_write_bw": None} | {str(tool): None}))
    refusals = plan_load(system, frame, request).refusals
    assert len(refusals) == 1 and "is not installed; on Debian" in refusals[0]


def test_a_test_without_a_length_may_not_be_silent() -> None:
    system, plan = tool_plan(Tool.IPERF, amount=1 << 30)

    def silent(argv: Sequence[str], line: Callable[[str], None], stop: Event) -> Finished:
        system.wait(1000.0, stop)
        return Finished(-15, "", "")

    system.stream = silent  # type: ignore[method-assign]
    running, began = LoadStreams(system, plan), system.now()
    all_intervals(running)
    assert running.error == "iperf has reported nothing for 60 s"
    assert 60 < system.now() - began < 65
