"""Records of measurements: written, read back, found; those of other programs do no harm."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.load.measure_log import (
    PREFIX,
    find_measured,
    latency_us,
    list_measured,
    parse_measured,
    read_measured,
)
from mlxtop.load.run_log import RunWriter, list_ids


def written(runs: Path, wall: float, done: bool) -> str:
    record = RunWriter(runs, wall, PREFIX)
    record.write("measure", target="10.0.0.3")
    record.write("row", key="tcp", bps=1e9)
    record.write("row", key="tcp", bps=2e9)
    if done:
        record.write("done", sentence="x")
    record.close()
    return record.id


def test_a_record_is_read_back_and_runs_are_told_apart(tmp_path: Path) -> None:
    first, second = written(tmp_path, 1e9, True), written(tmp_path, 1.1e9, False)
    RunWriter(tmp_path, 1e9).close()
    assert list_measured(tmp_path) == [first, second] and len(list_ids(tmp_path)) == 1
    found = read_measured(tmp_path, first)
    assert found.complete and found.by_key["tcp"]["bps"] == 2e9, "the newest row of a test counts"
    assert not read_measured(tmp_path, second).complete
    assert find_measured(tmp_path, "last") == second
    assert find_measured(tmp_path, first[:6]) == first
    with pytest.raises(ValueError, match="more than one measurement begins"):
        find_measured(tmp_path, "m")
    with pytest.raises(ValueError, match="no measurement begins"):
        find_measured(tmp_path, "m1999")
    with pytest.raises(ValueError, match="nothing has been measured"):
        find_measured(tmp_path / "none", "last")


@given(st.lists(st.text(max_size=80), max_size=5))
def test_a_file_of_another_program_is_no_measurement(lines: list[str]) -> None:
    found = parse_measured("m1", ["{}", '{"kind":["row"]}', '{"kind":"row","key":1}', *lines])
    assert found.rows == () and not found.complete and found.damaged >= 3


def test_a_figure_that_is_none_is_left_out() -> None:
    row = {"result": {"latency": {"typical_us": "fast", "average_us": 2.0}}}
    assert latency_us(row, "typical", "average") == 2.0
    assert latency_us({"result": 5}, "typical") is None
