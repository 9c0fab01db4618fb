"""Lines that scroll: a page of boxes, side by side where the screen is wide, and a list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import TypeAlias

from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView

from mlxtop.present.text import EMPTY, Line, Role, Run, Section, crop, fit, line_width, plain
from mlxtop.tui.widgets.lines import Styled, changes

PROSE = 54
"""The fewest columns of a paragraph whose box stands beside another."""
BETWEEN = 1
"""Blank columns between boxes."""
FRAME = 4
"""Columns that the frame of a box takes."""
MOST_BOXES = 3


READABLE = 100
"""Columns of a paragraph in a box that has a wide screen for itself."""
Build: TypeAlias = Callable[[int], list[Section]]
"""Returns the boxes of a page for paragraphs of so many columns."""


def arranged(build: Build, columns: int, boxes: int = 0) -> tuple[list[Line], int]:
    """Return the boxes of a page in so many stacks, or else in as many as take the fewest lines.

    Each paragraph is as wide as the box that it stands in.
    """
    wide = build(max(1, min(READABLE, columns - FRAME)))
    numbers = [boxes] if boxes else range(1, _most_boxes(columns) + 1)
    layouts = [(_in_stacks(build, wide, columns, number), number) for number in numbers]
    return min(layouts, key=lambda layout: len(layout[0]))


def _in_stacks(build: Build, wide: Sequence[Section], columns: int, boxes: int) -> list[Line]:
    """Return what fits side by side; the rest has the whole width, above where it is first."""
    if boxes == 1:
        return _side_by_side(wide, columns, 1)
    inner = _inner(columns, boxes)
    narrow = build(inner)
    fits = [not one.wide and _widest(one) <= inner for one in narrow]
    lead = fits.index(True) if any(fits) else len(fits)
    last = [one for one, fit_in in zip(wide, fits, strict=True) if not fit_in]
    stacked = [one for one, fit_in in zip(narrow, fits, strict=True) if fit_in]
    return _side_by_side([*last[:lead], *stacked, *last[lead:]], columns, boxes)


def _most_boxes(columns: int) -> int:
    return min(MOST_BOXES, max(1, (columns + BETWEEN) // (PROSE + FRAME + BETWEEN)))


def _inner(columns: int, boxes: int) -> int:
    return max(1, (columns - BETWEEN * (boxes - 1)) // boxes - FRAME)


def _widest(section: Section) -> int:
    return max(map(line_width, section.lines), default=0)


def laid_out(sections: Sequence[Section], columns: int) -> list[Line]:
    """Return boxes below and beside each other, in the way that takes the fewest lines."""
    numbers = range(1, _most_boxes(columns) + 1)
    layouts = [_side_by_side(sections, columns, boxes) for boxes in numbers]
    return min(layouts, key=len)


def _side_by_side(sections: Sequence[Section], columns: int, boxes: int) -> list[Line]:
    """Return the sections in so many stacks; a box that needs more room has the whole width."""
    inner = _inner(columns, boxes)
    stacks: list[list[Line]] = [[] for _ in range(boxes)]
    lines: list[Line] = []
    for section in sections:
        if boxes > 1 and _widest(section) > inner:
            lines.extend(_merged(stacks, inner + FRAME))
            stacks = [[] for _ in range(boxes)]
            lines.extend(_box(section, columns - FRAME))
        else:
            shortest = min(range(boxes), key=lambda place: len(stacks[place]))
            stacks[shortest].extend(_box(section, inner))
    return [*lines, *_merged(stacks, inner + FRAME)]


def _merged(stacks: Sequence[Sequence[Line]], width: int) -> list[Line]:
    blank: Line = ((" " * width, Role.TEXT),)
    gap: Run = (" " * BETWEEN, Role.TEXT)
    lines = []
    for first, *others in zip_longest(*stacks, fillvalue=blank):
        lines.append((*first, *(run for line in others for run in (gap, *line))))
    return lines


def _box(section: Section, inner: int) -> list[Line]:
    title = fit(section.title, max(1, min(len(section.title), inner - 2)))
    top = (
        ("╭─ ", Role.FAINT),
        (title, Role.HEAD),
        (" " + "─" * (inner - len(title) - 1) + "╮", Role.FAINT),
    )
    side: Run = ("│", Role.FAINT)
    gap: Run = (" ", Role.TEXT)
    middle = [(side, gap, *crop(line, inner), gap, side) for line in section.lines]
    return [top, *middle, (("╰" + "─" * (inner + 2) + "╯", Role.FAINT),)]


class Scrolled(ScrollView, Styled, can_focus=True):
    """Lines that scroll; only those that changed are painted again."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._lines: Sequence[Line] = ()

    def show_lines(self, lines: Sequence[Line]) -> None:
        """Replace the lines."""
        old, self._lines = self._lines, lines
        self.virtual_size = Size(self.size.width, len(lines))
        top = round(self.scroll_offset.y)
        if regions := changes(old, lines, range(top, top + self.size.height)):
            self.repaint(*regions)

    def reveal(self, mark: str) -> None:
        """Scroll so that the first line that holds a mark is seen."""
        place = next((n for n, line in enumerate(self._lines) if mark in plain(line)), None)
        height, top = max(1, self.size.height), round(self.scroll_offset.y)
        if place is not None and not top <= place < top + height:
            self.scroll_to(y=place if place < top else place - height + 1, animate=False)

    def line_at(self, y: int, columns: int) -> tuple[Line, bool]:
        place = y + round(self.scroll_offset.y)
        return self._lines[place] if place < len(self._lines) else EMPTY, False


class Sections(Scrolled):
    """A page of boxes."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._stacks = 0
        self._stacked = 0
        """Columns for which there are so many stacks: boxes that are there do not jump."""

    def show_built(self, build: Build) -> None:
        """Show a page whose paragraphs are as wide as its boxes."""
        width = self.size.width
        if not self.display or width < 8:
            return
        lines, stacks = arranged(build, width, self._stacks if self._stacked == width else 0)
        self._stacks, self._stacked = stacks, width
        self.show_lines(lines)

    def new_page(self) -> None:
        """Begin another page at its first line."""
        self._stacked = 0
        self.scroll_home(animate=False)

    def show(self, sections: Sequence[Section]) -> None:
        """Show a page."""
        width = self.size.width
        if self.display and width >= 8:
            self.show_lines(laid_out(sections, width))


class Choices(Scrolled, inherit_bindings=False):
    """Lines of which one is chosen."""

    class Moved(Message):
        """The cursor stands on another line."""

    class Opened(Message):
        """The line under the cursor was chosen with the mouse."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.place = 0

    def show(self, lines: Sequence[Line]) -> None:
        """Replace the lines; the cursor stays on its place."""
        if len(self._lines) != len(lines):
            self.refresh(layout=True)
        self.place = max(0, min(self.place, len(lines) - 1))
        self.show_lines(lines)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return max(1, len(self._lines))

    def move(self, steps: int) -> None:
        """Move the cursor by lines."""
        place = max(0, min(self.place + steps, len(self._lines) - 1))
        if place == self.place:
            return
        old, self.place = self.place, place
        height, top = max(1, self.size.height), round(self.scroll_offset.y)
        if not top <= place < top + height:
            self.scroll_to(y=place if place < top else place - height + 1, animate=False)
        for changed in (old, place):
            self.repaint(Region(0, changed - round(self.scroll_offset.y), self.size.width, 1))
        self.post_message(self.Moved())

    def on_click(self, event: events.Click) -> None:
        place = event.y + round(self.scroll_offset.y)
        if place == self.place:
            self.post_message(self.Opened())
        elif place < len(self._lines):
            self.move(place - self.place)

    def line_at(self, y: int, columns: int) -> tuple[Line, bool]:
        line, _ = super().line_at(y, columns)
        place = y + round(self.scroll_offset.y)
        return line, place == self.place and bool(self._lines)
