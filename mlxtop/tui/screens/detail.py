"""The pages of one port."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container

from mlxtop.model.identity import PortId
from mlxtop.present.clean import clean
from mlxtop.present.overview import entries
from mlxtop.present.pages import PAGES, Page
from mlxtop.present.text import Line, Role, Section
from mlxtop.present.view import link_mark
from mlxtop.tui.commands import Scope, bindings
from mlxtop.tui.screens.base import WatchScreen
from mlxtop.tui.widgets.bars import Clickable, Header
from mlxtop.tui.widgets.heat_chart import HeatChart
from mlxtop.tui.widgets.sections import Sections, prose_width

HEAT_PAGE = "2"
"""The page below the heat chart."""


class Detail(WatchScreen):
    """One port, page by page."""

    SCOPE = Scope.DETAIL
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(Scope.DETAIL)]

    def __init__(self) -> None:
        super().__init__()
        self._page: Page = PAGES[0]

    def compose(self) -> ComposeResult:
        """Header, tabs, page, keys."""
        yield Header(id="header")
        yield Clickable(id="tabs")
        with Container(id="heat-frame"):
            heat = HeatChart(id="heat")
            heat.border_title = "Heat"
            yield heat
        yield Sections(id="page")
        yield Clickable(id="keys")

    def draw(self) -> None:
        """The page of the selected port."""
        super().draw()
        self._show_tabs()
        page = self.query_one(Sections)
        view = self.watch_app.state.view(prose_width(page.size.width))
        if view is None:
            page.show([Section("Gone", ((("This port is no longer there.", Role.WARNING),),))])
            return
        page.show(self._page.sections(view))
        if self._page.key == HEAT_PAGE:
            self.call_after_refresh(self._draw_heat)

    def _draw_heat(self) -> None:
        """The chart comes after the page is on the terminal."""
        app = self.watch_app
        self.query_one(HeatChart).update(app.state, app.source.interval)

    def _show_tabs(self) -> None:
        labels: list[tuple[Line, str]] = [(self._who(), "app.retreat")]
        for page in PAGES:
            here = page is self._page
            role = Role.STRONG if here else Role.DIM
            mark = "▸" if here else " "
            label: Line = ((f"{mark}{page.key} ", Role.ACCENT), (page.title, role))
            labels.append((label, f"screen.page('{page.key}')"))
        self.query_one("#tabs", Clickable).present(labels, gap=1 if self.size.width < 100 else 2)

    def _who(self) -> Line:
        state = self.watch_app.state
        port = state.selected
        if state.frame is None or port is None or port not in state.frame.ports:
            return (("– ", Role.DIM),)
        now = state.frame.ports[port].now
        mark, role = link_mark(now.link.state)
        return ((clean(now.port.name), Role.STRONG), (f" {mark}", role))

    # Commands

    def action_page(self, key: str) -> None:
        """Open a page by its key."""
        self._page = next(page for page in PAGES if page.key == key)
        self.set_class(key == HEAT_PAGE, "-heat")
        self.query_one(Sections).scroll_home(animate=False)
        self.show_frame()

    def action_maximise(self) -> None:
        """Give the heat chart the whole screen, or take it back."""
        if self._page.key == HEAT_PAGE:
            self.toggle_class("-maximised")
            self.call_after_refresh(self.show_frame)

    def action_turn(self, steps: int) -> None:
        """The page after or before this one."""
        place = (PAGES.index(self._page) + steps) % len(PAGES)
        self.action_page(PAGES[place].key)

    def action_scroll(self, lines: int) -> None:
        """Scroll the page."""
        self.query_one(Sections).scroll_relative(y=lines, animate=False)

    def action_port(self, steps: int) -> None:
        """The port after or before this one, in the order of the overview."""
        state = self.watch_app.state
        if state.frame is None:
            return
        rows = entries(state.frame, state.pattern, state.order)
        ports: list[PortId] = [row.port for row in rows if row.port is not None]
        if ports:
            here = ports.index(state.selected) if state.selected in ports else -1
            state.select(ports[(here + steps) % len(ports)])
            self.show_frame()
