"""The table of adapters and ports: fixed columns, and only rows that changed are painted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView

from mlxtop.model.frame import Frame
from mlxtop.model.identity import PortId
from mlxtop.present.card_rows import news
from mlxtop.present.cells import RowContext
from mlxtop.present.columns import Column, heading, layout, span
from mlxtop.present.order import Order, next_order, titles_of
from mlxtop.present.overview import Entry, entries, entry_line
from mlxtop.present.text import EMPTY, Line, Role, crop
from mlxtop.tui.state import State
from mlxtop.tui.widgets.lines import Styled, difference
from mlxtop.tui.widgets.sparkline import Sparklines


class Block(NamedTuple):
    """The part of the table that is of one machine."""

    host: str
    """Empty where there is only one."""
    state: State
    title: Line = ()
    """The line above its cards and ports; nothing where there is only one machine."""
    stale: bool = False
    """Its values are old."""


CURSOR = "▸ "
_RIGHT = 1
"""Columns that stay empty before the frame."""


class PortTable(ScrollView, Styled, can_focus=True, inherit_bindings=False):
    """One heading line, then a row for every card and port; the cursor stands on ports."""

    @dataclass
    class Selected(Message):
        """The cursor moved to another port or column, or other rows are seen."""

        port: PortId | None
        host: str = ""
        """The machine, where there are several."""

    class Opened(Message):
        """The selected port was chosen with the mouse."""

    @dataclass
    class Sorted(Message):
        """The heading of a column was chosen with the mouse."""

        by: str

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.entries: list[Entry] = []
        self.port: PortId | None = None
        self.host = ""
        """The machine of that port, where there are several."""
        self._left: PortId | None = None
        """The port that was selected when the last row went."""
        self.column: int | None = None
        """The column whose meaning is explained; None while nobody asked."""
        self._blocks: dict[str, Block] = {}
        self._frames: dict[str, Frame] = {}
        self._devices: object = None
        """What the rows were made of: in natural order nothing else can change them."""
        self._contexts: dict[str, RowContext] = {}
        self._choices: object = None
        self._order = Order()
        self._sparks = Sparklines()
        self._fitted = Size()
        """The size that all of this was made for."""
        self._shown: tuple[Column, ...] = ()
        self._chosen: tuple[str, ...] = ()
        self._heading: Line = EMPTY
        self._painted: dict[int, Line] = {}
        self._place = 0

    # Data

    def show(self, state: State, interval: float, blocks: Sequence[Block] = ()) -> None:
        """Show the frames of these machines, else the state's: the port stays selected.

        `state` has what the person has chosen.
        """
        self._blocks = {one.host: one for one in blocks or (Block("", state),)}
        order = state.order
        choices = (state.bits, state.pattern, order, state.columns, self.column)
        self._fit()
        frames = {h: b.state.frame for h, b in self._blocks.items() if b.state.frame is not None}
        same = all(frames[h] is self._frames.get(h) for h in frames)
        if not frames or (same and choices == self._choices and not blocks):
            return  # only the cursor moved: its rows were refreshed when it did
        columns_changed = (state.columns, self.column) != (self._choices or choices)[3:]  # type: ignore[index]
        self._frames, self._order, self._choices = frames, order, choices
        for host in frames:
            context = self._blocks[host].state.row_context
            self._contexts[host] = context._replace(curve=self._sparks.of(host))
        devices = (state.pattern, order, [self._devices_of(host) for host in self._blocks])
        if order.by or devices != self._devices:
            self._devices = devices
            rows = self._rows(state)
            if rows != self.entries:
                self.entries = rows
                self._place_cursor()
                columns_changed = True
                self.refresh(layout=True)
        self._chosen = state.columns
        if columns_changed:
            self._measure()
        self._draw_curves(state, interval)
        self._paint()

    def _devices_of(self, host: str) -> object:
        """Return what the rows of a machine are made of in natural order."""
        frame = self._frames.get(host)
        if frame is None:
            return host
        cards = frame.sample.adapters
        ports = [port.now.port for port in frame.ports.values()]
        return host, cards, ports, [(card, list(news(frame, card))) for card in cards]

    def _rows(self, state: State) -> list[Entry]:
        """Return the rows of all machines, below each other."""
        rows: list[Entry] = []
        for host, block in self._blocks.items():
            if block.title:
                rows.append(Entry(title=host, host=host))
            if host in self._frames:
                own = entries(self._frames[host], state.pattern, state.order, self._contexts[host])
                rows += [entry._replace(host=host) for entry in own] if host else own
        return rows

    def _draw_curves(self, state: State, interval: float) -> None:
        """Take the curves of the ports from the history, and their scale into the heading."""
        columns = max((c.width for c in self._shown if c.id.endswith("-curve")), default=0)
        if columns:
            ports: dict[str, list[PortId]] = {}
            several = len(self._blocks) > 1  # too many for all of them, every second
            for place in self._visible() if several else range(len(self.entries)):
                entry = self.entries[place]
                if entry.port is not None:
                    ports.setdefault(entry.host, []).append(entry.port)
            rows = [(host, self._blocks[host].state, ports[host]) for host in ports]
            self._sparks.prepare(rows, columns, interval)
        note = self._sparks.note(state.bits, columns)
        titles = titles_of(self._shown, self._order, note, self.column)
        before, self._heading = self._heading, titles
        if before != self._heading:
            self.repaint(Region(0, 0, self.size.width, 1))

    def _measure(self) -> None:
        width = self.scrollable_content_region.width
        columns = max(1, width - _RIGHT)
        names = (
            len(frame.ports[entry.port].now.port.name)
            for entry in self.entries
            if entry.port and (frame := self._frames.get(entry.host)) and entry.port in frame.ports
        )
        self._shown = layout(columns, max(names, default=0), self._chosen)
        self.virtual_size = Size(width, len(self.entries) + 1)
        self._painted.clear()
        self.refresh()

    def _place_cursor(self) -> None:
        """Keep the cursor on its port; where that is gone, on the one that took its place."""
        places = self._port_places()
        if self.port is None and self._left is not None:
            self.port, self._left = self._left, None
        if not places:
            self.port, self._left = None, self.port
        elif self.port is None or not any(map(self._is_cursor, places)):
            near = min(places, key=lambda place: abs(place - self._place))
            self.port, self.host = self.entries[near].port, self.entries[near].host
        self._place = next(filter(self._is_cursor, places), 0)
        self._tell()

    def _is_cursor(self, place: int) -> bool:
        entry = self.entries[place]
        return (entry.port, entry.host) == (self.port, self.host)

    def _port_places(self) -> list[int]:
        return [place for place, entry in enumerate(self.entries) if entry.port is not None]

    # Painting

    def _visible(self) -> range:
        """Return the places of the entries on the screen, below the heading line."""
        first = round(self.scroll_offset.y)
        return range(first, min(len(self.entries), first + max(0, self._fitted.height - 1)))

    def _line(self, place: int, width: int) -> Line:
        entry = self.entries[place]
        frame = self._frames.get(entry.host)
        if entry.port is None and entry.adapter is None and entry.title == entry.host != "":
            return crop(self._blocks[entry.host].title, width)
        if frame is None or (entry.port and entry.port not in frame.ports):
            return EMPTY
        if entry.port is None:
            card = entry_line(frame, entry, max(1, width - 1), self._shown)
            return crop(((" ", Role.TEXT), *card), width)
        here = self._is_cursor(place)
        explained = self.column if here else None
        context = self._contexts[entry.host]
        line = entry_line(frame, entry, width, self._shown, context, explained=explained)
        if self._blocks[entry.host].stale:
            line = tuple((text, Role.FAINT) for text, _ in line)
        if line and here:
            first, role = line[0]
            return ((CURSOR, Role.ACCENT), (first[len(CURSOR) :], role), *line[1:])
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
            return self._heading or heading(self._shown), False
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
        self._tell()

    def on_resize(self) -> None:
        if self._fit():
            self._tell()

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
        if place == self._place and self._is_cursor(place):
            return
        old, self._place = self._place, place
        self.port, self.host = self.entries[place].port, self.entries[place].host
        for changed in (old, place):
            self._painted.pop(changed, None)
            self.repaint(Region(0, changed - round(self.scroll_offset.y) + 1, self.size.width, 1))
        self._reveal()
        self._tell()

    def _tell(self) -> None:
        self.post_message(self.Selected(self.port, self.host))

    def choose(self, port: PortId, host: str = "") -> None:
        """Put the cursor on a port."""
        for place in self._port_places():
            if (self.entries[place].port, self.entries[place].host) == (port, host):
                self._select(place)

    def move_column(self, steps: int) -> None:
        """Move the explained column; from outside it starts at the first."""
        if self._shown:
            start = -1 if steps > 0 else len(self._shown)
            column = (start if self.column is None else self.column) + steps
            self.column = max(0, min(len(self._shown) - 1, column))
            self._tell()

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

    def column_ids(self) -> tuple[str, ...]:
        """Return the ids of the columns on the screen."""
        return tuple(column.id for column in self._shown)

    def next_order(self, steps: int) -> Order:
        """Return the order by the next column of those that are shown."""
        return next_order(self._order, self._shown, steps)

    # Mouse

    def on_click(self, event: events.Click) -> None:
        """Select a port, or sort by the column whose heading was clicked."""
        where = event.get_content_offset(self)
        if where is None:
            return
        if where.y == 0:
            self._sort_at(where.x)
            return
        place = where.y - 1 + round(self.scroll_offset.y)
        if place not in self._port_places():
            return
        self._select(place)
        if event.chain == 2:
            self.post_message(self.Opened())

    def _sort_at(self, x: int) -> None:
        for index, column in enumerate(self._shown):
            start, columns = span(self._shown, index)
            if column.value is not None and start <= x < start + columns:
                self.post_message(self.Sorted(column.id))
