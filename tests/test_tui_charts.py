"""Charts of throughput, temperature and heat as lines."""

from __future__ import annotations

from math import exp, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.present.text import Role, line_width, plain
from mlxtop.tui.widgets.canvas import timeline
from mlxtop.tui.widgets.charts import (
    HeatPicture,
    Rule,
    future_columns,
    heat_lines,
    plot_columns,
    temperature_lines,
    throughput_lines,
)


@given(
    st.lists(st.one_of(st.floats(0, 4e11), st.just(nan)), min_size=20, max_size=20),
    st.integers(12, 60),
    st.integers(3, 20),
    st.one_of(st.none(), st.floats(1e6, 4e11)),
)
def test_charts_are_exactly_as_large_as_their_room(
    values: list[float], width: int, height: int, limit: float | None
) -> None:
    line = timeline(100.0, width - 6, 100.0, 1.0)
    padded = (values * 20)[: line.dots]
    rule = Rule(limit, "limit", Role.WARNING) if limit else None
    lines = throughput_lines(padded, padded[::-1], line, (width, height), limit=rule)
    assert len(lines) == height
    assert {line_width(one) for one in lines} == {width}


@given(st.floats(-40, 150), st.floats(-40, 150), st.integers(20, 60), st.integers(3, 20))
def test_temperatures_of_any_kind_fit_their_chart(
    first: float, second: float, width: int, height: int
) -> None:
    line = timeline(100.0, width - 13, 100.0, 1.0)
    curves = {
        Role.MODULE: ("module", [first] * line.dots),
        Role.ASIC: ("ASIC", [second] * line.dots),
    }
    rules = [Rule(75.0, "warning", Role.WARNING), Rule(80.0, "critical", Role.CRITICAL)]
    lines = temperature_lines(curves, rules, line, (width, height))
    assert len(lines) == height
    assert {line_width(one) for one in lines} == {width}


def picture() -> HeatPicture:
    past = [50 + 40 * (1 - exp(-n / 40)) for n in range(200)]
    return HeatPicture(
        {Role.MODULE: ("module", past), Role.ASIC: ("ASIC", [nan] * 100 + [84.0] * 100)},
        {Role.MODULE: [90.0] * 60},
        [Rule(75, "module warning", Role.WARNING), Rule(80, "module alarm", Role.CRITICAL)],
        {Role.RX: [n * 1e8 for n in range(200)], Role.TX: [nan] * 200},
        [(50.0, Role.CRITICAL), (-5.0, Role.TEXT), (1e9, Role.TEXT)],
    )


@pytest.mark.parametrize("size", [(16, 3), (20, 4), (40, 7), (80, 12), (160, 30)])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_the_picture_is_as_large_as_its_room(size: tuple[int, int], ascii_only: bool) -> None:
    columns = plot_columns(size[0])
    line = timeline(100.0, columns - future_columns(columns), 60.0, 1.0)
    lines = heat_lines(picture(), line, size, ascii_only)
    assert len(lines) <= size[1]
    for drawn in lines:
        assert line_width(drawn) <= size[0], plain(drawn)


def test_events_are_marked_where_they_happened() -> None:
    columns = plot_columns(80)
    line = timeline(100.0, columns - future_columns(columns), 60.0, 1.0)
    rows = [plain(row) for row in heat_lines(picture(), line, (80, 12))]
    events = next(row for row in rows if row.startswith("event"))
    assert events.count("▲") == 1
    assert any("now" in row for row in rows)
