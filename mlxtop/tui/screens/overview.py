"""The first screen: all cards and ports, and the charts of the selected one."""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.widgets import Input

from mlxtop.analysis.fields import why_empty
from mlxtop.analysis.port_view import port_view
from mlxtop.model.frame import Frame
from mlxtop.present.ceiling import ceiling_lines
from mlxtop.present.overview import Order
from mlxtop.present.text import Line, Role, wrap
from mlxtop.tui.commands import Scope, bindings
from mlxtop.tui.screens.base import WatchScreen
from mlxtop.tui.widgets.bars import Clickable, Header
from mlxtop.tui.widgets.chart import Chart, TemperatureChart, ThroughputChart
from mlxtop.tui.widgets.lines import Lines
from mlxtop.tui.widgets.port_table import PortTable
from mlxtop.tui.widgets.sections import Sections, prose_width

_FIXED = 4
"""Rows of header, hint and keys."""
_LEAST_CHARTS = 10


class Overview(WatchScreen):
    """Cards, ports and charts."""

    AUTO_FOCUS = "#ports"
    SCOPE = Scope.OVERVIEW
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(Scope.OVERVIEW)]

    def compose(self) -> ComposeResult:
        """Header, table, hint, charts, filter, keys."""
        yield Header(id="header")
        table = PortTable(id="ports")
        table.add_class("box")
        yield table
        yield Lines(id="hint")
        with Container(id="charts"):
            for chart in (ThroughputChart(id="throughput"), TemperatureChart(id="temperature")):
                chart.border_title = (chart.id or "").capitalize()
                yield chart
        yield Sections(id="about")
        yield Clickable(id="keys")

    _filter: Input | None = None
    """Where the filter is typed: made when the first is wanted."""

    @cached_property
    def table(self) -> PortTable:
        """Cards and ports."""
        return self.query_one(PortTable)

    @cached_property
    def hint(self) -> Lines:
        """What limits the port, or what a cell means."""
        return self.query_one("#hint", Lines)

    @cached_property
    def charts(self) -> list[Chart]:
        """Throughput and temperature."""
        return list(self.query(Chart))

    @cached_property
    def about(self) -> Sections:
        """The pages of the port in short."""
        return self.query_one("#about", Sections)

    # Drawing

    def draw(self) -> None:
        """Table, hint and charts of the newest frame."""
        super().draw()
        state = self.watch_app.state
        if state.frame is None:
            self._show_hint([((f" looking at {self.watch_app.source.label} …", Role.DIM),)])
            return
        table = self.table
        rows = len(table.entries)
        table.show(state)
        state.select(table.port)
        if rows != len(table.entries):
            self._share_height()
        self._title(table)
        cold = not any(port.now.temperatures for port in state.frame.ports.values())
        self.set_class(cold, "-cold")
        self._draw_hint(state.frame, table)
        if self.watch_app.answering:
            self.call_after_refresh(self._draw_more)
        else:
            self._draw_more()

    def _draw_more(self) -> None:
        """Charts and boxes; after a key they come when the table is on the terminal already."""
        with self.at_once():
            for chart in self.charts:
                chart.update(self.watch_app.state, self.watch_app.source.interval)
            self._draw_about()

    def on_resize(self) -> None:
        """The table leaves room for the charts."""
        self._share_height()

    def _share_height(self) -> None:
        table = self.table
        room = self.size.height - _FIXED
        charts = max(_LEAST_CHARTS, room // 2)
        table.styles.max_height = max(4, room - charts) if self.size.height >= 18 else None

    def _title(self, table: PortTable) -> None:
        state = self.watch_app.state
        parts = ["Ports"]
        if state.order is not Order.NATURAL:
            parts.append(f"by {state.order}")
        if state.pattern:
            parts.append(f"matching {state.pattern}")
        title = " · ".join(parts)
        if table.border_title != title:
            table.border_title = title
        hidden = table.hidden()
        if table.border_subtitle != hidden:
            table.border_subtitle = hidden

    def _draw_hint(self, frame: Frame, table: PortTable) -> None:
        """The ceiling of the selected port, or what the chosen cell means."""
        hint = self.hint
        width = max(10, hint.size.width)
        port = table.port
        if port is None or port not in frame.ports:
            self._show_hint(self._nothing(width))
            return
        column = table.explained()
        if column is not None:
            reason = why_empty(port_view(frame, port)).get(column.field, "")
            name = column.title or "bar"
            self._show_hint(_explanation(name, column.help, reason, width))
            return
        ceiling = port_view(frame, port).ceiling
        self._show_hint(ceiling_lines(ceiling, width))

    def _draw_about(self) -> None:
        """On large screens: the most of the pages of the selected port."""
        about = self.about
        if not about.display:
            return
        from mlxtop.present.pages import summary

        view = self.watch_app.state.view(prose_width(about.size.width))
        if view is not None:
            about.show(summary(view))

    def _show_hint(self, lines: list[Line]) -> None:
        self.hint.show(lines)

    def _nothing(self, width: int) -> list[Line]:
        state = self.watch_app.state
        if state.pattern:
            text = f"No port matches “{state.pattern}”. Esc shows all of them."
        elif state.frame is not None and "ports" in state.frame.sample.absent:
            text = f"{state.frame.sample.absent['ports']}."
        else:
            text = (
                "No ConnectX adapter found: no network card of PCI vendor 15b3. "
                "mlxtop --all shows every network device; mlxtop --demo shows a simulated machine."
            )
        return [((line, Role.WARNING),) for line in wrap(text, width)]

    # Commands

    def action_details(self) -> None:
        """Open the pages of the selected port."""
        from mlxtop.tui.screens.detail import Detail

        if self.watch_app.state.selected is not None:
            self.app.push_screen(Detail())

    def action_move(self, steps: int) -> None:
        """Move the cursor by rows."""
        with self.at_once():
            self.table.move(steps)

    def action_leap(self, pages: int) -> None:
        """Move the cursor by screens of rows."""
        table = self.table
        with self.at_once():
            table.move(pages * table.page())

    def action_column(self, steps: int) -> None:
        """Explain the next cell."""
        self.table.move_column(steps)

    def action_sort(self) -> None:
        """The next order."""
        state = self.watch_app.state
        orders = list(Order)
        state.order = orders[(orders.index(state.order) + 1) % len(orders)]
        self.show_frame()

    def action_maximise(self) -> None:
        """Give the charts the whole screen, or take it back."""
        self.toggle_class("-maximised")
        self.call_after_refresh(self.show_frame)

    def action_filter(self) -> None:
        """Ask for a filter."""
        self.add_class("-filtering")
        if self._filter is None:
            hint = "part of a name, or a glob"
            self._filter = Input(id="filter", placeholder=hint, compact=True)
            self.mount(self._filter, before="#keys")
        self._filter.focus()

    def retreat(self) -> bool:
        """Undo the last of filter, explained cell and maximised chart; False if there is none."""
        table, state = self.table, self.watch_app.state
        if self.has_class("-filtering") or state.pattern:
            self.remove_class("-filtering")
            state.pattern = ""
            if self._filter is not None:
                self._filter.value = ""
            table.focus()
        elif table.column is not None:
            table.column = None
        elif self.has_class("-maximised"):
            self.remove_class("-maximised")
        else:
            return False
        self.call_after_refresh(self.show_frame)
        return True

    # Events

    @on(Input.Changed, "#filter")
    def _filtered(self, event: Input.Changed) -> None:
        self.watch_app.state.pattern = event.value.strip()
        self.show_frame()

    @on(Input.Submitted, "#filter")
    def _filter_done(self) -> None:
        self.remove_class("-filtering")
        self.table.focus()

    @on(PortTable.Selected)
    def _selected(self, event: PortTable.Selected) -> None:
        if event.port == self.table.port:
            self.watch_app.state.select(event.port)
            self.show_frame()

    @on(PortTable.Opened)
    def _opened(self, event: PortTable.Opened) -> None:
        self.action_details()


def _explanation(name: str, meaning: str, reason: str, width: int) -> list[Line]:
    lines: list[Line] = [((f"{name}: ", Role.ACCENT), (meaning, Role.TEXT))]
    if reason:
        lines.extend(((line, Role.WARNING),) for line in wrap(f"– {reason}", width))
    return lines[:2]
