"""The screens that are one page: the pages of a port, and the keys."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.widget import Widget

from mlxtop import __version__
from mlxtop.present.overview import entries
from mlxtop.present.pages import ENDS_PAGE, PAGES, Page
from mlxtop.present.rdma_objects import turned
from mlxtop.present.text import (
    EMPTY,
    Line,
    Role,
    Section,
    clean,
    fit,
    fit_name,
    line_width,
    width,
    wrap,
)
from mlxtop.present.view import HolderOrder, link_mark, prose
from mlxtop.sampler.facts import RDMA, Fact
from mlxtop.settings import PREFIX, ROWS, config_path
from mlxtop.tui.commands import Scope, available, bindings, keys_of, unlisted
from mlxtop.tui.screens.base import WatchScreen
from mlxtop.tui.screens.charted import ChartScreen
from mlxtop.tui.widgets.chart import Chart, ThroughputChart
from mlxtop.tui.widgets.heat_chart import HeatChart
from mlxtop.tui.widgets.lines import Clickable, Lines
from mlxtop.tui.widgets.sections import Sections
from mlxtop.watch.hooks import EVENTS, FACTS, TIMEOUT

SCROLLING = unlisted(
    ("down,j", "scroll(1)"),
    ("up,k", "scroll(-1)"),
    ("g", "scroll(-100000)"),
    ("G", "scroll(100000)"),
)
_LEAST_ROWS = 14
"""Rows of a screen from which a page keeps enough of them below a small chart."""
_RDMA_PAGE = "5"
"""The page that shows who holds RDMA objects."""
_WANTS = {
    _RDMA_PAGE: RDMA,
    "6": frozenset({Fact.FLASH}),
    "9": frozenset({Fact.FABRIC}),
}
"""What is read only while a page is shown, by the page's key."""
_LEAST_NAME = 12
"""Columns of a port's name beside the pages; where it has fewer, pages lose their titles."""
_TITLES = {
    Scope.OVERVIEW: "Ports and charts",
    Scope.WALL: "Wall of small charts",
    Scope.EVERYWHERE: "Everywhere",
    Scope.REPLAY: "In a recording",
    Scope.DETAIL: "Pages of a port",
    Scope.FINDINGS: "Findings",
    Scope.EXPLAINED: "A finding in plain words",
    Scope.CHARTS: "Where charts are",
    Scope.CHART: "In a chart, after Tab or a click",
}
_SIGNS = (
    ("●  ○  ◌", "link up, down, coming up"),
    ("–", "unknown; the pages of the port say why, the arrow keys explain a cell"),
    ("↑  ▲  !", "on the way to a limit, above the warning, above the alarm; ! errors: they go on"),
    ("▁▃▆  ▇", "the last minute, on one scale for all ports; how near a sensor is to its alarm"),
    ("↕2", "the link went down twice since the start"),
    ("▼  ▴", "sorted by this column: the most first, the least first"),
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
        self.page.show_built(self.sections)

    def sections(self, columns: int) -> list[Section]:
        """Return the boxes of the page, for paragraphs of so many columns."""
        raise NotImplementedError

    def action_scroll(self, lines: int) -> None:
        self.page.scroll_relative(y=lines, animate=False)


class ChartPage(ChartScreen, PageScreen):
    """A page below a chart, with the reading at its cursor between them."""

    AUTO_FOCUS = "#page"

    def __init__(self) -> None:
        super().__init__()
        self.read = Lines(id="reading")

    def home(self) -> Widget:
        return self.page

    def draw(self) -> None:
        super().draw()
        if self.shown_charts():  # the chart comes after the page is on the terminal
            if self.watch_app.answering:
                self.draw_after_key()
            else:
                self.call_after_refresh(self.draw_slow)

    def draw_charts(self) -> None:
        super().draw_charts()
        reading = self.reading_lines(max(1, self.size.width - 2))
        self.set_class(bool(reading), "-reading")
        self.read.show(reading)

    def retreat(self) -> bool:
        return self.leave_charts()


class Detail(ChartPage):
    """One port, page by page; two of them are below a chart."""

    SCOPE = Scope.DETAIL
    BINDINGS = bindings(Scope.DETAIL)

    def __init__(self, key: str = "") -> None:
        """Begin with the page of this key, else with the first."""
        super().__init__()
        self._page: Page = next((page for page in PAGES if page.key == key), PAGES[0])
        self._tabs = Clickable(id="tabs")
        self._charts: dict[str, Chart] = {
            "1": ThroughputChart(id="traffic"),
            "2": HeatChart(id="heat"),
        }
        """By the key of the page below."""
        self.set_class(True, f"-page-{self._page.key}")
        self._want()

    def _want(self) -> None:
        self.wants = _WANTS.get(self._page.key, frozenset())

    def body(self) -> ComposeResult:
        yield self._tabs
        yield from self._charts.values()
        yield self.read
        yield self.page

    def shown_charts(self) -> Sequence[Chart]:
        chart = self._charts.get(self._page.key)
        return [chart] if chart is not None and chart.seen else []

    def draw(self) -> None:
        super().draw()
        self._show_tabs()

    def on_resize(self) -> None:
        self.set_class(self.size.height >= _LEAST_ROWS, "-roomy")

    def sections(self, columns: int) -> list[Section]:
        view = self.watch_app.state.view(columns)
        if view is None:
            return [Section("Gone", ((("This port is no longer there.", Role.WARNING),),))]
        if self._page.key == ENDS_PAGE:
            view = self.watch_app.with_ends(view)
        return self._page.sections(view)

    def _show_tabs(self) -> None:
        room = self._tabs.size.width
        long, short = [page.title for page in PAGES], [page.short for page in PAGES]
        for titles, gap in ((long, 2), (long, 1), (short, 0)):  # 0: nothing between but a mark
            labels = self._labels(titles)
            taken = sum(line_width(label) + gap for label, _ in labels)
            who = self._who(max(_LEAST_NAME, room - taken))
            if taken + line_width(who) <= room:
                break
        if taken + line_width(who) > room:  # the keys alone, and the title of this page
            gap = 1
            labels = [
                (label if page is self._page else label[:1], action)
                for page, (label, action) in zip(PAGES, labels, strict=True)
            ]
            who = self._who(room - sum(line_width(label) + gap for label, _ in labels))
        if line_width(who) < min(_LEAST_NAME, line_width(self._who(room))):  # this page alone
            labels = [labels[PAGES.index(self._page)]]
            who = self._who(room - line_width(labels[0][0]) - gap)
        self._tabs.present([(who, "app.retreat"), *labels], gap=gap)

    def _labels(self, titles: Sequence[str]) -> list[tuple[Line, str]]:
        """Return keys and titles of all pages, each with what a click on it does."""
        labels: list[tuple[Line, str]] = []
        for page, title in zip(PAGES, titles, strict=True):
            here = page is self._page
            key, role = f"{'▸' if here else ' '}{page.key} ", Role.STRONG if here else Role.DIM
            labels.append((((key, Role.ACCENT), (title, role)), f"screen.page('{page.key}')"))
        return labels

    def _who(self, columns: int) -> Line:
        """Return name and state of the port, in so many columns at most."""
        view = self.watch_app.state.view(0)
        if view is None:
            return (("– ", Role.DIM),)
        mark, role = link_mark(view.now.now.link.state)
        name = clean(view.now.now.port.name)
        room = max(1, columns - 2)
        return ((fit_name(name, min(room, width(name))), Role.STRONG), (f" {mark}", role))

    # Commands

    def action_page(self, key: str) -> None:
        self._page = next(page for page in PAGES if page.key == key)
        self._want()
        for page in self._charts:
            self.set_class(page == key, f"-page-{page}")
        self.leave_charts()
        self.remove_class("-reading")
        self.page.new_page()
        self.show_frame()

    def retreat(self) -> bool:
        """Leave the chart, then make it small again."""
        if self.leave_charts():
            return True
        maximised = self.has_class("-maximised") and self._page.key in self._charts
        if maximised:
            self.action_maximise()
        return maximised

    def action_sort_column(self, steps: int) -> None:
        state = self.watch_app.state
        state.holders_by = turned(state.holders_by, steps)
        self._show_order()

    def action_reverse(self) -> None:
        by, reverse = self.watch_app.state.holders_by
        self.watch_app.state.holders_by = HolderOrder(by, not reverse)
        self._show_order()

    def _show_order(self) -> None:
        if self._page.key != _RDMA_PAGE:
            self.notify("This page has no table to sort: page 5 has one.")
        self.show_frame()

    def action_maximise(self) -> None:
        if self._page.key in self._charts:
            self.toggle_class("-maximised")
            self.call_after_refresh(self.show_frame)

    def action_turn(self, steps: int) -> None:
        place = (PAGES.index(self._page) + steps) % len(PAGES)
        self.action_page(PAGES[place].key)

    def action_port(self, steps: int) -> None:
        state = self.watch_app.state
        if state.frame is None:
            return
        rows = entries(state.frame, state.pattern, state.order, state.row_context)
        ports = [row.port for row in rows if row.port is not None]
        if ports:
            here = ports.index(state.selected) if state.selected in ports else -1
            state.select(ports[(here + steps) % len(ports)])
            self.show_frame()


class Help(PageScreen):
    """Every key and what it does, made from the table of commands; signs, settings and hooks."""

    BINDINGS = SCROLLING
    LEADS_HERE = "help"

    def sections(self, columns: int) -> list[Section]:
        app = self.watch_app
        sections = []
        for scope, title in _TITLES.items():
            rows = [
                ("  ".join(keys_of(command, app.settings.keys, app.state.ascii)), command.title)
                for command in available(scope, readonly=app.readonly, replay=app.replay)
            ]
            if rows:
                sections.append(_table(title, rows, columns))
        sections.append(_table("Signs", _SIGNS, columns, Role.STRONG))
        sections += [_settings(columns), _hooks(columns)]
        about = f"mlxtop {__version__} · rates are decimal: 1 Gb/s is 10⁹ bits a second"
        return [*sections, Section("About", tuple(prose(about, columns)))]


def _table(
    title: str, rows: Sequence[tuple[str, str]], columns: int, role: Role = Role.ACCENT
) -> Section:
    """Return short texts with what they mean in a column of its own."""
    first = min(max((width(text) for text, _ in rows), default=0) + 2, max(8, columns // 2))
    lines: list[Line] = []
    for text, meaning in rows:
        for place, part in enumerate(wrap(meaning, max(8, columns - first))):
            lines.append(((fit("" if place else text, first), role), (part, Role.TEXT)))
    return Section(title, tuple(lines))


def _settings(columns: int) -> Section:
    """Return what can be set and where it is kept."""
    rows = [(name, row.help) for name, row in ROWS.items() if row.read is not None]
    about = (
        f"o shows and changes them. They are kept in {config_path()}, in TOML; options of the"
        f" command line and variables such as {PREFIX}INTERVAL go before it."
    )
    lines = _table("", rows, columns).lines
    return Section("Settings", (*prose(about, columns, Role.TEXT), EMPTY, *lines))


def _hooks(columns: int) -> Section:
    """Return what runs a program of the user's, and what it is told."""
    texts = (
        'A program of yours is run at an event, as [hooks] alarm = "~/bin/sms" has it: '
        f"{', '.join(EVENTS)}.",
        f"It runs without a shell, as you, for {TIMEOUT:g} s at most, and only where nobody else"
        " can change it, the settings file or a directory on the way.",
        f"It is told {', '.join(PREFIX + name for name in FACTS)}.",
    )
    lines = [line for text in texts for line in prose(text, columns, Role.TEXT)]
    return Section("Hooks", tuple(lines))
