"""Charts of throughput and temperature as lines."""

from __future__ import annotations

from math import nan

from hypothesis import given
from hypothesis import strategies as st

from mlxtop.present.text import Role, line_width
from mlxtop.tui.widgets.canvas import timeline
from mlxtop.tui.widgets.charts import Rule, temperature_lines, throughput_lines


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
