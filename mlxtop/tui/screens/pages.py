"""The screens that are one page: the pages of a port, and the keys."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Container

from mlxtop import __version__
from mlxtop.present.overview import entries
from mlxtop.present.pages import PAGES, Page
from mlxtop.present.text import Line, Role, Section, clean, fit, wrap
from mlxtop.present.view import link_mark, prose
from mlxtop.tui.commands import Scope, available, bindings, keys_of, unlisted
from mlxtop.tui.screens.base import WatchScreen
from mlxtop.tui.widgets.chart import HeatChart
from mlxtop.tui.widgets.lines import Clickable
from mlxtop.tui.widgets.sections import Sections, prose_width

HEAT_PAGE = "2"
"""The page below the heat chart."""
SCROLLING = unlisted(("down,j", "scroll(1)"), ("up,k", "scroll(-1)"))
_TITLES = {
    Scope.OVERVIEW: "Ports and charts",
    Scope.EVERYWHERE: "Everywhere",
    Scope.DETAIL: "Pages of a port",
}
_SIGNS = (
    ("●  ○  ◌", "link up, down, coming up"),
    ("–", "unknown; the pages of the port say why, ← → explain a cell here"),
    ("▲  !", "at the warning limit, at the critical one; ! also: errors go on now"),
    ("?", "an old value: its sensor no longer answers"),
    ("━━──", "share of what the port can carry: its line, or the PCIe path if that is slower"),
)


class PageScreen(WatchScreen):
    """A page that scrolls."""

    AUTO_FOCUS = "#page"

    def __init__(self) -> None:
        super().__init__()
        self.page = Sections(id="page")

    def body(self) -> ComposeResult:
        yield self.page

    def draw(self) -> None:
        super().draw()
        self.page.show(self.sections(self.columns()))

    def columns(self) -> int:
        """Return the columns of a paragraph."""
        return prose_width(self.page.size.width)

    def sections(self, columns: int) -> list[Section]:
        """Return the boxes of the page, for paragraphs of so many columns."""
        raise NotImplementedError

    def action_scroll(self, lines: int) -> None:
        self.page.scroll_relative(y=lines, animate=False)


class Detail(PageScreen):
    """One port, page by page."""

    SCOPE = Scope.DETAIL
    BINDINGS = bindings(Scope.DETAIL)

    def __init__(self, key: str = PAGES[0].key) -> None:
        """Open the page of this key."""
        super().__init__()
        self._page: Page = next(page for page in PAGES if page.key == key)
        self.set_class(key == HEAT_PAGE, "-heat")
        self._tabs, self._heat = Clickable(id="tabs"), HeatChart(id="heat")

    def body(self) -> ComposeResult:
        yield self._tabs
        with Container(id="heat-frame"):
            self._heat.border_title = "Heat"
            yield self._heat
        yield self.page

    def draw(self) -> None:
        super().draw()
        self._show_tabs()
        if self._page.key == HEAT_PAGE:  # the chart comes after the page is on the terminal
            app = self.watch_app
            self.call_after_refresh(self._heat.update, app.state, app.source.interval)

    def sections(self, columns: int) -> list[Section]:
        view = self.watch_app.state.view(columns)
        if view is None:
            return [Section("Gone", ((("This port is no longer there.", Role.WARNING),),))]
        return self._page.sections(view)

    def _show_tabs(self) -> None:
        labels: list[tuple[Line, str]] = [(self._who(), "app.retreat")]
        for page in PAGES:
            here = page is self._page
            role = Role.STRONG if here else Role.DIM
            mark = "▸" if here else " "
            label: Line = ((f"{mark}{page.key} ", Role.ACCENT), (page.title, role))
            labels.append((label, f"screen.page('{page.key}')"))
        self._tabs.present(labels, gap=1 if self.size.width < 100 else 2)

    def _who(self) -> Line:
        view = self.watch_app.state.view(0)
        if view is None:
            return (("– ", Role.DIM),)
        mark, role = link_mark(view.now.now.link.state)
        return ((clean(view.now.now.port.name), Role.STRONG), (f" {mark}", role))

    # Commands

    def action_page(self, key: str) -> None:
        self._page = next(page for page in PAGES if page.key == key)
        self.set_class(key == HEAT_PAGE, "-heat")
        self.page.scroll_home(animate=False)
        self.show_frame()

    def action_maximise(self) -> None:
        if self._page.key == HEAT_PAGE:
            self.toggle_class("-maximised")
            self.call_after_refresh(self.show_frame)

    def action_turn(self, steps: int) -> None:
        place = (PAGES.index(self._page) + steps) % len(PAGES)
        self.action_page(PAGES[place].key)

    def action_port(self, steps: int) -> None:
        state = self.watch_app.state
        if state.frame is None:
            return
        rows = entries(state.frame, state.pattern, state.order)
        ports = [row.port for row in rows if row.port is not None]
        if ports:
            here = ports.index(state.selected) if state.selected in ports else -1
            state.select(ports[(here + steps) % len(ports)])
            self.show_frame()


class Help(PageScreen):
    """Every key and what it does, made from the table of commands."""

    BINDINGS = SCROLLING

    def sections(self, columns: int) -> list[Section]:
        app = self.watch_app
        sections = []
        for scope, title in _TITLES.items():
            lines: list[Line] = []
            for command in available(scope, readonly=app.readonly):
                keys = "  ".join(keys_of(command, app.settings.keys))
                lines.append(((fit(keys, 18), Role.ACCENT), (command.title, Role.TEXT)))
            sections.append(Section(title, tuple(lines)))
        signs: list[Line] = []
        for sign, meaning in _SIGNS:
            for place, text in enumerate(wrap(meaning, columns - 12)):
                signs.append(((fit("" if place else sign, 12), Role.STRONG), (text, Role.TEXT)))
        about = f"mlxtop {__version__} · rates are decimal: 1 Gb/s is 10⁹ bits a second"
        sections.append(Section("Signs", tuple(signs)))
        return [*sections, Section("About", tuple(prose(about, columns)))]
