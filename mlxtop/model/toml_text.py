"""Change one value in TOML and leave the rest as a person wrote it; https://toml.io/en/v1.0.0."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator


def with_value(text: str, name: str, value: object) -> str:
    """Return TOML with another value of a top-level key; comments and all else stay.

    Raises ValueError where the text is no TOML.

    >>> print(with_value("bell = true # loud\\n[keys]\\n", "bell", False), end="")
    bell = false # loud
    [keys]
    """
    table = tomllib.loads(text)
    lines, place, new = text.splitlines(keepends=True), 0, f"{name} = {_toml(value)}"
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    for start, end in _statements(lines):
        chunk = "".join(lines[start:end])
        if name in tomllib.loads(chunk):
            lines[start:end] = [new + _comment(chunk) + "\n"]
            break
        place = end
    else:
        lines.insert(place, new + "\n")
    result = "".join(lines)
    if tomllib.loads(result) != {**table, name: json.loads(json.dumps(value))}:
        raise ValueError(f"{name} stands there in a way that cannot be changed")
    return result


def _toml(value: object) -> str:
    """Return a yes or no, number, text or list of texts as TOML, which writes them as JSON does."""
    return json.dumps(value, ensure_ascii=False)


def _statements(lines: list[str]) -> Iterator[tuple[int, int]]:
    """Yield first line and end of every key before the first table."""
    start = 0
    while start < len(lines) and not lines[start].lstrip().startswith("["):
        end = start + 1
        if lines[start].strip() and not lines[start].lstrip().startswith("#"):
            while end < len(lines):
                try:
                    tomllib.loads("".join(lines[start:end]))
                    break
                except tomllib.TOMLDecodeError:
                    end += 1
            yield start, end
        start = end


def _comment(statement: str) -> str:
    """Return the comment at the end of a statement with the blanks before it."""
    for match in re.finditer(r"[ \t]*#", statement):
        try:
            tomllib.loads(statement[: match.start()])
        except tomllib.TOMLDecodeError:
            continue
        return statement[match.start() :].rstrip("\n")
    return ""
