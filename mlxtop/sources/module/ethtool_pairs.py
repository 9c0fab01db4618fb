"""What `ethtool -m` printed, as text or JSON, as one stream of keys with their values.

JSON of ethtool 6.14 to 6.18 holds `module_temperature` and others twice: a number, then an object
with its thresholds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeGuard

Value = str | float | bool | None
Pair = tuple[str, list[Value]]

_SPACED = re.compile(r"^\s*+([A-Za-z](?:[^:]*[^:\s])?)\s++:(?:\s(.*))?$")
_TIGHT = re.compile(r"^\s*+([A-Za-z](?:[^:]*[^:\s])?):(?:\s(.*))?$")


def parse_pairs(text: str) -> list[Pair]:
    """Return keys in one spelling with their values, in order, with duplicate keys kept.

    >>> parse_pairs("Vendor PN : AB-12\\nVendor rev :\\nVendor SN : X1\\n")
    [('vendor pn', ['AB-12']), ('vendor rev', ['']), ('vendor sn', ['X1'])]
    >>> parse_pairs('[{"vendor_pn": "AB-12", "rx_power": {"values": [0.5]}}]')
    [('vendor pn', ['AB-12']), ('rx power', [0.5])]
    """
    if text.lstrip()[:1] not in ("[", "{"):
        return list(_text_pairs(text))
    try:
        document = json.loads(text, object_pairs_hook=_Object)
    except (ValueError, RecursionError):
        return []
    return list(_json_pairs(document[0] if isinstance(document, list) and document else document))


def _key(text: str) -> str:
    """Return a key in one spelling: lower case, blanks, no brackets but those of a channel."""
    text = re.sub(r"\s+", " ", text.replace("_", " ").lower()).strip()
    return text if "(chan" in text else re.sub(r"[(),]", " ", text).replace("  ", " ").strip()


def _text_pairs(text: str) -> Iterator[Pair]:
    """Yield `key : value` lines; a line without a key goes on with the value before it.

    A value may hold a colon too, so a key has a blank before its colon, if any line has one.
    """
    lines = text.splitlines()
    pattern = _SPACED if any(map(_SPACED.match, lines)) else _TIGHT
    pending: tuple[str, str] | None = None
    for line in lines:
        match = pattern.match(line)
        if match is None:
            if pending is not None and line.strip():
                pending = (pending[0], f"{pending[1]} {line.strip()}".strip())
            continue
        if pending is not None:
            yield pending[0], _text_values(pending[1])
        pending = (_key(match[1]), (match[2] or "").strip())
    if pending is not None:
        yield pending[0], _text_values(pending[1])


def _text_values(text: str) -> list[Value]:
    if text.startswith("[") and text.endswith("]"):
        return [part.strip() for part in text[1:-1].split(",")]
    return [text]


@dataclass(frozen=True, slots=True)
class _Object:
    """A JSON object as its pairs."""

    pairs: list[tuple[str, object]]


def _json_pairs(node: object, above: str = "") -> Iterator[Pair]:
    """Yield pairs of nested objects."""
    if not isinstance(node, _Object):
        return
    for name, value in node.pairs:
        key = f"{above} {_key(name)}".strip()
        if isinstance(value, _Object):
            yield from _json_pairs(value, key)
        elif isinstance(value, list):
            yield _without(key, " values", above), [v for v in value if _is_value(v)]
        elif _is_value(value):
            yield _without(key, " value", above), [value]


def _without(key: str, suffix: str, above: str) -> str:
    """Return the key of the object around a value, where the value's name only says what it is."""
    return key.removesuffix(suffix) if above else key


def _is_value(value: object) -> TypeGuard[Value]:
    return value is None or isinstance(value, str | int | float | bool)
