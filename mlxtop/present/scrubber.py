"""The scrubber: a whole recording as one line, with the present place and what happened."""

from __future__ import annotations

from collections.abc import Iterable
from time import localtime, strftime
from typing import NamedTuple

from mlxtop.model.counters import Severity
from mlxtop.present.text import Line, Role, line_width

_LEAST_TRACK = 20
"""Columns of the track; where it would have fewer, the times are left out."""
_DAY_S = 86400.0
_SIGNS = {
    Severity.NOTE: ("·", Role.TEXT),
    Severity.WARNING: ("▴", Role.WARNING),
    Severity.CRITICAL: ("▲", Role.CRITICAL),
}
_WORSE = tuple(_SIGNS)


class Mark(NamedTuple):
    """An event: its begin, epoch seconds, and how bad it was."""

    wall: float
    severity: Severity


class Span(NamedTuple):
    """A recording from its first to its last second, and up to where it was looked through."""

    begin: float
    end: float
    looked: float
    counted: float | None = None
    """Where what is shown begins to count and to know since when; None: at the first second."""


class Scrubber(NamedTuple):
    """A line, and the columns of its track: from `start` on."""

    line: Line
    start: int
    columns: int

    def share(self, column: int) -> float | None:
        """Return the place of a column in the recording, 0 to 1; None beside the track.

        >>> Scrubber((), 10, 5).share(12), Scrubber((), 10, 5).share(15)
        (0.5, None)
        """
        place = column - self.start
        if not 0 <= place < self.columns:
            return None
        return place / max(1, self.columns - 1)


def scrubber(
    columns: int, span: Span, now: float | None, marks: Iterable[Mark], status: str
) -> Scrubber:
    """Return the scrubber in so many columns; `status` stands before it: `▶ 4×`."""
    left: Line = ((f" {status:<8} ", Role.ACCENT),)
    right: Line = ()
    long = span.end - span.begin >= _DAY_S
    first, last = (
        strftime("%m-%d %H:%M" if long else "%H:%M:%S", localtime(wall))
        for wall in (span.begin, span.end)
    )
    length = max(0.0, span.end - span.begin)
    done = 1.0 if length <= 0 else min(1.0, max(0.0, (span.looked - span.begin) / length))
    progress: Line = ((f" looked through {done:.0%} ", Role.DIM),) if done < 1.0 else ()
    if span.counted is not None:
        known = strftime("%H:%M:%S", localtime(span.counted))
        progress = ((f" counts from {known} on,", Role.WARNING), *progress)
    times: tuple[Line, Line] = (((f"{first} ", Role.DIM),), ((f" {last} ", Role.DIM),))
    for more_left, more_right in (((), progress), times):
        added = line_width(more_left) + line_width(more_right)
        if columns - line_width((*left, *right)) - added >= _LEAST_TRACK:
            left, right = (*left, *more_left), (*more_right, *right)
    room = max(1, columns - line_width((*left, *right)))
    track = _track(room, span, now, marks)
    return Scrubber((*left, *track, *right), line_width(left), room)


def _track(columns: int, span: Span, now: float | None, marks: Iterable[Mark]) -> Line:
    """Return a rule, dotted where nobody has looked yet, with the marks and the place on it."""
    looked = _column(span.looked, span, columns)
    cells = [("─" if n <= looked else "┈", Role.FAINT) for n in range(columns)]
    worst: dict[int, Severity] = {}
    for wall, severity in marks:
        place = _column(wall, span, columns)
        if place not in worst or _WORSE.index(severity) > _WORSE.index(worst[place]):
            worst[place] = severity
    for place, severity in worst.items():
        cells[place] = _SIGNS[severity]
    if now is not None:
        cells[_column(now, span, columns)] = ("●", Role.ACCENT)
    runs: list[tuple[str, Role]] = []
    for sign, role in cells:
        if runs and runs[-1][1] is role:
            runs[-1] = (runs[-1][0] + sign, role)
        else:
            runs.append((sign, role))
    return tuple(runs)


def _column(wall: float, span: Span, columns: int) -> int:
    length = span.end - span.begin
    share = (wall - span.begin) / length if length > 0 else 0.0
    return round(min(1.0, max(0.0, share)) * (columns - 1))
