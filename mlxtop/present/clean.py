"""Text of devices made safe and of known width for a terminal.

Names, module vendors and tool outputs can hold anything; what goes to a terminal passes here.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_PLAIN = re.compile(
    "[ -~\u00a1-\u00ac\u00ae-\u02ff\u2010-\u2027\u2030-\u203f"
    "\u2190-\u21ff\u2500-\u25fc\u2800-\u28ff]*"
)
"""Printable characters of one column that stand for themselves; what we draw with is of these."""

_SPACES = str.maketrans(dict.fromkeys("\t\n\r\v\f\xa0\u2009\u202f", " "))

_ASCII = {
    **dict.fromkeys("–—─╌┄−‑", "-"),
    **dict.fromkeys("│┃╎", "|"),
    **dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╰╯", "+"),
    **dict.fromkeys("·•…", "."),
    **dict.fromkeys("●◆★✱", "*"),
    **dict.fromkeys("○◇◌", "o"),
    **dict.fromkeys("▲↑", "^"),
    **dict.fromkeys("▼↓", "v"),
    **dict.fromkeys("▶→▸›❯", ">"),
    **dict.fromkeys("◀←◂‹", "<"),
    **dict.fromkeys("↔⇄", "="),
    **dict.fromkeys("█▇▆▓▰■", "#"),
    **dict.fromkeys("▅▄▃▒━╸╺", "="),
    **dict.fromkeys("▂▁░▱▏▎▍▌▋▊▉", "-"),
    **dict(zip("✓✗×µ±≈≥≤°²“”‘’", "yxxu~~>< 2\"\"''", strict=True)),
}


def clean(text: str) -> str:
    r"""Return printable text of one line: no control, escape, bidi or combining characters.

    >>> clean("eth0\x1b[31m\n[bold]")
    'eth0?[31m [bold]'
    """
    if _PLAIN.fullmatch(text):
        return text
    composed = unicodedata.normalize("NFC", text.translate(_SPACES))
    return "".join(
        c if c.isprintable() and unicodedata.category(c) not in ("Mn", "Me") else "?"
        for c in composed
    )


def to_ascii(text: str) -> str:
    """Return the same text with the same width in ASCII, for `--ascii`.

    >>> to_ascii("69 °C – 25 µs")
    '69  C - 25 us'
    """
    if text.isascii():
        return text
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


def _cut(text: str, columns: int) -> str:
    if columns <= 0:
        return ""
    if _PLAIN.fullmatch(text):
        return text[: columns - 1] + "…"
    used, kept = 0, []
    for character in text:
        used += width(character)
        if used > columns - 1:
            break
        kept.append(character)
    return "".join(kept) + "…"
