"""The throughput chart as lines, and what all charts have: legend, scale and time axis."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from typing import NamedTuple

from mlxtop.present.text import Line, Role, Run, crop, fit, line_width, spread
from mlxtop.present.units import nice
from mlxtop.tui.time_axis import TimeAxis
from mlxtop.tui.widgets import canvas
from mlxtop.tui.widgets.canvas import DOTS_Y, GUTTER, LABELS, Curve

LEAST_ROWS = 3
"""Below this a chart is only its legend."""
_LEAST_WITH_AXIS = 6
"""Rows from which on a chart has a time axis."""
_LEAST_WITH_HALF = 7
"""Rows of a plot from which on half of its scale is labelled."""
LEAST_SCALE = 1000.0
"""bit/s of full scale at least, so that an idle port does not show its noise."""
_IN_SIGHT = 0.4
"""Share of a limit from which on the scale goes up to it."""

Size = tuple[int, int]
"""Columns and rows."""


class Rule(NamedTuple):
    """A horizontal line: a limit with its name."""

    value: float
    label: str
    role: Role


def plot_columns(width: int) -> int:
    """Return the columns between the scale and the names of curves."""
    return max(1, width - GUTTER - LABELS)


def plot_rows(height: int) -> int:
    """Return the rows of a plot, which has a time axis below it where there is room."""
    return height - (height >= _LEAST_WITH_AXIS)


class Flows(NamedTuple):
    """Received and sent, bit/s, one value a dot column."""

    rx: Sequence[float]
    tx: Sequence[float]

    def curves(self, per_dot: float) -> list[Curve]:
        """Return both as areas, the lower one in front."""
        rx, tx = ([value / per_dot for value in values] for values in self)
        return canvas.overlaid(
            Curve(Role.RX, rx, True, Role.RX_AREA), Curve(Role.TX, tx, True, Role.TX_AREA, ".")
        )

    def ends(self, per_dot: float) -> list[tuple[int, str, Role]]:
        """Return the dots at which both end, with their names."""
        named = (("RX", Role.RX, self.rx), ("TX", Role.TX, self.tx))
        return [
            (round(last / per_dot), name, role)
            for name, role, values in named
            if (last := last_of(values)) is not None
        ]


def last_of(values: Sequence[float]) -> float | None:
    """Return the last number; None where all are gaps."""
    return next((value for value in reversed(values) if not isnan(value)), None)


def throughput_lines(
    flows: Flows,
    axis: TimeAxis,
    size: Size,
    *,
    edge: str = "now",
    limit: Rule | None = None,
    bits: bool = True,
    ascii_only: bool = False,
) -> list[Line]:
    """Return received and sent as two areas on one scale, both from zero upwards."""
    rows = plot_rows(size[1])
    lines = flow_rows(flows, axis.columns, rows, limit=limit, bits=bits, ascii_only=ascii_only)
    return [crop(line, size[0]) for line in [*lines, axis_line(axis, edge)][: size[1]]]


def flow_rows(
    flows: Flows,
    columns: int,
    rows: int,
    *,
    limit: Rule | None = None,
    bits: bool = True,
    ascii_only: bool = False,
) -> list[Line]:
    """Return the plot of received and sent with its scale and the names of the curves."""
    unit = 1 if bits else 8
    most = max((v for values in flows for v in values if not isnan(v)), default=0.0)
    near = limit is not None and most > _IN_SIGHT * limit.value
    full = limit.value if limit and near else nice(max(most, LEAST_SCALE) / unit) * unit
    top = max(full, most)
    per_dot = top / max(1, rows * DOTS_Y - 1)
    grid = canvas.draw(flows.curves(per_dot), columns, rows, ascii_only)

    def row_of(value: float) -> int:
        return rows - 1 - round(value / per_dot) // DOTS_Y

    scale: dict[int, Run] = {rows - 1: ("0", Role.DIM)}
    for part in (1.0, 0.5) if rows >= _LEAST_WITH_HALF else (1.0,):
        row = row_of(full * part)
        scale[row] = (amount(full * part, bits), Role.DIM)
        canvas.grid_across(grid[row])
    if limit and near:
        canvas.rule_across(grid[row_of(full)], limit.label, limit.role)
        scale[row_of(full)] = (amount(full, bits), limit.role)
    return canvas.grid_lines(grid, scale, canvas.names_beside(flows.ends(per_dot), rows))


def amount(bits_per_second: float, bits: bool) -> str:
    """Return a rate for the scale.

    >>> amount(46.1e9, True), amount(100e9, False), amount(500.0, True)
    ('46.1Gb', '12.5GB', '500b')
    """
    value, unit = (bits_per_second, "b") if bits else (bits_per_second / 8, "B")
    for power, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= power * 0.9995:
            return f"{value / power:.3g}{prefix}{unit}"
    return f"{value:.3g}{unit}"


def axis_line(axis: TimeAxis, edge: str, ahead: int = 0, gutter: int = GUTTER) -> Line:
    """Return the time axis: `edge` at its right end, then so many columns of what is expected."""
    cells = [" "] * (axis.columns + ahead)
    _write(cells, axis.columns - len(edge), edge)
    for column, label in sorted(axis.labels(ahead), key=lambda one: abs(one[0] - axis.columns)):
        _write(cells, min(max(0, column - len(label) // 2), len(cells) - len(label)), label)
    return ((" " * gutter + "".join(cells), Role.DIM), (" " * LABELS, Role.DIM))


def event_line(marks: Sequence[tuple[float, Role]], axis: TimeAxis, gutter: int = GUTTER) -> Line:
    """Return marks under the instants of events; of a column the worst."""
    cells: list[Run] = [(" ", Role.FAINT)] * axis.columns
    worst = {Role.TEXT: 0, Role.WARNING: 1, Role.CRITICAL: 2}
    for tick, role in sorted(marks, key=lambda mark: worst.get(mark[1], 0)):
        if (column := axis.column(tick)) is not None:
            cells[column] = ("▲", role)
    return (("event".rjust(gutter - 1) + " ", Role.DIM), *cells)


def _write(cells: list[str], start: int, text: str) -> None:
    """Put a label where there is room for it and a blank on either side."""
    end = start + len(text)
    if start >= 0 and end <= len(cells) and not "".join(cells[max(0, start - 1) : end + 1]).strip():
        cells[start:end] = text


def waiting(size: Size, text: str) -> list[Line]:
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
