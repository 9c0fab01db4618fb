"""Display units, the only place that knows them: numbers in, text of a fixed width out.

Rates are decimal (1 Gb/s = 10⁹ bit/s). Unknown is `–`, right-aligned like the numbers; zero is 0.
Results are as wide as the constants say, so that columns never jump.
"""

from __future__ import annotations

from math import floor, isfinite, log10

NONE = "–"

RATE_WIDTH = PACKETS_WIDTH = 9
SIZE_WIDTH = 7
SHORT_WIDTH = CELSIUS_WIDTH = 6
PERCENT_WIDTH = 5
"""Columns of `46.1 Gb/s`, `3.81 Mp/s`, `12.3 TB`, `1.24 M`, `104 °C` and `100 %`."""

_PREFIXES = " kMGTPE"
_NICE = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


def _digits(value: float, digits: int = 3) -> str:
    """Return a number below 1000 with so many significant digits.

    >>> _digits(4.6123), _digits(46.123), _digits(461.23), _digits(46.123, 4)
    ('4.61', '46.1', '461', '46.12')
    """
    half = 0.5 * 10.0 ** (1 - digits)
    whole = 1 if value < 10 - half else 2 if value < 100 - 10 * half else 3
    return f"{value:.{max(0, digits - whole)}f}"


def _scaled(value: float, digits: int) -> tuple[str, str]:
    """Return number and decimal prefix; what rounds up to 1000 takes the next prefix."""
    step = 0
    limit = 1000 - 0.5 * 10.0 ** (3 - digits)
    while abs(value) >= limit and step < len(_PREFIXES) - 1:
        value /= 1000
        step += 1
    if step == 0 and value == int(value):
        return str(int(value)), ""
    sign = "-" if value < 0 else ""
    return sign + _digits(abs(value), digits), _PREFIXES[step].strip()


def _quantity(value: float | None, unit: str, columns: int, digits: int) -> str:
    columns += digits - 3
    if value is None or not isfinite(value):
        return NONE.rjust(columns)
    number, prefix = _scaled(value, digits)
    return f"{number} {prefix}{unit}".rjust(columns)


def bits_per_second(rate: float | None, digits: int = 3) -> str:
    """Return a rate given in bit/s, as bits.

    >>> bits_per_second(46.12e9), bits_per_second(0.0), bits_per_second(None)
    ('46.1 Gb/s', '    0 b/s', '        –')
    """
    return _quantity(rate, "b/s", RATE_WIDTH, digits)


def rate(value: float | None, bits: bool = True, digits: int = 3) -> str:
    """Return a rate given in bit/s, in the unit that the user chose.

    >>> rate(46.12e9), rate(46.12e9, bits=False)
    ('46.1 Gb/s', '5.76 GB/s')
    """
    if bits or value is None:
        return bits_per_second(value, digits)
    return _quantity(value / 8, "B/s", RATE_WIDTH, digits)


def packets_per_second(value: float | None) -> str:
    """Return packets per second.

    >>> packets_per_second(3_812_345)
    '3.81 Mp/s'
    """
    return _quantity(value, "p/s", PACKETS_WIDTH, 3)


def events_per_second(value: float | None) -> str:
    """Return events per second; less than one a second keeps its digits.

    >>> events_per_second(0.4), events_per_second(1200)
    ('0.40 /s', '1.20k/s')
    """
    if value is None or not isfinite(value):
        return NONE.rjust(7)
    number, prefix = _scaled(value, 3)
    return f"{number}{prefix or ' '}/s".rjust(7)


def size(value: float | None) -> str:
    """Return an amount of bytes, decimal.

    >>> size(12_345_678_901_234), size(0), size(None)
    ('12.3 TB', '    0 B', '      –')
    """
    return _quantity(value, "B", SIZE_WIDTH, 3)


def short(value: float | None) -> str:
    """Return a count in three digits.

    >>> short(1_236_000), short(12)
    ('1.24 M', '  12  ')
    """
    if value is None or not isfinite(value):
        return NONE.rjust(SHORT_WIDTH)
    number, prefix = _scaled(value, 3)
    return f"{number} {prefix or ' '}".rjust(SHORT_WIDTH)


def count(value: int | None) -> str:
    """Return a whole count, by thousands; not padded.

    >>> count(1234567), count(0), count(None)
    ('1,234,567', '0', '–')
    """
    return NONE if value is None else f"{value:,}"


def celsius(value: float | None) -> str:
    """Return degrees Celsius, whole.

    >>> celsius(69.4), celsius(104.0), celsius(None)
    (' 69 °C', '104 °C', '     –')
    """
    if value is None or not isfinite(value):
        return NONE.rjust(CELSIUS_WIDTH)
    return f"{round(value)} °C".rjust(CELSIUS_WIDTH)


def percent(share: float | None) -> str:
    """Return a share of 1 as percent.

    >>> percent(0.464), percent(1.0), percent(None)
    (' 46 %', '100 %', '    –')
    """
    if share is None or not isfinite(share):
        return NONE.rjust(PERCENT_WIDTH)
    return f"{round(share * 100)} %".rjust(PERCENT_WIDTH)


def gigabits(mbps: float | None) -> str:
    """Return Mb/s as Gb/s with as many digits as the kernel prints; not padded.

    >>> gigabits(63008), gigabits(None)
    ('63.008 Gb/s', '–')
    """
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
    if seconds is None or not isfinite(seconds) or seconds < 0:
        return NONE
    if seconds < 10 and seconds != int(seconds):
        return f"{seconds:.2g} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes_left = divmod(minutes, 60)
    days, hours_left = divmod(hours, 24)
    if not minutes:
        return f"{rest} s"
    if not hours:
        return f"{minutes} min {rest:02d} s"
    if not days:
        return f"{hours} h {minutes_left:02d} min"
    return f"{days} d {hours_left:02d} h"


def nice(value: float) -> float:
    """Return the next round number that is not smaller, at least 1, for a scale.

    >>> nice(46.1e9), nice(0.0)
    (50000000000.0, 1.0)
    """
    if value <= 1.0:
        return 1.0
    power = 10.0 ** floor(log10(value))
    return next(step * power for step in _NICE if step * power >= value * 0.9999)


def floor_nice(value: float) -> float:
    """Return the next round number that is not larger, for a scale.

    >>> floor_nice(533e6), floor_nice(99.0)
    (500000000.0, 80.0)
    """
    if value <= 1.0:
        return value
    power = 10.0 ** floor(log10(value))
    return next(step * power for step in reversed(_NICE) if step * power <= value * 1.0001)
