"""Answers of the kernel and of tools by their types: an untrusted capture holds anything instead.

What has another type than asked for counts as missing.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from typing import Any

from mlxtop.system.door import Answer


class Fields:
    """The values of an object by their keys."""

    __slots__ = ("_values",)

    def __init__(self, answer: Answer) -> None:
        self._values: dict[Any, Any] = answer if isinstance(answer, dict) else {}

    def __bool__(self) -> bool:
        return bool(self._values)

    def __contains__(self, key: str) -> bool:
        return self._values.get(key) is not None

    def number(self, key: str) -> int | None:
        """Return a whole number, or None."""
        value = self._values.get(key)
        return value if type(value) is int else None

    def count(self, key: str) -> int | None:
        """Return a whole number that is not negative, or None."""
        return counted(self._values.get(key))

    def flag(self, key: str) -> bool | None:
        """Return whether a number or boolean is set, or None."""
        value = self._values.get(key)
        return bool(value) if isinstance(value, int) else None

    def text(self, key: str) -> str | None:
        """Return a text, or None for none and for an empty one."""
        value = self._values.get(key)
        return value if isinstance(value, str) and value else None

    def texts(self, key: str) -> tuple[str, ...]:
        """Return the texts of a list."""
        value = self._values.get(key)
        return tuple(item for item in _items(value) if isinstance(item, str))

    def fields(self, key: str) -> Fields:
        """Return an object inside this one."""
        return Fields(self._values.get(key))

    def rows(self, key: str) -> Iterator[Fields]:
        """Yield the objects of a list."""
        return rows(self._values.get(key))

    def members(self) -> Iterator[tuple[str, Fields]]:
        """Yield the objects inside this one with their keys."""
        for key, value in self._values.items():
            if isinstance(value, dict):
                yield str(key), Fields(value)

    def items(self) -> Iterator[tuple[str, Answer]]:
        """Yield every key and value."""
        return ((str(key), value) for key, value in self._values.items())


def _items(answer: Answer) -> list[Any] | tuple[Any, ...]:
    return answer if isinstance(answer, list | tuple) else ()


def rows(answer: Answer) -> Iterator[Fields]:
    """Yield the objects of a list."""
    return (Fields(entry) for entry in _items(answer) if isinstance(entry, dict))


def counted(value: object) -> int | None:
    """Return the value of a counter; None for what no kernel counts: only a capture has it.

    >>> counted(7), counted(-7), counted(True), counted("7")
    (7, None, None, None)
    """
    return value if type(value) is int and value >= 0 else None


def parse_json(text: str) -> Answer:
    """Return the value of a JSON text, or None where it is none.

    >>> parse_json("[1]"), parse_json("[" * 100000), parse_json("rdma: not found")
    ([1], None, None)
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


NOT_CAPTURED = "not in this capture"
_REASONS = {
    errno.EOPNOTSUPP: "the driver does not tell it",
    errno.EPERM: "needs root",
    errno.EACCES: "needs root",
    errno.ENOENT: "this kernel has no such file",
    errno.ENODEV: "the device is gone",
}


def reason(error: OSError, captured: bool = False) -> str:
    """Return in words why something could not be read."""
    number = error.errno or 0
    if error.strerror and error.strerror != os.strerror(number):
        return error.strerror
    if captured and number == errno.ENOENT:
        return NOT_CAPTURED
    return _REASONS.get(number) or error.strerror or str(error)
