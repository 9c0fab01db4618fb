"""Text that is safe and of known width for a terminal, and lines of it with roles.

Names, module vendors and tool outputs can hold anything; what goes to a terminal passes `clean`.
A role says what a run means, never how it looks: the screen turns roles into styles of its theme,
and printed tables use the text alone.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple, TypeAlias

_PLAIN = re.compile(
    "[ -~\u00a1-\u00ac\u00ae-\u02ff\u2010-\u2027\u2030-\u203f"
    "\u2190-\u21ff\u2500-\u25fc\u2800-\u28ff]*"
)
"""Printable characters of one column that stand for themselves; what we draw with is of these."""

_SPACES = str.maketrans(dict.fromkeys("\t\n\r\v\f\xa0\u2009\u202f", " "))

_ASCII = {
    **dict.fromkeys("–—─╌┄−‑", "-"),
    **dict.fromkeys("│┃╎┊", "|"),
    **dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╰╯", "+"),
    **dict.fromkeys("·•…┈", "."),
    **dict.fromkeys("●◆★✱", "*"),
    **dict.fromkeys("○◇◌", "o"),
    **dict.fromkeys("▲△", "*"),
    **dict.fromkeys("↑▴", "^"),
    "↕": "~",
    **dict.fromkeys("▼↓", "v"),
    **dict.fromkeys("▶→▸›❯", ">"),
    **dict.fromkeys("◀←◂‹", "<"),
    **dict.fromkeys("↔⇄", "="),
    **dict.fromkeys("█▇▆▓▰■", "#"),
    **dict.fromkeys("▅▄▃▒━╸╺", "="),
    **dict.fromkeys("▂▁░▱▏▎▍▌▋▊▉", "-"),
    **dict(zip("✓✗×µ±≈≥≤°²“”‘’", "yxxu~~>< 2\"\"''", strict=True)),
}


_DEGREES = re.compile("( {2,})?([0-9][0-9.]*) ?°C?")


def _celsius(match: re.Match[str]) -> str:
    """Return degrees without a sign for them; a number in a column stays at its right end."""
    blanks, number = match[1] or "", f"{match[2]}C"
    return (blanks and " " * (len(match[0]) - len(number))) + number


def clean(text: str) -> str:
    """Return printable text of one line: no control, escape, bidi or combining characters."""
    if _PLAIN.fullmatch(text):
        return text
    composed = unicodedata.normalize("NFC", text.translate(_SPACES))
    return "".join(
        c if c.isprintable() and unicodedata.category(c) not in ("Mn", "Me") else "?"
        for c in composed
    )


def to_ascii(text: str) -> str:
    """Return text of the same width in ASCII, for `--ascii`: `25 µs –` as `25 us -`.

    >>> to_ascii("   79 °C▲"), to_ascii("module at 79 °C, falling")
    ('     79C*', 'module at 79C, falling  ')
    """
    if text.isascii():
        return text
    if "°" in text:
        columns, text = width(text), _DEGREES.sub(_celsius, text)
        text += " " * (columns - width(text))
    return "".join(
        character if character.isascii() else _ASCII.get(character, "?" * width(character))
        for character in text
    )


@lru_cache(1024)
def width(text: str) -> int:
    """Return the columns that clean text takes on a terminal."""
    if _PLAIN.fullmatch(text):
        return len(text)
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def fit(text: str, columns: int, right: bool = False) -> str:
    """Return clean text in exactly `columns` columns; what is too long ends in an ellipsis.

    >>> fit("enp67s0f0np0", 8), fit("mlx5_0", 8), fit("9", 3, right=True)
    ('enp67s0…', 'mlx5_0  ', '  9')
    """
    if _PLAIN.fullmatch(text):
        space = columns - len(text)
    else:
        text = clean(text)
        space = columns - width(text)
    if space < 0:
        text = _cut(text, columns)
        space = columns - width(text)
    return " " * space + text if right else text + " " * space


def fit_name(name: str, columns: int) -> str:
    """Return a clean name in exactly so many columns; a long one loses its middle.

    What tells the ports of a card apart stands at the end of their names.

    >>> fit_name("enp101s0f1np1", 10), fit_name("ens2", 6)
    ('enp10…1np1', 'ens2  ')
    """
    name = clean(name)
    if width(name) <= columns or width(name) != len(name) or columns < 10:
        return fit(name, columns)
    tail = (columns - 1) // 2
    return f"{name[: columns - 1 - tail]}…{name[-tail:]}"


def _cut(text: str, columns: int) -> str:
    kept = sum(end < columns for end in accumulate(map(width, text)))
    return text[:kept] + "…" if columns > 0 else ""


class Role(StrEnum):
    """Meaning of a run of text."""

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
    PACE = "pace"
    """The interval between samples, in the header."""
    PROBLEMS = "problems"
    """How much could not be read, in the header."""
    BADGE = "badge"
    """DEMO, PAUSED: never to be overlooked."""


Run: TypeAlias = tuple[str, Role]
Line: TypeAlias = tuple[Run, ...]

EMPTY: Line = ()
LABEL_WIDTH = 16


class Section(NamedTuple):
    """Lines under a title; a page is a list of them."""

    title: str
    lines: tuple[Line, ...]
    wide: bool = False
    """It has the whole width wherever it stands."""


def plain(line: Line) -> str:
    """Return the text of a line."""
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
            return (*kept, (fit(text, left), role)) if left > 0 else tuple(kept)
        kept.append((text, role))
        left -= used
    if left > 0:
        kept.append((" " * left, Role.TEXT))
    return tuple(kept)


def cut(line: Line, start: int, end: int) -> Line:
    """Return the columns from `start` to before `end`; half of a wide character is a blank."""
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
    head: Line = ((fit(label, LABEL_WIDTH), Role.DIM), (" ", Role.TEXT), (clean(value), role))
    return (*head, (f"  {clean(note)}", Role.DIM)) if note else head


def fold(text: str, columns: int, indent: str = " " * 10) -> list[str]:
    """Return a line of figures as lines that fit, broken at the gaps between its figures.

    A sentence, which has no gap of two blanks, is broken at blanks.

    >>> fold("   1.0 s  30 Gb/s  module 60 °C", 20)
    ['   1.0 s  30 Gb/s', '          module 60 °C']
    >>> fold("stopped by the guard", 15)
    ['stopped by the', 'guard']
    """
    if width(text) <= columns:
        return [text]
    first, *others = re.split(r"(?<=\S)  +", text)
    if not others:
        return wrap(text, columns)
    lines = [first]
    for group in others:
        if width(lines[-1]) + 2 + width(group) <= columns:
            lines[-1] += f"  {group}"
        else:
            lines.append(indent + group)
    return lines


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


def in_columns(texts: Sequence[str], columns: int) -> Iterator[Line]:
    """Yield texts side by side, as many as fit, in the order of their lines."""
    each = max(map(width, texts), default=0) + 2
    beside = max(1, (columns + 2) // each)
    for start in range(0, len(texts), beside):
        cells = (fit(text, each) for text in texts[start : start + beside])
        yield (("".join(cells).rstrip(), Role.DIM),)


def headings(widths: Sequence[int], *titles: str) -> Line:
    """Return the titles above rows of a table."""
    return row(widths, ((title, Role.HEAD) for title in titles))
