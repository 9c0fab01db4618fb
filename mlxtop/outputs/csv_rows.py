"""Comma-separated values that a spreadsheet takes for what they are."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

from mlxtop.model.json_text import encode
from mlxtop.present.text import clean


def cell(value: Any) -> Any:
    """Return a value for a spreadsheet, which must not take a text for a formula."""
    if isinstance(value, str):
        text = clean(value)
        return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text
    return encode(value) if isinstance(value, dict | list) else value


def rows(values: Iterable[Iterable[Any]]) -> str:
    """Return rows as lines of text."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([cell(value) for value in row] for row in values)
    return text.getvalue()


def named(values: Iterable[Mapping[str, Any]]) -> str:
    """Return rows by the names of their columns as lines of text, the names first."""
    kept = list(values)
    columns = list(dict.fromkeys(name for row in kept for name in row))
    return rows((columns, *([row.get(column) for column in columns] for row in kept)))
