"""Times, lengths and sizes as people write them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

_LENGTH = re.compile(r"(\d{1,9}(?:\.\d{1,3})?) ?(s|min|m|h|d)?", re.ASCII)
_SECONDS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE = re.compile(r"(\d{1,6}(?:\.\d{1,3})?) ?([KMGT]?)B?", re.ASCII | re.IGNORECASE)
_BYTES = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?", re.ASCII)
MOST_S = 10 * 366 * 86400.0
LEAST_BYTES = 10**6


def length(text: str) -> float:
    """Return seconds: of a number, or one with s, m, h or d. Raises ValueError.

    >>> length("90"), length("1.5h"), length("7d")
    (90.0, 5400.0, 604800.0)
    """
    match = _LENGTH.fullmatch(text.strip())
    seconds = float(match[1]) * _SECONDS[match[2] or "s"] if match else 0.0
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


def time_in(text: str, begin: float, end: float) -> float:
    """Return the epoch second that is meant in a recording from `begin` to `end`.

    `03:10` is the last one before its end, `2h ago` counts back from its end, `+10m` forward from
    its beginning; else it is a date with a time, local where no zone is given. Raises ValueError.
    """
    text = text.strip()
    try:
        wall = _meant(text, begin, end)
    except (OverflowError, OSError):
        wall = None
    if wall is None:
        raise ValueError(f"{text!r} is no time (like 03:10, 2h ago, +10m, 2026-11-28 03:10)")
    return wall


def _meant(text: str, begin: float, end: float) -> float | None:
    if text in ("end", "last", "now"):
        return end
    if text in ("begin", "beginning", "start"):
        return begin
    if text.startswith("+"):
        return begin + length(text[1:])
    if text.endswith("ago"):
        return end - length(text[:-3])
    if text.startswith("-"):
        return end - length(text[1:])
    if match := _CLOCK.fullmatch(text):
        return _last_clock(int(match[1]), int(match[2]), int(match[3] or 0), end)
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None


def _last_clock(hour: int, minute: int, second: int, end: float) -> float | None:
    last = datetime.fromtimestamp(end)
    try:
        that_day = last.replace(hour=hour, minute=minute, second=second, microsecond=0)
    except ValueError:
        return None
    if that_day > last:
        that_day -= timedelta(days=1)
    return that_day.timestamp()
