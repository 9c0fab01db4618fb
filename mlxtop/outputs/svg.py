"""Charts over time as SVG text, coloured by the classes of the page that they stand in.

https://www.w3.org/TR/SVG11/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import pairwise
from math import ceil
from time import localtime, strftime
from typing import NamedTuple

from mlxtop.present.text import clean, fit

WIDTH = 960
LEFT, RIGHT, TOP, BOTTOM = 112, 104, 10, 24
"""Room for the labels around the drawing."""
MOST_TICKS = 8
LINE = 13
"""Room for a line of text."""
_NAME = 13
"""Characters of a name at the left."""
LEAST_WIDTH = 1.5
"""Of what takes hardly any time."""
_STEPS_S = (
    *(1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800),
    *(3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800),
)


class Mark(NamedTuple):
    """Something that happened at a time or went on for one."""

    begin: float
    end: float
    kind: str
    """Class of the page."""
    title: str


class Limit(NamedTuple):
    """A value at which a line is drawn."""

    value: float
    label: str
    kind: str


class Trace(NamedTuple):
    """A series: mean and peak in equal steps; what is drawn downwards is negative."""

    kind: str
    mean: Sequence[float | None]
    peak: Sequence[float | None]
    is_area: bool = False
    down: bool = False


def text(words: str) -> str:
    """Return words that are text of the page, whoever wrote them."""
    return escape(clean(words))


class TimeAxis(NamedTuple):
    """Seconds since 1970 to places from left to right."""

    begin: float
    end: float

    def x(self, wall: float) -> float:
        """Return the place of a time."""
        share = (wall - self.begin) / max(1e-3, self.end - self.begin)
        return LEFT + min(1.0, max(0.0, share)) * (WIDTH - LEFT - RIGHT)

    def ticks(self) -> Iterator[tuple[float, str]]:
        """Yield round times of the local clock with their labels."""
        span = self.end - self.begin
        step = next((s for s in _STEPS_S if span / s <= MOST_TICKS), span / MOST_TICKS or 1.0)
        offset = localtime(self.begin).tm_gmtoff
        wall = ceil((self.begin + offset) / step) * step - offset
        form = "%H:%M:%S" if step < 60 else "%H:%M" if step < 86400 else "%m-%d"
        while wall <= self.end:
            yield wall, strftime(form, localtime(wall))
            wall += step

    def grid(self, height: int) -> Iterator[str]:
        """Yield lines at round times, and their labels below."""
        for wall, label in self.ticks():
            x = self.x(wall)
            yield f'<path class="grid" d="M{x:.1f} {TOP}V{height - BOTTOM}"/>'
            yield f'<text x="{x:.1f}" y="{height - 8}" text-anchor="middle">{label}</text>'

    def row(self, name: str, y: float) -> Iterator[str]:
        """Yield the name of a row at the left, cut where there is no room."""
        short = fit(name, _NAME).rstrip()
        full = f"<title>{text(name)}</title>"
        yield f'<text x="{LEFT - 8}" y="{y:.1f}" text-anchor="end">{full}{text(short)}</text>'

    def spans(self, marks: Iterable[Mark], top: float, height: float) -> Iterator[str]:
        """Yield what went on for a time as boxes that tell what it was."""
        for mark in marks:
            x, end = self.x(mark.begin), self.x(mark.end)
            wide = max(LEAST_WIDTH, end - x)
            place = f'x="{min(x, WIDTH - RIGHT - wide):.1f}" y="{top:.1f}" width="{wide:.1f}"'
            title = f"<title>{text(mark.title)}</title>"
            yield f'<rect class="{mark.kind}" {place} height="{height:.1f}">{title}</rect>'


class Plot(NamedTuple):
    """Values from the bottom to the top of a chart."""

    axis: TimeAxis
    height: int
    low: float
    high: float

    def y(self, value: float) -> float:
        """Return the place of a value."""
        share = (value - self.low) / ((self.high - self.low) or 1.0)
        return self.height - BOTTOM - min(1.0, max(0.0, share)) * (self.height - TOP - BOTTOM)

    def scale(self, values: Iterable[tuple[float, str]]) -> Iterator[str]:
        """Yield lines at values, and their labels at the left, the first ones where it is tight."""
        taken: list[float] = []
        for value, label in values:
            y = self.y(value)
            kind = "zero" if value == 0 else "grid"
            yield f'<path class="{kind}" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>'
            if all(abs(y - other) >= LINE for other in taken):
                yield f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{text(label)}</text>'
                taken.append(y)

    def limits(self, limits: Iterable[Limit]) -> Iterator[str]:
        """Yield limits as dashed lines, and their labels at the right."""
        last = None
        for limit in sorted(limits, key=lambda one: one.value):
            if not self.low <= limit.value <= self.high:
                continue
            y = self.y(limit.value)
            yield f'<path class="limit {limit.kind}" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>'
            if last is None or last - y >= LINE:
                place = f'x="{WIDTH - RIGHT + 6}" y="{y + 4:.1f}"'
                yield f'<text class="{limit.kind}" {place}>{text(limit.label)}</text>'
                last = y

    def trace(self, trace: Trace) -> Iterator[str]:
        """Yield a series: its peaks faint behind its means."""
        sign = -1.0 if trace.down else 1.0
        points = [
            [(x, sign * value) for x, value in run] for run in self._runs(trace.mean, trace.peak)
        ]
        for kind, runs in (("peak", points), ("mean", list(self._signed(trace.mean, sign)))):
            for run in runs:
                line = "L".join(f"{x:.1f} {self.y(value):.1f}" for x, value in run)
                if trace.is_area:
                    zero = self.y(0.0)
                    first, last = run[0][0], run[-1][0]
                    area = f"M{first:.1f} {zero:.1f}L{line}L{last:.1f} {zero:.1f}Z"
                    yield f'<path class="{trace.kind} {kind}-area" d="{area}"/>'
                if kind == "mean":
                    yield f'<path class="{trace.kind} line" d="M{line}"/>'

    def _signed(
        self, values: Sequence[float | None], sign: float
    ) -> Iterator[list[tuple[float, float]]]:
        for run in self._runs(values, values):
            yield [(x, sign * value) for x, value in run]

    def _runs(
        self, there: Sequence[float | None], values: Sequence[float | None]
    ) -> Iterator[list[tuple[float, float]]]:
        """Yield the points between holes; a hole of one step is none where samples are sparse."""
        known = [place for place, value in enumerate(there) if value is not None]
        gaps = [after - before for before, after in pairwise(known)]
        usual = sorted(gaps)[len(gaps) // 2] if gaps else 1
        wide = (WIDTH - LEFT - RIGHT) / max(1, len(values))
        run: list[tuple[float, float]] = []
        last = None
        for place in known:
            if last is not None and place - last > 2 * usual:
                yield self._seen(run, wide)
                run = []
            value = values[place]
            if value is not None:
                run.append((LEFT + (place + 0.5) * wide, value))
            last = place
        if run:
            yield self._seen(run, wide)

    def _seen(self, run: list[tuple[float, float]], wide: float) -> list[tuple[float, float]]:
        """Return a run that is long enough to be seen."""
        if len(run) > 1:
            return run
        (x, value) = run[0]
        return [(x - wide / 2, value), (x + wide / 2, value)]


def picture(height: int, label: str, parts: Iterable[str]) -> str:
    """Return a picture of its own, which says to those who cannot see it what it is."""
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{text(label)}">'
        f"{''.join(parts)}</svg>"
    )
