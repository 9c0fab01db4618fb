"""Lines of text with roles: what a run means, never how it looks.

The screen turns roles into styles of its theme; printed tables use the text alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from mlxtop.present.clean import clean, fit, width


class Role(StrEnum):
    """What a run of text means."""

    TEXT = "text"
    DIM = "dim"
    FAINT = "faint"
    """Tracks of bars, rules: hardly there."""
    STRONG = "strong"
    HEAD = "head"
    """Column titles and captions of sections."""
    ACCENT = "accent"
    RX = "rx"
    TX = "tx"
    RX_AREA = "rx-area"
    TX_AREA = "tx-area"
    GOOD = "good"
    WARNING = "warning"
    CRITICAL = "critical"
    MODULE = "module"
    ASIC = "asic"
    BADGE = "badge"
    """DEMO, PAUSED: never to be overlooked."""


Run: TypeAlias = tuple[str, Role]
Line: TypeAlias = tuple[Run, ...]

EMPTY: Line = ()


class Section(NamedTuple):
    """Lines under a title; a page is a list of them."""

    title: str
    lines: tuple[Line, ...]


def plain(line: Line) -> str:
    """Return the text of a line.

    >>> plain((("a", Role.TEXT), ("b", Role.DIM)))
    'ab'
    """
    return "".join(text for text, _ in line)


def line_width(line: Line) -> int:
    """Return the columns that a line takes."""
    return sum([width(text) for text, _ in line])


def crop(line: Line, columns: int) -> Line:
    """Return a line in exactly `columns` columns: cut with an ellipsis, or padded with blanks."""
    kept: list[Run] = []
    left = columns
    for text, role in line:
        used = width(text)
        if used > left:
            if left > 0:
                kept.append((fit(text, left), role))
            return tuple(kept)
        kept.append((text, role))
        left -= used
    if left > 0:
        kept.append((" " * left, Role.TEXT))
    return tuple(kept)


def cut(line: Line, start: int, end: int) -> Line:
    """Return the columns from `start` to before `end`; half of a wide character is a blank.

    >>> cut((("ab", Role.TEXT), ("cd", Role.DIM)), 1, 3)
    (('b', <Role.TEXT: 'text'>), ('c', <Role.DIM: 'dim'>))
    """
    kept: list[Run] = []
    at = 0
    for text, role in line:
        used = width(text)
        if at < end and at + used > start:
            if used > len(text):
                cells = [half for c in text for half in ([c] if width(c) == 1 else [c, ""])]
                text = _halved(cells, max(0, start - at), min(used, end - at))  # noqa: PLW2901
            elif at < start or at + used > end:
                text = text[max(0, start - at) : end - at]  # noqa: PLW2901
            kept.append((text, role))
        at += used
    return tuple(kept)


def _halved(cells: list[str], start: int, end: int) -> str:
    """Return text by cells, where the second cell of a wide character is empty."""
    part = cells[start:end]
    if part and not part[0]:
        part[0] = " "
    if part and end < len(cells) and not cells[end]:
        part[-1] = " "
    return "".join(part)


def spread(left: Line, right: Line, columns: int) -> Line:
    """Return `left` and `right` at the two ends; the left one is cut when both do not fit."""
    space = columns - line_width(right)
    if space <= 0:
        return crop(right, columns)
    return (*crop(left, space), *right)


def labelled(label: str, value: str, role: Role = Role.TEXT, note: str = "") -> Line:
    """Return a row of a page: label in its own column, value, and a note in the background."""
    runs = [(fit(label, LABEL_WIDTH), Role.DIM), (" ", Role.TEXT), (clean(value), role)]
    if note:
        runs.append(("  " + clean(note), Role.DIM))
    return tuple(runs)


LABEL_WIDTH = 16


def wrap(text: str, columns: int, indent: str = "") -> list[str]:
    """Return clean text in lines of at most `columns` columns, broken at blanks.

    A longer word is broken where the line is full. `indent` stands before the first line, and as
    many blanks before the others; without a text it stands alone.

    >>> wrap("rx errors", 12, "see: "), wrap("0123456789", 4)
    (['see: rx', '     errors'], ['0123', '4567', '89'])
    """
    room = max(1, columns - width(indent))
    lines: list[str] = []
    line = ""
    for word in clean(text).split():
        if line and width(line) + 1 + width(word) > room:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
        while width(line) > room:
            head = next(n for n in range(len(line), 0, -1) if width(line[:n]) <= room or n == 1)
            lines.append(line[:head])
            line = line[head:]
    lines += [line] if line else []
    if not indent:
        return lines
    first, *others = lines or [""]
    return [indent + first, *(" " * width(indent) + other for other in others)]


def row(widths: Sequence[int], cells: Iterable[Run]) -> Line:
    """Return a row of a table: the first cell at the left, the others at the right of theirs."""
    return tuple(
        (fit(text, columns, right=place > 0), role)
        for place, (columns, (text, role)) in enumerate(zip(widths, cells, strict=True))
    )


def headings(widths: Sequence[int], *titles: str) -> Line:
    """Return the titles above rows of a table."""
    return row(widths, ((title, Role.HEAD) for title in titles))
