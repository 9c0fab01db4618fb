"""The charts of temperatures as lines: with limits, and with forecast, events and traffic.

The heat chart has temperatures, limits and forecast above, throughput and events below. All of its
rows share one time axis; right of `now` stands what is expected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, floor, isnan, nan
from typing import NamedTuple

from mlxtop.present.text import Line, Role, Run, crop
from mlxtop.tui.time_axis import DOTS_X, TimeAxis
from mlxtop.tui.widgets import canvas
from mlxtop.tui.widgets.canvas import DOTS_Y, GUTTER, LABELS, Curve
from mlxtop.tui.widgets.charts import (
    Flows,
    Rule,
    Size,
    axis_line,
    event_line,
    flow_rows,
    last_of,
    plot_rows,
)

DOTTED = 3
"""Every which dot of a forecast is drawn."""
_LEAST_SPAN_C = 20.0
"""°C from the bottom to the top at least."""
_ROUND_C = 5.0
"""°C of which bottom and top are multiples."""

Curves = Mapping[Role, tuple[str, Sequence[float]]]
"""Readings of sensors, a dot column each, with the name of the sensor."""
Futures = Mapping[Role, Sequence[float]]
"""What is expected of sensors, a dot column each."""


def future_columns(columns: int) -> int:
    """Return the columns of a plot that are kept for what is expected."""
    return columns // 4


def temperature_lines(
    curves: Curves,
    rules: Sequence[Rule],
    axis: TimeAxis,
    size: Size,
    *,
    edge: str = "now",
    ascii_only: bool = False,
) -> list[Line]:
    """Return a curve for every sensor, named at its end, and the limits across."""
    room = (axis.columns, axis.columns, plot_rows(size[1]))
    lines = temperature_rows(curves, {}, rules, room, ascii_only)
    return [crop(line, size[0]) for line in [*lines, axis_line(axis, edge)][: size[1]]]


def temperature_rows(
    past: Curves,
    future: Futures,
    rules: Sequence[Rule],
    size: tuple[int, int, int],
    ascii_only: bool,
) -> list[Line]:
    """Return curves, forecasts and limits in `size`: columns of the past, columns, rows.

    Of limits that fall on one row the first of `rules` has the line.
    """
    past_columns, columns, rows = size
    low, high = _degrees(past, future, rules)
    per_dot = (high - low) / max(1, rows * DOTS_Y - 1)

    def row_of(value: float) -> int:
        return rows - 1 - round((value - low) / per_dot) // DOTS_Y

    lead = [nan] * (past_columns * DOTS_X)
    values = [(role, curve) for role, (_, curve) in past.items()]
    values += [(role, [*lead, *_dotted(curve, low, high)]) for role, curve in future.items()]
    curves = [Curve(role, [(v - low) / per_dot for v in curve]) for role, curve in values]
    grid = canvas.draw(curves, columns, rows, ascii_only)
    scale: dict[int, Run] = {rows - 1: (f"{low:.0f}°C", Role.DIM), 0: (f"{high:.0f}°C", Role.DIM)}
    if rules and rows < 4:
        del scale[0]
    for row, rule in {row_of(rule.value): rule for rule in reversed(rules)}.items():
        if 0 <= row < rows:
            canvas.rule_across(grid[row], rule.label, rule.role)
            scale[row] = (f"{rule.value:.0f}°C", rule.role)
    if past_columns < columns:
        canvas.now_line(grid, past_columns)
    ends = [
        (round((last - low) / per_dot), name, role)
        for role, (name, curve) in past.items()
        if (last := last_of((*curve, *future.get(role, ())))) is not None
    ]
    return canvas.grid_lines(grid, scale, canvas.names_beside(ends, rows))


def _dotted(values: Sequence[float], low: float, high: float) -> list[float]:
    """Return a forecast as single dots, as far as it is within the picture."""
    return [v if n % DOTTED == 0 and low <= v <= high else nan for n, v in enumerate(values)]


def _degrees(past: Curves, future: Futures, rules: Sequence[Rule]) -> tuple[float, float]:
    """Return the degrees at the bottom and at the top.

    A forecast never moves the bottom, and the top no further than a little beyond the limits. A
    limit that all readings are beyond is in the picture.
    """
    values = [v for _, curve in past.values() for v in curve if not isnan(v)]
    if not values:
        return 20.0, 100.0
    marks = [*values, *(rule.value for rule in rules)]
    expected = [v for curve in future.values() for v in curve if not isnan(v)]
    most = max(*marks, min(max(expected, default=-273.0), max(marks) + _ROUND_C))
    low = floor((min(marks) - 2) / _ROUND_C) * _ROUND_C
    return low, max(ceil((most + 1) / _ROUND_C) * _ROUND_C, low + _LEAST_SPAN_C)


class HeatPicture(NamedTuple):
    """All that is drawn; values one a dot column."""

    past: Curves
    future: Futures
    rules: Sequence[Rule]
    flows: Flows
    marks: Sequence[tuple[float, Role]]
    """Ticks of events."""
    bits: bool = True
    edge: str = "now"


def heat_lines(
    picture: HeatPicture, axis: TimeAxis, size: Size, ascii_only: bool = False
) -> list[Line]:
    """Return the whole chart in `size` columns and rows; the axis is that of the past."""
    rows, ahead = size[1], max(0, size[0] - GUTTER - LABELS - axis.columns)
    flow = 3 if rows >= 11 else 2 if rows >= 9 else 0
    below = flow + (2 if rows >= 7 else 0)
    room = (axis.columns, axis.columns + ahead, rows - below)
    lines = temperature_rows(picture.past, picture.future, picture.rules, room, ascii_only)
    if rows >= 7:
        lines.append(event_line(picture.marks, axis))
    if flow:
        bits, columns = picture.bits, axis.columns + ahead
        lines += flow_rows(picture.flows, columns, flow, bits=bits, ascii_only=ascii_only)
    if rows >= 7:
        lines.append(axis_line(axis, picture.edge, ahead))
    return [crop(line, size[0]) for line in lines[:rows]]
