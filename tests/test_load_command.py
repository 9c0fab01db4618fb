"""`mlxtop load` shows a plan, runs it, and ends with the right status."""

from __future__ import annotations

import argparse
import json
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event

import pytest

from mlxtop.cli import main
from mlxtop.commands import load, load_session
from mlxtop.lab import LabSystem
from mlxtop.load import session
from mlxtop.load.run_log import list_ids, read_run
from mlxtop.outputs import console
from mlxtop.present.text import Line, plain
from mlxtop.settings import Settings
from mlxtop.system.door import Finished

from .load_lab import PEER, simulated


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "mlxtop-nic" / "demo-runs"


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


def command(system: LabSystem, *words: str) -> int:
    """Run `mlxtop load` on a simulated machine in simulated time."""
    parser = argparse.ArgumentParser()
    load.add_arguments(parser)
    args = parser.parse_args(words, argparse.Namespace(json=False))
    return load.run(args, system, Settings())


def test_plan_intervals_and_outcome_are_printed_as_they_come(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(simulated(), PEER, "-t", "3", "--cooldown", "0", "--note", "dusty") == 0
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert lines[0].startswith("port enp67s0np0 ")
    assert any(line.startswith("here: iperf3 -c") for line in lines)
    rows = [line for line in lines if line.startswith("   ")]
    assert [line[:8] for line in rows] == ["   1.0 s", "   2.0 s", "   3.0 s"]
    assert "Gb/s received" in out.splitlines()[0]
    assert read_run(state, list_ids(state)[0]).note == "dusty"


def test_a_stop_by_the_guard_is_told_at_once_and_the_cool_down_every_second(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(simulated("fry"), "10.0.0.2", "-t", "300", "--cooldown", "12") == 1
    out, err = capsys.readouterr()
    lines = err.splitlines()
    guard = next(line for line in lines if line.startswith("guard: "))
    assert guard == "guard: stops at ASIC 105 °C, module 75 °C, or 15 s before"
    stop = next(n for n, line in enumerate(lines) if line.startswith("mlxtop: stopped by the heat"))
    cooling = [line for line in lines[stop + 1 :] if line.startswith("cooling down, ")]
    left = [int(line.split()[2]) for line in cooling]
    assert left == sorted(left, reverse=True) and len(left) >= 9
    assert all("ASIC" in line and " in " not in line for line in cooling)
    assert out.splitlines()[0] == lines[stop].removeprefix("mlxtop: ")
    assert "next: mlxtop load 10.0.0.2 --hold" in out and "as good as it gets" not in out
    assert err.count("stopped by the heat guard") == 1


def test_what_reports_rarely_is_not_silent_for_long(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = (PEER, "-t", "10", "--interval", "5", "--cooldown", "0")
    assert command(simulated(), *words) == 0
    lines = capsys.readouterr().err.splitlines()
    assert 6 <= sum(line.startswith("load, ") for line in lines) <= 10


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGTSTP])
def test_a_signal_ends_the_test_in_order_and_is_the_exit_code(
    number: signal.Signals, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tell(line: Line) -> None:
        if plain(line).startswith("   2.0 s"):
            signal.raise_signal(number)

    monkeypatch.setattr(console, "tell", tell)
    before = [signal.getsignal(one) for one in (*load_session.SIGNALS, signal.SIGTSTP)]
    assert command(simulated(), PEER, "-t", "600") == 128 + number
    assert [signal.getsignal(one) for one in (*load_session.SIGNALS, signal.SIGTSTP)] == before
    run = read_run(state, list_ids(state)[0])
    assert run.ended == f"interrupted ({number.name})"
    assert 2 <= len(run.intervals) < 20


def test_a_signal_while_a_test_is_planned_lets_nothing_run(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = simulated()

    def plan(*_: object) -> None:
        signal.raise_signal(signal.SIGINT)
        system.wait(1000.0, Event())

    monkeypatch.setattr(session, "plan_load", plan)
    assert command(system, PEER) == 130
    assert not state.exists()


def test_a_server_here_ends_with_its_test(capsys: pytest.CaptureFixture[str]) -> None:
    system = simulated()
    system.stream = lambda *_: Finished(0, "", "")  # type: ignore[method-assign]
    assert command(system, "--server", "-p", "5301", "--processes", "2") == 0
    assert capsys.readouterr().err.count("here: iperf3 -s -1 -p 530") == 2
    system.stream = lambda *_: Finished(1, "", "in use")  # type: ignore[method-assign]
    assert command(system, "--server") == 1


@pytest.mark.parametrize("words", [("10.0.0.3",), ("--plan",), ("--hold",), ("--ssh",)])
def test_a_server_here_takes_nothing_that_is_for_a_test(words: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="serves the far end here"):
        command(simulated(), "--server", *words)


def test_a_hold_without_an_answer_is_no_success(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(simulated(), "10.0.0.3", "--hold", "-t", "20", "--cooldown", "0") == 1
    out = capsys.readouterr().out
    assert "no rate was held for 600 s" in out
    assert "next: mlxtop load 10.0.0.3 --hold -t 30m: more time to find it" in out


def test_a_server_here_ends_when_it_gets_too_warm(capsys: pytest.CaptureFixture[str]) -> None:
    """The programme of `fry` heats its module past the warning limit."""
    system = simulated("fry")

    def serving(argv: Sequence[str], line: Callable[[str], None], stop: Event) -> Finished:
        system.wait(600.0, stop)
        return Finished(-15, "", "")

    system.stream = serving  # type: ignore[method-assign]
    assert command(system, "--server") == 1
    said = capsys.readouterr().err
    assert "server: stops at ASIC 105 °C, module 75 °C, or 15 s before" in said
    assert "server ended by the heat guard: " in said and "warning limit" in said


@pytest.mark.parametrize(
    ("text", "good"), [("0.1", True), ("0.09", False), ("60", True), ("60.1", False)]
)
def test_reports_come_from_ten_a_second_to_one_a_minute(text: str, good: bool) -> None:
    if good:
        assert load._interval(text) == float(text)
    else:
        with pytest.raises(argparse.ArgumentTypeError):
            load._interval(text)


def test_what_is_shown_of_a_run_fits_and_tells_temperatures(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(simulated("fry"), "10.0.0.2", "-t", "8", "--cooldown", "3") == 0
    capsys.readouterr()
    assert main(["--demo", "fry", "runs", "show", "last"]) == 0
    lines = capsys.readouterr().out.splitlines()
    wide = [line for line in lines if len(line) > 80]
    assert all(line.startswith("ran: ") for line in wide), "but for what is to be copied"
    samples = [line for line in lines if " s " in line and "Gb/s" in line and "ASIC" in line]
    assert len(samples) == 8 and samples[-1].endswith("°C")
    assert "temperature in °C, warning at asic 105, module 75" in lines


def test_runs_of_simulated_machines_are_kept_apart(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(simulated(), PEER, "-t", "2", "--cooldown", "0") == 0
    capsys.readouterr()
    assert main(["runs"]) == 0
    assert "no run has been recorded yet" in capsys.readouterr().out
    assert main(["--demo", "pacu", "runs"]) == 0
    assert list_ids(state)[0] in capsys.readouterr().out
