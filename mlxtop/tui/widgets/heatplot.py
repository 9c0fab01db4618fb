"""The heat chart as lines: temperatures, limits and forecast above, throughput and events below.

All rows share one time axis; right of `now` stands what is expected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor, isnan, nan

from mlxtop.present.clean import fit
from mlxtop.present.text import Line, Role, Run
from mlxtop.present.units import nice
from mlxtop.tui.widgets.canvas import DOTS_X, DOTS_Y, Curve, Grid, draw
from mlxtop.tui.widgets.charts import (
    GUTTER,
    LABELS,
    Rule,
    ago,
    amount,
    grid_lines,
    rule_across,
)
from mlxtop.tui.widgets.timeline import Timeline

DOTTED = 3
"""Every which dot of a forecast is drawn."""


@dataclass(frozen=True, slots=True)
class Mark:
    """An event on the time axis."""

    tick: float
    role: Role


@dataclass(frozen=True, slots=True)
class HeatPicture:
    """What is to be drawn; values one a dot column."""

    past: Mapping[Role, tuple[str, Sequence[float]]]
    future: Mapping[Role, Sequence[float]]
    rules: Sequence[Rule]
    flows: Mapping[Role, Sequence[float]]
    marks: Sequence[Mark]
    bits: bool = True


def future_columns(columns: int) -> int:
    """Columns of a plot that are kept for what is expected."""
    return columns // 4


def plot_columns(width: int) -> int:
    """Columns between the scale and the names of curves."""
    return max(1, width - GUTTER - LABELS)


def heat_lines(
    picture: HeatPicture, line: Timeline, size: tuple[int, int], ascii_only: bool = False
) -> list[Line]:
    """The whole chart in `size` columns and rows."""
    columns, rows = plot_columns(size[0]), size[1]
    past = columns - future_columns(columns)
    flow_rows = 3 if rows >= 11 else 2 if rows >= 9 else 0
    below = flow_rows + (2 if rows >= 7 else 0)
    lines = _temperatures(picture, columns, past, rows - below, ascii_only)
    if rows >= 7:
        lines.append(_events(picture.marks, line, past))
    if flow_rows:
        lines += _flows(picture, columns, flow_rows, ascii_only)
    if rows >= 7:
        lines.append(_axis(line, columns, past))
    return lines[:rows]


def _temperatures(
    picture: HeatPicture, columns: int, past: int, rows: int, ascii_only: bool
) -> list[Line]:
    low, high = _span(picture)
    per_dot = (high - low) / max(1, rows * DOTS_Y - 1)

    def dots(values: Sequence[float]) -> list[float]:
        return [nan if isnan(v) else (v - low) / per_dot for v in values]

    curves = [Curve(role, dots(values)) for role, (_, values) in picture.past.items()]
    lead = [nan] * (past * DOTS_X)
    for role, values in picture.future.items():
        thin = [v if n % DOTTED == 0 else nan for n, v in enumerate(values)]
        curves.append(Curve(role, [*lead, *dots(thin)]))
    grid = draw(curves, columns, rows, ascii_only)
    scale: dict[int, Run] = {
        0: (f"{high:.0f}°", Role.DIM),
        rows - 1: (f"{low:.0f}°", Role.DIM),
    }
    taken = set()
    for rule in sorted(picture.rules, key=lambda rule: rule.role is not Role.CRITICAL):
        row = rows - 1 - round((rule.value - low) / per_dot) // DOTS_Y
        if 0 <= row < rows and row not in taken:
            taken.add(row)
            rule_across(grid, row, rule.label, rule.role)
            scale[row] = (f"{rule.value:.0f}°", rule.role)
    _divide(grid, past)
    names: dict[int, Run] = {}
    for role, (name, values) in picture.past.items():
        ahead = [v for v in picture.future.get(role, ()) if not isnan(v)]
        newest = ahead[-1] if ahead else _newest(values)
        if newest is not None:
            row = rows - 1 - round((newest - low) / per_dot) // DOTS_Y
            row = max(0, min(rows - 1, row))
            names[row + 1 if row in names and row + 1 < rows else row] = (" " + name, role)
    return grid_lines(grid, scale, names)


def _span(picture: HeatPicture) -> tuple[float, float]:
    """Degrees at the bottom and at the top."""
    seen = [v for _, values in picture.past.values() for v in values if not isnan(v)]
    ahead = [v for values in picture.future.values() for v in values if not isnan(v)]
    marks = [*seen, *ahead, *(rule.value for rule in picture.rules)]
    low = float(floor((min([*seen, *ahead]) - 4) / 10) * 10) if seen else 20.0
    return low, max(max(marks) + 2, low + 20) if marks else 100.0


def _newest(values: Sequence[float]) -> float | None:
    return next((v for v in reversed(values) if not isnan(v)), None)


def _divide(grid: Grid, column: int) -> None:
    """A thin line between what was and what is expected."""
    for row in grid:
        if 0 <= column < len(row) and row[column][0] in " ⠀╌":
            row[column] = ("┊", Role.FAINT)


def _events(marks: Sequence[Mark], line: Timeline, past: int) -> Line:
    """A row of marks under the instants of events; the worst of a column is seen."""
    cells: list[Run] = [(" ", Role.FAINT)] * past
    worst = {Role.TEXT: 0, Role.WARNING: 1, Role.CRITICAL: 2}
    for mark in sorted(marks, key=lambda mark: worst.get(mark.role, 0)):
        place = int((mark.tick - line.start) / line.step) // DOTS_X
        if 0 <= place < past:
            cells[place] = ("▲", mark.role)
    return ((fit("event", GUTTER - 1, right=True) + " ", Role.DIM), *_joined(cells))


def _joined(cells: Sequence[Run]) -> list[Run]:
    runs: list[Run] = []
    for text, role in cells:
        if runs and (runs[-1][1] is role or text == " "):
            runs[-1] = (runs[-1][0] + text, runs[-1][1])
        else:
            runs.append((text, role))
    return runs


def _flows(picture: HeatPicture, columns: int, rows: int, ascii_only: bool) -> list[Line]:
    """Received filled and sent as a line, on one scale."""
    values = [v for flow in picture.flows.values() for v in flow if not isnan(v)]
    unit = 1 if picture.bits else 8
    top = nice(max(values, default=0.0) / unit) * unit
    dots = rows * DOTS_Y - 1
    areas = {Role.RX: Role.RX_AREA}
    curves = []
    for role, flow in picture.flows.items():
        heights = [nan if isnan(v) else v / top * dots for v in flow]
        body = areas.get(role)
        curves.append(Curve(role, heights, -1 if body else 0, 0, body or ""))
    scale: dict[int, Run] = {0: (amount(top, picture.bits), Role.DIM)}
    names: dict[int, Run] = {0: (" RX", Role.RX), min(1, rows - 1): (" TX", Role.TX)}
    return grid_lines(draw(curves, columns, rows, ascii_only), scale, names)


def _axis(line: Timeline, columns: int, past: int) -> Line:
    """How far back the left edge lies, now, and how far the forecast goes."""
    ahead = (columns - past) * DOTS_X * line.step
    left, right = f"-{ago(line.seconds)}", f"+{ago(ahead)}"
    text = fit(left, max(0, past - 1)) + "now"
    return ((" " * GUTTER + fit(text, columns - len(right)) + right, Role.DIM),)
