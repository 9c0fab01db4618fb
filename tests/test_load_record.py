"""Recorded runs are compared by what changed."""

from __future__ import annotations

from pathlib import Path

from mlxtop.load.record import compare
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
