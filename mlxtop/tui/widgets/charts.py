"""The two charts as lines: throughput over and under a zero line, temperatures with limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, floor, isnan, nan
from typing import NamedTuple

from mlxtop.present.text import Line, Role, Run, fit, line_width, spread
from mlxtop.present.units import floor_nice, nice
from mlxtop.tui.widgets.canvas import DOTS_X, DOTS_Y, Curve, Grid, Timeline, draw

GUTTER = 6
"""Columns of the scale on the left."""
LABELS = 7
"""Columns for the names of curves on the right."""
LEAST_ROWS = 3
"""Below this a chart is only its legend."""

DOTTED = 3
"""Every which dot of a forecast is drawn."""
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
    columns, rows = size[0] - GUTTER, size[1] - _axis_rows(size)
    top, bottom = _scale(_largest(rx), _largest(tx), limit.value if limit else None)
    up, per_row = _halved(rows, top, bottom)
    down = rows - up
    above = Curve(Role.RX, _dots(rx, per_row, up), -1, 0, Role.RX_AREA)
    lowest = down * DOTS_Y - 1
    depth = [lowest - dot for dot in _dots(tx, per_row, down)]
    below = Curve(Role.TX, depth, 1, lowest, Role.TX_AREA)
    grid = [
        *draw((above,), columns, up, ascii_only),
        *draw((below,), columns, down, ascii_only),
    ]
    scale = _halves(up, down)
    for half, zero, step in ((up, up - 1, -1), (down, up, 1)):
        if limit is not None and limit.value < per_row * half:
            row = zero + step * floor(limit.value / per_row)
            rule_across(grid, row, limit.label if step < 0 else "", limit.role)
            scale[row] = (amount(limit.value, bits), limit.role)
        elif half > 1:
            unit = 1 if bits else 8
            top = floor_nice(per_row * half * 0.9999 / unit) * unit
            scale[zero + step * floor(top / per_row)] = (amount(top, bits), Role.DIM)
    return [*grid_lines(grid, scale), *_axis(line, columns)][: size[1]]


def _halves(up: int, down: int) -> dict[int, Run]:
    """Return the marks of zero and of the two halves."""
    scale: dict[int, Run] = {}
    scale[up - 1] = ("0", Role.DIM)
    if up > 3:
        scale[up // 2] = ("RX", Role.RX)
    if down > 2:
        scale[up + down // 2] = ("TX", Role.TX)
    return scale


def _scale(rx: float, tx: float, limit: float | None) -> tuple[float, float]:
    """Return full scale up and down: round, and up to the limit once that is in sight."""
    top, bottom = nice(max(rx, LEAST_SCALE)), nice(max(tx, LEAST_SCALE))
    if limit is not None:
        top = limit * 1.05 if rx > 0.4 * limit else top
        bottom = limit * 1.05 if tx > 0.4 * limit else bottom
    return top, bottom


def _halved(rows: int, top: float, bottom: float) -> tuple[int, float]:
    """Return the rows above zero and the value of a row, with both halves as large as they can."""
    least = max(1, rows // 6)

    def per_row(up: int) -> float:
        return max(top / up, bottom / (rows - up))

    up = min(range(least, max(least, rows - least) + 1), key=per_row)
    return up, per_row(up)


def _largest(values: Sequence[float]) -> float:
    return max((v for v in values if not isnan(v)), default=0.0)


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
    *,
    ascii_only: bool = False,
) -> list[Line]:
    """Return a curve for every sensor, named at its end, and the limits across."""
    columns, rows = size[0] - GUTTER - LABELS, size[1] - _axis_rows(size)
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
    low, high = _degrees([v for _, v in past.values()], [*future.values()], rules)
    per_dot = (high - low) / max(1, rows * DOTS_Y - 1)

    def dots(values: Sequence[float]) -> list[float]:
        return [nan if isnan(v) else (v - low) / per_dot for v in values]

    def row_of(value: float) -> int:
        return rows - 1 - round((value - low) / per_dot) // DOTS_Y

    curves = [Curve(role, dots(values)) for role, (_, values) in past.items()]
    for role, values in future.items():
        thin = [v if n % DOTTED == 0 else nan for n, v in enumerate(values)]
        curves.append(Curve(role, [nan] * (past_columns * DOTS_X) + dots(thin)))
    grid = draw(curves, columns, rows, ascii_only)
    scale: dict[int, Run] = {rows - 1: (f"{low:.0f}°", Role.DIM)}
    if past_columns < columns or not rules:
        scale[0] = (f"{high:.0f}°", Role.DIM)
    ruled = set()
    for rule in rules:  # of those on one row the first
        row = row_of(rule.value)
        if 0 <= row < rows and row not in ruled:
            ruled.add(row)
            rule_across(grid, row, rule.label, rule.role)
            scale[row] = (f"{rule.value:.0f}°", rule.role)
    if past_columns < columns:
        for cells in grid:
            if cells[past_columns][0] in " ⠀╌":
                cells[past_columns] = ("┊", Role.FAINT)
    names: dict[int, Run] = {}
    for newest, name, role in _ends(past, future):
        row = max(0, min(rows - 1, row_of(newest)))
        names[row + 1 if row in names and row + 1 < rows else row] = (" " + name, role)
    return grid_lines(grid, scale, names)


def _degrees(
    past: Sequence[Sequence[float]], future: Sequence[Sequence[float]], rules: Sequence[Rule]
) -> tuple[float, float]:
    """Return the degrees at the bottom and at the top."""
    values = [v for curve in (*past, *future) for v in curve if not isnan(v)]
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


def rule_across(grid: Grid, row: int, label: str, role: Role) -> None:
    """Draw a dashed line where nothing else is, with its label where there is room for it."""
    cells = grid[row]
    for place, (mark, _) in enumerate(cells):
        if mark in " ⠀":
            cells[place] = ("╌", role)
    line = "".join(mark for mark, _ in cells)
    for words in (label, label.rpartition(" ")[2]):
        start = line.find("╌" * (len(words) + 3)) + 1
        if words and start > 0:
            for place, character in enumerate(f" {words} "):
                cells[start + place] = (character, role)
            return


def grid_lines(
    grid: Grid, scale: Mapping[int, Run], names: Mapping[int, Run] | None = None
) -> list[Line]:
    """Return a grid as lines, with scale at the left and names of curves at the right by row."""
    lines = []
    for y, cells in enumerate(grid):
        text, role = scale.get(y, ("", Role.DIM))
        runs: list[Run] = [(fit(text, GUTTER - 1, right=True) + " ", role)]
        runs.extend(_runs(cells))
        if names is not None:
            name, role = names.get(y, ("", Role.DIM))
            runs.append((fit(name, LABELS), role))
        lines.append(tuple(runs))
    return lines


def _runs(cells: Sequence[tuple[str, str]]) -> list[Run]:
    runs: list[Run] = []
    text, last = "", ""
    for mark, role in cells:
        if role and last and role != last:
            runs.append((text, Role(last)))
            text = ""
        last = role or last
        text += mark
    runs.append((text, Role(last or Role.FAINT)))
    return runs


def _axis_rows(size: tuple[int, int]) -> int:
    """Return the rows of the time axis; low charts do without."""
    return 1 if size[1] >= 6 else 0


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
    """Return the first line of a chart: the numbers of now, the first ones last to go.

    What does not fit is left out as a whole; the right end stays.
    """
    room = columns - line_width(right)
    kept: list[Line] = []
    for part in parts:
        if line_width(part) <= room:
            kept.append(part)
            room -= line_width(part)
    ordered = tuple(run for part in parts if part in kept for run in part)
    return spread(ordered, right, columns)
