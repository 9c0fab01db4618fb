"""Charts in plain text, drawn by plotext, which is imported when the first is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor, log2
from typing import NamedTuple, TypeAlias

from mlxtop.load.record import Line, Run, number, table
from mlxtop.present.text import clean, to_ascii
from mlxtop.present.units import nice

COLUMNS, ROWS = 79, 11
_LEAST_COLUMNS = 30
_TICK = 6
"""Columns of the scale, so that charts below each other share a time axis."""
_NAMES = 1.15
"""Width of the time axis in spans of time: the rest is for the names of curves."""
_NEAR = 25.0
"""°C between a peak and its limit up to which the limit is drawn."""
_MOST_CURVES = 4
_MOST_SECONDS, _MOST = 1e9, 1e15
"""What a damaged record has beyond these is left out: no scale holds it."""

Points: TypeAlias = Sequence[tuple[float, float]]
"""Seconds and values."""
_UNITS = (("Tb/s", 1e12), ("Gb/s", 1e9), ("Mb/s", 1e6), ("kb/s", 1e3), ("b/s", 1.0))


class _Chart(NamedTuple):
    title: str
    curves: dict[str, Points]
    limits: Sequence[float]
    """Values at which a line runs across."""
    bottom: float


def run_charts(run: Run, ascii_only: bool = False, columns: int = COLUMNS) -> list[str]:
    """Return lines that draw a recorded test's rate and temperatures; none without room or data."""
    charts = [_rates(run), _temperatures(run)] if columns >= _LEAST_COLUMNS else []
    seconds = [x for one in charts for points in one.curves.values() for x, _ in points]
    span = max(seconds, default=0.0)
    size = (min(columns, COLUMNS), ROWS)
    return [line for one in charts if span > 0 for line in _draw(one, span, size, ascii_only)]


class Bar(NamedTuple):
    """A value with its name, for `bars`."""

    name: str
    value: float


def bars(
    given: Sequence[Bar], title: str, ascii_only: bool = False, columns: int = COLUMNS
) -> list[str]:
    """Return lines that draw values as bars, all by one scale; none without any."""
    if not given or max(bar.value for bar in given) <= 0:
        return []
    import plotext

    plotext.clear_figure()
    plotext.theme("clear")
    names = [to_ascii(clean(bar.name)) if ascii_only else clean(bar.name) for bar in given]
    marker = "#" if ascii_only else "▇"
    values = [bar.value for bar in given]
    room = min(columns, COLUMNS) - 1  # a value that ends in zero makes a bar one column longer
    plotext.simple_bar(names, values, width=room, title="", marker=marker)
    drawn: str = plotext.uncolorize(plotext.build())
    return [title, *(line.rstrip() for line in drawn.splitlines() if line.strip("─ "))]


def sweep_chart(
    curves: Mapping[str, Points],
    limit: float | None,
    names: tuple[str, str],
    ascii_only: bool,
    columns: int = COLUMNS,
) -> list[str]:
    """Return lines that draw a sweep: values by the numbers of an axis, a curve for each name.

    `names` are those of the axis and of the values; the axis is drawn by powers of two.
    """
    points = [point for one in curves.values() for point in one]
    if len(points) < 2 or min(x for x, _ in points) <= 0:
        return []
    import plotext

    plotext.clear_figure()
    plotext.theme("clear")
    plotext.limit_size(False, False)
    plotext.plot_size(min(columns, COLUMNS), ROWS + 4)
    top = max([y for _, y in points] + ([limit] if limit else []))
    low, high = (log2(edge(x for x, _ in points)) for edge in (min, max))
    plotext.xlim(low, low + (high - low or 1.0) * _NAMES)
    plotext.ylim(0.0, top * 1.05 or 1.0)
    if limit:
        plotext.hline(limit)
    for place, (name, curve) in enumerate(curves.items()):
        along = [log2(x) for x, _ in curve]
        heights = [y for _, y in curve]
        marker = "*+ox"[place % 4] if ascii_only else "braille"
        plotext.plot(along, heights, marker=marker)
        plotext.text(f" {to_ascii(clean(name))}", along[-1], heights[-1], alignment="left")
    ticks = sorted({0.0, max(y for _, y in points), *([limit] if limit else [])})
    plotext.yticks(ticks, [_tick(tick).rjust(_TICK) for tick in ticks])
    marks = sorted({x for x, _ in points})
    plotext.xticks([log2(x) for x in marks], [_short(x) for x in marks])
    drawn: str = plotext.uncolorize(plotext.build())
    return [f"{names[1]} by {names[0]}", *(line.rstrip() for line in drawn.splitlines())]


def _short(value: float) -> str:
    """Return a number in few characters: sizes by 1024, rates by 1000.

    >>> _short(65536), _short(1500), _short(10e9), _short(96)
    ('64K', '1500', '10G', '96')
    """
    for step, letters in ((1e9, "G"), (1e6, "M"), (1024.0, "KMG")):
        number, letter = value, ""
        for one in letters:
            if number < step or number % step:
                break
            number, letter = number / step, one
        if letter and (step == 1024.0 or number < 1000):
            return f"{number:g}{letter}"
    return f"{value:g}"


def _rates(run: Run) -> _Chart:
    there, back = (_points(run.intervals, key) for key in ("bps", "reverse_bps"))
    expected = number(run.plan.get("expected_bps")) or 0.0
    limits = [expected] if 0 < expected < _MOST else []
    most = max([y for _, y in (*there, *back)] + limits, default=0.0)
    unit, size = next((row for row in _UNITS if most >= row[1]), _UNITS[-1])
    limits = [limit / size for limit in limits]
    title = f"rate in {unit}" + "".join(f", expected {_tick(limit)}" for limit in limits)
    curves = {"there": there, "back": back} if back else {"": there}
    scaled: dict[str, Points] = {
        name: [(x, y / size) for x, y in points] for name, points in curves.items()
    }
    return _Chart(title, scaled, limits, 0.0)


def _temperatures(run: Run) -> _Chart:
    lines = [{"t": line.get("t"), **table(line.get("sensors"))} for line in run.heat]
    names = list(dict.fromkeys(name for line in lines for name in line if name != "t"))
    curves = {clean(name): _points(lines, name) for name in names[:_MOST_CURVES]}
    lowest = min((y for points in curves.values() for _, y in points), default=0.0)
    bottom = floor((lowest - 1) / 10) * 10.0
    limits = {}
    for name, sensor in run.sensors.items():
        limit, peak = number(sensor.get("warning_c")), number(sensor.get("peak_c"))
        if limit is not None and peak is not None and bottom < limit < peak + _NEAR:
            limits[clean(name)] = limit
    title = "temperature in °C"
    if limits:
        title += ", warning at " + ", ".join(f"{name} {_tick(y)}" for name, y in limits.items())
    return _Chart(title, curves, list(limits.values()), bottom)


def _points(lines: Sequence[Line], key: str) -> Points:
    """Return the numbers of a record under a key, by the second they were taken."""
    points = [(number(line.get("t")), number(line.get(key))) for line in lines]
    return [
        (x, y)
        for x, y in points
        if x is not None and y is not None and 0 <= x < _MOST_SECONDS and abs(y) < _MOST
    ]


def _tick(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _draw(given: _Chart, span: float, size: tuple[int, int], ascii_only: bool) -> list[str]:
    """Return the lines of a chart from second 0 to `span`; none where there is no curve."""
    title, limits = given.title, given.limits
    curves = {
        name: _merged(points, span, 2 * size[0]) for name, points in given.curves.items() if points
    }
    if max(map(len, curves.values()), default=0) < 2:
        return []
    import plotext

    values = [y for points in curves.values() for _, y in points]
    most, bottom = max(values), min(given.bottom, *values)
    top = max(most, *limits, bottom + 1.0)
    plotext.clear_figure()
    plotext.theme("clear")
    plotext.limit_size(False, False)
    plotext.plot_size(*size)
    plotext.xlim(0, span * _NAMES)
    plotext.ylim(bottom, top + 0.05 * (top - bottom))
    for limit in limits:
        plotext.hline(limit)
    for place, (name, points) in enumerate(curves.items()):
        seconds, heights = zip(*points, strict=True)
        plotext.plot(seconds, heights, marker="*+ox"[place] if ascii_only else "braille")
        plotext.text(f" {to_ascii(name)}", seconds[-1], heights[-1], alignment="left")
    ticks = sorted({bottom, most, *limits})
    plotext.yticks(ticks, [_tick(tick).rjust(_TICK) for tick in ticks])
    plotext.xticks(*_times(span))
    drawn: str = plotext.uncolorize(plotext.build())
    return [title, *(line.rstrip() for line in drawn.splitlines())]


def _times(span: float) -> tuple[list[float], list[str]]:
    """Return the seconds that are marked on the time axis, and their labels."""
    unit, seconds = ("s", 1) if span <= 300 else ("min", 60) if span <= 3 * 3600 else ("h", 3600)
    step = nice(span / seconds / 5)
    times = [place * step for place in range(floor(span / seconds / step) + 1)]
    return [time * seconds for time in times], [f"{time:g} {unit}" for time in times]


def _merged(points: Points, span: float, most: int) -> Points:
    """Return about `most` points at most, each the mean of those that fall together."""
    steps: dict[int, list[tuple[float, float]]] = {}
    for point in points:
        steps.setdefault(floor(point[0] / span * most), []).append(point)
    return [
        (sum(x for x, _ in step) / len(step), sum(y for _, y in step) / len(step))
        for step in steps.values()
    ]
