"""Recorded runs for people: a table that fits, and all of one run with its heat."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlxtop.load.record import Run, parse_run
from mlxtop.present.runs import run_lines, run_table
from mlxtop.present.text import width

ASIC = {"name": "asic", "start_c": 50.0, "peak_c": 104.0, "warning_c": 105.0, "limits_from": "it"}
MODULE = {"name": "module", "start_c": 40.0, "peak_c": 61.0, "warning_c": 75.0}


def recorded(ended: str = "complete", demo: bool = False, note: str = "", **more: Any) -> Run:
    plan = {"port_name": "enp67s0np0", "target": "192.0.2.7", "commands": ["iperf3 -c 192.0.2.7"]}
    card = {"card": "ConnectX-4", "firmware": "12.28.2006", "link_bps": 100_000_000_000}
    lines: list[dict[str, Any]] = [
        {"kind": "run", "note": note, "demo": demo, "plan": plan, "fingerprint": card},
        {"kind": "heat", "t": 1.9, "sensors": {"asic": 57.2, "module": 45.4}},
        {"kind": "interval", "t": 2.0, "end": 1.0, "bps": 39.1e9},
        {"kind": "interval", "t": 9.0, "end": 8.0, "bps": 54.8e9},
        {
            "kind": "end",
            "ended": ended,
            "result": {"received_bps": 54.8e9},
            "heat": {"sensors": [ASIC, MODULE]},
            "verdict": "54.8 Gb/s = 94 % of 58.4 expected (PCIe): as good as it gets " + "x" * 70,
            **more,
        },
    ]
    return parse_run("20261120T070715Z", map(json.dumps, lines))


def test_the_peak_of_a_row_is_that_of_the_sensor_nearest_to_its_limit() -> None:
    _, row = run_table([recorded()], 80)
    assert row == "20261120T070715Z  enp67s0np0   192.0.2.7      54.8 Gb/s  104 °C ASIC"


@pytest.mark.parametrize("columns", [80, 103, 104, 160])
def test_a_row_is_one_line_that_fits(columns: int) -> None:
    hot = "stopped by the heat guard: asic at 104.0 °C will be at its warning limit of 105 °C"
    rows = list(run_table([recorded(hot, note="dusty " * 20)], columns))
    assert all(width(row) <= columns for row in rows)
    assert ("STARTED" in rows[0]) is (columns >= 104)


def test_runs_of_simulated_machines_stand_apart() -> None:
    rows = list(run_table([recorded(demo=True), recorded(note="real")], 80))
    assert [row.split()[-1] for row in rows] == ["NOTE", "real", "DEMO", "ASIC"]
    assert not any("NOTE" in row for row in run_table([recorded(demo=True)], 80))


def test_an_interval_has_the_temperatures_of_its_time() -> None:
    lines = list(run_lines(recorded(), 80, ascii_only=False))
    assert "     1.0 s  39.1 Gb/s  ASIC 57 °C  module 45 °C" in lines
    assert "     8.0 s  54.8 Gb/s" in lines, "seven seconds later nobody knows"


def test_what_a_run_was_made_on_is_a_line_a_subject() -> None:
    lines = list(run_lines(recorded(), 80, ascii_only=False))
    assert "card    ConnectX-4, firmware 12.28.2006" in lines
    assert "link    100 Gb/s" in lines
    assert "ASIC: 50.0 °C at the start, 104.0 °C at most (warning 105, it)" in lines


def test_no_line_is_wider_than_the_terminal() -> None:
    lines = run_lines(recorded(note="word " * 40), 80, ascii_only=False)
    assert all(width(line) <= 80 for line in lines)
