"""The chart of page P: a lane for every way, all on the time axis of the other charts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isinf, isnan, nan
from typing import NamedTuple

from mlxtop.model.history import HELD_S, Series
from mlxtop.model.path import PathStatus
from mlxtop.present.path import LEGEND, by_preference, lane, point
from mlxtop.present.text import Line, Role, Run, clean, crop, fit
from mlxtop.present.view import SEVERITY_ROLES
from mlxtop.tui.state import State, begin_of
from mlxtop.tui.time_axis import TimeAxis
from mlxtop.tui.widgets import charts
from mlxtop.tui.widgets.canvas import with_cursor
from mlxtop.tui.widgets.chart import Chart, edge_of
from mlxtop.tui.widgets.charts import Size, event_line
from mlxtop.watch.paths import Key, is_about_ways

_AROUND = 5
"""Rows of frame, legend, events and time axis."""
_LEGEND_FROM, _EVENTS_FROM = 2, 3
"""Rows beside the lanes from which on there are a legend and events; the time axis comes first."""
_ROOMY = 50
"""Rows of a screen from which a lane has two."""
_WIDE = 100
"""Columns of a screen from which names of ways get less than half of it."""
_BESIDE = 10
"""Columns of a round trip at the right."""


class Lane(NamedTuple):
    """A row of the chart: a way, or the name of a peer above its ways."""

    label: str
    key: Key | None = None
    used: bool = False


def lanes_of(status: PathStatus) -> list[Lane]:
    """Return the ways of all peers; with several peers each has its name above them."""
    several = len(status.peers) > 1
    lanes = []
    for peer in status.peers:
        lanes += [Lane(clean(peer.name))] if several else []
        for one in by_preference(peer):
            name = f"{'▸' if one.used else ' '} {clean(one.way.words)}"
            lanes.append(Lane(name, (peer.name, one.way.words), one.used))
    return lanes


class PathChart(Chart):
    """Round trip and state of every way."""

    NAME = "Ways"

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.border_title = self.NAME
        self._lanes: list[Lane] = []
        self._lane_rows = 1

    def lay_out(self, status: PathStatus, screen: Size, most: int) -> int:
        """Take the ways, and at most so many rows in all; return the rows that are needed."""
        self._lanes = lanes_of(status)
        ways = sum(one.key is not None for one in self._lanes)
        names = len(self._lanes) - ways
        around = _AROUND if self.styles.border_top[0] else _AROUND - 2
        self._lane_rows = 2 if screen[1] >= _ROOMY and around + names + 2 * ways <= most else 1
        longest = max((len(one.label) for one in self._lanes), default=0)
        most_columns = screen[0] // 2 if screen[0] < _WIDE else screen[0] * 2 // 5
        self.scale_width = min(longest + 1, max(12, most_columns))
        return min(most, around + names + ways * self._lane_rows)

    def columns(self) -> int:
        return max(1, self.size.width - self.scale_width - _BESIDE)

    def update(self, state: State, axis: TimeAxis | None) -> None:
        width, height = self.size
        self._axis = axis
        if not width or not height or axis is None:
            return
        history = state.watch.paths.history
        rows: list[Line] = []
        for one in self._lanes:  # there may be hundreds, and each has an hour
            if len(rows) <= height:
                rows += self._rows(one, axis, history)
        spare = height - len(rows)
        if spare < 0:
            rows = [*rows[: height - 1], (("  more ways are below", Role.DIM),)]
        if spare >= _EVENTS_FROM:
            rows.append(event_line(_marks(state), axis, self.scale_width))
        if spare > 0:
            rows.append(charts.axis_line(axis, edge_of(state, axis), gutter=self.scale_width))
        if axis.cursor_column is not None:
            rows = with_cursor(rows, axis.cursor_column, self.scale_width)
        head = [LEGEND] if spare >= _LEGEND_FROM else []
        self.show([crop(line, width) for line in (*head, *rows)])

    def values_at(self, state: State, axis: TimeAxis) -> dict[Key, float]:
        """Return the value of every way in the column of the cursor; NaN where none is known."""
        start, end = axis.bounds(axis.cursor_column or 0)
        history = state.watch.paths.history
        keys = [one.key for one in self._lanes if one.key is not None]
        return {key: value_in(history.get(key), start, end) for key in keys}

    def _rows(self, one: Lane, axis: TimeAxis, history: Mapping[Key, Series]) -> Iterator[Line]:
        """Yield the rows of a lane: its name, its past, and the value at the cursor or of now."""
        name: Run = (fit(one.label, self.scale_width), Role.STRONG if one.used else Role.TEXT)
        if one.key is None:
            yield ((name[0], Role.HEAD),)
            return
        values = columns_of(history.get(one.key), axis)
        column = axis.cursor_column
        known = [value for value in values if not isnan(value)]
        text, role = point(values[column] if column is not None else (known or [nan])[-1])
        *above, last = lane(values, self._lane_rows)
        for line in above:
            yield ((" " * self.scale_width, Role.TEXT), *line)
        yield (name, *last, (fit(text, _BESIDE, right=True), role))


def _marks(state: State) -> list[tuple[float, Role]]:
    """Return what happened to the ways, and when."""
    clock = state.clock()
    return [
        (begin_of(event, clock), SEVERITY_ROLES[event.incident.severity])
        for event in state.watch.events
        if is_about_ways(event.incident)
    ]


def columns_of(series: Series | None, axis: TimeAxis) -> Sequence[float]:
    """Return a value a column: a loss, else what was not up, else the longest; NaN for none.

    A value stands for the time since the one before it.
    """
    values = [nan] * axis.columns
    last: int | None = None
    if series is None:
        return values
    held = series.before(axis.start)
    before = held[0] if held else None
    for tick, value in series.between(axis.start, axis.end):
        column = axis.column(tick)
        if column is None:
            continue
        if before is not None and tick - before <= HELD_S:
            for between in range(0 if last is None else last + 1, column):
                values[between] = value
        if isnan(values[column]) or _badness(value) > _badness(values[column]):
            values[column] = value
        last, before = column, tick
    return values


def value_in(series: Series | None, start: float, end: float) -> float:
    """Return the value of a column between two seconds, as `columns_of` has it."""
    value = columns_of(series, TimeAxis(start, end - start, 1, 0))[0]
    if series is None or not isnan(value):
        return value
    held, following = series.before(start), next(series.between(end, end + HELD_S), None)
    if held is None or following is None or following[0] - held[0] > HELD_S:
        return nan
    return following[1]


def _badness(value: float) -> tuple[bool, bool, float]:
    return isinf(value), value < 0, abs(value)
