"""Times as people say them: `03:10`, `2h ago`, `2026-11-28 03:10`, an event's number or name.

    03:10, 03:10:05          the last such time of day in the recording
    2026-11-28 [03:10[:05]]  of the local clock; with Z or +01:00 of that zone
    2h ago                   before now
    begin, end, end-10m      of the recording; begin+10m and end-10m can be written +10m, -10m
    @1795158435              seconds since 1970
    3, #3, "link down"       the begin of an event, by its number in `mlxtop report` or its words

Several units can stand together: `1h30m ago`, `1 d 2 h ago`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from mlxtop.model.number import whole
from mlxtop.recording.stream import MOST_WALL

EXAMPLES = '"03:10", "2026-11-28 03:10", "2h ago", "end-10m", an event\'s number or its words'
"""For messages."""
LONGEST = 200
"""Characters of a time at most."""
MOST_NUMBER = 10**6

_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d(?:\.\d{1,6})?))?", re.ASCII)
_SPAN = re.compile(r"(?:\d{1,9}(?:\.\d{1,6})?\s*[a-z]+\s*)+", re.ASCII)
_PART = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)\s*([a-z]+)", re.ASCII)
_RELATIVE = re.compile(r"((?:begin ?)?\+|(?:end ?)?-)(.*)")
_UNITS = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1.0),
    **dict.fromkeys(("m", "min", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), 86400.0),
    **dict.fromkeys(("w", "week", "weeks"), 604800.0),
}


class Span(NamedTuple):
    """First and last second of a recording, since 1970."""

    begin: float
    end: float


class Named(NamedTuple):
    """An event that a time can be told by."""

    number: int
    wall: float
    text: str


def parse_when(
    text: str, span: Span, now: float, events: Callable[[], Iterable[Named]] = tuple
) -> float:
    """Return the second since 1970 that a text means. Raises ValueError with one line.

    `events` is only asked where the text is no time.

    >>> parse_when("+1m30s", Span(1000.0, 9000.0), 0.0)
    1090.0
    """
    words = " ".join(text[: LONGEST + 1].split())
    if not words or len(words) > LONGEST:
        raise ValueError(f"a time is meant: {EXAMPLES}")
    wall = _time(words.lower(), span, now)
    if wall is None:
        wall = _event(words, events())
    if wall is None:
        raise ValueError(f"{words!r} is no time and no event of the recording; try {EXAMPLES}")
    if not 0 <= wall < MOST_WALL:
        raise ValueError(f"{words!r} is too far away")
    return wall


def _time(text: str, span: Span, now: float) -> float | None:
    if text in ("begin", "end", "now"):
        return {"begin": span.begin, "end": span.end, "now": now}[text]
    if text.endswith("ago"):
        seconds = parse_span(text.removesuffix("ago"))
        return None if seconds is None else now - seconds
    if relative := _RELATIVE.fullmatch(text):
        seconds = parse_span(relative[2])
        if seconds is None:
            return None
        return span.begin + seconds if "+" in relative[1] else span.end - seconds
    if text[0] == "@":
        try:
            return float(text[1:])
        except ValueError:
            return None
    clock = _CLOCK.fullmatch(text)
    return _time_of_day(clock, span) if clock else _date(text)


def parse_span(text: str) -> float | None:
    """Return the seconds of a span of time, or None for what is none.

    >>> parse_span("1h30m"), parse_span("2 days"), parse_span("90"), parse_span("h")
    (5400.0, 172800.0, None, None)
    """
    text = text.strip().lower()
    if not _SPAN.fullmatch(text):
        return None
    parts = [(float(number), _UNITS.get(unit)) for number, unit in _PART.findall(text)]
    return (
        sum(number * unit for number, unit in parts if unit) if all(p[1] for p in parts) else None
    )


def _time_of_day(clock: re.Match[str], span: Span) -> float | None:
    """Return the last such time that is in the recording, else the first one after it."""
    hour, minute, second = int(clock[1]), int(clock[2]), float(clock[3] or 0)
    if hour > 23 or minute > 59 or second >= 60:
        return None
    day = _local(span.end).replace(hour=hour, minute=minute, second=0, microsecond=0)
    days = (day - timedelta(days=back) for back in range(-1, 3))
    walls = [one.timestamp() + second for one in days]
    inside = [wall for wall in walls if span.begin <= wall <= span.end]
    after = [wall for wall in walls if wall > span.end]
    return max(inside) if inside else min(after, default=None)


def _local(wall: float) -> datetime:
    """Return a time of the local clock, whose daylight saving is worked out by the date."""
    return datetime.fromtimestamp(wall)


def _date(text: str) -> float | None:
    if not re.match(r"\d{4}-\d\d-\d\d", text):
        return None
    try:
        return datetime.fromisoformat(text.upper()).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def _event(words: str, events: Iterable[Named]) -> float | None:
    """Return the begin of the event with a number, or of the first one with these words."""
    number = whole(words.removeprefix("#"), MOST_NUMBER)
    if number is not None:
        return next((one.wall for one in events if one.number == number), None)
    wanted = words.lower()
    return next((one.wall for one in events if wanted in one.text.lower()), None)
