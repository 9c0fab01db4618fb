"""Recorded runs for people, as JSON and as CSV, whatever has become of the record."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.cli import main
from mlxtop.commands import runs
from mlxtop.load.record import Run, compare, parse_run
from mlxtop.load.request import LoadRequest
from mlxtop.model.json_text import encode
from mlxtop.outputs import csv_rows
from mlxtop.present.runs import run_lines, run_table
from mlxtop.recording.recording import open_recording
from tests.load_lab import PEER, run_load, simulated
from tests.recorded import machine, write
from tests.test_json_text import strict

SHOW, COMPARE = ["show", "last"], ["compare", "last", "-1"]
KEYS = (
    *("t", "start", "end", "bps", "reverse_bps", "omitted", "plan", "commands", "tool", "target"),
    *("port_name", "result", "received_bps", "heat", "sensors", "name", "peak_c", "verdict"),
    *("ended", "soak", "rise_c", "fingerprint", "card", "mtu", "started", "note", "host", "demo"),
)
DAMAGED = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.integers()
    | st.sampled_from([1e999, 10**400, "\x1b[2J", "\ud800", "=1+1"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
    ),
    max_leaves=10,
)
LINE = st.builds(
    lambda kind, rest: json.dumps({**rest, "kind": kind}),
    st.sampled_from(["run", "interval", "heat", "event", "end"]),
    st.dictionaries(st.sampled_from(KEYS), DAMAGED, max_size=6),
)
RECORD = st.lists(LINE | st.text(max_size=10), max_size=5).map(lambda lines: parse_run("x", lines))


@given(RECORD, RECORD)
def test_no_damage_of_a_record_makes_any_output_raise(one: Run, other: Run) -> None:
    documents = [
        runs.summary(one),
        runs.document(one),
        *(change.document() for change in compare(one, other)),
    ]
    assert strict(encode(documents)) is not None
    for text in (
        *run_table([one, other], 80),
        *run_lines(one, 80, False),
        *map(runs._change, compare(one, other)),
    ):
        assert isinstance(text, str)
    for row in (runs.summary(one), *one.intervals):
        assert len([csv_rows.cell(value) for value in row.values()]) == len(row)


@given(RECORD)
def test_numbers_of_a_record_are_numbers_and_texts_are_texts(run: Run) -> None:
    for row in (runs.summary(run), *run.intervals, run.plan, *run.sensors.values()):
        for key, value in row.items():
            if key in ("start", "end", "bps", "received_bps", "peak_c", "mtu"):
                assert value is None or isinstance(value, int | float), key
            if key in ("tool", "target", "port_name", "name"):
                assert value is None or isinstance(value, str), key


@pytest.mark.parametrize(
    "lines",
    [
        ['{"kind":"run","plan":{"commands":7}}'],
        ['{"kind":"run"}', '{"kind":"interval","bps":NaN,"end":1e999}'],
        ['{"kind":"run"}', '{"kind":"end","result":{"received_bps":Infinity}}'],
        ['{"kind":"run","plan":{"port_name":["a"],"target":{"b":1}}}', '{"kind":"end","heat":5}'],
        ['{"kind":"run","fingerprint":' + '{"a":' * 90 + "1" + "}" * 91],
        ['{"kind":"run","started":1e300}', '{"kind":"interval","bps":' + "9" * 4000 + "}"],
    ],
    ids=["commands", "NaN", "infinite", "types", "nesting", "digits"],
)
@pytest.mark.parametrize(
    "words",
    [
        *([], ["--json"], ["--csv"], ["show", "last"], ["show", "last", "--json"]),
        *(
            ["show", "last", "--csv"],
            ["compare", "last", "-1"],
            ["compare", "last", "-1", "--json"],
        ),
    ],
    ids=" ".join,
)
def test_a_damaged_record_is_shown_as_far_as_it_goes(
    lines: list[str],
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    place = tmp_path / "mlxtop-nic" / "runs"
    place.mkdir(parents=True, mode=0o700)
    (place / "20261120T070715Z.jsonl").write_text('{"kind":"run","plan":{"mtu":1500}}\n')
    (place / "20261120T070716Z.jsonl").write_text("\n".join(lines))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("SUDO_UID", raising=False)
    assert main(["runs", *words]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    if "--json" in words:
        strict(said.out)


def test_a_link_that_a_spreadsheet_would_run_is_text() -> None:
    assert csv_rows.cell("=1+1\x1b") == "'=1+1?"


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "mlxtop-nic" / "runs"


def test_a_run_with_samples_says_how_it_is_replayed(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_load(simulated(), LoadRequest(PEER, seconds=3), record=state)
    assert main(["runs", "show", "last"]) == 0
    assert "replay" not in capsys.readouterr().out
    run = next(state.glob("*.jsonl")).stem
    with pytest.raises(FileNotFoundError):
        open_recording(run)
    path = write(state / f"{run}.mlxrec", machine("tiny", 5))
    assert main(["runs", "show", "last"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"replay: mlxtop replay {run}"
    assert main(["runs", "show", "last", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["recording"] == str(path)
    assert open_recording(run).paths == [path]
    far = write(state / f"{run}.far.mlxrec", machine("tiny", 5))
    assert main(["runs", "show", "last"]) == 0
    told = capsys.readouterr().out.splitlines()[-1]
    assert told == f"the far end: mlxtop replay {run}.far"
    assert open_recording(f"{run}.far").paths == [far]
    with pytest.raises(FileNotFoundError):
        open_recording(f"../runs/{run}")


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


def test_a_measurement_that_cannot_be_read_hides_nothing(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state.mkdir(parents=True, mode=0o700)
    (state / "20261120T070715Z.jsonl").write_text('{"kind":"run","plan":{"mtu":1500}}\n')
    (state / "m20261120T070716Z.jsonl").mkdir()
    (state / "m20261120T070717Z.jsonl").write_text('{"kind":"measure"}\n')
    assert main(["runs"]) == 0
    said = capsys.readouterr()
    assert "20261120T070715Z" in said.out and "m20261120T070717Z" in said.out
    assert said.err == "mlxtop: m20261120T070716Z: Is a directory\n"
    for form in ("--json", "--csv"):
        assert main(["runs", form]) == 0
        assert capsys.readouterr().err == ""
