"""The throughput chart as lines, and the parts that all charts have."""

from __future__ import annotations

import re
from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.present.text import Line, Role, line_width, plain
from mlxtop.tui.time_axis import Readings, TimeAxis, TimeView
from mlxtop.tui.widgets.canvas import GUTTER
from mlxtop.tui.widgets.charts import (
    Flows,
    Rule,
    amount,
    axis_line,
    plot_columns,
    throughput_lines,
)


def axis(width: int, seconds: float = 100.0, span: float | None = None) -> TimeAxis:
    return TimeView(chosen=span).axis(plot_columns(width), Readings(0.0, seconds, 1.0))


@given(
    st.lists(st.one_of(st.floats(0, 4e11), st.just(nan)), min_size=20, max_size=20),
    st.tuples(st.integers(12, 60), st.integers(3, 20)),
    st.one_of(st.none(), st.floats(1e6, 4e11)),
    st.booleans(),
    st.booleans(),
)
def test_charts_are_exactly_as_large_as_their_room(
    values: list[float],
    size: tuple[int, int],
    limit: float | None,
    bits: bool,
    ascii_only: bool,
) -> None:
    line = axis(size[0])
    padded = (values * 20)[: line.dots]
    rule = Rule(limit, "limit", Role.WARNING) if limit else None
    lines = throughput_lines(
        Flows(padded, padded[::-1]),
        line,
        size,
        limit=rule,
        bits=bits,
        ascii_only=ascii_only,
    )
    assert len(lines) == size[1]
    assert {line_width(one) for one in lines} == {size[0]}


def drawn(rx: float, tx: float, limit: float | None = None, bits: bool = True) -> list[str]:
    line = axis(80)
    flows = Flows([rx] * line.dots, [tx] * line.dots)
    rule = Rule(limit, "line rate", Role.DIM) if limit else None
    return [plain(one) for one in throughput_lines(flows, line, (80, 12), limit=rule, bits=bits)]


def test_both_directions_grow_upwards_from_one_zero_and_are_named_where_they_end() -> None:
    rows = drawn(80e9, 40e9, 100e9)
    named = {row[-7:].strip(): y for y, row in enumerate(rows) if row[-7:].strip()}
    zero = next(y for y, row in enumerate(rows) if row.startswith("     0"))
    assert named["RX"] < named["TX"] < zero
    assert rows[zero][GUTTER:-7].strip("⣿") == ""
    assert rows[0][GUTTER:-7].strip("╌") == " line rate "


@pytest.mark.parametrize("tx", [0.0, nan])
def test_one_direction_alone_uses_the_whole_height(tx: float) -> None:
    assert "⣿" in drawn(99e9, tx)[0]


@pytest.mark.parametrize(("rate", "shown"), [(40e9, False), (40.1e9, True)])
def test_a_limit_is_in_the_picture_from_two_fifths_of_it_on(rate: float, shown: bool) -> None:
    assert any("line rate" in row for row in drawn(rate, 0.0, 100e9)) is shown


def scale(rows: list[str]) -> list[str]:
    return [row[:GUTTER].strip() for row in rows if row[:GUTTER].strip()]


def test_every_figure_of_the_scale_has_a_unit_and_a_line() -> None:
    assert scale(drawn(40e9, 1e9)) == ["40Gb", "20Gb", "0"]
    assert scale(drawn(8.96e9, 1e9, bits=False)) == ["1.5GB", "750MB", "0"]
    assert scale(drawn(0.0, 0.0)) == ["1kb", "500b", "0"]
    for row in drawn(1e9, 0.0, 100e9):
        if row[:GUTTER].strip() not in ("", "0"):
            assert "┈" in row or "⣿" in row or "⠉" in row


@pytest.mark.parametrize(
    ("rate", "bits", "text"),
    [
        (63.008e9, True, "63Gb"),
        (504.064e9, False, "63GB"),
        (1.6e12, True, "1.6Tb"),
        (999.4, True, "999b"),
        (999.6, True, "1kb"),
    ],
)
def test_amounts_are_short_and_have_their_unit(rate: float, bits: bool, text: str) -> None:
    assert amount(rate, bits) == text


def text_of(line: Line) -> str:
    return plain(line)[GUTTER:]


def test_the_time_axis_has_round_labels_under_their_columns() -> None:
    one = axis(80, 30.0, 60.0)
    text = text_of(axis_line(one, "now"))
    assert re.findall(r"-\d+ s|now", text) == [*(f"-{n} s" for n in range(60, 0, -10)), "now"]
    column = one.column(30.0 - 30.0)
    assert column is not None
    assert abs(text.index("-30 s") + 2 - column) <= 2
    assert text.index("now") + 3 == one.columns


def test_a_picture_that_stands_has_its_time_at_the_edge_and_a_forecast_its_length() -> None:
    one = axis(80, 30.0, 60.0)
    assert "11:52:03" in text_of(axis_line(one, "11:52:03"))
    assert text_of(axis_line(one, "now", 30)).rstrip().endswith("+20 s")


@given(st.integers(1, 200), st.floats(0, 5000), st.integers(0, 60))
def test_the_time_axis_is_as_wide_as_the_plot(columns: int, seconds: float, ahead: int) -> None:
    one = TimeView().axis(columns, Readings(0.0, seconds, 1.0))
    assert line_width(axis_line(one, "now", ahead)) == GUTTER + columns + ahead + 7
