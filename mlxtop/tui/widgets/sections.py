"""Sections of a page in boxes, side by side where the screen is wide."""

from __future__ import annotations

from collections.abc import Sequence

from textual.geometry import Region, Size
from textual.scroll_view import ScrollView

from mlxtop.present.clean import fit
from mlxtop.present.text import EMPTY, Line, Role, Run, Section, crop, line_width
from mlxtop.tui.widgets.lines import Styled, difference

BESIDE = 118
"""Columns of a screen from which boxes stand side by side."""
PROSE = 54
"""Columns of a paragraph there."""
BETWEEN = 1
"""Blank columns between boxes."""
FRAME = 4
"""Columns that the frame of a box takes."""
MOST_BOXES = 3


def prose_width(columns: int) -> int:
    """Columns of a paragraph on a screen of that width, so that its box may stand beside one."""
    return PROSE if columns >= BESIDE else max(1, columns - FRAME)


def laid_out(sections: Sequence[Section], columns: int) -> list[Line]:
    """Boxes below and beside each other, in the way that takes the fewest lines."""
    most = min(MOST_BOXES, max(1, (columns + BETWEEN) // (PROSE + FRAME + BETWEEN)))
    layouts = [_side_by_side(sections, columns, boxes) for boxes in range(1, most + 1)]
    return min(layouts, key=len)


def _side_by_side(sections: Sequence[Section], columns: int, boxes: int) -> list[Line]:
    """So many boxes beside each other; one that needs more room has all of it to itself."""
    inner = max(1, (columns - BETWEEN * (boxes - 1)) // boxes - FRAME)
    stacks: list[list[Line]] = [[] for _ in range(boxes)]
    lines: list[Line] = []
    for section in sections:
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
    lines: list[Line] = []
    for y in range(max(map(len, stacks))):
        runs: list[Run] = []
        for place, stack in enumerate(stacks):
            if place:
                runs.append((" " * BETWEEN, Role.TEXT))
            runs.extend(stack[y] if y < len(stack) else blank)
        lines.append(tuple(runs))
    return lines


def _box(section: Section, inner: int) -> list[Line]:
    title = fit(section.title, max(1, min(len(section.title), inner - 2)))
    top = (
        ("╭─ ", Role.FAINT),
        (title, Role.HEAD),
        (" " + "─" * (inner - len(title) - 1) + "╮", Role.FAINT),
    )
    side: Run = ("│", Role.FAINT)
    middle = [
        (side, (" ", Role.TEXT), *crop(line, inner), (" ", Role.TEXT), side)
        for line in section.lines
    ]
    return [top, *middle, (("╰" + "─" * (inner + 2) + "╯", Role.FAINT),)]


class Sections(ScrollView, Styled, can_focus=True):
    """A page that scrolls; only lines that changed are painted again."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._lines: list[Line] = []

    def show(self, sections: Sequence[Section]) -> None:
        """Show a page."""
        width = self.size.width
        if not self.display or width < 8:
            return
        old, self._lines = self._lines, laid_out(sections, width)
        size = Size(width, len(self._lines))
        if size != self.virtual_size:
            self.virtual_size = size
        top = round(self.scroll_offset.y)
        for y in range(self.size.height):
            place = top + y
            before = old[place] if place < len(old) else EMPTY
            after = self._lines[place] if place < len(self._lines) else EMPTY
            span = difference(before, after)
            if span is not None:
                self.repaint(Region(span[0], y, span[1], 1))

    def line_at(self, y: int, columns: int) -> tuple[Line, bool]:
        """A line of the page."""
        place = y + round(self.scroll_offset.y)
        return self._lines[place] if place < len(self._lines) else EMPTY, False
