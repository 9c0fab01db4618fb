"""A measurement as a chart in plain text: bars against the ceiling, or curves of a sweep."""

from __future__ import annotations

from collections.abc import Sequence

from mlxtop.load.measure_run import MeasureView
from mlxtop.load.record import Line, number, table
from mlxtop.load.sweep import OPTIONS
from mlxtop.present.load import wrapped
from mlxtop.present.measure import all_cells, plan_runs, table_lines
from mlxtop.present.plot import COLUMNS, Bar, bars, sweep_chart
from mlxtop.present.text import Role, Run, Section

_NUMBERS = ("streams", "size", "bitrate", "time", "processes", "mtu")
"""Axes whose values are numbers."""
_MOST_CURVES = 4


def chart(view: MeasureView, ascii_only: bool = False, columns: int = COLUMNS) -> list[str]:
    """Return the lines of the chart that fits the measurement; none where there is no rate."""
    rated = [row for row in view.rows if number(row.get("bps"))]
    swept = [row for row in rated if table(row.get("point"))]
    drawn = _sweep(swept, ascii_only, columns) if swept else []
    return drawn or _bars(rated, ascii_only, columns)


def _ceiling(rows: Sequence[Line]) -> float | None:
    ceilings = [c for row in rows if (c := number(row.get("ceiling_bps"))) is not None]
    return max(ceilings) / 1e9 if ceilings else None


def _bars(rows: Sequence[Line], ascii_only: bool, columns: int) -> list[str]:
    given = [Bar(str(row.get("name")), _gbps(row)) for row in rows]
    ceiling = _ceiling(rows)
    if ceiling is not None:
        given.append(Bar("usable", round(ceiling, 2)))
    return bars(given, "Gb/s", ascii_only, columns)


def _gbps(row: Line) -> float:
    return round((number(row.get("bps")) or 0.0) / 1e9, 2)


def _sweep(rows: Sequence[Line], ascii_only: bool, columns: int) -> list[str]:
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
    axes = along, "Gb/s"
    return sweep_chart(sorted_curves, _ceiling(rows), axes, ascii_only, columns)


def measure_sections(view: MeasureView, columns: int, ascii_only: bool = False) -> list[Section]:
    """Return a measurement for the screen: its answer, or its plan, then table and chart."""
    head: list[Run] = []
    if view.current is not None:
        head.append((view.progress, Role.ACCENT))
    elif view.ended not in (None, "complete"):
        head.append((str(view.ended), Role.WARNING))
    if not view.rows:
        head += plan_runs(view.plan) if view.current is None else []
        return [wrapped("Measurement", head, columns)]
    head.append((view.sentence, Role.STRONG if view.ended == "complete" else Role.TEXT))
    lines = table_lines(all_cells(view), columns)
    drawn = chart(view, ascii_only, columns) if view.current is None else []
    sections = [wrapped("Measurement", head, columns), _section("Results", lines)]
    return [*sections, _section("Chart", drawn)] if drawn else sections


def _section(title: str, lines: Sequence[str]) -> Section:
    return Section(title, tuple(((line, Role.TEXT),) for line in lines))
