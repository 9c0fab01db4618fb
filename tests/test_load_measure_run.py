"""A measurement from its plan to its table: order, budget, resuming, and the stories' figures."""

from __future__ import annotations

import argparse
import csv
import io
import json
import signal
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from mlxtop.commands import measure, runs
from mlxtop.lab import LabSystem
from mlxtop.load import session
from mlxtop.load.measure_log import list_measured, read_measured
from mlxtop.load.plan import plan_load
from mlxtop.load.request import LoadPlan, LoadRequest
from mlxtop.load.run_log import list_ids
from mlxtop.model.frame import Frame
from mlxtop.model.number import real
from mlxtop.outputs import console
from mlxtop.present.text import Line, plain
from mlxtop.settings import Settings
from mlxtop.system.door import Finished, System

from .load_lab import install, simulated


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "mlxtop-nic" / "demo-runs"


def command(system: LabSystem, *words: str, json_: bool = False, module: Any = measure) -> int:
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    args = parser.parse_args(words, argparse.Namespace(json=json_))
    status: int = module.run(args, system, Settings())
    return status


def rates(document: dict[str, Any]) -> dict[str, float]:
    return {row["key"]: row["bps"] for row in document["rows"] if row["bps"]}


def document(name: str, capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert command(simulated(name), *words, json_=True) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_the_table_of_the_second_story(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """ConnectX-3 on M.2: 20 Gb/s of TCP, 25.3 of RDMA."""
    found = document("tiny", capsys, "10.40.0.1")
    bps = rates(found)
    assert bps["tcp"] == pytest.approx(20e9, rel=0.05)
    assert bps["ib_write_bw-65536"] == pytest.approx(25.3e9, rel=0.05)
    assert found["ended"] == "complete"
    assert found["sentence"].startswith("TCP 10.")
    assert "a stream is full; 4 streams reach " in found["sentence"]
    assert "Latency 1.4 µs" in found["sentence"]
    assert len(list_ids(state)) == len(found["rows"]), "each test is a run of its own"


def test_the_table_of_the_third_story(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """ConnectX-2 on a small board: 11.1 Gb/s there, 14.4 back."""
    found = document("odroid", capsys, "10.10.10.21")
    bps = rates(found)
    assert bps["tcp-1"] == pytest.approx(11.1e9, rel=0.05)
    assert bps["tcp-reverse"] == pytest.approx(14.4e9, rel=0.05)
    assert "the other way 13." in found["sentence"] or "the other way 14." in found["sentence"]


SWEEP = ("10.0.0.3", "-t", "3", "--sweep", "streams=1,2,4")


def test_a_sweep_in_every_form(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(simulated("pacu"), *SWEEP) == 0
    out = capsys.readouterr().out
    assert "streams=4" in out and "Gb/s by streams" in out and "4 streams reach" in out
    assert all(len(line) <= 80 for line in out.splitlines() if line.startswith("streams="))
    assert command(simulated("pacu"), *SWEEP, "--csv") == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["key"] for row in rows] == ["streams=1", "streams=2", "streams=4"]
    assert all((real(row["bps"]) or 0) > 5e9 and row["peak_module_c"] for row in rows)
    assert command(simulated("pacu"), *SWEEP, "--markdown") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("| Test | Gb/s |") and lines[1].startswith("| :-- | --: |")
    assert lines[-1].startswith("TCP ") and lines[-1].endswith(".")


def test_a_sweep_of_the_mtu_shows_what_small_packets_cost(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("-t", "5", "-P", "1", "--sweep", "mtu=1500,9000", "--change-mtu", "--yes")
    found = document("pacu", capsys, "10.0.0.3", *words)
    bps = rates(found)
    assert ". MTU 1500 8." in found["sentence"]
    assert bps["mtu=1500"] == pytest.approx(0.7 * bps["mtu=9000"], rel=0.1)


def test_the_order_is_shuffled_and_the_table_is_not(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = ",".join(map(str, range(1, 9)))
    found = document("tiny", capsys, "10.40.0.1", "-t", "1", "--sweep", f"streams={values}")
    keys = [row["key"] for row in found["rows"]]
    assert keys == [f"streams={n}" for n in range(1, 9)]
    (name,) = list_measured(state)
    run = [row["key"] for row in read_measured(state, name).rows]
    assert sorted(run) == keys and run != keys


def test_a_budget_ends_it_and_it_goes_on_later(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(simulated("pacu"), *SWEEP, "--budget", "5", "--note", "dusty") == 1
    said = capsys.readouterr()
    assert "the budget of 5 s is used up: --resume goes on" in said.err
    (first,) = list_measured(state)
    before = read_measured(state, first)
    assert not before.complete and len(before.rows) == 1
    assert command(simulated("pacu"), "--resume") == 0
    (_, second) = list_measured(state)
    after = read_measured(state, second)
    assert after.complete and len(after.rows) == 3
    key = before.rows[0]["key"]
    assert after.by_key[key]["run"] == before.by_key[key]["run"], "what is there is not run again"
    with pytest.raises(ValueError, match="is complete"):
        command(simulated("pacu"), "--resume", second)
    capsys.readouterr()
    assert command(simulated("pacu"), "show", first, module=runs) == 0
    assert f"broken off: mlxtop measure --resume {first} goes on" in capsys.readouterr().out
    assert command(simulated("pacu"), "show", second, module=runs) == 0
    shown = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    places = [shown.index(f"streams={n}") for n in (1, 2, 4)]
    assert places == sorted(places), "in the order of the plan, not in that of the run"


def test_cooling_down_is_part_of_the_budget_and_the_last_test_is_not_waited_for(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The card of `fry` takes minutes to cool down."""
    words = ("10.0.0.2", "-t", "20", "--sweep", "streams=7,8")
    system = simulated("fry")
    began = system.now()
    assert command(system, *words, "--budget", "60") == 1
    assert "the budget of 1 min is used up" in capsys.readouterr().err
    assert 50 < system.now() - began < 65
    (first,) = list_measured(state)
    assert len(read_measured(state, first).rows) == 1
    system = simulated("fry")
    began = system.now()
    assert command(system, "--resume") == 0
    assert system.now() - began < 65, "thirty seconds are followed after the last test"


def test_two_measurements_stand_side_by_side(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(simulated("pacu"), *SWEEP) == 0
    assert command(simulated("tiny"), "10.40.0.1", *SWEEP[1:]) == 0
    first, second = list_measured(state)
    capsys.readouterr()
    assert command(simulated("pacu"), "compare", first, second, module=runs) == 0
    out = capsys.readouterr().out
    row = next(line for line in out.splitlines() if line.startswith("streams=4"))
    assert row.count("Gb/s") == 2 and row.rstrip().endswith("%")
    assert "changed between them:" in out and "ConnectX-4 -> ConnectX-3" in out
    assert "  link: 100 Gb/s -> 40.0 Gb/s (-60.0 %)" in out and "  fec: RS -> –" in out
    names = [line.split()[0] for line in out.splitlines() if line.startswith("streams=")]
    assert names == ["streams=1", "streams=2", "streams=4"]
    assert command(simulated("pacu"), module=runs) == 0
    assert first in capsys.readouterr().out


def test_the_plan_is_shown_and_nothing_run(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    system = simulated("pacu")
    install(system, nuttcp=None)
    assert command(system, "10.0.0.3", "--plan") == 0
    out = capsys.readouterr().out
    assert "TCP by nuttcp: not measured: nuttcp is not installed" in out
    assert "tests take about" in out and "At the far end, before:" in out
    assert "where the card cools down slowly, up to 1 h " in out
    assert "guard: stops at ASIC 105 °C" in out
    assert not state.exists()


def test_each_test_is_reported_once(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(simulated("pacu"), *SWEEP) == 0
    lines = capsys.readouterr().err.splitlines()
    firsts = [line for line in lines if line.startswith("   1.0 s") and "warm-up" not in line]
    assert len(firsts) == len(set(firsts)) == 3
    assert not any(line.startswith("done") for line in lines)


@pytest.mark.parametrize("turn", range(3))
def test_a_test_that_is_refused_counts_whenever_its_turn_is(
    state: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, turn: int
) -> None:
    asked: list[LoadRequest] = []

    def refusing(system: System, frame: Frame, request: LoadRequest) -> LoadPlan:
        asked.append(request)
        plan = plan_load(system, frame, request)
        return plan._replace(refusals=("no more",)) if len(asked) == turn + 1 else plan

    monkeypatch.setattr(session, "plan_load", refusing)
    assert command(simulated("pacu"), *SWEEP) == 1
    assert len(asked) == 3
    said = capsys.readouterr()
    assert ": no more" in said.err and "1 of 3 tests failed." in said.out
    (name,) = list_measured(state)
    assert [row["ended"] for row in read_measured(state, name).rows if row.get("failed")] == [
        "no more"
    ]


def test_no_test_follows_a_sensor_that_fell_silent(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its reading ends 25 s after the start."""
    values = ",".join(map(str, range(1, 9)))
    words = ("10.50.0.1", "-t", "10", "--sweep", f"streams={values}")
    assert command(simulated("faulty"), *words) == 1
    said = capsys.readouterr()
    assert "the ASIC sensor is stale" in said.err
    assert "--resume goes on once it is read again" in said.err
    (name,) = list_measured(state)
    rows = read_measured(state, name).rows
    assert 0 < len(rows) < 8 and [row["stopped"] for row in rows].count(True) == 1
    assert not any(row["hot"] for row in rows), "nothing was too warm"
    assert said.out.count("stopped by the heat guard") == 1
    assert "The heat guard stopped 1 of " in said.out


def test_a_test_that_failed_is_tried_again_when_it_goes_on(
    state: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[LoadRequest] = []

    def refusing(system: System, frame: Frame, request: LoadRequest) -> LoadPlan:
        plan = plan_load(system, frame, request)
        if refused:
            return plan
        refused.append(request)
        return plan._replace(refusals=("no more",))

    monkeypatch.setattr(session, "plan_load", refusing)
    assert command(simulated("pacu"), *SWEEP, "--budget", "5") == 1
    assert command(simulated("pacu"), "--resume") == 0
    (_, second) = list_measured(state)
    after = read_measured(state, second)
    assert len(after.rows) == 3 and not any(row.get("failed") for row in after.rows)


@pytest.mark.parametrize(
    "words",
    [
        ("10.0.0.3", "--bidir"),
        ("10.0.0.3", "-R"),
        ("--resume", "--sweep", "streams=1,2"),
        ("--resume", "-P", "4"),
        ("--resume", "--bidir"),
        ("--resume", "-t", "9"),
    ],
)
def test_no_option_is_passed_over_in_silence(state: Path, words: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"every tool is measured|as they were planned"):
        command(simulated("pacu"), *words)


def test_where_every_test_fails_the_servers_are_asked_for(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    system = simulated("pacu")
    refused = "iperf3: error - unable to connect to server: Connection refused"
    system.stream = lambda *_: Finished(1, "", refused)  # type: ignore[method-assign]
    assert command(system, *SWEEP) == 1
    said = capsys.readouterr()
    assert "3 of 3 tests failed." in said.out
    assert "do the servers run at the far end? --plan lists them" in said.err
    assert "! streams=1, streams=2, streams=4: failed: no iperf3 server listens" in said.out


def test_what_is_broken_off_is_not_in_the_table(
    state: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []

    def tell(*lines: Line) -> None:
        before = len(told)
        told.extend(text for line in lines if (text := plain(line)).startswith("   2.0 s"))
        if before < len(told) == 2:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(console, "tell", tell)
    assert command(simulated("pacu"), *SWEEP) == 130
    (name,) = list_measured(state)
    assert len(read_measured(state, name).rows) == 1


def test_each_test_begins_as_cool_as_the_first(state: Path) -> None:
    system = simulated("pacu")
    assert command(system, "10.0.0.3", "-t", "20", "--sweep", "streams=6,7,8") == 0
    (name,) = list_measured(state)
    assert all(not row["hot"] for row in read_measured(state, name).rows)
    system.wait(1.0, Event())


def test_too_large_a_sweep_is_refused_before_anything(state: Path) -> None:
    words = ("10.0.0.3", "--sweep", "size=64..1G", "--sweep", "bitrate=1M..4G")
    with pytest.raises(ValueError, match="a sweep of 325 points takes 3 days 19 h"):
        command(simulated("pacu"), *words, "-t", "1000")
    assert not state.exists()
