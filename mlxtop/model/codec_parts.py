"""Codecs of values that hold others: tuples and sets, mappings, NamedTuples and dataclasses."""

from __future__ import annotations

import json
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from operator import attrgetter
from typing import Any

from mlxtop.model.codec import SAME, Codec, Context, Optional, UnreadableError
from mlxtop.model.number import whole

NOT_RECORDED = "not in this recording"
"""The reason for which a field is empty that the writing program did not have."""
_REQUIRED = object()


class Several(Codec):
    """A tuple, or a set in the order of its JSON."""

    def __init__(self, inner: Codec, of_set: bool) -> None:
        self._inner = inner
        self._of_set = of_set

    def whole(self, value: Any, context: Context) -> Any:
        items = [self._inner.whole(item, context) for item in value]
        return sorted(items, key=json.dumps) if self._of_set else items

    def change(self, old: Any, new: Any, context: Context) -> Any:
        if old == new:
            return SAME
        if self._of_set or len(old) != len(new) or not isinstance(self._inner, Struct):
            return self.whole(new, context)
        changes = {}
        for place, (before, now) in enumerate(zip(old, new, strict=True)):
            if before is not now:
                change = self._inner.change(before, now, context)
                if change is not SAME:
                    changes[str(place)] = change
        return changes

    def read(self, data: Any, context: Context) -> Any:
        if type(data) is not list:
            raise UnreadableError(data)
        values = []
        for item in data:
            try:
                values.append(self._inner.read(item, context))
            except UnreadableError:
                context.faults += 1
        return frozenset(values) if self._of_set else tuple(values)

    def apply(self, old: Any, data: Any, context: Context) -> Any:
        if type(data) is not dict:
            return self.read(data, context)
        if self._of_set or old is None:
            raise UnreadableError(data)
        values = list(old)
        for text, change in data.items():
            place = whole(text, len(values) - 1)
            if place is None:
                raise UnreadableError(text)
            values[place] = self._inner.apply(values[place], change, context)
        return tuple(values)

    def fields(self) -> Iterator[tuple[type, tuple[str, ...]]]:
        yield from self._inner.fields()


class Table(Codec):
    """A mapping; its values are never None, since null takes a member away."""

    def __init__(self, key: Codec, inner: Codec) -> None:
        assert not isinstance(inner, Optional)
        self._key = key
        self._inner = inner

    def whole(self, value: Any, context: Context) -> Any:
        key, inner = self._key.key, self._inner.whole
        return {key(one): inner(item, context) for one, item in value.items()}

    def fresh(self, value: Any, context: Context) -> Any:
        return [self.whole(value, context)]

    def change(self, old: Any, new: Any, context: Context) -> Any:
        if old is new:
            return SAME
        changes: dict[str, Any] = {}
        if list(old) != list(new):
            stayed = [one for one in old if one in new]
            if list(new) != [*stayed, *(one for one in new if one not in old)]:
                return self.fresh(new, context)  # the order counts too
            changes.update((self._key.key(one), None) for one in old if one not in new)
        for one, item in new.items():
            before = old.get(one)
            if before is item:
                continue
            if before is None:
                changes[self._key.key(one)] = self._inner.fresh(item, context)
                continue
            change = self._inner.change(before, item, context)
            if change is not SAME:
                changes[self._key.key(one)] = change
        return changes or SAME

    def read(self, data: Any, context: Context) -> Any:
        if type(data) is not dict:
            raise UnreadableError(data)
        values = {}
        for text, item in data.items():
            try:
                values[self._key.unkey(text)] = self._inner.read(item, context)
            except UnreadableError:
                context.faults += 1
        return values

    def apply(self, old: Any, data: Any, context: Context) -> Any:
        if type(data) is list and len(data) == 1:
            return self.read(data[0], context)
        if type(data) is not dict or old is None:
            raise UnreadableError(data)
        values = dict(old)
        for text, change in data.items():
            try:
                one = self._key.unkey(text)
            except UnreadableError:
                context.faults += 1
                continue
            if change is None:
                values.pop(one, None)
                continue
            try:
                values[one] = self._inner.apply(values.get(one), change, context)
            except UnreadableError:
                context.faults += 1
                values.pop(one, None)
        return values

    def fields(self) -> Iterator[tuple[type, tuple[str, ...]]]:
        yield from self._key.fields()
        yield from self._inner.fields()


class Struct(Codec):
    """A NamedTuple or dataclass."""

    def __init__(self, kind: type, codecs: dict[str, Codec]) -> None:
        self.kind = kind
        self.names = tuple(codecs)
        self._codecs = tuple(codecs.values())
        self._place = {name: place for place, name in enumerate(codecs)}
        defaults = _defaults(kind)
        self._defaults = [defaults.get(name, _REQUIRED) for name in codecs]
        if issubclass(kind, tuple):
            self._values: Callable[[Any], Any] = tuple
            self._make: Callable[[list[Any]], Any] = kind._make  # type: ignore[attr-defined]
        else:
            get = attrgetter(*codecs)
            self._values = get if len(codecs) > 1 else lambda value: (get(value),)
            self._make = lambda values: kind(*values)

    def part(self, name: str) -> Codec:
        """Return the codec of a field."""
        return self._codecs[self._place[name]]

    def whole(self, value: Any, context: Context) -> Any:
        data = {}
        parts = zip(self.names, self._codecs, self._defaults, self._values(value), strict=True)
        for name, codec, default, item in parts:
            if item is not default and (default is _REQUIRED or item != default):
                data[name] = codec.whole(item, context)
        return data

    def fresh(self, value: Any, context: Context) -> Any:
        return [self.whole(value, context)]

    def change(self, old: Any, new: Any, context: Context) -> Any:
        changes = {}
        pairs = zip(self._values(old), self._values(new), strict=True)
        for place, (before, now) in enumerate(pairs):
            if before is not now:
                change = self._codecs[place].change(before, now, context)
                if change is not SAME:
                    changes[self.names[place]] = change
        return changes or SAME

    def read(self, data: Any, context: Context) -> Any:
        if type(data) is not dict:
            raise UnreadableError(data)
        values, given = self._taken(data, context)
        if _REQUIRED in values:
            raise UnreadableError(self.kind.__name__)
        lacking = context.lacking.get(self.kind)
        if lacking:
            self._explain(values, [name for name in lacking if name not in given])
        return self._make(values)

    def apply(self, old: Any, data: Any, context: Context) -> Any:
        if type(data) is list and len(data) == 1:
            return self.read(data[0], context)
        if type(data) is not dict or not isinstance(old, self.kind):
            raise UnreadableError(data)
        values = list(self._values(old))
        for name, item in data.items():
            place = self._place.get(name)
            if place is not None:
                try:
                    values[place] = self._codecs[place].apply(values[place], item, context)
                except UnreadableError as error:
                    self._default(values, place, context, error)
        return self._make(values)

    def _taken(self, data: Mapping[str, Any], context: Context) -> tuple[list[Any], set[str]]:
        """Return the values in `data`, else their defaults, and the names of fields in it."""
        values, given = list(self._defaults), set()
        for name, item in data.items():
            place = self._place.get(name)
            if place is None:
                continue
            given.add(name)
            try:
                values[place] = self._codecs[place].read(item, context)
            except UnreadableError as error:
                self._default(values, place, context, error)
        return values, given

    def _default(
        self, values: list[Any], place: int, context: Context, error: UnreadableError
    ) -> None:
        """Set a value that could not be read. Raises the error where it has no default."""
        context.faults += 1
        values[place] = self._defaults[place]
        if values[place] is _REQUIRED:
            raise error

    def _explain(self, values: list[Any], lacking: list[str]) -> None:
        """Give fields that are not in the recording their reason, where there is a place for it."""
        for name in lacking:
            place = self._place[name]
            codec = self._codecs[place]
            if isinstance(codec, Struct) and "absent" in codec._place:
                values[place] = codec.kind(absent=NOT_RECORDED)
        reasons = self._place.get("absent")
        if reasons is not None and isinstance(self._codecs[reasons], Table):
            empty = [name for name in lacking if values[self._place[name]] is None]
            values[reasons] = {**values[reasons], **dict.fromkeys(empty, NOT_RECORDED)}

    def fields(self) -> Iterator[tuple[type, tuple[str, ...]]]:
        yield self.kind, self.names
        for codec in self._codecs:
            yield from codec.fields()


def _defaults(kind: type) -> dict[str, Any]:
    """Return the defaults of a type's fields, each a value that can be shared."""
    if is_dataclass(kind):
        defaults = {one.name: one.default for one in fields(kind) if one.default is not MISSING}
        for one in fields(kind):
            if one.default_factory is not MISSING:
                defaults[one.name] = one.default_factory()
        return defaults
    given: dict[str, Any] = kind._field_defaults  # type: ignore[attr-defined]
    proxies = types.MappingProxyType  # which can neither be copied nor pickled
    return {name: dict(one) if isinstance(one, proxies) else one for name, one in given.items()}
