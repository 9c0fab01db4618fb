"""One session plans, runs and serves, whoever drives it."""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from threading import Event

import pytest

from mlxtop.lab import LabSystem, ManualClock, load_lab
from mlxtop.load.guard import SILENCE_S
from mlxtop.load.outcome import Phase
from mlxtop.load.request import GuardOptions, LoadOptions, LoadRequest, Timing
from mlxtop.load.run_log import list_ids, read_run
from mlxtop.load.servers import SERVER_LINES, WATCH_S
from mlxtop.load.session import LoadSession
from mlxtop.model.frame import Frame
from mlxtop.model.identity import PortId
from mlxtop.model.sample import SourceKind
from mlxtop.recording.files import run_recording
from mlxtop.recording.of_run import RunSamples
from mlxtop.recording.recording import Recording
from mlxtop.sampler.live import LiveSource
from mlxtop.sampler.source import frames
from mlxtop.sources.kernel.neighbours import Neighbour
from mlxtop.system.door import Finished

from .load_lab import PEER, first_frame, wait_for_the_far_end


def first_port(frame: Frame) -> PortId:
    return next(port for port, one in frame.ports.items() if one.now.temperatures)


def session(runs: Path, clock: ManualClock) -> tuple[LoadSession, LabSystem, Event]:
    nudged = Event()
    system = load_lab("pacu", clock)
    return LoadSession(system, runs, nudged.set), system, nudged


def test_a_plan_has_the_limits_of_its_guard_and_a_session_its_neighbours(tmp_path: Path) -> None:
    made, system, nudged = session(tmp_path, ManualClock())
    guard = GuardOptions(True, frozenset(["module"]))
    assert made.start(first_frame(system), LoadOptions(LoadRequest(PEER), guard), only_plan=True)
    while made.view().busy:
        system.wait(5.0, nudged)
        nudged.clear()
    assert [(one.name, one.limits.warning) for one in made.view().sensors] == [("module", 75.0)]
    assert made.view().guard == guard
    made.find_neighbours()
    while not made.view().neighbours:
        system.wait(5.0, nudged)
        nudged.clear()
    assert made.view().neighbours == (Neighbour(PEER, "enp67s0np0"),)


def test_a_session_plans_runs_and_keeps_what_came_of_it(tmp_path: Path) -> None:
    made, system, nudged = session(tmp_path, ManualClock())
    frame = first_frame(system)
    assert made.start(frame, LoadOptions(LoadRequest("10.0.0.2")))
    while made.view().busy:
        system.wait(5.0, nudged)
        nudged.clear()
    view = made.view()
    assert view.plan is not None and view.plan.refusals and view.outcome is None
    timing = Timing(cooldown=0.0)
    assert made.start(frame, LoadOptions(LoadRequest(PEER, seconds=3), timing=timing, note="new"))
    assert not made.start(frame, LoadOptions(LoadRequest(PEER))), "one at a time"
    while made.view().busy:
        system.wait(5.0, nudged)
        nudged.clear()
    outcome = made.view().outcome
    assert outcome is not None and outcome.ended == "complete"
    assert read_run(tmp_path, outcome.run or "").note == "new"


def test_a_run_has_the_samples_of_its_time_as_a_recording(tmp_path: Path) -> None:
    system, nudged = load_lab("pacu", ManualClock()), Event()
    made = LoadSession(system, tmp_path, nudged.set, partial(RunSamples, system))
    source = LiveSource(system, 1.0)
    stop = Event()
    feed = frames(source, stop)
    first = next(feed)
    timing = Timing(baseline=2.0, cooldown=2.0)
    assert made.start(first, LoadOptions(LoadRequest(PEER, seconds=3), timing=timing))

    def sampled() -> None:
        for frame in feed:
            made.frame(frame)

    system.clock.thread(sampled, "frames")
    while made.view().busy:
        system.wait(5.0, nudged)
        nudged.clear()
    stop.set()
    outcome = made.view().outcome
    assert outcome is not None and outcome.run is not None and made.view().problem is None
    path = run_recording(outcome.run, tmp_path)
    assert path is not None and path.stat().st_mode & 0o777 == 0o600
    one = Recording([path])
    assert one.source is SourceKind.DEMO
    samples = [moment.sample for moment in one.moments()]
    assert samples[0] == first.sample
    assert len(samples) >= 5
    assert samples[-1].tick >= first.sample.tick + 5.0
    assert all(sample.ports and sample.ports[first_port(first)].temperatures for sample in samples)


def test_samples_that_cannot_be_written_are_told_and_the_run_goes_on(tmp_path: Path) -> None:
    system, nudged = load_lab("pacu", ManualClock()), Event()

    def full(record: Path) -> RunSamples:
        return RunSamples(system, tmp_path / "none" / record.name)

    made = LoadSession(system, tmp_path, nudged.set, full)
    timing = Timing(cooldown=0.0)
    options = LoadOptions(LoadRequest(PEER, seconds=3), timing=timing)
    assert made.start(first_frame(system), options)
    while made.view().busy:
        system.wait(5.0, nudged)
        nudged.clear()
    view = made.view()
    assert view.outcome is not None and view.outcome.ended == "complete"
    assert view.problem is not None and "No such file" in view.problem


def test_a_session_that_is_closed_leaves_nothing_running(tmp_path: Path) -> None:
    made, system, _ = session(tmp_path, ManualClock())
    made.serve(5201)
    assert made.start(first_frame(system), LoadOptions(LoadRequest(PEER, seconds=600)))
    while not ((status := made.view().status) and status.phase is Phase.LOAD):
        Event().wait(0.005)
    made.close()
    view = made.view()
    assert not view.busy and view.serving == 0
    assert view.outcome is not None and view.outcome.ended == "mlxtop ended"
    assert read_run(tmp_path, list_ids(tmp_path)[0]).ended == "mlxtop ended"


def test_servers_serve_once_and_only_their_newest_lines_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, system, nudged = session(tmp_path, ManualClock())

    def printing(argv: Sequence[str], line: Callable[[str], None], stop: Event) -> Finished:
        for number in range(SERVER_LINES):
            line(f"line {number}")
        return Finished(0, "", "")

    monkeypatch.setattr(system, "stream", printing)
    made.serve(5201)
    while made.view().serving:
        system.wait(5.0, nudged)
        nudged.clear()
    view = made.view()
    assert not view.server_failed
    assert view.server_printed == SERVER_LINES + 1, "the command comes first"
    assert (view.server_lines[0], len(view.server_lines)) == ("line 0", SERVER_LINES)


def test_servers_end_when_no_sensor_is_read_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, system, nudged = session(tmp_path, ManualClock())
    wait_for_the_far_end(system, monkeypatch)
    began = system.now()
    made.serve(5201, 2, first_frame(system))
    while made.view().serving and system.now() < began + 600:
        system.wait(60.0, nudged)
        nudged.clear()
    view = made.view()
    assert view.serving == 0 and view.server_failed
    told = [line for line in view.server_lines if "ended by the heat guard: no reading for" in line]
    assert len(told) == 1
    assert SILENCE_S <= system.now() - began <= SILENCE_S + 2 * WATCH_S


@pytest.mark.parametrize("guard", ["all", "off"])
def test_servers_go_on_while_frames_come_and_without_a_guard(
    guard: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, system, _ = session(tmp_path, ManualClock())
    wait_for_the_far_end(system, monkeypatch)
    made.serve(5201, 1, first_frame(system), GuardOptions.choose(guard))
    for _ in range(10):
        system.wait(5.0, Event())
        if guard != "off":
            made.frame(first_frame(system))
    assert made.view().serving == 1
    made.stop_serving()
    system.wait(3 * SILENCE_S, Event())
    assert made.view().serving == 0 and not made.view().server_failed


@pytest.mark.parametrize(
    ("ended", "line"),
    [
        (Finished(1, "", "unable to start listener: Address in use"), "Address in use"),
        (Finished(3, "", ""), "iperf3 ended with status 3"),
        (OSError(errno.ENOENT, "No such file"), "iperf3 cannot be run: No such file"),
    ],
)
def test_a_server_that_fails_is_reported(
    ended: Finished | OSError, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, system, nudged = session(tmp_path, ManualClock())

    def failing(argv: Sequence[str], line: Callable[[str], None], stop: Event) -> Finished:
        if isinstance(ended, OSError):
            raise ended
        return ended

    monkeypatch.setattr(system, "stream", failing)
    made.serve(5201, 2)
    while made.view().serving:
        system.wait(5.0, nudged)
        nudged.clear()
    view = made.view()
    assert view.server_failed
    assert sum(printed.endswith(line) for printed in view.server_lines) == 2


def test_a_test_that_is_cancelled_while_it_is_planned_says_why(tmp_path: Path) -> None:
    made, system, nudged = session(tmp_path, ManualClock())
    which = system.which

    def cancelling(command: str) -> str | None:
        made.cancel("interrupted (SIGINT)")
        return which(command)

    system.which = cancelling  # type: ignore[method-assign]
    made.start(first_frame(system), LoadOptions(LoadRequest(PEER, seconds=60)))
    while made.view().busy:
        system.wait(5.0, nudged)
        nudged.clear()
    outcome = made.view().outcome
    assert outcome is not None and outcome.ended == "interrupted (SIGINT)"
    assert outcome.intervals == ()
