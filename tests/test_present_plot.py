"""Recorded tests as charts in plain text."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from math import nan
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.load.record import Run, parse_run
from mlxtop.present.plot import COLUMNS, ROWS, run_charts
from mlxtop.present.text import width

REPOSITORY = Path(__file__).parent.parent


def recorded(rates: list[float], module: list[float] | None = None, **plan: Any) -> Run:
    """A test with a rate and a temperature a second."""
    intervals = [{"t": t, "bps": bps} for t, bps in enumerate(rates)]
    heat = [{"t": t, "sensors": {"module": c}} for t, c in enumerate(module or [])]
    peak = {"name": "module", "peak_c": max(module or [0.0]), "warning_c": 75.0}
    end = {"heat": {"sensors": [peak]}}
    return Run("a", plan=plan, intervals=tuple(intervals), heat=tuple(heat), end=end)


def rows_of(lines: list[str], title: str) -> list[str]:
    start = next(place for place, line in enumerate(lines) if line.startswith(title))
    return lines[start + 1 : start + 1 + ROWS]


def test_rate_and_temperature_are_drawn_below_each_other_on_one_time_axis() -> None:
    run = recorded([50e9] * 30, [40.0 + t for t in range(60)], expected_bps=58.4e9)
    lines = run_charts(run)
    assert lines[0] == "rate in Gb/s, expected 58.4"
    assert lines[1 + ROWS] == "temperature in °C, warning at module 75"
    assert len(lines) == 2 * (1 + ROWS)
    rate, heat = rows_of(lines, "rate"), rows_of(lines, "temperature")
    assert rate[-1] == heat[-1]
    assert rate[-1].split() == ["0", "s", "15", "s", "30", "s", "45", "s"]
    assert [row.split("┤")[0].strip() for row in rate if "┤" in row][-1] == "0"
    assert any(row.startswith("  58.4├──") for row in rate)
    assert any(row.startswith("    75├──") for row in heat)
    assert any("module" in row for row in heat)


def test_a_rising_curve_goes_from_the_lower_left_to_the_upper_right() -> None:
    heat = rows_of(run_charts(recorded([], [40.0 + t for t in range(60)]), True), "temp")
    places = [place for row in heat[1:-2] if (place := row.find("*")) > 0]
    assert places == sorted(places, reverse=True)
    assert places[0] > 40
    assert places[-1] < 10


def test_both_directions_are_named() -> None:
    both = [{"t": t, "bps": 4e9, "reverse_bps": 9e9} for t in range(9)]
    text = "\n".join(run_charts(Run("a", intervals=tuple(both))))
    assert " there" in text
    assert " back" in text


def test_a_limit_far_above_the_peak_is_left_out() -> None:
    assert "warning" not in "\n".join(run_charts(recorded([], [30.0, 40.0, 50.0])))
    assert "warning" in "\n".join(run_charts(recorded([], [30.0, 40.0, 50.1])))


@pytest.mark.parametrize("rates", [[], [46e9]])
def test_less_than_two_points_are_no_chart(rates: list[float]) -> None:
    assert run_charts(recorded(rates)) == []


def test_a_test_of_a_day_is_drawn_in_hours() -> None:
    lines = run_charts(recorded([1e9 + t for t in range(86_400)]))
    assert lines[0] == "rate in Gb/s"
    assert lines[-1].split() == ["0", "h", "5", "h", "10", "h", "15", "h", "20", "h"]


@pytest.mark.parametrize("columns", [30, 60, 79])
def test_a_chart_is_as_wide_as_its_room_whatever_the_terminal(
    columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    run = recorded([46e9] * 30)
    assert max(map(width, run_charts(run, columns=columns))) == columns
    assert run_charts(run, columns=29) == []


def test_more_sensors_than_can_be_told_apart_are_left_out() -> None:
    sensors = {f"sensor{place}": 40.0 + 5 * place for place in range(9)}
    heat = tuple({"t": t, "sensors": sensors} for t in range(9))
    text = "\n".join(run_charts(Run("a", heat=heat)))
    assert [name in text for name in sensors] == [True] * 4 + [False] * 5


def test_a_name_of_wide_characters_leaves_the_frame_in_place() -> None:
    heat = tuple({"t": t, "sensors": {"漢字": 50.0 + t}} for t in range(9))
    rows = run_charts(Run("a", heat=heat))[1:]
    assert {width(row) for row in rows[:-1]} == {COLUMNS}


def test_a_rate_below_zero_lies_within_the_chart() -> None:
    lines = rows_of(run_charts(recorded([46e9, -46e9, 46e9]), True), "rate")
    assert [row.split("┤")[0].strip() for row in lines if "┤" in row] == ["46", "-46"]
    assert "*" in lines[-3]


@pytest.mark.parametrize("value", [1e308, -1e308, 10**400])
def test_numbers_beyond_all_reason_are_left_out(value: float) -> None:
    run = recorded([46e9, value, 46e9, 46e9], [50.0, value, 51.0], expected_bps=value)
    sane = recorded([46e9, nan, 46e9, 46e9], [50.0, nan, 51.0])
    assert run_charts(run)[1 : 1 + ROWS] == run_charts(sane)[1 : 1 + ROWS]
    late = Run("a", intervals=tuple({"t": t, "bps": 46e9} for t in (0, 1, 2, 3, value)))
    assert run_charts(late)[-1] == run_charts(sane)[ROWS]


NUMBERS = st.one_of(st.none(), st.text(max_size=3), st.floats(), st.integers(-9, 10**40))
SENSORS = st.dictionaries(st.text(max_size=9), NUMBERS, max_size=6)


@given(
    st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS, SENSORS), max_size=9),
    st.dictionaries(st.sampled_from(["name", "peak_c", "warning_c"]), NUMBERS),
    NUMBERS,
    st.booleans(),
)
def test_no_record_makes_a_chart_fail_or_too_wide(
    rows: list[tuple[Any, Any, Any, Any]], sensor: Any, expected: Any, ascii_only: bool
) -> None:
    lines: list[Any] = [{"kind": "run", "plan": {"expected_bps": expected}}]
    lines += [{"kind": "interval", "t": t, "bps": a, "reverse_bps": b} for t, a, b, _ in rows]
    lines += [{"kind": "heat", "t": t, "sensors": sensors} for t, _, _, sensors in rows]
    lines += [{"kind": "end", "heat": {"sensors": [{"name": "module"} | sensor]}}]
    run = parse_run("a", [json.dumps(line) for line in lines])
    drawn = run_charts(run, ascii_only)
    assert all(line.isprintable() for line in drawn)
    assert all(width(line) <= COLUMNS for line in drawn if "warning" not in line)


def test_the_list_of_runs_needs_neither_plotext_nor_textual(tmp_path: Path) -> None:
    code = (
        "import sys; from mlxtop.cli import main; main(['runs']); "
        "print([m for m in ('textual', 'rich', 'plotext') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        check=True,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path)},
    )
    assert done.stdout.splitlines()[-1] == "[]"
