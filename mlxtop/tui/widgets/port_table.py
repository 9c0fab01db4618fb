"""The table of adapters and ports: fixed columns, and only rows that changed are painted."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView

from mlxtop.model.frame import Frame
from mlxtop.model.identity import PortId
from mlxtop.present.columns import Column, heading, span
from mlxtop.present.overview import Entry, Order, columns_of, entries, entry_line
from mlxtop.present.text import EMPTY, Line, Role, crop
from mlxtop.tui.state import State
from mlxtop.tui.widgets.lines import Styled, difference
from mlxtop.watch.heat import HeatStates

CURSOR = "▸ "


class PortTable(ScrollView, Styled, can_focus=True, inherit_bindings=False):
    """One heading line, then a row for every card and port; the cursor stands on ports."""

    @dataclass
    class Selected(Message):
        """The cursor moved to another port or column, or other rows are seen."""

        port: PortId | None

    class Opened(Message):
        """The selected port was chosen with the mouse."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.entries: list[Entry] = []
        self.port: PortId | None = None
        self.column: int | None = None
        """The column whose meaning is explained; None while nobody asked."""
        self._frame: Frame | None = None
        self._devices: object = None
        """What the rows were made of: in natural order nothing else can change them."""
        self._bits = True
        self._choices: object = None
        self._heat: HeatStates | None = None
        self._fitted = Size()
        """The size that all of this was made for."""
        self._shown: tuple[Column, ...] = ()
        self._painted: dict[int, Line] = {}
        self._cards: dict[int, tuple[object, Line]] = {}
        """Lines of cards with what they were made of."""
        self._place = 0

    # Data

    def show(self, state: State) -> None:
        """Show the state's frame: rows may come, go and move; the port stays selected."""
        frame, order = state.frame, state.order
        if frame is None:
            return
        choices = (state.bits, state.pattern, order)
        self._fit()
        if frame is self._frame and choices == self._choices:
            return  # only the cursor moved: its rows were refreshed when it did
        self._frame, self._bits, self._heat = frame, state.bits, state.heat
        self._choices = choices
        ports = [port.now.port for port in frame.ports.values()]
        devices = (state.pattern, order, frame.sample.adapters, ports)
        if order is not Order.NATURAL or devices != self._devices:
            self._devices = devices
            rows = entries(frame, state.pattern, order)
            if rows != self.entries:
                self.entries = rows
                self._cards.clear()
                self._place_cursor()
                self._measure()
                self.refresh(layout=True)
        self._paint()

    def _measure(self) -> None:
        width = self.scrollable_content_region.width
        self._shown = columns_of(self._frame, self.entries, max(1, width))
        self.virtual_size = Size(width, len(self.entries) + 1)
        self._painted.clear()

    def _place_cursor(self) -> None:
        """Keep the cursor on its port; where that is gone, on the one that took its place."""
        places = self._port_places()
        if not places:
            self.port = None
        elif self.port is None or all(self.entries[p].port != self.port for p in places):
            near = min(places, key=lambda place: abs(place - self._place))
            self.port = self.entries[near].port
        self._place = next((p for p in places if self.entries[p].port == self.port), 0)
        self.post_message(self.Selected(self.port))

    def _port_places(self) -> list[int]:
        return [place for place, entry in enumerate(self.entries) if entry.port is not None]

    # Painting

    def _visible(self) -> range:
        """Return the places of the entries on the screen, below the heading line."""
        first = round(self.scroll_offset.y)
        return range(first, min(len(self.entries), first + max(0, self._fitted.height - 1)))

    def _line(self, place: int, width: int) -> Line:
        entry = self.entries[place]
        if self._frame is None or (entry.port and entry.port not in self._frame.ports):
            return EMPTY
        if entry.port is None:
            return self._card(entry, width)
        line = entry_line(self._frame, entry, width, self._shown, bits=self._bits, heat=self._heat)
        if line and entry.port == self.port:
            return ((CURSOR, Role.ACCENT), (line[0][0][len(CURSOR) :], line[0][1]), *line[1:])
        return line

    def _card(self, entry: Entry, width: int) -> Line:
        """Return the line of a card, which is another one when its PCIe link is."""
        frame = self._frame
        if frame is None:
            return EMPTY
        made_of = (entry, frame.slots(entry.adapter) if entry.adapter else (), width)
        before, line = self._cards.get(id(entry), (None, EMPTY))
        if before != made_of:
            card = entry_line(frame, entry, max(1, width - 1), self._shown)
            line = crop(((" ", Role.TEXT), *card), width)
            self._cards[id(entry)] = made_of, line
        return line

    def _paint(self) -> None:
        """Draw the visible rows anew and refresh what differs from before."""
        first, width = round(self.scroll_offset.y), self._fitted.width
        before, self._painted = self._painted, {}
        for place in self._visible():
            line = self._painted[place] = self._line(place, width)
            old = before.get(place)
            where = difference(old, line) if old is not None else (0, width)
            if where is not None:
                self.repaint(Region(where[0], place - first + 1, where[1], 1))

    def line_at(self, y: int, columns: int) -> tuple[Line, bool]:
        if y == 0:
            return heading(self._shown), False
        place = y - 1 + round(self.scroll_offset.y)
        if place >= len(self.entries):
            return EMPTY, False
        line = self._painted.get(place)
        if line is None:
            line = self._painted[place] = self._line(place, columns)
        return line, self.entries[place].port is not None and place == self._place

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self.entries) + 1

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self.post_message(self.Selected(self.port))

    def on_resize(self) -> None:
        if self._fit():
            self.post_message(self.Selected(self.port))

    def _fit(self) -> bool:
        """Make everything fit the size; return whether that was another one."""
        if not self.size or self.size == self._fitted:
            return False  # hidden, or as before
        self._fitted = self.size
        self._measure()
        self._reveal()
        self.refresh()
        return True

    # Cursor

    def move(self, steps: int) -> None:
        """Move the cursor by so many ports."""
        places = self._port_places()
        if not places:
            return
        index = places.index(self._place) if self._place in places else 0
        self._select(places[max(0, min(len(places) - 1, index + steps))])

    def _select(self, place: int) -> None:
        if place == self._place and self.entries[place].port == self.port:
            return
        old, self._place = self._place, place
        self.port = self.entries[place].port
        for changed in (old, place):
            self._painted.pop(changed, None)
            self.repaint(Region(0, changed - round(self.scroll_offset.y) + 1, self.size.width, 1))
        self._reveal()
        self.post_message(self.Selected(self.port))

    def move_column(self, steps: int) -> None:
        """Move the explained column; from outside it starts at the first."""
        if self._shown:
            start = -1 if steps > 0 else len(self._shown)
            column = (start if self.column is None else self.column) + steps
            self.column = max(0, min(len(self._shown) - 1, column))
            self.post_message(self.Selected(self.port))

    def explained(self) -> Column | None:
        """Return the column that is asked about."""
        chosen = self.column is not None and self.column < len(self._shown)
        return self._shown[self.column or 0] if chosen else None

    def page(self) -> int:
        """Return the rows that fit on the screen."""
        return max(1, self.size.height - 2)

    def hidden(self) -> str:
        """Return which of the rows are on the screen, where not all are."""
        visible = self._visible()
        if len(visible) >= len(self.entries) or not visible:
            return ""
        return f"{visible.start + 1}–{visible.stop} of {len(self.entries)}"

    def _reveal(self) -> None:
        """Scroll so that the cursor is seen, with its card above it where that fits."""
        height = max(1, self.size.height - 1)
        top = round(self.scroll_offset.y)
        above = self._place - 1
        if above >= 0 and self.entries and self.entries[above].port is not None:
            above = self._place
        if above < top:
            self.scroll_to(y=max(0, above), animate=False)
        elif self._place >= top + height:
            self.scroll_to(y=self._place - height + 1, animate=False)

    # Mouse

    def on_click(self, event: events.Click) -> None:
        where = event.get_content_offset(self)
        place = -1 if where is None else where.y - 1 + round(self.scroll_offset.y)
        if where is None or where.y == 0 or place not in self._port_places():
            return
        port = self.entries[place].port
        self._select(place)
        for index in range(len(self._shown)):
            start, columns = span(self._shown, index)
            if start <= where.x < start + columns:
                self.column = index
        self.post_message(self.Selected(port))
        if event.chain == 2:
            self.post_message(self.Opened())
