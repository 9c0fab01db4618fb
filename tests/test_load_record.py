"""Records are read whatever has become of them, and compared by what changed."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from mlxtop.load.record import Run, compare, parse_run
from mlxtop.load.request import LoadRequest
from mlxtop.load.run_log import list_ids, read_run

from .load_lab import PEER, run_load, simulated


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


def ended(**result: object) -> Run:
    return Run("x", end={"result": result, "ended": "complete"})


def test_the_way_back_and_the_settings_of_the_tool_are_compared() -> None:
    before = ended(received_bps=9e9, reverse={"received_bps": 8e9}, setup={"rdma_cm QPs": "OFF"})
    after = ended(received_bps=9e9, reverse={"received_bps": 4e9}, setup={"rdma_cm QPs": "ON"})
    changes = {(change.part, change.name): change for change in compare(before, after)}
    assert changes["settings", "rdma_cm QPs"].after == "ON"
    assert changes["result", "back received_bps"].percent == -50.0
    assert len(changes) == 2


@given(
    st.lists(
        st.one_of(
            st.text(max_size=30),
            st.builds(
                lambda kind, value: json.dumps(
                    {"kind": kind, "plan": value, "result": value, "heat": value, "bps": value}
                ),
                st.sampled_from(["run", "interval", "heat", "event", "end", "new"]),
                st.recursive(
                    st.one_of(st.none(), st.floats(), st.integers(), st.text(max_size=3)),
                    lambda inner: st.one_of(
                        st.lists(inner, max_size=2),
                        st.dictionaries(
                            st.sampled_from(["sensors", "name", "received_bps"]), inner, max_size=2
                        ),
                    ),
                    max_leaves=5,
                ),
            ),
        ),
        max_size=6,
    )
)
def test_no_text_makes_the_reader_raise(lines: list[str]) -> None:
    run = parse_run("x", lines)
    _ = run.rate, run.ended, run.sensors, run.result
