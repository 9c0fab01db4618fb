"""Times, lengths and sizes as people write them.

03:10, 03:10:05          the last such time of day before the end of a recording
2026-11-28 [03:10[:05]]  of the local clock; with Z or +01:00 of that zone
2h ago, end-2h, -2h      before its end
begin+10m, +10m          after its beginning
begin, end
@1795158435              seconds since 1970
3, #3, link down         the begin of an event, by its number in `mlxtop report` or its words
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from mlxtop.model.number import whole
from mlxtop.recording.moments import MOST_WALL

EXAMPLES = "03:10, 2h ago, +10m, 2026-11-28 03:10"
MOST_S = 10 * 366 * 86400.0
LEAST_BYTES = 10**6
LONGEST = 200
"""Characters of a time at most."""
MOST_NUMBER = 10**6
"""Of an event."""

_PART = r"(\d{1,9}(?:\.\d{1,3})?) ?(s|min|m|h|d)"
_LENGTH = re.compile(rf"(?:{_PART} ?)+", re.ASCII)
_PARTS = re.compile(_PART, re.ASCII)
_NUMBER = re.compile(r"\d{1,9}(?:\.\d{1,3})?", re.ASCII)
_SECONDS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE = re.compile(r"(\d{1,6}(?:\.\d{1,3})?) ?([KMGT]?)B?", re.ASCII | re.IGNORECASE)
_BYTES = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?", re.ASCII)
_AFTER = re.compile(r"(?:begin)? ?\+(.*)")
_BEFORE = re.compile(r"(?:end)? ?-(.*)|(.*)ago")
_EPOCH = re.compile(r"@(\d{1,12}(?:\.\d{1,6})?)", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d.*", re.ASCII)


class Named(NamedTuple):
    """An event that a time can be told by."""

    number: int
    wall: float
    text: str


def length(text: str) -> float:
    """Return seconds: of a number, or of some with s, m, h or d. Raises ValueError.

    >>> length("90"), length("1.5h"), length("7d"), length("1h 30m")
    (90.0, 5400.0, 604800.0, 5400.0)
    """
    plain, seconds = text.strip(), 0.0
    if _NUMBER.fullmatch(plain):
        seconds = float(plain)
    elif len(plain) <= LONGEST and _LENGTH.fullmatch(plain):
        seconds = sum(float(number) * _SECONDS[unit] for number, unit in _PARTS.findall(plain))
    if not 1.0 <= seconds <= MOST_S:
        raise ValueError(f"{text!r} is no length of time (like 90s, 15m, 1h, 7d)")
    return seconds


def size(text: str) -> int:
    """Return bytes: of a number, or one with K, M, G or T. Raises ValueError.

    >>> size("2G"), size("500 MB")
    (2000000000, 500000000)
    """
    match = _SIZE.fullmatch(text.strip())
    count = int(float(match[1]) * _BYTES[match[2].upper()]) if match else 0
    if count < LEAST_BYTES:
        raise ValueError(f"{text!r} is no size of at least 1M (like 500M, 2G)")
    return count


def time_in(
    text: str, begin: float, end: float, events: Callable[[], Iterable[Named]] | None = None
) -> float:
    """Return the epoch second that is meant in a recording from `begin` to `end`.

    `events` gives those of the recording; it is only asked where the text is no time. Raises
    ValueError with one line.
    """
    words = " ".join(text[: LONGEST + 1].split())
    wall = None
    if words and len(words) <= LONGEST:
        try:
            wall = _meant(words.lower(), begin, end)
        except (OverflowError, OSError):
            wall = None
        if wall is None and events is not None:
            wall = _event(words, events())
    if wall is None or not 0 <= wall < MOST_WALL:
        event = "" if events is None else " and no event of the recording"
        raise ValueError(f"{words[:LONGEST]!r} is no time{event} (like {EXAMPLES})")
    return wall


def _meant(text: str, begin: float, end: float) -> float | None:
    if text in ("end", "last", "now"):
        return end
    if text in ("begin", "beginning", "start"):
        return begin
    try:
        if match := _AFTER.fullmatch(text):
            return begin + length(match[1])
        if match := _BEFORE.fullmatch(text):
            return end - length(match[1] or match[2] or "")
        if match := _EPOCH.fullmatch(text):
            return float(match[1])
        if match := _CLOCK.fullmatch(text):
            return _last_clock(int(match[1]), int(match[2]), int(match[3] or 0), end)
        return datetime.fromisoformat(text.upper()).timestamp() if _DATE.fullmatch(text) else None
    except ValueError:
        return None


def _last_clock(hour: int, minute: int, second: int, end: float) -> float:
    """Return the last such time of the local clock. Raises ValueError where there is none."""
    last = datetime.fromtimestamp(end)
    that_day = last.replace(hour=hour, minute=minute, second=second, microsecond=0)
    if that_day > last:
        that_day -= timedelta(days=1)
    return that_day.timestamp()


def _event(words: str, events: Iterable[Named]) -> float | None:
    """Return the begin of the event with a number, or of the first one with these words."""
    number = whole(words.removeprefix("#"), MOST_NUMBER)
    if number is not None:
        return next((one.wall for one in events if one.number == number), None)
    wanted = words.lower()
    return next((one.wall for one in events if wanted in one.text.lower()), None)
