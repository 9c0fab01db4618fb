"""The kernel log as dmesg, journalctl and syslog print it: what people save instead of /dev/kmsg.

dmesg(1) and journalctl(1); CONFIG_PRINTK_CALLER adds `[ T123]` to the time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from mlxtop.system.door import KernelRecord

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DATE, _CLOCK = rf"({'|'.join(_MONTHS)}) +(\d{{1,2}})", r"(\d\d:\d\d:\d\d)(?:[.,]\d{1,9})?"
_LEVEL = re.compile(r"<(?P<number>\d{1,3})>\s?|\w{2,8}\s*:(?P<name>\w{3,6})\s*: ")
_SYSLOG = re.compile(rf"{_DATE} {_CLOCK}\s")
_CTIME = re.compile(rf"\[\w{{3}} {_DATE} {_CLOCK} (\d{{4}})\]\s")
_ISO = re.compile(rf"\[?(\d{{4}}-\d\d-\d\d)[T ]{_CLOCK}(?:Z|[+-]\d\d:?\d\d)?\]?\s")
_SINCE_START = re.compile(r"\[\s*(\d{1,12}\.\d{1,9})(?:,?\s*[TC]\d+)?\]\s?")
_CALLER = re.compile(r"\[\s*[TC]\d+\]\s?")
_SINCE_LAST = re.compile(r"\[\s*[+<]\s*(\d{1,12}\.\d{1,9})>?\]\s?")
_MINUTE = re.compile(rf"\[({'|'.join(_MONTHS)}) *(\d{{1,2}}) (\d\d:\d\d)\]\s")
_PRINTER = re.compile(r"(?:\S{1,253} )?kernel(?:\[\d+\])?:\s?")
_LEVELS = ("emerg", "alert", "crit", "err", "warn", "notice", "info", "debug")
_INFO = 6
_ANY_YEAR = 2000
"""Year of dates that syslog prints without one; a leap year."""


class PrintedLine(NamedTuple):
    """One printed line of the kernel log, parted from what stood before its message."""

    text: str
    level: int = _INFO
    seconds: float | None = None
    """Since the start of the machine."""
    delta: float | None = None
    """Seconds since the line before."""
    wall: float | None = None
    """Wall clock in seconds: only differences mean something."""

    @property
    def is_stamped(self) -> bool:
        """Return whether a time, or the kernel's name, stood before the message."""
        return (self.seconds, self.delta, self.wall) != (None, None, None)


def parse_printed(line: str) -> PrintedLine:
    """Return a line as dmesg, journalctl or syslog print it; a bare message is itself.

    >>> parse_printed("<4>[   12.500000][  T312] mlx5_core 0000:43:00.0: hot")
    PrintedLine(text='mlx5_core 0000:43:00.0: hot', level=4, seconds=12.5, delta=None, wall=None)
    >>> parse_printed("Mar  3 09:05:01 node7 kernel: mlx5_core 0000:43:00.0: hot").text
    'mlx5_core 0000:43:00.0: hot'
    """
    rest = line.strip("\r\n")
    level, rest = _level(rest)
    wall, rest = _wall(rest)
    seconds = delta = None
    if (match := _SINCE_START.match(rest)) is not None:
        seconds, rest = float(match[1]), _after(_CALLER, rest[match.end() :])
    elif (match := _SINCE_LAST.match(rest)) is not None:
        delta, rest = float(match[1]), rest[match.end() :]
    if seconds is not None or wall is None:
        rest = _after(_PRINTER, rest)
    return PrintedLine(rest.rstrip(), level, seconds, delta, wall)


def parse_dmesg(text: str) -> Iterator[KernelRecord]:
    """Yield the records of a printed log, with the seconds that its stamps tell.

    Where most lines have a time, those without are not the kernel's: a serial console mixes them
    with what the system prints. Lines with escapes never are. A log of wall clock times counts
    from its first line; lines without any time have that of the line before.
    """
    lines = [line for line in text.split("\n") if "\x1b" not in line and line.strip()]
    printed = [parse_printed(line) for line in lines]
    stamped = any(line.is_stamped for line in printed)
    now, first_wall = 0.0, None
    for line in printed:
        if stamped and not line.is_stamped:
            continue
        if line.seconds is not None:
            now = line.seconds
        elif line.delta is not None:
            now += line.delta
        elif line.wall is not None:
            first_wall = line.wall if first_wall is None else first_wall
            now = max(now, line.wall - first_wall)
        if line.text:
            yield KernelRecord(seconds=now, level=line.level, text=line.text.lstrip())


def _after(pattern: re.Pattern[str], text: str) -> str:
    """Return what follows a pattern at the start of a text; the text where it does not stand."""
    match = pattern.match(text)
    return text if match is None else text[match.end() :]


def _level(text: str) -> tuple[int, str]:
    """Return the level that `dmesg -r` or `dmesg -x` printed, and the rest."""
    match = _LEVEL.match(text)
    if match is None or (match["name"] or "info") not in _LEVELS:
        return _INFO, text
    number = match["number"]
    level = _LEVELS.index(match["name"]) if number is None else int(number) & 7
    return level, text[match.end() :]


def _wall(text: str) -> tuple[float | None, str]:
    """Return the date that was printed, in seconds, and the rest without host and printer.

    The zone is the same in all lines of a log: it does not count.
    """
    if (match := _ISO.match(text)) is not None:
        date, clock = match[1], match[2]
    elif match := _CTIME.match(text) or _MINUTE.match(text) or _SYSLOG.match(text):
        month, day, clock = _MONTHS.index(match[1]) + 1, int(match[2]), match[3]
        year = int(match[4]) if match.re is _CTIME else _ANY_YEAR
        date = f"{year:04d}-{month:02d}-{day:02d}"
    else:
        return None, text
    try:
        moment = datetime.fromisoformat(f"{date}T{clock}")
    except ValueError:
        return None, text
    rest = _after(_PRINTER, text[match.end() :])
    return (moment - datetime(_ANY_YEAR, 1, 1)).total_seconds(), rest
