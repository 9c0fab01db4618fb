"""The codec of a type, made once of its annotations."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from importlib import import_module
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from mlxtop.model.codec import Choice, Codec, Flag, Optional, PortName, Real, Text, Whole
from mlxtop.model.codec_parts import Several, Struct, Table
from mlxtop.model.identity import PortId

_SCALARS: dict[Any, type[Codec]] = {
    str: Text,
    bool: Flag,
    int: Whole,
    float: Real,
    PortId: PortName,
}
_LATE = (
    "mlxtop.model.fabric",
    "mlxtop.model.flash",
    "mlxtop.model.linktype",
    "mlxtop.model.lldp",
    "mlxtop.model.rdma_objects",
    "mlxtop.model.tuning",
)
"""Modules that `model.sample` names only for type checkers."""


class Codecs:
    """The codecs of types; `special` ones are given."""

    def __init__(self, special: Mapping[type, Codec]) -> None:
        self._made: dict[Any, Codec] = dict(special)

    def of(self, kind: Any) -> Codec:
        """Return the codec of a type. Raises TypeError for what cannot travel."""
        made = self._made.get(kind)
        if made is None:
            made = self._made[kind] = self._make(kind)
        return made

    def _make(self, kind: Any) -> Codec:
        if kind in _SCALARS:
            return _SCALARS[kind]()
        origin, arguments = get_origin(kind), get_args(kind)
        if origin in (Union, types.UnionType):
            (inner,) = (one for one in arguments if one is not type(None))
            return Optional(self.of(inner))
        if origin is tuple:
            assert arguments[1:] == (Ellipsis,), kind
            return Several(self.of(arguments[0]), of_set=False)
        if origin is frozenset:
            return Several(self.of(arguments[0]), of_set=True)
        if isinstance(origin, type) and issubclass(origin, Mapping):
            return Table(self.of(arguments[0]), self.of(arguments[1]))
        if isinstance(kind, type) and issubclass(kind, Enum):
            return Choice(kind)
        struct = origin or kind
        if isinstance(struct, type) and (hasattr(struct, "_fields") or is_dataclass(struct)):
            hints = get_type_hints(struct, localns=_late_names())
            names = [one.name for one in fields(struct)] if is_dataclass(struct) else struct._fields
            given = dict(zip(getattr(struct, "__parameters__", ()), arguments, strict=False))
            return Struct(struct, {name: self.of(_filled(hints[name], given)) for name in names})
        raise TypeError(f"{kind} cannot be recorded")


@cache
def _late_names() -> dict[str, Any]:
    return {name: one for module in _LATE for name, one in vars(import_module(module)).items()}


def _filled(hint: Any, given: Mapping[Any, Any]) -> Any:
    """Return a type with the parameters of a generic one put in."""
    if isinstance(hint, TypeVar):
        return given[hint]
    parameters = getattr(hint, "__parameters__", ())
    return hint[tuple(given.get(one, one) for one in parameters)] if parameters else hint
