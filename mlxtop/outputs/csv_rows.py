"""Comma-separated values that a spreadsheet takes for what they are."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
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
