"""Change one value in TOML and leave the rest as a person wrote it; https://toml.io/en/v1.0.0."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import NamedTuple

_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|' + r"'''.*?'{3,5}" + r'|"(?:\\.|[^"\\\n])*"|' + r"'[^'\n]*'"
    r"|\#[^\n]*|[\[\]{}=\n]|[^\"'\#\[\]{}=\n]+",
    re.DOTALL,
)
_BARE = re.compile(r"[A-Za-z0-9_-]+")

Path = tuple[str, ...]
"""Names of the tables that lead to a key, and the key."""


class _Statement(NamedTuple):
    """A key with its value, or the head of a table; offsets in the text."""

    path: Path
    start: int
    value: int
    """Where its value begins; 0 for the head of a table."""
    value_end: int
    end: int
    """Behind the end of its last line."""
    table: Path
    """The table that it stands in."""


def with_value(text: str, name: str, value: object, table: str = "") -> str:
    """Return TOML with another value of a key, of the whole file or of a table.

    Comments, order and all other keys stay. Without a value (None) the line of the key becomes a
    comment. Raises ValueError where the text is no TOML or the key cannot be changed.

    >>> print(with_value("bell = true # loud\\n[keys]\\n", "bell", False), end="")
    bell = false # loud
    [keys]
    >>> print(with_value("[keys]\\n# mine\\nquit = 'x'\\n", "help", "F1", "keys"), end="")
    [keys]
    # mine
    quit = 'x'
    help = "F1"
    """
    before = tomllib.loads(text)
    target = (table, name) if table else (name,)
    result = _edited(text, target, value, before)
    wanted = _merged(before, target, value)
    if not _same(tomllib.loads(result), wanted):
        raise ValueError(f"{'.'.join(target)} stands there in a way that cannot be changed")
    return result


def _same(one: object, other: object) -> bool:
    """Return whether two values are equal; not-a-number is equal to itself here."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return repr(one) == repr(other)


def _edited(text: str, target: Path, value: object, before: Mapping[str, object]) -> str:
    statements = list(_statements(text))
    for one in statements:
        if one.value and one.path == target:
            return _replaced(text, one, value)
        if one.value and one.path == target[:-1]:  # a table between braces
            held = before[target[0]]
            inside = dict(held) if isinstance(held, dict) else {}
            inside[target[-1]] = value
            return _replaced(text, one, {k: v for k, v in inside.items() if v is not None})
    return text if value is None else _with_line(text, statements, target, value)


def _replaced(text: str, one: _Statement, value: object) -> str:
    if value is None:
        lines = text[one.start : one.end].splitlines(keepends=True)
        return text[: one.start] + "".join("# " + line for line in lines) + text[one.end :]
    return text[: one.value] + _toml(value) + text[one.value_end :]


def _with_line(text: str, statements: list[_Statement], target: Path, value: object) -> str:
    """Return the text with a new line behind the last one that is of the same table."""
    newline = "\r\n" if "\r\n" in text else "\n"
    heads = [one for one in statements if not one.value]
    near = [one for one in statements if one.value and one.path[:-1] == target[:-1]]
    near = near or [one for one in heads if one.path == target[:-1]]
    name = _key(target[-1])
    if near:
        place = near[-1].end
        if near[-1].value and near[-1].table != target[:-1]:
            name = ".".join(map(_key, target))
    elif len(target) > 1:
        place, name = len(text), f"{newline}[{_key(target[0])}]{newline}{name}"
        name = name if text else name.removeprefix(newline)
    else:
        place = _above(text, heads[0].start) if heads else len(text)
    line = f"{name} = {_toml(value)}{newline}"
    if place and not text[:place].endswith("\n"):
        line = newline + line
    return text[:place] + line + text[place:]


def _above(text: str, place: int) -> int:
    """Return where the comment begins that stands right above a line."""
    while place and text[:place].splitlines()[-1].lstrip().startswith("#"):
        place = text.rfind("\n", 0, place - 1) + 1
    return place


def _merged(before: Mapping[str, object], target: Path, value: object) -> dict[str, object]:
    """Return the tables with the value, or without it."""
    result = dict(before)
    name, *rest = target
    if rest:
        held = result.get(name, {})
        if not isinstance(held, dict):
            raise ValueError(f"{name} is not a table")
        value = _merged(held, tuple(rest), value)
        if not value and name not in before:
            return result
    if value is None:
        result.pop(name, None)
    else:
        result[name] = json.loads(json.dumps(value))
    return result


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _toml(name)


def _toml(value: object) -> str:
    """Return a yes or no, number, text, list or table as TOML on one line.

    >>> _toml({"a": [1.5, "x"], "b c": True})
    '{ a = [1.5, "x"], "b c" = true }'
    """
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{_key(key)} = {_toml(one)}' for key, one in value.items())} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _statements(text: str) -> Iterator[_Statement]:
    """Yield every key with its value, and every head of a table, of valid TOML."""
    table: Path = ()
    start = depth = equals = value_end = 0
    for token in _TOKEN.finditer(text + "\n"):
        word = token[0]
        if word == "\n" and not depth:
            if value_end > start:
                head = _path(text[start:equals] + "= 0" if equals else text[start:value_end])
                table = table if equals else head
                path = table + head if equals else head
                value = _begin(text, equals + 1) if equals else 0
                yield _Statement(path, start, value, value_end, token.end(), table)
            start, equals, value_end = token.end(), 0, 0
        elif word in ("[", "{"):
            depth += 1
        elif word in ("]", "}"):
            depth -= 1
        elif word == "=" and not depth and not equals:
            equals = token.start()
        if word.strip() and not word.startswith("#"):
            value_end = token.start() + len(word.rstrip())


def _begin(text: str, place: int) -> int:
    return place + len(text[place:]) - len(text[place:].lstrip(" \t"))


def _path(statement: str) -> Path:
    """Return the names of a key or a head; the elements of an array of tables have none."""
    names: list[str] = []
    held: object = tomllib.loads(statement)
    while isinstance(held, dict) and held:
        name, held = next(iter(held.items()))
        names.append(name)
    return (*names, "[]") if isinstance(held, list) else tuple(names)
