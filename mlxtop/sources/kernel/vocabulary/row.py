r"""A row of the vocabulary, and the text form of a table of them.

A row opens with `cause KIND severity flags | words`. Below it stand, indented by two, the texts as
the kernel's sources have them; a text that goes on is indented by four. `> ` begins the advice.

`%u %d %x %s` are the kernel's placeholders. `{name:u}` keeps what stands there; further types are
`w` (a word), `k` (words), `n` (a name), `b` (a PCI address), `f` (a decimal fraction), `p` (a
padded number), `C` and `U` (AER's corrected and uncorrected), `D` (a kind of DMA), `M` (a driver
of ours), `I` (a fault of the firmware), `B` and `V` (numbers of windows of a function, and of its
virtual functions). `…` is any text, and `$` at the end the end of the line. A severity of `-` tells
nothing by itself; `@name` asks a function of `judges`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from mlxtop.model.counters import Severity
from mlxtop.model.identity import PCI_SLOT
from mlxtop.model.incident import IncidentKind

BDF = rf"(?i:(?:[0-9a-f]{{4,8}}:)?{PCI_SLOT}|0x[0-9a-f]{{2}}:0x[01][0-9a-f]\.[0-7])"
_TYPES = {
    "u": r"-?\d+",
    "d": r"-?\d+",
    "x": r"(?:0x)?[0-9a-f]+",
    "s": r".*?",
    "w": r"[\w.-]+",
    "n": r"[^\s:,()]+",
    "b": BDF,
    "f": r"\d+(?:\.\d+)?",
    "p": r"\s*\d+",
    "o": r"\S+",
    "k": r"[\w.-]+(?: [\w.-]+)*",
    "I": r"internal error",
    "B": r"[0-6]",
    "V": r"(?:[7-9]|1[0-2])",
    "C": r"Correct(?:ed|able)",
    "U": r"Uncorrect(?:ed|able) \((?:Non-)?Fatal\)",
    "D": r"(?:DMA|INTR-REMAP)[^\]]*",
    "M": r"mlx[45]_\w+",
}
_HOLE = re.compile(
    r"\{(?P<name>\w+):(?P<type>\w)\}"
    r"|%(?P<pointer>p(?:M|I6|R|bl)?)"
    r"|%[-+#]?[0-9.]*(?:l{0,2}|z)(?P<format>[udxXsci])"
    r"|(?P<any>…)|(?P<end>\$$)"
)
_WORD = re.compile(r"[A-Za-z_]+")


class Role(Enum):
    """What a line is to the incident of its cause."""

    EVENT = "event"
    """An incident, or one more of those that go on."""
    TITLE = "title"
    """An event whose words count more than those of others."""
    REASON = "reason"
    """An event that says why; the first one is kept beside the title."""
    OUTCOME = "outcome"
    """An event that says how it went on; the last one is kept."""
    PART = "part"
    """A detail of an incident that goes on."""
    END = "end"
    IGNORED = "ignored"
    """Known, and nothing that anybody has to know."""


class Repeats(NamedTuple):
    """From so many times within so many seconds on an incident is worse."""

    times: int
    seconds: float
    severity: Severity


class Row(NamedTuple):
    """One thing that the kernel says."""

    cause: str
    kind: IncidentKind
    severity: Severity | None
    """None tells nothing by itself."""
    judge: str
    """Name of the function that works out severity and words from the parts, or nothing."""
    words: str
    patterns: tuple[str, ...]
    """Regular expressions of its texts."""
    keys: tuple[str, ...]
    """First words of these texts in lower case; empty where a text begins with no fixed word."""
    advice: str = ""
    role: Role = Role.EVENT
    lasts: bool = False
    """A state, which goes on until something shows that it is over."""
    by_card: bool = False
    """All functions of a card tell of the same."""
    each: tuple[str, ...] = ()
    """Parts of which every value is an incident by itself: `module`."""
    ends: tuple[str, ...] = ()
    """Causes of which it shows that they are over."""
    spares: bool = False
    """It ends only what is not critical."""
    whole: bool = False
    """It ends an incident for all functions of the card."""
    planned: bool = False
    """Nothing to warn of while a reset runs that somebody asked for."""
    loads: bool = False
    """The driver starts on the function: whatever was wrong with it begins anew."""
    repeats: Repeats | None = None
    joins: tuple[str, ...] = ()
    """Causes of which it is a detail while one of them goes on."""
    number: int = 0


def table_rows(table: str) -> Iterator[Row]:
    """Yield the rows of a table."""
    for block in re.split(r"\n(?! )", table.strip()):
        head, *lines = block.split("\n")
        texts: list[str] = []
        advice: list[str] = []
        into = texts
        for line in lines:
            if line.startswith("    "):
                into[-1] += " " + line.strip()
            elif line.startswith("  > "):
                into = advice
                advice.append(line[4:].strip())
            else:
                into = texts
                texts.append(line.strip())
        yield _row(head, texts, advice[0] if advice else "")


def _row(head: str, texts: list[str], advice: str) -> Row:
    fields, _, words = head.partition(" | ")
    cause, kind, level, *flags = fields.split()
    named = dict(flag.split("=", 1) for flag in flags if "=" in flag)
    role = next((role for role in Role if role.value in flags), Role.EVENT)
    judge = level.removeprefix("@") if level.startswith("@") else ""
    return Row(
        cause,
        IncidentKind[kind],
        None if judge or level == "-" else Severity[level.upper()],
        judge,
        words.strip(),
        tuple(pattern(text) for text in texts),
        tuple(key(text) for text in texts),
        advice,
        role,
        lasts="lasts" in flags,
        by_card="card" in flags,
        each=_names(named, "each"),
        ends=_names(named, "ends"),
        spares="spares" in flags,
        whole="whole" in flags,
        planned="planned" in flags,
        loads="loads" in flags,
        repeats=_repeats(named.get("repeats")),
        joins=_names(named, "joins"),
    )


def _names(named: dict[str, str], flag: str) -> tuple[str, ...]:
    return tuple(named[flag].split(",")) if flag in named else ()


def _repeats(text: str | None) -> Repeats | None:
    if text is None:
        return None
    times, seconds, severity = text.split("/")
    return Repeats(int(times), float(seconds), Severity[severity.upper()])


def key(text: str) -> str:
    """Return the first word of a text in lower case; empty where it is not fixed.

    >>> key("Fatal error {code:u} detected"), key("cmd[%d]: late"), key("port_%u is up")
    ('fatal', 'cmd', '')
    """
    word = _WORD.match(text)
    if word is None or text[word.end() : word.end() + 1] in ("%", "{", "…"):
        return ""
    return word[0].lower()


def pattern(text: str) -> str:
    r"""Return the regular expression of a text of the kernel's.

    >>> pattern("give fail %d")
    'give\\ fail\\ (?:-?\\d+)'
    """
    parts: list[str] = []
    place = 0
    for hole in _HOLE.finditer(text):
        parts.append(re.escape(text[place : hole.start()]))
        place = hole.end()
        if hole["end"]:
            parts.append(r"\s*$")
        elif hole["any"]:
            parts.append(".*?")
        else:
            kind = hole["type"] or ("o" if hole["pointer"] else (hole["format"] or "s").lower())
            expression = _TYPES[{"c": "s", "i": "d"}.get(kind, kind)]
            if kind == "s" and place == len(text):
                expression = ".+"
            name = hole["name"]
            parts.append(f"(?P<{name}>{expression})" if name else f"(?:{expression})")
    return "".join(parts) + re.escape(text[place:])
