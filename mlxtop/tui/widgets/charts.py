"""The charts as lines: throughput over and under a zero line, temperatures with limits, heat.

The heat chart has temperatures, limits and forecast above, throughput and events below. All of its
rows share one time axis; right of `now` stands what is expected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, floor, isnan, nan
from typing import NamedTuple

from mlxtop.present.text import Line, Role, Run, fit, line_width, spread
from mlxtop.present.units import floor_nice, nice
from mlxtop.tui.widgets import canvas
from mlxtop.tui.widgets.canvas import DOTS_X, DOTS_Y, GUTTER, LABELS, Curve, Timeline

LEAST_ROWS = 3
"""Below this a chart is only its legend."""
DOTTED = 3
"""Every which dot of a forecast is drawn."""
_LEAST_WITH_AXIS = 6
"""Rows from which on a chart has a time axis."""
LEAST_SCALE = 1000.0
"""bit/s of full scale at least, so that an idle port does not show its noise."""


class Rule(NamedTuple):
    """A horizontal line: a limit with its name."""

    value: float
    label: str
    role: Role


def throughput_lines(
    rx: Sequence[float],
    tx: Sequence[float],
    line: Timeline,
    size: tuple[int, int],
    *,
    limit: Rule | None = None,
    bits: bool = True,
    ascii_only: bool = False,
) -> list[Line]:
    """Return received above and sent below a common zero line, both on one scale."""
    columns, rows = size[0] - GUTTER, size[1] - (size[1] >= _LEAST_WITH_AXIS)
    up, per_row = _halved(rows, _full_scale(rx, limit), _full_scale(tx, limit))
    down = rows - up
    above = Curve(Role.RX, _dots(rx, per_row, up), -1, 0, Role.RX_AREA)
    lowest = down * DOTS_Y - 1
    depth = [lowest - dot for dot in _dots(tx, per_row, down)]
    below = Curve(Role.TX, depth, 1, lowest, Role.TX_AREA)
    grid = canvas.draw((above,), columns, up, ascii_only)
    grid += canvas.draw((below,), columns, down, ascii_only)
    scale: dict[int, Run] = {up - 1: ("0", Role.DIM)}
    if up > 3:
        scale[up // 2] = ("RX", Role.RX)
    if down > 2:
        scale[up + down // 2] = ("TX", Role.TX)
    for half, zero, step in ((up, up - 1, -1), (down, up, 1)):
        if limit is not None and limit.value < per_row * half:
            row = zero + step * floor(limit.value / per_row)
            canvas.rule_across(grid[row], limit.label if step < 0 else "", limit.role)
            scale[row] = (amount(limit.value, bits), limit.role)
        elif half > 1:
            unit = 1 if bits else 8
            top = floor_nice(per_row * half * 0.9999 / unit) * unit
            scale[zero + step * floor(top / per_row)] = (amount(top, bits), Role.DIM)
    return [*canvas.grid_lines(grid, scale), *_axis(line, columns)][: size[1]]


def _full_scale(values: Sequence[float], limit: Rule | None) -> float:
    """Return full scale of a half: round, and up to the limit once that is in sight."""
    most = max((v for v in values if not isnan(v)), default=0.0)
    if limit is not None and most > 0.4 * limit.value:
        return limit.value * 1.05
    return nice(max(most, LEAST_SCALE))


def _halved(rows: int, top: float, bottom: float) -> tuple[int, float]:
    """Return the rows above zero and the value of a row, with both halves as large as they can."""
    least = max(1, rows // 6)

    def per_row(up: int) -> float:
        return max(top / up, bottom / (rows - up))

    up = min(range(least, max(least, rows - least) + 1), key=per_row)
    return up, per_row(up)


def _dots(values: Sequence[float], per_row: float, rows: int) -> list[float]:
    """Return distances from the zero line in dots."""
    per_dot, most = per_row / DOTS_Y, rows * DOTS_Y - 1
    return [nan if isnan(v) else min(most, floor(v / per_dot)) for v in values]


def amount(bits_per_second: float, bits: bool) -> str:
    """Return a rate for the scale: `46.1G`."""
    value = bits_per_second if bits else bits_per_second / 8
    for power, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= power * 0.9995:
            return f"{value / power:.3g}{prefix}"
    return f"{value:.3g}"


Curves = Mapping[Role, tuple[str, Sequence[float]]]
"""Readings of sensors, a dot column each, with the name of the sensor."""


def temperature_lines(
    curves: Curves,
    rules: Sequence[Rule],
    line: Timeline,
    size: tuple[int, int],
    ascii_only: bool = False,
) -> list[Line]:
    """Return a curve for every sensor, named at its end, and the limits across."""
    columns, rows = size[0] - GUTTER - LABELS, size[1] - (size[1] >= _LEAST_WITH_AXIS)
    lines = temperature_rows(curves, {}, rules, (columns, columns, rows), ascii_only)
    axis = [(*runs, (" " * LABELS, Role.DIM)) for runs in _axis(line, columns)]
    return [*lines, *axis][: size[1]]


def temperature_rows(
    past: Curves,
    future: Mapping[Role, Sequence[float]],
    rules: Sequence[Rule],
    size: tuple[int, int, int],
    ascii_only: bool,
) -> list[Line]:
    """Return curves, forecasts and limits in `size`: columns of the past, columns, rows."""
    past_columns, columns, rows = size
    low, high = _degrees([*(v for _, v in past.values()), *future.values()], rules)
    per_dot = (high - low) / max(1, rows * DOTS_Y - 1)

    def dots(values: Sequence[float]) -> list[float]:
        return [(v - low) / per_dot for v in values]

    def row_of(value: float) -> int:
        return rows - 1 - round((value - low) / per_dot) // DOTS_Y

    curves = [Curve(role, dots(values)) for role, (_, values) in past.items()]
    for role, values in future.items():
        thin = [v if n % DOTTED == 0 else nan for n, v in enumerate(values)]
        curves.append(Curve(role, [nan] * (past_columns * DOTS_X) + dots(thin)))
    grid = canvas.draw(curves, columns, rows, ascii_only)
    scale: dict[int, Run] = {rows - 1: (f"{low:.0f}°", Role.DIM)}
    if past_columns < columns or not rules:
        scale[0] = (f"{high:.0f}°", Role.DIM)
    ruled = {row_of(rule.value): rule for rule in reversed(rules)}  # of those on one row the first
    for row in ruled.keys() & range(rows):
        canvas.rule_across(grid[row], ruled[row].label, ruled[row].role)
        scale[row] = (f"{ruled[row].value:.0f}°", ruled[row].role)
    if past_columns < columns:
        for cells in grid:
            if cells[past_columns][0] in " ⠀╌":
                cells[past_columns] = ("┊", Role.FAINT)
    names: dict[int, Run] = {}
    for newest, name, role in _ends(past, future):
        row = max(0, min(rows - 1, row_of(newest)))
        names[row + 1 if row in names and row + 1 < rows else row] = (" " + name, role)
    return canvas.grid_lines(grid, scale, names)


def _degrees(curves: Sequence[Sequence[float]], rules: Sequence[Rule]) -> tuple[float, float]:
    """Return the degrees at the bottom and at the top."""
    values = [v for curve in curves for v in curve if not isnan(v)]
    marks = [*values, *(rule.value for rule in rules)]
    low = float(floor((min(values) - 4) / 10) * 10) if values else 20.0
    return low, max(max(marks) + 2, low + 20) if marks else 100.0


def _ends(past: Curves, future: Mapping[Role, Sequence[float]]) -> list[tuple[float, str, Role]]:
    """Return the last value of every curve with its name, the highest first."""
    ends = [
        (values[-1], name, role)
        for role, (name, curve) in past.items()
        if (values := [v for v in (*curve, *future.get(role, ())) if not isnan(v)])
    ]
    return sorted(ends, reverse=True)


def _axis(line: Timeline, columns: int) -> list[Line]:
    """Return the time axis: how far back the left edge and the middle lie."""
    left, middle = f"-{ago(line.seconds)}", f"-{ago(line.seconds / 2)}"
    half = ((fit(left, ceil(columns / 2)), Role.DIM), (middle, Role.DIM))
    blank = (" " * GUTTER, Role.DIM)
    return [(blank, *spread(half if columns > 24 else half[:1], (("now", Role.DIM),), columns))]


def ago(seconds: float) -> str:
    """Return a span of time for the axis."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.1f} min".replace(".0 ", " ") if minutes < 100 else f"{minutes / 60:.1f} h"


def waiting(size: tuple[int, int], text: str) -> list[Line]:
    """Return a chart before there is anything to draw."""
    row = max(0, (size[1] - 1) // 2)
    blank: list[Line] = [()] * row
    return [*blank, ((fit(" " * max(0, (size[0] - len(text)) // 2) + text, size[0]), Role.DIM),)]


def legend(parts: Sequence[Line], right: Line, columns: int) -> Line:
    """Return the first line of a chart: the parts that fit as a whole, and the right end."""
    room = columns - line_width(right)
    kept: list[Run] = []
    for part in parts:
        if line_width(part) <= room:
            kept += part
            room -= line_width(part)
    return spread(tuple(kept), right, columns)


class HeatPicture(NamedTuple):
    """All that is drawn; values one a dot column."""

    past: Curves
    future: Mapping[Role, Sequence[float]]
    rules: Sequence[Rule]
    flows: Mapping[Role, Sequence[float]]
    marks: Sequence[tuple[float, Role]]
    """Ticks of events."""
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
        lines.append(_heat_axis(line, columns, past))
    return lines[:rows]


def _events(marks: Sequence[tuple[float, Role]], line: Timeline, past: int) -> Line:
    """Return marks under the instants of events; of a column the worst."""
    cells: list[Run] = [(" ", Role.FAINT)] * past
    worst = {Role.TEXT: 0, Role.WARNING: 1, Role.CRITICAL: 2}
    for tick, role in sorted(marks, key=lambda mark: worst.get(mark[1], 0)):
        place = int((tick - line.start) / line.step) // DOTS_X
        if 0 <= place < past:
            cells[place] = ("▲", role)
    return ((fit("event", GUTTER - 1, right=True) + " ", Role.DIM), *cells)


def _flows(picture: HeatPicture, columns: int, rows: int, ascii_only: bool) -> list[Line]:
    """Return received filled and sent as a line, on one scale."""
    values = [v for flow in picture.flows.values() for v in flow if not isnan(v)]
    unit = 1 if picture.bits else 8
    top = nice(max(values, default=0.0) / unit) * unit
    dots = rows * DOTS_Y - 1
    curves = []
    for role, flow in picture.flows.items():
        heights = [v / top * dots for v in flow]
        filled = (-1, 0, Role.RX_AREA) if role is Role.RX else ()
        curves.append(Curve(role, heights, *filled))
    scale: dict[int, Run] = {0: (amount(top, picture.bits), Role.DIM)}
    names: dict[int, Run] = {0: (" RX", Role.RX), min(1, rows - 1): (" TX", Role.TX)}
    return canvas.grid_lines(canvas.draw(curves, columns, rows, ascii_only), scale, names)


def _heat_axis(line: Timeline, columns: int, past: int) -> Line:
    """Return the time axis: how far back the left edge lies, and how far the forecast goes."""
    ahead = (columns - past) * DOTS_X * line.step
    left, right = f"-{ago(line.seconds)}", f"+{ago(ahead)}"
    text = fit(left, max(0, past - 1)) + "now"
    return ((" " * GUTTER + fit(text, columns - len(right)) + right, Role.DIM),)
