"""The one time axis that all charts of a screen share, and what a person looks at on it.

An axis has columns of equal length that end at the same right edge. Columns begin at whole
multiples of their length after the first reading, so that a picture moves by whole columns and
what was drawn once stays as it is. It moves by several short columns at once: a picture that moves
is written anew, and that is most of what goes to the terminal.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor
from typing import NamedTuple

DOTS_X = 2
"""Dots of a column."""
SPANS = (60.0, 120.0, 300.0, 900.0, 3600.0)
"""Seconds that an axis may hold once it has more readings than columns."""
_LATE = 0.75
"""Part of a column at which a reading falls while each has a column: well inside its last dot."""
MOVES_S = 4.0
"""Seconds between two moves of a picture, unless that is more than a tenth of its columns."""
_MARKS = (5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)
"""Seconds between labels."""
_STEPS_S = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 10.0, 12.0, 15.0, 20.0, 30.0, 60.0)
"""Seconds of a column of a small chart."""
_APART = 11
"""Columns between labels at least."""


class TimeAxis(NamedTuple):
    """Columns of `column_s` seconds up to number `last`; number 0 begins at `origin`."""

    origin: float
    """Monotonic second."""
    column_s: float
    columns: int
    last: int
    frozen: bool = False
    cursor: float | None = None
    """Monotonic second that is read out; None without a cursor."""

    @property
    def dots(self) -> int:
        return self.columns * DOTS_X

    @property
    def first_dot(self) -> int:
        """Return the number of the dot at the left edge, counted from `origin`."""
        return (self.last + 1 - self.columns) * DOTS_X

    @property
    def dot_s(self) -> float:
        """Return the seconds of a dot."""
        return self.column_s / DOTS_X

    @property
    def span(self) -> float:
        """Return the seconds from the left to the right edge."""
        return self.columns * self.column_s

    @property
    def end(self) -> float:
        """Return the monotonic second of the right edge."""
        return self.origin + (self.last + 1) * self.column_s

    @property
    def start(self) -> float:
        """Return the monotonic second of the left edge."""
        return self.origin + (self.last + 1 - self.columns) * self.column_s

    def dot(self, tick: float) -> int:
        """Return the dot of an instant, from 0 at the left edge; beyond the edges as well."""
        return floor((tick - self.origin) / self.dot_s) - self.first_dot

    def column(self, tick: float) -> int | None:
        """Return the column of an instant; None for one beyond the edges."""
        column = self.dot(tick) // DOTS_X
        return column if 0 <= column < self.columns else None

    def bounds(self, column: int) -> tuple[float, float]:
        """Return the seconds between which a column lies."""
        start = self.origin + (self.last + 1 - self.columns + column) * self.column_s
        return start, start + self.column_s

    def middle(self, column: int) -> float:
        """Return the second in the middle of a column."""
        return sum(self.bounds(column)) / 2

    @property
    def cursor_column(self) -> int | None:
        return None if self.cursor is None else self.column(self.cursor)

    def labels(self, ahead: int = 0) -> list[tuple[int, str]]:
        """Return the last columns of round spans, before the right edge and then `ahead` of it."""
        marks = (mark for mark in _MARKS if mark / self.column_s >= _APART)
        spacing = next(marks, self.span)
        before, after = (floor(n / spacing + 1e-6) for n in (self.span, ahead * self.column_s))
        edge = self.columns - 1
        return [
            (
                edge + round(n * spacing / self.column_s),
                "+-"[n < 0] + ago(abs(n) * spacing, spacing),
            )
            for n in range(-before, after + 1)
            if n
        ]


def ago(seconds: float, spacing: float = 1.0) -> str:
    """Return a span of time for an axis with labels in multiples of `spacing`.

    >>> ago(90), ago(60), ago(60, 60), ago(150), ago(3600), ago(10800)
    ('90 s', '60 s', '1 min', '2.5 min', '60 min', '3 h')
    """
    if seconds < 120 and spacing % 60:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.3g} min" if minutes < 120 else f"{minutes / 60:.3g} h"


class Readings(NamedTuple):
    """The readings that there are: seconds of the oldest and the newest, and between two."""

    first: float
    newest: float
    interval: float


@dataclass(slots=True)
class TimeView:
    """What a person looks at: how far back, up to when, and the instant that is read out."""

    longest: float = SPANS[-1]
    """Seconds that the axis grows to by itself."""
    chosen: float | None = None
    """Seconds that were asked for; None lets the axis grow with the readings."""
    frozen: float | None = None
    """Second of the newest reading in a picture that stands; None while it follows them."""
    scrolled_s: float = 0.0
    """Seconds from there to the right edge, mostly negative: how far it was scrolled back."""
    cursor: float | None = None

    def axis(self, columns: int, readings: Readings) -> TimeAxis:
        """Return the axis in so many columns."""
        columns = max(1, columns)
        column_s = self.span(columns, readings) / columns
        origin = readings.first - _LATE * column_s
        edge = readings.newest if self.frozen is None else self.frozen
        moves = min(ceil(MOVES_S / column_s - 1e-6), max(1, columns // 10))
        last = (floor((edge - origin) / column_s) // moves + 1) * moves - 1
        last += round(self.scrolled_s / column_s)
        axis = TimeAxis(origin, column_s, columns, last, self.frozen is not None, self.cursor)
        if axis.cursor_column is None:
            return axis._replace(cursor=None)
        return axis

    def span(self, columns: int, readings: Readings) -> float:
        """Return the seconds from edge to edge."""
        return self.chosen or self._grown(columns, readings)

    def _grown(self, columns: int, readings: Readings) -> float:
        """Return a column a reading, and when those are full the next span that holds all."""
        each = columns * readings.interval
        kept = readings.newest - readings.first
        if kept < each:
            return min(each, self.longest)
        longer = (span for span in SPANS if span > each and span >= kept)
        return min(next(longer, max(each, SPANS[-1])), self.longest)

    def zoom(self, steps: int, columns: int, readings: Readings) -> None:
        """Look back further (1) or less far (-1); the instant at the cursor stays in sight."""
        now, grown = self.span(columns, readings), self._grown(columns, readings)
        spans = sorted({*SPANS, grown, min(columns * readings.interval, SPANS[0])})
        if steps > 0:
            span = next((span for span in spans if span > now * 1.001), now)
        else:
            span = next((span for span in reversed(spans) if span < now * 0.999), now)
        self.chosen = None if span == grown else span
        axis = self.axis(columns, readings)
        if self.frozen is not None and self.cursor is not None and axis.cursor is None:
            self.scrolled_s = min(0.0, self.cursor + span / 2 - self.frozen)

    def freeze(self, tick: float) -> None:
        """Let the picture stand, with this second at its right edge."""
        self.frozen = tick

    def thaw(self) -> None:
        """Follow the newest reading again."""
        self.frozen = self.cursor = None
        self.scrolled_s = 0.0

    def move(self, columns: int, axis: TimeAxis, oldest: float, newest: float) -> None:
        """Move the cursor between two seconds; a picture that stands scrolls with it.

        The first move puts the cursor on the newest reading.
        """
        here = axis.cursor_column
        if here is None:
            self.cursor = axis.middle(min(axis.columns - 1, axis.dot(newest) // DOTS_X))
            return
        lowest, highest = axis.dot(oldest) // DOTS_X, axis.dot(newest) // DOTS_X
        if self.frozen is None:
            lowest, highest = max(0, lowest), min(axis.columns - 1, highest)
        column = max(lowest, min(highest, here + columns))
        self.cursor = axis.middle(column)
        if self.frozen is not None:
            beyond = min(0, column) + max(0, column - axis.columns + 1)
            self.scrolled_s += beyond * axis.column_s


def short_axis(readings: Readings, tick: float, columns: int, span_s: float) -> TimeAxis:
    """Return the axis of small charts: `span_s` at least, up to the column of an instant."""
    wanted = max(readings.interval, span_s / max(1, columns))
    column_s = next((step for step in _STEPS_S if step >= wanted - 1e-9), _STEPS_S[-1])
    origin = readings.first - _LATE * column_s
    return TimeAxis(origin, column_s, max(1, columns), floor((tick - origin) / column_s))
