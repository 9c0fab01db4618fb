"""JSON that every parser takes, and JSON from files that anybody may have written.

RFC 8259 has no NaN and no Infinity, and its text is Unicode: no lone surrogates, as Python has
them for bytes that are not UTF-8 (PEP 383).
"""

from __future__ import annotations

import json
import re
from math import isfinite
from typing import Any

DEEPEST = 64
"""Lists and objects inside each other at most; ours have seven."""
BITS = 128
"""Bits of a whole number at most: a counter of 64 times its unit, or the sum of many."""

_ESCAPED = re.compile(r"\\ud[89a-f]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def encode(value: object, indent: int | None = None) -> str:
    r"""Return a value as JSON in ASCII; what JSON cannot hold is null, bytes stand as `\x80`."""
    separators = (",", ":") if indent is None else None
    try:
        text = json.dumps(value, indent=indent, separators=separators, allow_nan=False)
        if _ESCAPED.search(text) is None:
            return text
    except (ValueError, RecursionError):
        pass  # hardly ever: looking at every value first takes longer than writing them
    return json.dumps(_plain(value, DEEPEST), indent=indent, separators=separators, allow_nan=False)


def attributes(of: object, **names: str) -> dict[str, Any]:
    """Return attributes of a value by their keys in a document; null where there is no value."""
    return {key: None if of is None else getattr(of, name) for key, name in names.items()}


def _plain(value: object, depth: int) -> object:
    """Return the same value of what JSON can hold."""
    if isinstance(value, str):
        return _SURROGATE.sub(_as_byte, value)
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, int):
        return value if value.bit_length() <= BITS else None
    if not isinstance(value, dict | list | tuple):
        return value
    if depth == 0:
        return None
    if isinstance(value, dict):
        return {_plain(str(key), 0): _plain(item, depth - 1) for key, item in value.items()}
    return [_plain(item, depth - 1) for item in value]


def _as_byte(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else "\ufffd"


def decode(text: str) -> object:
    """Return what untrusted JSON says.

    Raises ValueError, also for NaN, for numbers that no 64 bits hold and for a nesting that would
    end whoever walks through it.
    """
    try:
        value: object = json.loads(text, parse_int=_int, parse_float=_real, parse_constant=_real)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    level = [value]
    for _ in range(DEEPEST):
        level = [item for one in level for item in _items(one)]
        if not level:
            return value
    raise ValueError("nested too deeply")


def _items(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _int(digits: str) -> int:
    number = int(digits)
    if not -(1 << 63) <= number < 1 << 64:
        raise ValueError("a number of more than 64 bits")
    return number


def _real(digits: str) -> float:
    number = float(digits)
    if not isfinite(number):
        raise ValueError(f"{digits} is not a number")
    return number
