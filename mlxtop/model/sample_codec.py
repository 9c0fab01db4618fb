"""Samples as records: a whole one now and then, and what has changed since the one before.

A counter is written as what it gained. A `Reading` names its table of counters by a number, which
stays the same in one recording; a table that has not been told yet comes with a whole Sample. So
whoever has a whole Sample and all changes since then has every Sample in between.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any
from weakref import WeakValueDictionary

from mlxtop.model.codec import HIGHEST, LOWEST, SAME, TEXT, Codec, Context, UnreadableError
from mlxtop.model.codec_parts import Struct
from mlxtop.model.codec_types import Codecs
from mlxtop.model.counters import Schema
from mlxtop.model.number import AMOUNT, whole
from mlxtop.model.sample import Reading, Sample

MOST_TABLES = 4096
"""Tables of one recording at most."""
MOST_NAMES = 1 << 20
"""Counters in all of them together at most."""


class UnknownTableError(ValueError):
    """Counters are of a table that was not told: what they are cannot be known."""


class Writing(Context):
    """Gives every table a number."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers: dict[Schema, int] = {}
        self.named: set[Schema] = set()
        """Tables that were named since this was last emptied."""

    def number(self, schema: Schema) -> int:
        """Return the number of a table."""
        self.named.add(schema)
        return self.numbers.setdefault(schema, len(self.numbers))


class Reads(Context):
    """Has the tables that were told so far."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: dict[int, Schema] = {}
        self._names = 0

    def learn(self, tables: object) -> None:
        """Take in tables by their numbers; what makes no sense is left out."""
        for text, names in tables.items() if isinstance(tables, dict) else ():
            number = whole(text, MOST_TABLES - 1)
            if number is None or not isinstance(names, list) or number in self.tables:
                continue
            self._names += len(names)
            readable = all(type(name) is str and len(name) <= TEXT for name in names)
            if not readable or self._names > MOST_NAMES:
                self.faults += 1
                continue
            self.tables[number] = _shared(tuple(names))


_SHARED: WeakValueDictionary[tuple[str, ...], Schema] = WeakValueDictionary()


def _shared(names: tuple[str, ...]) -> Schema:
    """Return the table of these names; machines of one kind share it, and what is known of it."""
    schema = _SHARED.get(names)
    if schema is None:
        schema = _SHARED[names] = Schema(names)
    return schema


class Readings(Codec):
    """A `Reading`: its counters as a list, or as places and what was gained there."""

    def whole(self, value: Any, context: Any) -> Any:
        return {
            "tick": value.tick,
            "table": context.number(value.schema),
            "values": list(value.values),
        }

    def fresh(self, value: Any, context: Any) -> Any:
        return [self.whole(value, context)]

    def change(self, old: Any, new: Any, context: Any) -> Any:
        if old.schema != new.schema or len(old.values) != len(new.values):
            return self.fresh(new, context)
        changes: dict[str, Any] = {}
        if new.tick != old.tick:
            changes["tick"] = new.tick
        if old.values != new.values:
            pairs = enumerate(zip(old.values, new.values, strict=True))
            moved = [(place, a, b) for place, (a, b) in pairs if a != b]
            gains: list[int] = []
            other: dict[str, int | None] = {}
            for place, before, now in moved:
                if before is not None and now is not None and now > before:
                    gains += (place, now - before)
                else:
                    other[str(place)] = now
            if gains:
                changes["gained"] = gains
            if other:
                changes["now"] = other
        return changes or SAME

    def read(self, data: Any, context: Any) -> Reading:
        if type(data) is not dict:
            raise UnreadableError(data)
        schema, values = context.tables.get(_hashable(data.get("table"))), data.get("values")
        if schema is None:
            raise UnknownTableError(str(data.get("table"))[:TEXT])
        if type(values) is not list or len(values) < len(schema.keys):
            raise UnreadableError("values")
        if not all(value is None or _is_count(value) for value in values):
            raise UnreadableError("values")
        return Reading(_tick(data.get("tick")), schema, tuple(values))

    def apply(self, old: Any, data: Any, context: Any) -> Reading:
        if type(data) is list and len(data) == 1:
            return self.read(data[0], context)
        if type(data) is not dict or not isinstance(old, Reading):
            raise UnreadableError(data)
        tick = _tick(data["tick"]) if "tick" in data else old.tick
        gained, now = data.get("gained"), data.get("now")
        if gained is None and now is None:
            return Reading(tick, old.schema, old.values)
        values = list(old.values)
        try:
            if gained is not None:
                for place, gain in zip(gained[::2], gained[1::2], strict=True):
                    values[place] += gain
                    # 1.5, NaN and true are numbers too
                    is_gain = type(gain) is int and gain > 0
                    if not is_gain or place < 0 or values[place] > HIGHEST:
                        raise UnreadableError("gained")
            for text, value in (now or {}).items():
                place = int(text)
                if place < 0 or not (value is None or _is_count(value)):
                    raise UnreadableError("now")
                values[place] = value
        except (TypeError, LookupError, ValueError, AttributeError) as error:
            raise UnreadableError(str(error)) from None
        return Reading(tick, old.schema, tuple(values))


def _hashable(data: object) -> object:
    return data if type(data) is int else None


def _is_count(value: object) -> bool:
    return type(value) is int and LOWEST <= value <= HIGHEST


def _tick(data: object) -> float:
    if type(data) in (float, int) and -AMOUNT <= data <= AMOUNT:  # type: ignore[operator]
        return data  # type: ignore[return-value]
    raise UnreadableError("tick")


@cache
def sample_codec() -> Struct:
    """Return the codec of a Sample; it is made when it is first wanted."""
    codec = Codecs({Reading: Readings()}).of(Sample)
    assert isinstance(codec, Struct)
    return codec


@cache
def type_table() -> Mapping[str, tuple[str, ...]]:
    """Return the fields of every type in a Sample, by the type's name."""
    codec = sample_codec()
    return {kind.__name__: names for kind, names in codec.fields()}


class SampleEncoder:
    """Makes records of Samples, one after the other."""

    def __init__(self) -> None:
        self._context = Writing()
        self._told: set[Schema] = set()
        self._last: Sample | None = None

    def whole(self, sample: Sample) -> tuple[dict[str, Any], dict[str, list[str]]]:
        """Return a whole Sample, and the tables that have to be told for it.

        None have to where those do that were told last; else all come that it names, by number.
        """
        context = self._context
        context.named.clear()
        self._last = sample
        data = sample_codec().whole(sample, context)
        if context.named <= self._told:
            return data, {}
        self._told = set(context.named)
        return data, {str(context.numbers[one]): list(one.keys) for one in self._told}

    def forget(self) -> None:
        """Have the next whole Sample tell its tables anew."""
        self._told = set()

    def change(self, sample: Sample) -> dict[str, Any] | None:
        """Return what has changed since the Sample before.

        None where that names a table that was not told, or there is none before: it has to be
        written as a whole.
        """
        context = self._context
        context.named.clear()
        if self._last is None:
            return None
        change = sample_codec().change(self._last, sample, context)
        if not context.named <= self._told:
            return None
        self._last = sample
        return {} if change is SAME else change


class SampleDecoder:
    """Makes Samples of records, one after the other."""

    def __init__(self, types: object = None) -> None:
        """`types`: the table of types of the writing program."""
        self._context = Reads()
        self._last: Sample | None = None
        if isinstance(types, dict):
            for kind, names in sample_codec().fields():
                given = types.get(kind.__name__)
                if isinstance(given, list):
                    self._context.lacking[kind] = tuple(n for n in names if n not in given)

    @property
    def faults(self) -> int:
        """Return how many values could not be read so far."""
        return self._context.faults

    def learn(self, tables: object) -> None:
        """Take in tables of counters by their numbers."""
        self._context.learn(tables)

    def whole(self, data: object) -> Sample:
        """Return a whole Sample. Raises UnreadableError and UnknownTableError."""
        self._last = None
        sample: Sample = sample_codec().read(data, self._context)
        self._last = sample
        return sample

    def change(self, data: object) -> Sample:
        """Return the Sample after the one before.

        Raises UnreadableError, also without that, and UnknownTableError.
        """
        last, self._last = self._last, None
        sample: Sample = sample_codec().apply(last, data, self._context)
        self._last = sample
        return sample
