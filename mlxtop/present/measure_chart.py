"""A measurement as a chart in plain text: bars against the ceiling, or curves of a sweep."""

from __future__ import annotations

from collections.abc import Sequence

from mlxtop.load.measure_run import MeasureView
from mlxtop.load.record import Line, number, table
from mlxtop.load.sweep import OPTIONS
from mlxtop.present.load import wrapped
from mlxtop.present.measure import all_cells, plan_runs, table_lines
from mlxtop.present.plot import COLUMNS as PLOT_COLUMNS
from mlxtop.present.plot import Bar, bars, sweep_chart
from mlxtop.present.text import Role, Section

_NUMBERS = ("streams", "size", "bitrate", "time", "processes", "mtu")
"""Axes whose values are numbers."""
_MOST_CURVES = 4


def chart(view: MeasureView, ascii_only: bool = False) -> list[str]:
    """Return the lines of the chart that fits the measurement; none where there is no rate."""
    rated = [row for row in view.rows if number(row.get("bps"))]
    swept = [row for row in rated if table(row.get("point"))]
    drawn = _sweep(swept, ascii_only) if swept else []
    return drawn or _bars(rated, ascii_only)


def _ceiling(rows: Sequence[Line]) -> float | None:
    ceilings = [c for row in rows if (c := number(row.get("ceiling_bps"))) is not None]
    return max(ceilings) / 1e9 if ceilings else None


def _bars(rows: Sequence[Line], ascii_only: bool) -> list[str]:
    given = [Bar(str(row.get("name")), _gbps(row)) for row in rows]
    ceiling = _ceiling(rows)
    if ceiling is not None:
        given.append(Bar("usable", round(ceiling, 2)))
    return bars(given, "Gb/s", ascii_only)


def _gbps(row: Line) -> float:
    return round((number(row.get("bps")) or 0.0) / 1e9, 2)


def _sweep(rows: Sequence[Line], ascii_only: bool) -> list[str]:
    """Return curves by the first axis that has numbers; a second axis tells them apart."""
    names = list(table(rows[0].get("point")))
    along = next((name for name in names if name in _NUMBERS), None)
    if along is None:
        return []
    curves: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        point = table(row.get("point"))
        try:
            value = float(OPTIONS[along][1](str(point.get(along))))
        except ValueError:
            continue
        other = ", ".join(str(point[name]) for name in names if name != along and name in point)
        curves.setdefault(other, []).append((value, _gbps(row)))
    kept = dict(list(curves.items())[:_MOST_CURVES])
    sorted_curves = {name: sorted(points) for name, points in kept.items()}
    return sweep_chart(sorted_curves, _ceiling(rows), (along, "Gb/s"), ascii_only)


def measure_sections(view: MeasureView, columns: int, ascii_only: bool = False) -> list[Section]:
    """Return a measurement for the screen: its answer, table and chart, or its plan."""
    if not view.rows:
        plan = wrapped("Measurement", plan_runs(view.plan), columns)
        return [plan] if view.current is None else []
    role = Role.STRONG if view.ended == "complete" else Role.TEXT
    head = [(view.sentence, role)]
    if view.current is not None:
        head.insert(0, (view.progress, Role.ACCENT))
    elif view.ended not in (None, "complete"):
        head.append((str(view.ended), Role.WARNING))
    lines = table_lines(all_cells(view), max(columns, PLOT_COLUMNS))
    drawn = chart(view, ascii_only) if view.current is None else []
    table_section = Section("Results", tuple(((line, Role.TEXT),) for line in lines))
    sections = [wrapped("Measurement", head, columns), table_section]
    if drawn:
        sections.append(Section("Chart", tuple(((line, Role.TEXT),) for line in drawn)))
    return sections
