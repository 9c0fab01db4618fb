"""The table of a measurement in every form, with what is to be known of its gaps."""

from __future__ import annotations

from typing import Any

from mlxtop.load.measure import MeasurePlan
from mlxtop.load.measure_log import Measured
from mlxtop.load.measure_run import MeasureView
from mlxtop.present.measure import cells, csv_rows, markdown, recorded_cells, table_lines
from mlxtop.present.measure_chart import measure_sections
from mlxtop.present.text import plain

TCP: dict[str, Any] = {"key": "tcp", "name": "TCP, as planned", "group": "TCP", "bps": 20e9}
HOT = TCP | {"key": "udp", "name": "UDP", "peaks_c": {"module": 75.0}, "ended": "too | hot"}
FAILED: dict[str, Any] = {"key": "x", "name": "TCP by nuttcp", "ended": "failed: nothing listens"}
WHY = "qperf is not installed; on Debian and Ubuntu: apt install qperf"
RECORD = Measured(
    "m1",
    {
        "tests": [
            {"key": "tcp", "name": "TCP, as planned", "reason": None},
            {"key": "udp", "name": "UDP", "reason": None},
            {"key": "q1", "name": "TCP by qperf", "reason": WHY},
            {"key": "q2", "name": "TCP latency by qperf", "reason": WHY},
        ]
    },
    (HOT | {"bps": 9e9}, TCP | {"ceiling_bps": 40e9}),
)


def test_reasons_stand_whole_below_the_table_once_for_all_tests_that_share_them() -> None:
    lines = table_lines(recorded_cells(RECORD), 60)
    assert [line.split("   ")[0].strip() for line in lines[:3]] == [
        "TEST",
        "TCP, as planned",
        "UDP",
    ]
    assert lines[0].split()[1:] == ["Gb/s", "usable", "°C"] and "50 %" in lines[1]
    text = " ".join(line.strip() for line in lines[3:])
    assert f"! UDP: too | hot ! TCP by qperf, TCP latency by qperf: {WHY}" in text
    assert "usable: of what link and PCIe let through" in text
    assert all(len(line) <= 60 for line in lines) and "…" not in text


def test_a_test_without_figures_is_no_row() -> None:
    lines = table_lines([cells(TCP), cells(FAILED)])
    assert len(lines) == 3 and lines[-1] == "! TCP by nuttcp: failed: nothing listens"
    assert table_lines([cells(FAILED)]) == lines[-1:]
    assert table_lines([]) == []


def test_columns_are_as_wide_as_their_figures() -> None:
    latency = {"group": "latency", "result": {"latency": {"typical_us": 1.38, "p99_us": 12345.67}}}
    head, row = table_lines([cells({"name": "ping"} | latency)])[:2]
    assert row == "ping   1.38   12345.67" and head == "TEST     µs       99 %"


def test_a_forum_gets_the_reasons_as_a_list() -> None:
    lines = markdown(recorded_cells(RECORD), "TCP 20.")
    assert lines[:2] == ["| Test | Gb/s | usable | °C |", "| :-- | --: | --: | --: |"]
    assert lines[4:] == [
        *("", "- UDP: too \\| hot", f"- TCP by qperf, TCP latency by qperf: {WHY}", ""),
        "TCP 20.",
    ]
    assert markdown([], "Nothing was measured.") == ["Nothing was measured."]


def test_an_average_is_no_median() -> None:
    ping, qperf = ({"result": {"latency": {f"{n}_us": 2.0}}} for n in ("typical", "average"))
    assert [row["median_us"] for row in csv_rows([ping, qperf])] == [2.0, None]
    assert [row["average_us"] for row in csv_rows([ping, qperf])] == [None, 2.0]


def test_a_narrow_table_keeps_whole_columns() -> None:
    row = HOT | {"ceiling_bps": 40e9, "result": {"retransmits": 5}, "ended": "complete"}
    assert table_lines([cells(row)])[0] == "TEST   Gb/s   usable   lost   °C"
    assert table_lines([cells(row)], 30)[0] == "TEST   Gb/s   usable   °C"
    assert table_lines([cells(row)], 18)[0] == "TEST   Gb/s   °C"
    assert "lost" not in " ".join(table_lines([cells(row)], 30))


def test_the_screen_has_progress_from_the_first_test_on_and_fits() -> None:
    plan = MeasurePlan("10.0.0.3", ())
    first = MeasureView(plan, current="UDP", turn=1, turns=9)
    assert [plain(line) for line in measure_sections(first, 60)[0].lines] == ["UDP, test 1 of 9"]
    done = MeasureView(plan, (TCP, HOT), ended="complete")
    titles = [section.title for section in measure_sections(done, 50)]
    assert titles == ["Measurement", "Results", "Chart"]
    for section in measure_sections(done, 50):
        assert all(len(plain(line)) <= 50 for line in section.lines), section.title
    over = MeasureView(plan, ended="the budget of 1 s is used up: --resume goes on")
    assert "used up" in plain(measure_sections(over, 60)[0].lines[0])
