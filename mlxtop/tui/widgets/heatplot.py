"""The heat chart as lines: temperatures, limits and forecast above, throughput and events below.

All rows share one time axis; right of `now` stands what is expected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan, nan
from typing import NamedTuple

from mlxtop.present.text import Line, Role, Run, fit
from mlxtop.present.units import nice
from mlxtop.tui.widgets.canvas import DOTS_X, DOTS_Y, Curve, Timeline, draw
from mlxtop.tui.widgets.charts import (
    GUTTER,
    LABELS,
    Curves,
    Rule,
    ago,
    amount,
    grid_lines,
    temperature_rows,
)


class Mark(NamedTuple):
    """An event on the time axis."""

    tick: float
    role: Role


class HeatPicture(NamedTuple):
    """What is to be drawn; values one a dot column."""

    past: Curves
    future: Mapping[Role, Sequence[float]]
    rules: Sequence[Rule]
    flows: Mapping[Role, Sequence[float]]
    marks: Sequence[Mark]
    bits: bool = True


def future_columns(columns: int) -> int:
    """Return the columns of a plot that are kept for what is expected."""
    return columns // 4


def plot_columns(width: int) -> int:
    """Return the columns between the scale and the names of curves."""
    return max(1, width - GUTTER - LABELS)


def heat_lines(
    picture: HeatPicture, line: Timeline, size: tuple[int, int], ascii_only: bool = False
) -> list[Line]:
    """Return the whole chart in `size` columns and rows."""
    columns, rows = plot_columns(size[0]), size[1]
    past = columns - future_columns(columns)
    flow_rows = 3 if rows >= 11 else 2 if rows >= 9 else 0
    below = flow_rows + (2 if rows >= 7 else 0)
    room = (past, columns, rows - below)
    rules = sorted(picture.rules, key=lambda rule: rule.role is not Role.CRITICAL)
    lines = temperature_rows(picture.past, picture.future, rules, room, ascii_only)
    if rows >= 7:
        lines.append(_events(picture.marks, line, past))
    if flow_rows:
        lines += _flows(picture, columns, flow_rows, ascii_only)
    if rows >= 7:
        lines.append(_axis(line, columns, past))
    return lines[:rows]


def _events(marks: Sequence[Mark], line: Timeline, past: int) -> Line:
    """Return marks under the instants of events; of a column the worst."""
    cells: list[Run] = [(" ", Role.FAINT)] * past
    worst = {Role.TEXT: 0, Role.WARNING: 1, Role.CRITICAL: 2}
    for mark in sorted(marks, key=lambda mark: worst.get(mark.role, 0)):
        place = int((mark.tick - line.start) / line.step) // DOTS_X
        if 0 <= place < past:
            cells[place] = ("▲", mark.role)
    return ((fit("event", GUTTER - 1, right=True) + " ", Role.DIM), *cells)


def _flows(picture: HeatPicture, columns: int, rows: int, ascii_only: bool) -> list[Line]:
    """Return received filled and sent as a line, on one scale."""
    values = [v for flow in picture.flows.values() for v in flow if not isnan(v)]
    unit = 1 if picture.bits else 8
    top = nice(max(values, default=0.0) / unit) * unit
    dots = rows * DOTS_Y - 1
    curves = []
    for role, flow in picture.flows.items():
        heights = [nan if isnan(v) else v / top * dots for v in flow]
        filled = (-1, 0, Role.RX_AREA) if role is Role.RX else ()
        curves.append(Curve(role, heights, *filled))
    scale: dict[int, Run] = {0: (amount(top, picture.bits), Role.DIM)}
    names: dict[int, Run] = {0: (" RX", Role.RX), min(1, rows - 1): (" TX", Role.TX)}
    return grid_lines(draw(curves, columns, rows, ascii_only), scale, names)


def _axis(line: Timeline, columns: int, past: int) -> Line:
    """Return the time axis: how far back the left edge lies, and how far the forecast goes."""
    ahead = (columns - past) * DOTS_X * line.step
    left, right = f"-{ago(line.seconds)}", f"+{ago(ahead)}"
    text = fit(left, max(0, past - 1)) + "now"
    return ((" " * GUTTER + fit(text, columns - len(right)) + right, Role.DIM),)
