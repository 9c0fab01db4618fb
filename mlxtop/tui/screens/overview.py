"""The first screen: all cards and ports, and the charts of the selected one."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.widget import Widget
from textual.widgets import Input

from mlxtop.analysis.fields import why_empty
from mlxtop.analysis.port_view import port_view
from mlxtop.model.frame import Frame
from mlxtop.present.ceiling import ceiling_lines
from mlxtop.present.overview import Order
from mlxtop.present.text import Line, Role
from mlxtop.present.view import prose
from mlxtop.tui.commands import Scope, bindings
from mlxtop.tui.screens.charted import ChartScreen
from mlxtop.tui.widgets.chart import Chart, ThroughputChart
from mlxtop.tui.widgets.heat_chart import TemperatureChart
from mlxtop.tui.widgets.lines import Lines
from mlxtop.tui.widgets.port_table import PortTable
from mlxtop.tui.widgets.sections import Sections

_FIXED = 4
"""Rows of header, hint and keys."""
_LEAST_CHARTS = 10
_AROUND = 3
"""Rows of the table besides its entries: its headings and its frame."""
_LEAST_ROOMY = 5
"""Rows that a short table leaves from which on charts are shown below it."""


class Overview(ChartScreen):
    """Cards, ports and charts."""

    AUTO_FOCUS = "#ports"
    SCOPE = Scope.OVERVIEW
    BINDINGS = bindings(Scope.OVERVIEW)
    _filter: Input | None = None
    """Where the filter is typed: made when the first is wanted."""
    _had_ribbon = False

    def __init__(self) -> None:
        super().__init__()
        self.table, self.hint = PortTable(id="ports"), Lines(id="hint")
        self.charts = (ThroughputChart(id="throughput"), TemperatureChart(id="temperature"))
        self.about = Sections(id="about")

    def body(self) -> ComposeResult:
        self.table.add_class("box")
        yield from (self.table, self.hint)
        with Container(id="charts"):
            yield from self.charts
        yield self.about

    # Drawing

    def draw(self) -> None:
        super().draw()
        state = self.watch_app.state
        if state.frame is None:
            self.hint.show([((f" looking at {self.watch_app.source.label} …", Role.DIM),)])
            return
        table = self.table
        rows = len(table.entries), self.ribbon.display
        table.show(state)
        state.select(table.port)
        if rows != (len(table.entries), self._had_ribbon):
            self._had_ribbon = self.ribbon.display
            self.on_resize()
        self._title(table)
        cold = not any(port.now.temperatures for port in state.frame.ports.values())
        self.set_class(cold, "-cold")
        self._draw_hint(state.frame, table)
        if self.watch_app.answering:
            self.draw_after_key()
        else:
            self.draw_slow()

    def draw_slow(self) -> None:
        with self.at_once():
            self.draw_charts()
            self._draw_about()

    def shown_charts(self) -> Sequence[Chart]:
        return [chart for chart in self.charts if chart.seen]

    def home(self) -> Widget:
        return self.table

    def on_resize(self) -> None:
        room = self.size.height - _FIXED - self.ribbon.display
        charts = max(_LEAST_CHARTS, room // 2)
        self.table.styles.max_height = max(4, room - charts) if self.size.height >= 18 else None
        needed = len(self.table.entries) + _AROUND
        self.set_class(room - needed >= _LEAST_ROOMY, "-roomy")

    def _title(self, table: PortTable) -> None:
        state = self.watch_app.state
        by = "" if state.order is Order.NATURAL else f" · by {state.order}"
        matching = f" · matching {state.pattern}" if state.pattern else ""
        title, hidden = f"Ports{by}{matching}", table.hidden()
        if (table.border_title, table.border_subtitle) != (title, hidden):
            table.border_title, table.border_subtitle = title, hidden

    def _draw_hint(self, frame: Frame, table: PortTable) -> None:
        """Show the ceiling of the selected port, or what the chosen cell means."""
        width = max(10, self.hint.size.width)
        if table.port is None or table.port not in frame.ports:
            self.hint.show(self._nothing(width))
            return
        view, column = port_view(frame, table.port), table.explained()
        reading = self.reading_lines(width)
        self.set_class(bool(reading), "-reading")
        if reading:
            self.hint.show(reading)
        elif column is None:
            self.hint.show(ceiling_lines(view.ceiling, width))
        else:
            name, reason = column.title or "bar", why_empty(view).get(column.field)
            meaning: Line = ((f"{name}: ", Role.ACCENT), (column.help, Role.TEXT))
            because = prose(f"– {reason}", width, Role.WARNING) if reason else []
            self.hint.show([meaning, *because[:1]])

    def _draw_about(self) -> None:
        """Show the most of the pages of the selected port, on large screens."""
        view = self.watch_app.state.view(0)
        if self.about.display and view is not None:
            from mlxtop.present.pages import summary

            self.about.show_built(lambda columns: summary(view._replace(columns=columns)))

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
        return prose(text, width, Role.WARNING)

    # Commands

    def action_details(self) -> None:
        from mlxtop.tui.screens.pages import Detail

        if self.watch_app.state.selected is not None:
            self.app.push_screen(Detail())

    def action_move(self, steps: int) -> None:
        with self.at_once():
            self.table.move(steps)

    def action_leap(self, pages: int) -> None:
        table = self.table
        with self.at_once():
            table.move(pages * table.page())

    def action_column(self, steps: int) -> None:
        self.table.move_column(steps)

    def action_sort(self) -> None:
        state = self.watch_app.state
        orders = list(Order)
        state.order = orders[(orders.index(state.order) + 1) % len(orders)]
        self.show_frame()

    def action_maximise(self) -> None:
        self.toggle_class("-maximised")
        self.call_after_refresh(self.show_frame)

    def action_filter(self) -> None:
        self.add_class("-filtering")
        if self._filter is None:
            hint = "part of a name, or a glob"
            self._filter = Input(id="filter", placeholder=hint, compact=True)
            self.mount(self._filter, before="#keys")
        self._filter.focus()

    def retreat(self) -> None:
        """Undo the last of filter, explained cell and maximised chart."""
        table, state = self.table, self.watch_app.state
        if self.has_class("-filtering") or state.pattern:
            self.remove_class("-filtering")
            state.pattern = ""
            if self._filter is not None:
                self._filter.value = ""
            table.focus()
        elif self.leave_charts():
            pass
        elif table.column is not None:
            table.column = None
        elif self.has_class("-maximised"):
            self.remove_class("-maximised")
        self.call_after_refresh(self.show_frame)

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
    def _opened(self) -> None:
        self.action_details()
