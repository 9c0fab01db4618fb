"""The alarm ribbon: what is bad now or was a short while ago, in one line of a given width.

The most urgent item comes first; what does not fit is counted as `+3`.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

from mlxtop.present.text import Line, Role, Run, crop, line_width

GAP = 2
"""Blank columns between items."""
SHOW_ALL = "app.events"
"""Action of the count of what does not fit."""


class Urgency(IntEnum):
    """Order of the items; the lowest comes first."""

    PROBATION = 0
    """A change that is taken back unless it is confirmed: its time runs out."""
    CRITICAL = 1
    WARNING = 2
    COMING = 3
    """A limit that will be passed soon."""
    ENDED = 4


class Label(NamedTuple):
    """Text that can be clicked, and the action that a click runs: `app.keep`."""

    line: Line
    action: str


class RibbonItem(NamedTuple):
    """One thing that the ribbon tells."""

    key: str
    """The same as long as it is the same thing: the cursor stays with it."""
    urgency: Urgency
    line: Line
    """Mark and words, without blanks around them."""
    action: str = ""
    """What Enter and a click run; empty for nothing."""
    labels: tuple[Label, ...] = ()
    """Further parts, such as `K keep`; they are shown where the item is shown."""
    group: str = ""
    """What it is about, where `beside` does without the name."""
    beside: Line = ()
    """The words behind another item of the same group."""


class Span(NamedTuple):
    """Columns of the ribbon, from `start` to before `end`, and what a click there runs."""

    start: int
    end: int
    action: str
    key: str


class Ribbon(NamedTuple):
    """The ribbon as it is drawn."""

    line: Line
    spans: tuple[Span, ...]


EMPTY = Ribbon((), ())


def ribbon(items: Sequence[RibbonItem], columns: int, chosen: str | None = None) -> Ribbon:
    """Return the items in one line of `columns` columns; the one whose key is `chosen` is shown.

    Items of the same urgency keep the order that they come in.
    """
    ordered = sorted(items, key=lambda item: item.urgency)
    if not ordered or columns < 1:
        return EMPTY
    place = next((n for n, item in enumerate(ordered) if item.key == chosen), 0)
    shown = _shortened(ordered)
    if place >= _fitting(shown, columns):
        shown = _shortened(ordered[place:])
    count = max(1, _fitting(shown, columns))
    return _drawn(shown[:count], len(ordered) - count, columns)


def _shortened(items: Sequence[RibbonItem]) -> list[RibbonItem]:
    """Return the items; those behind another one of their group do without the name."""
    pairs = zip(items, (None, *items), strict=False)
    return [
        item._replace(line=item.beside)
        if before is not None and item.beside and item.group == before.group
        else item
        for item, before in pairs
    ]


def _fitting(items: Sequence[RibbonItem], columns: int) -> int:
    """Return how many items fit as they are, beside the count of the others."""
    used = 1
    for place, item in enumerate(items):
        used += _width(item) + (GAP if place else 0)
        left = len(items) - place - 1
        if used + (line_width(_count(left)) if left else 0) > columns:
            return place
    return len(items)


def _width(item: RibbonItem) -> int:
    return line_width(item.line) + sum(GAP + line_width(label.line) for label in item.labels)


def _count(left: int) -> Line:
    return ((f"  +{left}", Role.STRONG),)


def _drawn(items: Sequence[RibbonItem], left: int, columns: int) -> Ribbon:
    """Return items side by side and the count of the others; the first is cut where it must."""
    count: Line = _count(left) if left else ()
    runs: list[Run] = [(" ", Role.TEXT)]
    spans: list[Span] = []
    room = columns - line_width(count)
    at = 1
    for place, item in enumerate(items):
        if place:
            runs.append((" " * GAP, Role.TEXT))
            at += GAP
        beside = _width(item) - line_width(item.line)
        most = max(1, room - at - beside)
        line = item.line if line_width(item.line) <= most else crop(item.line, most)
        for label in (Label(line, item.action), *item.labels):
            if label.line is not line:
                runs.append((" " * GAP, Role.TEXT))
                at += GAP
            end = at + line_width(label.line)
            spans.append(Span(at, end, label.action, item.key))
            runs.extend(label.line)
            at = end
    if count:
        spans.append(Span(at, at + line_width(count), SHOW_ALL, ""))
    return Ribbon(crop((*runs, *count), columns), tuple(spans))
