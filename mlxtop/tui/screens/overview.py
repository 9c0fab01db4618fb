"""The first screen: all cards and ports, and the charts of the selected one."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.widget import Widget
from textual.widgets import Input

from mlxtop.analysis.port_view import port_view
from mlxtop.model.frame import Frame
from mlxtop.present.card_rows import cards_title
from mlxtop.present.hint import hint_lines, no_port_lines
from mlxtop.present.order import CYCLE, Order, sickest_first
from mlxtop.present.text import Line, Role
from mlxtop.present.totals import nodes_line
from mlxtop.settings import store
from mlxtop.tui.commands import Scope, available, bindings, keys_of
from mlxtop.tui.screens.base import GAP, key_label
from mlxtop.tui.screens.charted import ChartScreen
from mlxtop.tui.widgets.chart import Chart, ThroughputChart
from mlxtop.tui.widgets.heat_chart import TemperatureChart
from mlxtop.tui.widgets.lines import Lines
from mlxtop.tui.widgets.port_table import PortTable
from mlxtop.tui.widgets.sections import Sections
from mlxtop.tui.widgets.wall_grid import WallGrid

_FIXED = 4
"""Rows of header, hint and keys."""
_FRAME = 3
"""Rows of the table's frame and heading."""
_FOOT = 3
"""Rows of the verdict and the keys."""
_LEAST_CHARTS = 4
_WIDE, _TALL = 100, 30
"""Columns and rows from which there is room for the sums of the NUMA nodes."""
_MANY = 4
"""Ports from which small charts of all stand where else the pages of one would."""
_LEAST_ROOMY = 5
"""Rows that a short table leaves from which on charts are shown below it."""
_TWO_CHARTS = 10
"""Rows from which both charts have room below each other."""
_BARE = {"all-devices": "All devices", "demo": "Demo", "help": "Help", "quit": "Quit"}
"""Names of the commands that make sense without a port."""


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
        self.table, self.nodes, self.hint = (
            PortTable(id="ports"),
            Lines(id="nodes"),
            Lines(id="hint"),
        )
        self.charts = (ThroughputChart(id="throughput"), TemperatureChart(id="temperature"))
        self.filter_word = Lines(id="filter-word")
        self.about, self.small = Sections(id="about"), WallGrid(id="small")

    def body(self) -> ComposeResult:
        self.table.add_class("box")
        yield from (self.table, self.nodes, self.hint)
        with Container(id="charts"):
            yield from self.charts
        self.small.add_class("box")
        yield from (self.about, self.small)
        with Container(id="filter-line"):
            yield self.filter_word

    def on_screen_resume(self) -> None:
        """Put the cursor on the port that was selected on the screen above."""
        if self.watch_app.state.selected is not None:
            self.table.choose(self.watch_app.state.selected, self.watch_app.machine)
        super().on_screen_resume()

    # Drawing

    def draw(self) -> None:
        super().draw()
        state = self.watch_app.state
        blocks = self.watch_app.blocks()
        if state.frame is None and not blocks:
            self.hint.show([((f" looking at {self.watch_app.source.label} …", Role.DIM),)])
            return
        table = self.table
        rows = len(table.entries), self.ribbon.display
        table.show(state, self.watch_app.source.interval, blocks)
        self.watch_app.focus_machine(table.host)
        state = self.watch_app.state
        state.select(table.port)
        if rows != (len(table.entries), self._had_ribbon):
            self._had_ribbon = self.ribbon.display
            self.on_resize()
        self._title(table)
        if state.frame is None:
            self.hint.show([((f" looking at {self.watch_app.source.label} …", Role.DIM),)])
            return
        many = len(state.frame.ports) >= _MANY
        self.set_class(many, "-many")
        self._draw_nodes(state.frame if many else None)
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
            self._draw_small()

    def shown_charts(self) -> Sequence[Chart]:
        return [chart for chart in self.charts if chart.seen]

    def home(self) -> Widget:
        return self.table

    def on_resize(self) -> None:
        """Give the table the rows that it needs, as long as a small chart remains."""
        more = self.ribbon.display + (self.foot is not None) + self.has_class("-nodes")
        room = self.size.height - _FIXED - more
        needed = len(self.table.entries) + _FRAME
        rows = min(needed, room - _LEAST_CHARTS)
        self.set_class(room - rows < _TWO_CHARTS, "-crowded")
        self.set_class(room - needed >= _LEAST_ROOMY, "-roomy")
        bare = self.size.height - more - self.has_class("-badged") - (needed - _FRAME + 1)
        self.set_class(bare >= _FOOT, "-spare")
        self.table.styles.max_height = max(4, rows) if self.size.height >= 18 else None

    def _title(self, table: PortTable) -> None:
        state = self.watch_app.state
        parts = ["Ports"]
        if state.order.by:
            parts.append(f"by {state.order.title}")
        if state.pattern:
            parts.append(f"matching {state.pattern}")
        elif state.frame is not None:
            parts.append(cards_title(state.frame))
        below = table.hidden() or self.watch_app.story
        table.label(" · ".join(filter(None, parts)), below)

    def minor_keys(self) -> frozenset[str]:
        frame = self.watch_app.state.frame
        few = frame is not None and len(frame.ports) < _MANY
        return frozenset({"wall"}) if few else frozenset()

    def _draw_nodes(self, frame: Frame | None) -> None:
        """Show what the ports of each NUMA node carry, where the screen is large."""
        wide, rows = self.size.width >= _WIDE, self.size.height
        line: Line = ()
        if frame is not None and wide and rows >= _TALL:
            line = nodes_line(frame, self.size.width - 2, self.watch_app.state.bits)
        if bool(line) != self.has_class("-nodes"):
            self.set_class(bool(line), "-nodes")
            self.on_resize()
        self.nodes.show([line])

    def _draw_hint(self, frame: Frame, table: PortTable) -> None:
        """Show the ceiling of the selected port, or what the chosen cell means."""
        width, state = max(10, self.hint.size.width), self.watch_app.state
        if table.port is None or table.port not in frame.ports:
            absent = frame.sample.absent.get("ports")
            lines = no_port_lines(state.pattern, absent, self.watch_app.replay, width)
            self.hint.set_class(len(lines) > 2, "-long")
            self.hint.show(lines)
            return
        self.hint.remove_class("-long")
        reading = self.reading_lines(width)
        self.set_class(bool(reading), "-reading")
        if not reading:
            verdict = state.verdicts.get(table.port)
            view = port_view(frame, table.port)
            reading = hint_lines(view, table.explained(), verdict, width)
        self.hint.show(reading)

    def _draw_about(self) -> None:
        """Show the most of the pages of the selected port, on large screens."""
        view = self.watch_app.state.view(0)
        if self.about.display and view is not None:
            from mlxtop.present.pages import summary

            self.about.show_built(lambda columns: summary(view._replace(columns=columns)))

    def _draw_small(self) -> None:
        """Show small charts of many ports in place of the pages of one, on large screens."""
        state, small = self.watch_app.state, self.small
        if small.display and state.frame is not None:
            here = self.watch_app.machine
            rows = (entry for entry in self.table.entries if entry.host == here)
            ports = [entry.port for entry in rows if entry.port is not None]
            ports = sickest_first(state.frame, ports, state.row_context)
            small.show(state, ports, self.watch_app.source.interval)
            small.label(f"All ports, the sickest first · {small.note(state.bits)}")

    # Commands

    @property
    def _bare(self) -> bool:
        """Return whether there is no port to be shown, whatever is chosen."""
        frame = self.watch_app.state.frame
        return frame is not None and not frame.ports

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "instead" and (self.watch_app.replay or not self._bare):
            return False
        return super().check_action(action, parameters)

    def action_instead(self, what: str) -> None:
        self.watch_app.leave_for(what)

    def _show_keys(self) -> None:
        if not self._bare:
            super()._show_keys()
            return
        self._keys_shown = None
        app = self.watch_app
        rebound = app.settings.keys
        every = available(Scope.OVERVIEW, Scope.EVERYWHERE, readonly=True, replay=app.replay)
        shown = (command for command in every if command.id in _BARE)
        labels = ((key_label(keys_of(c, rebound)[0], _BARE[c.id]), c.action) for c in shown)
        self.keys.present(list(labels), GAP)

    def action_details(self, page: str = "") -> None:
        from mlxtop.tui.screens.pages import Detail

        if self.watch_app.state.selected is not None:
            self.app.push_screen(Detail(page))
        else:
            self.watch_app.no_port()

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
        place = CYCLE.index(state.order) + 1 if state.order in CYCLE else 0
        self._sort_by(CYCLE[place % len(CYCLE)])

    def action_sort_column(self, steps: int) -> None:
        self._sort_by(self.table.next_order(steps))

    def action_reverse(self) -> None:
        order = self.watch_app.state.order
        if order.by:
            self._sort_by(order._replace(reverse=not order.reverse))

    def _sort_by(self, order: Order) -> None:
        self.watch_app.state.order = order
        self.show_frame()

    def action_columns(self) -> None:
        from mlxtop.tui.screens.columns import ColumnsDialog

        state = self.watch_app.state
        dialog = ColumnsDialog(state.columns, self.table.column_ids(), state.ascii)
        self.app.push_screen(dialog, self._choose_columns)

    def _choose_columns(self, chosen: tuple[str, ...] | None) -> None:
        """Show other columns, and keep them in the settings file."""
        if chosen is None:
            return
        self.watch_app.state.columns = chosen
        try:
            store("columns", chosen)
        except (OSError, ValueError) as error:
            self.app.notify(f"the columns are not kept: {error}", severity="warning")
        self.show_frame()

    def action_maximise(self) -> None:
        self.toggle_class("-maximised")
        self.call_after_refresh(self.show_frame)

    def action_filter(self) -> None:
        self.add_class("-filtering")
        if self._filter is None:
            hint = "part of a name, down, eth, ib …; * ? globs; ! not"
            self._filter = Input(id="filter", placeholder=hint, compact=True)
            self.filter_word.show([((" Filter ", Role.ACCENT),)])
            self.query_one("#filter-line").mount(self._filter)
        self._filter.focus()

    def retreat(self) -> bool:
        """Undo the last of filter, explained cell and maximised chart; nothing lies behind it."""
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
        if (event.port, event.host) == (self.table.port, self.table.host):
            self.watch_app.focus_machine(event.host)
            self.watch_app.state.select(event.port)
            self.show_frame()

    @on(WallGrid.Selected)
    def _small_chosen(self, event: WallGrid.Selected) -> None:
        self.table.choose(event.port, self.watch_app.machine)
        if event.opened:
            self.action_details()

    @on(PortTable.Sorted)
    def _sorted(self, event: PortTable.Sorted) -> None:
        order = self.watch_app.state.order
        turned = order.by == event.by and not order.reverse
        self._sort_by(Order(event.by, turned))

    @on(PortTable.Opened)
    def _opened(self) -> None:
        self.action_details()
