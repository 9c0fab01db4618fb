"""Values of the model as JSON and back, by tables that are made of their types.

A NamedTuple or dataclass is an object of its fields by name, without those that have their default;
an enum is its value; a mapping is an object; a tuple or set is a list. A new field of a value, or a
new value in it, travels without further code.

Between two values only what differs is written: **an object changes what is there, a list of one
brings it anew**, null takes it away. In a tuple an object changes items by their place.

What is read is untrusted. Names that are not known are left out, and what has not the right type
takes its default; where there is none, what holds it is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from enum import Enum
from functools import lru_cache
from typing import Any

from mlxtop.model.identity import PortId
from mlxtop.model.number import AMOUNT, COUNT, whole

TEXT = 4096
"""Characters of a text that are read at most."""
LOWEST, HIGHEST = -(1 << 63), (1 << 64) - 1
"""Whole numbers that are read."""


class UnreadableError(ValueError):
    """A value has not the form of its type."""


class Same(Enum):
    """Nothing has changed."""

    SAME = 0


SAME = Same.SAME


class Context:
    """What the values of one recording refer to, and what was odd about them."""

    def __init__(self) -> None:
        self.lacking: dict[type, tuple[str, ...]] = {}
        """Fields that the writing program did not have, by the type that has them here."""
        self.faults = 0
        """Values that could not be read."""


class Codec:
    """Writes and reads values of one type; this one those that JSON has too."""

    def whole(self, value: Any, context: Context) -> Any:
        """Return a value as JSON."""
        return value

    def fresh(self, value: Any, context: Context) -> Any:
        """Return a value as the change from nothing."""
        return self.whole(value, context)

    def change(self, old: Any, new: Any, context: Context) -> Any:
        """Return what makes the new value of the old one, or SAME."""
        return SAME if old == new else self.whole(new, context)

    def read(self, data: Any, context: Context) -> Any:
        """Return the value that `whole` wrote. Raises UnreadableError."""
        raise NotImplementedError

    def apply(self, old: Any, data: Any, context: Context) -> Any:
        """Return the value that `change` or `fresh` wrote. Raises UnreadableError."""
        return self.read(data, context)

    def key(self, value: Any) -> str:
        """Return a value as the name of a member of an object."""
        return json.dumps(self.whole(value, Context()), separators=(",", ":"))

    def unkey(self, text: str) -> Any:
        """Return the value that `key` wrote. Raises UnreadableError."""
        try:
            data = json.loads(text)
        except (ValueError, RecursionError):
            raise UnreadableError(text) from None
        return self.read(data, Context())

    def fields(self) -> Iterator[tuple[type, tuple[str, ...]]]:
        """Yield the types of this value, and of all in it, that have named fields, with these."""
        yield from ()


class Text(Codec):
    """A text, of bounded length."""

    def read(self, data: Any, context: Context) -> str:
        if type(data) is not str:
            raise UnreadableError(data)
        return data if len(data) <= TEXT else data[:TEXT]

    def key(self, value: Any) -> str:
        return str(value)

    def unkey(self, text: str) -> str:
        return text[:TEXT]


class Flag(Codec):
    """True or false."""

    def read(self, data: Any, context: Context) -> bool:
        if data is not True and data is not False:
            raise UnreadableError(data)
        return data


class Whole(Codec):
    """A whole number of at most 64 bits."""

    def read(self, data: Any, context: Context) -> int:
        if type(data) is not int or not LOWEST <= data <= HIGHEST:
            raise UnreadableError(data)
        return data


class Real(Codec):
    """A number, not so large that sums and products of it would not be finite."""

    def read(self, data: Any, context: Context) -> float:
        if type(data) in (float, int) and -AMOUNT <= data <= AMOUNT:
            number: float = data
            return number
        raise UnreadableError(data)


class Choice(Codec):
    """A member of an enum, by its value."""

    def __init__(self, kind: type[Enum]) -> None:
        self._members = {member.value: member for member in kind}

    def whole(self, value: Any, context: Context) -> Any:
        return value.value

    def read(self, data: Any, context: Context) -> Any:
        try:
            return self._members[data]
        except (KeyError, TypeError):
            raise UnreadableError(data) from None

    def key(self, value: Any) -> str:
        return str(value.value)

    def unkey(self, text: str) -> Any:
        try:
            return self._members[text]
        except KeyError:
            raise UnreadableError(text) from None


@lru_cache(4096)
def _port_of(text: str) -> PortId:
    """Return the port of a name. Raises UnreadableError."""
    device, slash, number = text.rpartition("/")
    place = whole(number, COUNT)
    if not slash or place is None:
        raise UnreadableError(text)
    return PortId(device, place)


class PortName(Codec):
    """A `PortId` as `0000:43:00.0/1`."""

    def whole(self, value: Any, context: Context) -> str:
        return str(value)

    def read(self, data: Any, context: Context) -> PortId:
        if type(data) is not str or len(data) > TEXT:
            raise UnreadableError(data)
        return _port_of(data)

    def key(self, value: Any) -> str:
        return str(value)

    def unkey(self, text: str) -> PortId:
        if len(text) > TEXT:
            raise UnreadableError(text)
        return _port_of(text)


class Optional(Codec):
    """A value or None."""

    def __init__(self, inner: Codec) -> None:
        self._inner = inner

    def whole(self, value: Any, context: Context) -> Any:
        return None if value is None else self._inner.whole(value, context)

    def fresh(self, value: Any, context: Context) -> Any:
        return None if value is None else self._inner.fresh(value, context)

    def change(self, old: Any, new: Any, context: Context) -> Any:
        if new is None:
            return SAME if old is None else None
        return self.fresh(new, context) if old is None else self._inner.change(old, new, context)

    def read(self, data: Any, context: Context) -> Any:
        return None if data is None else self._inner.read(data, context)

    def apply(self, old: Any, data: Any, context: Context) -> Any:
        return None if data is None else self._inner.apply(old, data, context)

    def fields(self) -> Iterator[tuple[type, tuple[str, ...]]]:
        yield from self._inner.fields()
