"""All ports as small charts, the sickest first."""

from __future__ import annotations

from itertools import takewhile

from textual import on
from textual.app import ComposeResult

from mlxtop.model.identity import PortId
from mlxtop.present.order import sickest_first, sickness
from mlxtop.present.overview import entries
from mlxtop.present.text import Line, Role, clean
from mlxtop.tui.commands import Scope, bindings
from mlxtop.tui.screens.base import WatchScreen
from mlxtop.tui.state import State
from mlxtop.tui.widgets.lines import Lines
from mlxtop.tui.widgets.wall_grid import WallGrid


def wall_ports(state: State) -> list[PortId]:
    """Return the ports that the filter keeps, the sickest first."""
    if state.frame is None:
        return []
    rows = entries(state.frame, state.pattern)
    ports = [row.port for row in rows if row.port is not None]
    return sickest_first(state.frame, ports, state.row_context)


class Wall(WatchScreen):
    """A grid of all ports."""

    SCOPE = Scope.WALL
    LEADS_HERE = "wall"
    BINDINGS = bindings(Scope.WALL)

    def __init__(self) -> None:
        super().__init__()
        self.caption, self.grid = Lines(id="caption"), WallGrid(id="wall")

    def body(self) -> ComposeResult:
        yield from (self.caption, self.grid)

    def draw(self) -> None:
        super().draw()
        app = self.watch_app
        ports = wall_ports(app.state)
        if app.state.selected not in ports and ports:
            app.state.select(ports[0])
        self.grid.show(app.state, ports, app.source.interval)
        self.caption.show([self._caption(ports)])

    def _caption(self, ports: list[PortId]) -> Line:
        """Return what the charts show, and how many ports are sick."""
        state, grid = self.watch_app.state, self.grid
        frame = state.frame
        if frame is None or not ports:
            text = f" no port matches “{state.pattern}”" if state.pattern else " no port"
            return ((text, Role.WARNING),)
        context = state.row_context
        worse = takewhile(lambda port: sickness(frame, port, context) > 0, ports)
        sick = sum(1 for _ in worse)  # they stand first
        of = f" of {clean(self.watch_app.machine)}" if self.watch_app.machine else ""
        health = (f"{sick} of {len(ports)} ports{of} in trouble", Role.WARNING)
        if not sick:
            health = f"no port{of} in trouble", Role.GOOD
        return (
            (" ", Role.TEXT),
            health,
            (f"  ·  {grid.note(state.bits)}: ", Role.DIM),
            ("█ RX", Role.RX),
            ("  ", Role.DIM),
            ("━ TX", Role.TX),
        )

    # Commands

    def action_move(self, across: int, down: int) -> None:
        port = self.grid.moved(across, down)
        if port is not None:
            self.watch_app.state.select(port)
            self.grid.show_port(port)
            self.show_frame()

    def action_leap(self, pages: int) -> None:
        self.action_move(0, pages * self.grid.rows)

    def action_details(self, page: str = "") -> None:
        from mlxtop.tui.screens.pages import Detail

        if self.watch_app.state.selected is not None:
            self.app.push_screen(Detail(page))

    @on(WallGrid.Selected)
    def _chosen(self, event: WallGrid.Selected) -> None:
        self.watch_app.state.select(event.port)
        if event.opened:
            self.action_details()
        self.show_frame()
