"""`mlxtop export`: a recording as CSV and as a trace."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime
from pathlib import Path

import pytest

from mlxtop.analysis.fields import PORT_FIELDS
from mlxtop.cli import main
from mlxtop.outputs import csv_rows
from tests.recorded import machine, write

SAMPLES = machine("fry", 120)


@pytest.fixture(scope="module")
def fry(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write(tmp_path_factory.mktemp("fry") / "a.mlxrec", SAMPLES))


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["export", *words]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_csv_has_a_row_a_port_and_sample_with_all_public_fields(
    fry: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = printed(capsys, "--csv", fry)
    rows = table(text)
    assert len(rows) == sum(len(one.ports) for one in SAMPLES)
    names = [field.name for field in PORT_FIELDS if not field.private]
    assert list(rows[0]) == ["time", "tick", *names]
    assert "address" not in rows[0]
    one = next(row for row in rows if row["netdev"] == "enp67s0np0" and row["module_c"])
    assert datetime.fromisoformat(one["time"]).timestamp() >= SAMPLES[0].wall
    assert float(one["speed_mbps"]) == 100_000
    assert rows[0]["rx_bps"] == ""  # a rate needs two readings
    assert float(rows[-1]["rx_bps"]) > 0


def test_a_part_has_rates_from_its_first_row_on(
    fry: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = table(printed(capsys, "--csv", fry, "--since", "+60s", "--until", "+70s"))
    assert len({row["time"] for row in rows}) == 11
    assert all(row["rx_bps"] for row in rows)


def test_a_text_is_no_formula() -> None:
    assert csv_rows.rows([["=1+1", "-2", -2, None, True, ["a"], "x,\x1b"]]) == (
        '\'=1+1,\'-2,-2,,True,"[""a""]","x,?"\n'
    )


def test_a_trace_is_one_json_document(fry: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(printed(capsys, "--perfetto", fry))
    kinds = {one["ph"] for one in found["traceEvents"]}
    assert kinds == {"M", "C", "b", "e"}
    assert found["otherData"]["clock"] == "realtime"
    part = json.loads(printed(capsys, "--perfetto", "--monotonic", fry, "--until", "+10s"))
    times = [one["ts"] for one in part["traceEvents"] if one["ph"] == "C"]
    assert times[0] == SAMPLES[0].tick * 1e6
    assert max(times) - min(times) <= 12e6


@pytest.mark.parametrize(
    "words",
    [[], ["--json", "--csv"], ["--csv", "--perfetto"], ["--csv", "--monotonic"]],
    ids=" ".join,
)
def test_a_form_has_to_be_chosen(
    fry: str, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", fry, *words]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_damage_is_told_beside(
    fry: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = Path(fry).read_bytes()
    torn = tmp_path / "torn"
    torn.write_bytes(data[: len(data) // 2])
    assert main(["export", "--csv", str(torn)]) == 0
    out, err = capsys.readouterr()
    assert 0 < len(table(out)) < 240
    assert "the end is missing" in err
