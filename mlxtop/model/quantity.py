"""Lengths of time and rates as people type them."""

from __future__ import annotations

import re

DAY = 86400
LEAST_BITS = 1000.0

_SECONDS = re.compile(r"(\d{1,6}) ?(s|m|h)?", re.ASCII)
_BITS = re.compile(r"(\d{1,6}(?:\.\d{1,6})?) ?([KMGT]?)", re.ASCII | re.IGNORECASE)
_STEPS = {"": 1.0, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}


def typed_seconds(text: str) -> int:
    """Whole seconds: a number, or one with s, m or h. Raises ValueError.

    >>> typed_seconds("90"), typed_seconds("15m")
    (90, 900)
    """
    match = _SECONDS.fullmatch(text)
    found = int(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2] or "s"] if match else 0
    if not 1 <= found <= DAY:
        raise ValueError(f"{text!r} is no time from 1s to 24h (like 30, 15m, 1h)")
    return found


def typed_bits(text: str) -> float:
    """bit/s: `10G`, `500M`. Raises ValueError.

    >>> typed_bits("2.5G")
    2500000000.0
    """
    match = _BITS.fullmatch(text)
    found = float(match[1]) * _STEPS[match[2].upper()] if match else 0.0
    if found < LEAST_BITS:
        raise ValueError(f"{text!r} is no rate in bit/s (like 500M, 10G)")
    return found
