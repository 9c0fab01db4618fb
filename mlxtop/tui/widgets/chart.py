"""The widgets of the charts: they draw anew when a dot of time is complete, never more often."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events
from textual.message import Message
from textual.widget import Widget

from mlxtop.analysis.port_view import PortView, port_view
from mlxtop.model.identity import PortId
from mlxtop.present import units
from mlxtop.present.text import Line, Role, Run, clean, line_width, to_ascii
from mlxtop.tui.commands import Scope, bindings
from mlxtop.tui.state import State
from mlxtop.tui.time_axis import TimeAxis
from mlxtop.tui.widgets import charts
from mlxtop.tui.widgets.canvas import GUTTER, resampled, with_cursor
from mlxtop.tui.widgets.charts import Flows, Rule, Size
from mlxtop.tui.widgets.lines import Lines
from mlxtop.watch.watch import RX, TX

if TYPE_CHECKING:
    from mlxtop.tui.app import MlxtopApp

SPACE: Run = ("  ", Role.DIM)
_AGAIN_S = 5.0
"""Seconds after which a picture is drawn anew even if a dot stands for more."""


class Chart(Lines, can_focus=True):
    """A legend with the numbers of now, and a picture below it."""

    BINDINGS = bindings(Scope.CHART)
    NAME: ClassVar[str]
    """In the title, before the port."""
    SOON_S: ClassVar[float] = 0.25
    """Seconds before which the picture is not drawn anew."""

    @dataclass
    class Pointed(Message):
        """An instant of the picture was chosen with the mouse."""

        tick: float

    class Resized(Message):
        """There is another room for the picture."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id, classes="box")
        self.scale_width = GUTTER
        """Columns left of the picture, of its scale or the names of its lanes."""
        self._drawn: object = None
        self._axis: TimeAxis | None = None
        self._picture: list[Line] = []

    @property
    def seen(self) -> bool:
        """Return whether there is room for it on its screen."""
        around = self.parent
        shown = not isinstance(around, Widget) or around.display
        return bool(self.display and shown and self.size.width and self.size.height)

    def columns(self) -> int:
        """Return the columns that there is room for in the past."""
        return charts.plot_columns(self.size.width)

    def update(self, state: State, axis: TimeAxis | None) -> None:
        """Show the newest state; cheap unless a dot of time has passed."""
        frame, port, self._axis = state.frame, state.selected, axis
        width, height = self.size
        if not width or not height:
            return
        if frame is None or port is None or port not in frame.ports or axis is None:
            self.show([])
            return
        view, room = port_view(frame, port), (width, height - 1)
        title = f"{self.NAME} · {clean(view.now.now.port.name)}"
        title = to_ascii(title) if state.ascii else title
        if self.border_title != title:
            self.border_title = title
        still = axis._replace(cursor=None)
        drawn = (port, still, room, self._age(state, axis), self._key(state, view))
        if drawn != self._drawn:
            self._drawn = drawn
            enough = room[1] >= charts.LEAST_ROWS
            self._picture = self._draw(state, view, axis, room) if enough else []
        picture, column = self._picture, axis.cursor_column
        if column is not None:
            picture = with_cursor(picture, column)
        self.show([self._legend(state, view, width), *picture])

    def _age(self, state: State, axis: TimeAxis) -> object:
        """Return what changes when the newest readings are to be drawn."""
        if axis.frozen or state.newest is None:
            return None
        tick = state.newest.sample.tick
        if axis.dot_s < self.SOON_S:
            return tick // self.SOON_S
        return axis.dot(tick), tick // _AGAIN_S

    @property
    def moves(self) -> bool:
        """Return whether more readings will come."""
        return cast("MlxtopApp", self.app).source.kind.has_rates

    def nothing_yet(self) -> str:
        """Return what stands in place of curves without a point."""
        return "the first points come soon" if self.moves else "a capture is one instant"

    def on_resize(self) -> None:
        self.post_message(self.Resized())

    def on_click(self, event: events.Click) -> None:
        where = event.get_content_offset(self)
        column = -1 if where is None else where.x - self.scale_width
        if self._axis is not None and 0 <= column < self._axis.columns:
            self.post_message(self.Pointed(self._axis.middle(column)))

    def _key(self, state: State, view: PortView) -> object:
        """Return what else the picture depends on."""
        raise NotImplementedError

    def _legend(self, state: State, view: PortView, width: int) -> Line:
        raise NotImplementedError

    def _draw(self, state: State, view: PortView, axis: TimeAxis, room: Size) -> list[Line]:
        raise NotImplementedError


def edge_of(state: State, axis: TimeAxis) -> str:
    """Return what stands at the right edge: `now`, or the time where a picture stands."""
    return state.clock().time(axis.end) if axis.frozen else "now"


def flows_of(state: State, port: PortId, axis: TimeAxis) -> Flows:
    """Return what a port carried."""
    history = state.watch.history
    return Flows(*(resampled(history.series(port, name), axis) for name in (RX, TX)))


class ThroughputChart(Chart):
    """Received and sent over time, against what the port can carry."""

    NAME = "Throughput"

    def _key(self, state: State, view: PortView) -> object:
        return view.capacity, state.bits

    def _legend(self, state: State, view: PortView, width: int) -> Line:
        flow, carries, highs = view.throughput, view.capacity, state.watch.highs.get(view.id, {})
        rx: Line = (("RX ", Role.RX), (units.rate(flow.rx_bps, state.bits), Role.STRONG), SPACE)
        tx: Line = (("TX ", Role.TX), (units.rate(flow.tx_bps, state.bits), Role.STRONG), SPACE)
        rx_high, tx_high = (
            ((f"high {units.rate(highs.get(name), state.bits)}", Role.DIM), SPACE)
            for name in (RX, TX)
        )
        right: Line = ()
        if carries is not None and width >= 50:
            role = Role.DIM if carries.by == "link" else Role.WARNING
            right = ((f"{carries.by} {units.rate(carries.bps, state.bits).strip()}", role),)
        if self.screen.has_class("-maximised") and not self.styles.border_top[0]:
            right, rx = (), ((f"{clean(view.now.now.port.name)}  ", Role.STRONG), *rx)
        if line_width((*rx, *tx, *rx_high, *tx_high)) <= width - line_width(right):
            return charts.legend((rx, rx_high, tx, tx_high), right, width)
        return charts.legend((rx, tx), right, width)

    def _draw(self, state: State, view: PortView, axis: TimeAxis, room: Size) -> list[Line]:
        flows = flows_of(state, view.id, axis)
        if all(map(isnan, (*flows.rx, *flows.tx))):
            return charts.waiting(room, self.nothing_yet())
        carries, limit = view.capacity, None
        if carries is not None and carries.by == "link":
            limit = Rule(carries.bps, "line rate", Role.DIM)
        elif carries is not None:
            limit = Rule(carries.bps, f"{carries.by} limit", Role.WARNING)
        edge, bits, plain = edge_of(state, axis), state.bits, state.ascii
        return charts.throughput_lines(
            flows, axis, room, edge=edge, limit=limit, bits=bits, ascii_only=plain
        )
