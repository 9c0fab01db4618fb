"""Lines that scroll: a page of boxes, side by side where the screen is wide, and a list."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import zip_longest

from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView

from mlxtop.present.text import (
    EMPTY,
    LABEL_WIDTH,
    Line,
    Role,
    Run,
    Section,
    crop,
    fit,
    line_width,
    width,
)
from mlxtop.tui.widgets.lines import Styled, changes

PROSE = 54
"""Columns inside a box at least, for it to stand beside another."""
BETWEEN = 1
"""Blank columns between boxes."""
FRAME = 4
"""Columns that the frame of a box takes."""
MOST_BOXES = 3
WIDEST = 100
"""Columns of a paragraph at most: longer lines are hard to read."""
_WORDS = re.compile(r"\s*[^\s,]*,?")


def laid_out(sections: Sequence[Section], columns: int) -> list[Line]:
    """Return boxes below and beside each other, in the way that takes the fewest lines."""
    most = min(MOST_BOXES, max(1, (columns + BETWEEN) // (PROSE + FRAME + BETWEEN)))
    layouts = [_side_by_side(sections, columns, boxes) for boxes in range(1, most + 1)]
    return min(layouts, key=len)


Page = Callable[[int], Sequence[Section]]
"""The boxes of a page, for paragraphs of so many columns."""


def fewest(page: Page, columns: int) -> int:
    """Return the boxes to stand side by side so that a page takes the fewest lines."""
    most = min(MOST_BOXES, max(1, (columns + BETWEEN) // (PROSE + FRAME + BETWEEN)))
    return min(range(1, most + 1), key=lambda boxes: len(in_boxes(page, columns, boxes)))


def in_boxes(page: Page, columns: int, boxes: int) -> list[Line]:
    """Return a page with so many boxes side by side, its paragraphs as wide as a box."""
    return _side_by_side(page(min(WIDEST, _inner(columns, boxes))), columns, boxes)


def _inner(columns: int, boxes: int) -> int:
    """Return the columns inside each of some boxes."""
    return max(1, (columns - BETWEEN * (boxes - 1)) // boxes - FRAME)


def folded(line: Line, columns: int) -> list[Line]:
    """Return a line with a label in as many lines as its value needs; any other as it is."""
    if line_width(line) <= columns or len(line) < 3 or columns < 2 * LABEL_WIDTH:
        return [line]
    (label, _), (space, _), *value = line
    if width(label) != LABEL_WIDTH or space != " ":
        return [line]
    head: Line = line[:2]
    lines, runs, room = [], list(head), columns - LABEL_WIDTH - 1
    left = room
    for text, role in value:
        for word in _WORDS.findall(text):
            if width(word.rstrip()) > left and left < room:
                lines.append(tuple(runs))
                runs, left = [(" " * (LABEL_WIDTH + 1), Role.TEXT)], room
            part = word.lstrip() if left == room else word
            runs.append((part, role))
            left -= width(part)
    return [*lines, tuple(runs)]


def _side_by_side(sections: Sequence[Section], columns: int, boxes: int) -> list[Line]:
    """Return the sections in so many stacks; a box that needs more room has the whole width."""
    inner = _inner(columns, boxes)
    stacks: list[list[Line]] = [[] for _ in range(boxes)]
    lines: list[Line] = []
    for given in sections:
        parts = tuple(part for line in given.lines for part in folded(line, inner))
        section = given._replace(lines=parts)
        if boxes > 1 and max(map(line_width, section.lines), default=0) > inner:
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

    def line_at(self, y: int, columns: int) -> tuple[Line, bool]:
        place = y + round(self.scroll_offset.y)
        return self._lines[place] if place < len(self._lines) else EMPTY, False


class Sections(Scrolled):
    """A page of boxes."""

    _boxes = 1
    _boxes_for: object = None

    def show(self, sections: Sequence[Section]) -> None:
        """Show a page."""
        columns = self.size.width
        if self.display and columns >= 8:
            self.show_lines(laid_out(sections, columns))

    def fill(self, page: Page, subject: object) -> None:
        """Show a page; how many boxes stand side by side changes with subject and width alone."""
        columns = self.size.width
        if not self.display or columns < 8:
            return
        if self._boxes_for != (subject, columns):
            self._boxes_for, self._boxes = (subject, columns), fewest(page, columns)
        self.show_lines(in_boxes(page, columns, self._boxes))


class Choices(Scrolled):
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
