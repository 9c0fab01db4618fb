"""The charts of temperatures as lines."""

from __future__ import annotations

from math import exp, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.present.text import Role, line_width, plain
from mlxtop.tui.time_axis import Readings, TimeAxis, TimeView
from mlxtop.tui.widgets.canvas import GUTTER, LABELS
from mlxtop.tui.widgets.charts import Flows, Rule, plot_columns
from mlxtop.tui.widgets.heat_charts import (
    HeatPicture,
    future_columns,
    heat_lines,
    temperature_lines,
    temperature_rows,
)

WARNING = Rule(75.0, "module warning", Role.WARNING)
ALARM = Rule(80.0, "module alarm", Role.CRITICAL)


def axis(columns: int, seconds: float = 100.0, span: float = 100.0) -> TimeAxis:
    return TimeView(chosen=span).axis(columns, Readings(0.0, seconds, 1.0))


@given(
    st.floats(-40, 150),
    st.floats(-40, 150),
    st.integers(20, 60),
    st.integers(3, 20),
    st.booleans(),
)
def test_temperatures_of_any_kind_fit_their_chart(
    first: float, second: float, width: int, height: int, ascii_only: bool
) -> None:
    line = axis(plot_columns(width))
    curves = {
        Role.MODULE: ("module", [first] * line.dots),
        Role.ASIC: ("ASIC", [second] * line.dots),
    }
    lines = temperature_lines(
        curves, [ALARM, WARNING], line, (width, height), ascii_only=ascii_only
    )
    assert len(lines) == height
    assert {line_width(one) for one in lines} == {width}


def rows_of(
    values: list[float], rules: list[Rule], rows: int = 5, future: list[float] | None = None
) -> list[str]:
    columns = len(values) // 2
    ahead = len(future or ()) // 2
    coming = {Role.MODULE: future} if future else {}
    past = {Role.MODULE: ("module", values)}
    lines = temperature_rows(past, coming, rules, (columns, columns + ahead, rows), False)
    return [plain(line) for line in lines]


@pytest.mark.parametrize(("first", "second"), [(ALARM, WARNING), (WARNING, ALARM)])
def test_of_limits_on_one_row_the_first_has_the_line(first: Rule, second: Rule) -> None:
    chip = Rule(115.0, "ASIC alarm", Role.CRITICAL)
    rows = rows_of([40.0] * 80, [first, second, chip], rows=3)
    shared = next(row for row in rows if first.label in row)
    assert f"{first.value:.0f}°C" in shared
    assert not any(second.label in row for row in rows)


def scale(rows: list[str]) -> list[str]:
    return [row[:GUTTER].strip() for row in rows if row[:GUTTER].strip()]


def test_a_forecast_never_moves_the_bottom_and_the_top_only_a_little() -> None:
    values = [50.0] * 80
    for future in ([12.0] * 20, [400.0] * 20):
        rows = rows_of(values, [WARNING, ALARM], 12, future)
        assert scale(rows)[-1] == "45°C"
        assert scale(rows)[0] in ("85°C", "90°C")


def test_bottom_and_top_are_round() -> None:
    assert scale(rows_of([53.0] * 40, [], 12)) == ["70°C", "50°C"]
    assert scale(rows_of([104.0] * 40, [], 12)) == ["120°C", "100°C"]


def picture() -> HeatPicture:
    past = [50 + 40 * (1 - exp(-n / 40)) for n in range(200)]
    return HeatPicture(
        {Role.MODULE: ("module", past), Role.ASIC: ("ASIC", [nan] * 100 + [84.0] * 100)},
        {Role.MODULE: [90.0] * 60},
        [ALARM, WARNING],
        Flows([n * 1e8 for n in range(200)], [nan] * 200),
        [(50.0, Role.CRITICAL), (50.1, Role.TEXT), (-5.0, Role.TEXT), (1e9, Role.TEXT)],
    )


def heat_axis(width: int) -> TimeAxis:
    columns = plot_columns(width)
    return axis(columns - future_columns(columns))


@pytest.mark.parametrize("size", [(16, 3), (20, 4), (40, 7), (80, 12), (160, 30)])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_the_picture_is_as_large_as_its_room(size: tuple[int, int], ascii_only: bool) -> None:
    lines = heat_lines(picture(), heat_axis(size[0]), size, ascii_only)
    assert len(lines) <= size[1]
    for drawn in lines:
        assert line_width(drawn) == size[0], plain(drawn)


def test_events_are_marked_where_they_happened_the_worst_of_a_column() -> None:
    line = heat_axis(80)
    lines = heat_lines(picture(), line, (80, 12))
    rows = [plain(row) for row in lines]
    y = next(y for y, row in enumerate(rows) if row.startswith(" event"))
    column = line.column(50.0)
    assert column is not None
    assert rows[y].count("▲") == 1
    assert rows[y].index("▲") == GUTTER + column
    assert ("▲", Role.CRITICAL) in lines[y]


def test_past_and_future_are_parted_at_now() -> None:
    line = heat_axis(80)
    rows = [plain(row) for row in heat_lines(picture(), line, (80, 12))]
    assert sum(row[GUTTER + line.columns] == "┊" for row in rows) >= 4
    now = rows[-1].index("now") + 3
    assert now == GUTTER + line.columns
    assert rows[-1].rstrip().endswith("s")
    assert len(rows[-1].rstrip()) == 80 - LABELS
