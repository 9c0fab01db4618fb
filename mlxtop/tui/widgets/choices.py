"""A list of lines with a cursor; only lines that changed are painted again."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView

from mlxtop.present.text import EMPTY, Line
from mlxtop.tui.widgets.lines import Styled, difference


class Choices(ScrollView, Styled, can_focus=True):
    """Lines of which one is chosen."""

    class Moved(Message):
        """The cursor stands on another line."""

    class Opened(Message):
        """The line under the cursor was chosen with the mouse."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._lines: Sequence[Line] = ()
        self.place = 0

    def show(self, lines: Sequence[Line]) -> None:
        """Replace the lines; the cursor stays on its place."""
        old, self._lines = self._lines, lines
        if len(old) != len(lines):
            self.refresh(layout=True)
        size = Size(self.size.width, len(lines))
        if size != self.virtual_size:
            self.virtual_size = size
        self.place = max(0, min(self.place, len(lines) - 1))
        for place in range(max(len(old), len(lines))):
            before = old[place] if place < len(old) else EMPTY
            after = lines[place] if place < len(lines) else EMPTY
            if difference(before, after) is not None:
                self._refresh_line(place)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many lines as there are; the style sheet bounds it."""
        return max(1, len(self._lines))

    def _refresh_line(self, place: int) -> None:
        y = place - round(self.scroll_offset.y)
        if 0 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    def move(self, steps: int) -> None:
        """Move the cursor by lines."""
        place = max(0, min(self.place + steps, len(self._lines) - 1))
        if place == self.place:
            return
        old, self.place = self.place, place
        height, top = max(1, self.size.height), round(self.scroll_offset.y)
        if not top <= place < top + height:
            self.scroll_to(y=place if place < top else place - height + 1, animate=False)
        self._refresh_line(old)
        self._refresh_line(place)
        self.post_message(self.Moved())

    def on_click(self, event: events.Click) -> None:
        """A click chooses, on the chosen line it opens."""
        place = event.y + round(self.scroll_offset.y)
        if place == self.place:
            self.post_message(self.Opened())
        elif place < len(self._lines):
            self.move(place - self.place)

    def line_at(self, y: int, columns: int) -> tuple[Line, bool]:
        """A line of the list."""
        place = y + round(self.scroll_offset.y)
        line = self._lines[place] if place < len(self._lines) else EMPTY
        return line, place == self.place and bool(self._lines)
