"""Display units, the only place that knows them: numbers in, text of a fixed width out.

Rates are decimal (1 Gb/s = 10⁹ bit/s). Unknown is `–`, right-aligned like the numbers; zero is 0.
Results are as wide as the constants say, so that columns never jump.
"""

from __future__ import annotations

from functools import partial
from math import floor, isfinite, log10
from typing import TypeGuard

NONE = "–"

RATE_WIDTH = PACKETS_WIDTH = 9
SIZE_WIDTH = 7
SHORT_WIDTH = CELSIUS_WIDTH = 6
PERCENT_WIDTH = 5
"""Columns of `46.1 Gb/s`, `3.81 Mp/s`, `12.3 TB`, `1.24 M`, `104 °C` and `100 %`."""

_PREFIXES = ("", *"kMGTPE")
_NICE = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
_SPANS = ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s"))
"""Seconds and name of a unit of time, and of the next smaller one."""


def _is_number(value: float | None) -> TypeGuard[float]:
    return value is not None and isfinite(value)


def _scaled(value: float, digits: int) -> tuple[str, str]:
    """Return number and decimal prefix; what rounds up to 1000 takes the next prefix."""
    step, half = 0, 0.5 * 10.0 ** (1 - digits)
    while abs(value) >= 1000 - 100 * half and step < len(_PREFIXES) - 1:
        value /= 1000
        step += 1
    if step == 0 and value == int(value):
        return str(int(value)), ""
    whole = 1 if abs(value) < 10 - half else 2 if abs(value) < 100 - 10 * half else 3
    return f"{value:.{max(0, digits - whole)}f}", _PREFIXES[step]


def _quantity(value: float | None, form: str, columns: int, digits: int = 3) -> str:
    """Return a number and its prefix in a format; more than 3 digits widen the column."""
    text = form.format(*_scaled(value, digits)) if _is_number(value) else NONE
    return text.rjust(columns + digits - 3)


def rate(value: float | None, bits: bool = True, digits: int = 3) -> str:
    """Return a rate given in bit/s, in the unit that the user chose.

    >>> rate(46.12e9), rate(46.12e9, bits=False), rate(0.0), rate(None)
    ('46.1 Gb/s', '5.76 GB/s', '    0 b/s', '        –')
    """
    if not bits and value is not None:
        return _quantity(value / 8, "{} {}B/s", RATE_WIDTH, digits)
    return _quantity(value, "{} {}b/s", RATE_WIDTH, digits)


packets_per_second = partial(_quantity, form="{} {}p/s", columns=PACKETS_WIDTH)
"""Return packets per second: `3.81 Mp/s`."""
events_per_second = partial(_quantity, form="{}{:1}/s", columns=7)
"""Return events per second; less than one a second keeps its digits: `0.40 /s`, `1.20k/s`."""
size = partial(_quantity, form="{} {}B", columns=SIZE_WIDTH)
"""Return an amount of bytes, decimal: `12.3 TB`."""
short = partial(_quantity, form="{} {:1}", columns=SHORT_WIDTH)
"""Return a count in three digits: `1.24 M`."""


def count(value: int | None) -> str:
    """Return a whole count, by thousands; not padded."""
    return NONE if value is None else f"{value:,}"


def celsius(value: float | None) -> str:
    """Return degrees Celsius, whole: `104 °C`."""
    return (f"{round(value)} °C" if _is_number(value) else NONE).rjust(CELSIUS_WIDTH)


def percent(share: float | None) -> str:
    """Return a share of 1 as percent."""
    return (f"{round(share * 100)} %" if _is_number(share) else NONE).rjust(PERCENT_WIDTH)


def gigabits(mbps: float | None) -> str:
    """Return Mb/s as Gb/s with as many digits as the kernel prints: `63.008 Gb/s`; not padded."""
    return NONE if mbps is None else f"{mbps / 1000:.3f} Gb/s"


def speed(bits: int | None) -> str:
    """Return a line rate in bit/s as people name it; not padded.

    >>> speed(100_000_000_000), speed(2_500_000_000), speed(10_000_000), speed(None)
    ('100G', '2.5G', '10M', '–')
    """
    if bits is None:
        return NONE
    value, unit = (bits / 1e9, "G") if bits >= 1e9 else (bits / 1e6, "M")
    return f"{value:.4g}{unit}"


def duration(seconds: float | None) -> str:
    """Return a span of time in its two largest units; not padded.

    >>> duration(8), duration(192), duration(7500), duration(360_000), duration(0.25)
    ('8 s', '3 min 12 s', '2 h 05 min', '4 d 04 h', '0.25 s')
    """
    if not _is_number(seconds) or seconds < 0:
        return NONE
    if seconds < 10 and seconds != int(seconds):
        return f"{seconds:.2g} s"
    whole = int(seconds)
    for unit, name, part, part_name in _SPANS:
        if whole >= unit:
            return f"{whole // unit} {name} {whole % unit // part:02d} {part_name}"
    return f"{whole} s"


def span(seconds: float) -> str:
    """Return a span of time in one unit, as far as that is fine enough; not padded.

    >>> span(119.4), span(121), span(7200), span(90_000)
    ('119 s', '2 min', '2 h', '25 h')
    """
    whole = round(max(0.0, seconds))
    if whole < 120:
        return f"{whole} s"
    if whole < 7200:
        return f"{whole // 60} min"
    return f"{whole // 3600} h" if whole < 172_800 else f"{whole // 86400} d"


def nice(value: float) -> float:
    """Return the next round number that is not smaller, at least 1, for a scale: 50 for 46."""
    if value <= 1.0:
        return 1.0
    power = 10.0 ** floor(log10(value))
    return next(step * power for step in _NICE if step * power >= value * 0.9999)
