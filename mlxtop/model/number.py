"""Numbers in text that anybody may have written: of bounded size, or none."""

from __future__ import annotations

from math import isfinite

PID, PORT, COUNT = (1 << 31) - 1, 65535, (1 << 64) - 1
"""The largest process id, TCP port and counter of a kernel."""
AMOUNT = 1e20
"""More than any rate, size or time that a tool measures; sums and products stay finite."""


def whole(text: str, most: int) -> int | None:
    """Return the whole number that text writes in decimal digits, or None for anything else and
    for more than `most`.

    >>> whole("5201", PORT), whole("65536", PORT), whole("9" * 5000, PORT), whole("-1", PORT)
    (5201, None, None, None)
    """
    if not (text.isascii() and text.isdecimal()):
        return None
    digits = text.lstrip("0") or "0"
    number = int(digits) if len(digits) <= len(str(most)) else most + 1
    return number if number <= most else None


def real(value: str | float, most: float = AMOUNT) -> float | None:
    """Return a number as a float, or None for what is none, not finite or beyond `most`.

    >>> real("2.5"), real("1e999"), real("nan"), real(10**400), real("x")
    (2.5, None, None, None, None)
    """
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if isfinite(number) and abs(number) <= most else None
