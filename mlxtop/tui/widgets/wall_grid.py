"""Small charts of many ports side by side, on one scale and one time axis."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isnan, log, nan
from typing import TYPE_CHECKING, NamedTuple

from textual import events
from textual.message import Message

from mlxtop.model.identity import PortId
from mlxtop.present.cells import port_row
from mlxtop.present.text import Line, Role, Run, crop
from mlxtop.present.tile import tile_rates, tile_title
from mlxtop.tui.time_axis import TimeAxis, short_axis
from mlxtop.tui.widgets.canvas import DOTS_Y, Curve, draw, grid_lines
from mlxtop.tui.widgets.chart import flows_of
from mlxtop.tui.widgets.charts import Flows
from mlxtop.tui.widgets.sections import Scrolled
from mlxtop.tui.widgets.sparkline import LEAST_SCALE, SPAN_S, scale_title, steady_scale

if TYPE_CHECKING:
    from mlxtop.tui.state import State

LEAST_WIDTH, LEAST_HEIGHT = 24, 4
"""Columns and rows of a tile: a title, two rows of chart, the rates."""
BETWEEN = 1
"""Blank columns between tiles."""
_SHAPE = 3.0
"""Columns for each row of the tiles that look best."""
_AIRY = 7
"""Rows of a tile from which a blank one keeps it from the next."""


class Tiling(NamedTuple):
    """How many tiles stand side by side, and how large each of them is."""

    across: int
    width: int
    height: int


def tiling(count: int, columns: int, rows: int) -> Tiling:
    """Return the grid that shows so many tiles, all of them if it can, in the best shape.

    >>> tiling(12, 200, 54), tiling(12, 80, 20)
    (Tiling(across=4, width=49, height=18), Tiling(across=3, width=26, height=5))
    """
    most = max(1, (columns + BETWEEN) // (LEAST_WIDTH + BETWEEN))
    best, least = Tiling(most, (columns + BETWEEN) // most - BETWEEN, LEAST_HEIGHT), inf
    for across in range(1, min(most, max(1, count)) + 1):
        width = (columns + BETWEEN) // across - BETWEEN
        height = rows // max(1, -(-count // across))
        if height >= LEAST_HEIGHT and abs(log(width / height / _SHAPE)) < least:
            best, least = Tiling(across, width, height), abs(log(width / height / _SHAPE))
    return best._replace(width=max(1, best.width))


class WallGrid(Scrolled, inherit_bindings=False):
    """Tiles of ports; one of them is selected."""

    @dataclass
    class Selected(Message):
        """A tile was chosen with the mouse; `opened` where it was selected before."""

        port: PortId
        opened: bool

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.ports: list[PortId] = []
        self.scale = LEAST_SCALE
        """Bit/s of the full height."""
        self.span_s = SPAN_S
        """Seconds from the left to the right edge of a chart."""
        self._tiling = Tiling(1, LEAST_WIDTH, LEAST_HEIGHT)
        self._selected: PortId | None = None
        self._pictures: dict[PortId, tuple[object, list[Line]]] = {}

    # Drawing

    def show(self, state: State, ports: list[PortId], interval: float) -> None:
        """Show tiles of some ports in this order."""
        frame, readings = state.frame, state.readings(interval)
        if frame is None or readings is None or not self.display or not self.size:
            return
        self.ports, self._selected = ports, state.selected
        grid = self._tiling = tiling(len(ports), self.size.width, self.size.height)
        axis = short_axis(readings, frame.sample.tick, grid.width, SPAN_S)
        self.span_s = axis.span
        values = {port: flows_of(state, port, axis) for port in ports}
        highest = (v for rates in values.values() for way in rates for v in way if not isnan(v))
        self.scale = steady_scale(self.scale, max(highest, default=0.0))
        tiles = [self._tile(state, port, values[port], axis) for port in ports]
        lines: list[Line] = []
        for first in range(0, len(tiles), grid.across):
            lines += _beside(tiles[first : first + grid.across], self.size.width)
        self._pictures = {port: self._pictures[port] for port in ports}
        self.show_lines(lines)

    def _tile(self, state: State, port: PortId, rates: Flows, axis: TimeAxis) -> list[Line]:
        """Return the lines of one port."""
        _, width, height = self._tiling
        airy = height >= _AIRY
        frame = state.frame
        assert frame is not None
        row = port_row(frame, port, state.row_context)
        made_of = (axis, width, height, self.scale, state.ascii)
        before, picture = self._pictures.get(port, (None, []))
        if before != made_of:
            rows = max(1, height - 2 - airy)
            picture = _picture(rates, self.scale, (width, rows), state.ascii)
            self._pictures[port] = made_of, picture
        title = tile_title(row, width, port == state.selected)
        blank: list[Line] = [((" " * width, Role.TEXT),)] * airy
        return [title, *picture, tile_rates(row, width), *blank]

    def note(self, bits: bool) -> str:
        """Return the span and the scale of the charts: `last 96 s, 0–400G`."""
        return f"last {self.span_s:.0f} s, {scale_title(self.scale, bits)}"

    # Cursor

    def moved(self, across: int, down: int) -> PortId | None:
        """Return the port of the tile that is so many to the right and below."""
        if not self.ports:
            return None
        place = self.ports.index(self._selected) if self._selected in self.ports else 0
        steps = across + down * self._tiling.across
        return self.ports[max(0, min(len(self.ports) - 1, place + steps))]

    @property
    def rows(self) -> int:
        """Return how many rows of tiles are seen whole, one at least."""
        return max(1, self.size.height // self._tiling.height)

    def show_port(self, port: PortId) -> None:
        """Scroll so that the whole tile of a port is seen."""
        if port not in self.ports:
            return
        height = self._tiling.height
        start = self.ports.index(port) // self._tiling.across * height
        top, room = round(self.scroll_offset.y), self.size.height
        if start < top:
            self.scroll_to(y=start, animate=False)
        elif start + height > top + room:
            self.scroll_to(y=start + height - room, animate=False)

    def on_click(self, event: events.Click) -> None:
        where = event.get_content_offset(self)
        if where is None:
            return
        grid = self._tiling
        across = min(grid.across - 1, where.x // (grid.width + BETWEEN))
        place = (where.y + round(self.scroll_offset.y)) // grid.height * grid.across + across
        if place < len(self.ports):
            port = self.ports[place]
            self.post_message(self.Selected(port, port == self._selected))


def _picture(rates: Flows, scale: float, size: tuple[int, int], ascii_only: bool) -> list[Line]:
    """Return received as an area and sent as a line over it, both upwards."""
    columns, rows = size
    dots = rows * DOTS_Y - 1
    rx, tx = ([nan if isnan(v) else v / scale * dots for v in way] for way in rates)
    curves = (Curve(Role.RX, rx, filled=True, body=Role.RX_AREA), Curve(Role.TX, tx))
    lines = grid_lines(draw(curves, columns, rows, ascii_only), {})
    return [line[1:] for line in lines]


def _beside(tiles: list[list[Line]], columns: int) -> list[Line]:
    """Return tiles side by side in lines of exactly so many columns."""
    gap: Run = (" " * BETWEEN, Role.TEXT)
    return [
        crop(tuple(run for part in parts for run in (*part, gap))[:-1], columns)
        for parts in zip(*tiles, strict=True)
    ]
