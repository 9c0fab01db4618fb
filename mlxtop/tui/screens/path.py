"""Page P: the ways to other hosts, which one is used, and how they did."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult

from mlxtop.model.path import NO_PATHS, PathStatus
from mlxtop.present.path import sections, way_lines
from mlxtop.present.text import Line, Role, Section
from mlxtop.present.view import prose
from mlxtop.tui.screens.pages import SCROLLING, ChartPage
from mlxtop.tui.widgets.chart import Chart
from mlxtop.tui.widgets.path_chart import PathChart
from mlxtop.watch.paths import is_about_ways

_LEAST_PAGE = 4
"""Rows that are kept for the page below the chart."""
_LEAST_CHART = 3


class PathPage(ChartPage):
    """Every way to every peer: over time, and in words."""

    BINDINGS = SCROLLING
    LEADS_HERE = "paths"

    def __init__(self) -> None:
        super().__init__()
        self.chart = PathChart(id="ways")

    @property
    def _status(self) -> PathStatus:
        frame = self.watch_app.state.frame
        return frame.sample.paths if frame is not None else NO_PATHS

    def body(self) -> ComposeResult:
        yield from (self.chart, self.read, self.page)

    def shown_charts(self) -> Sequence[Chart]:
        return [self.chart] if self.chart.seen else []

    def draw(self) -> None:
        status, rows = self._status, self.size.height - 2 - self.ribbon.display
        most = rows - _LEAST_PAGE
        self.set_class(bool(status.peers) and most >= _LEAST_CHART, "-ways")
        needed = self.chart.lay_out(status, (self.size.width, self.size.height), most)
        self.chart.styles.height = max(1, needed)
        super().draw()

    def reading_lines(self, columns: int) -> list[Line]:
        state, axis = self.watch_app.state, self.axis()
        if axis is None or axis.cursor_column is None:
            return []
        column, clock = axis.cursor_column, state.clock()
        about = (event for event in state.watch.events if is_about_ways(event.incident))
        events, ways = state.events_at(axis, column, about), self.chart.values_at(state, axis)
        return way_lines(clock, axis.middle(column), ways, events, columns)

    def oldest(self) -> float | None:
        histories = self.watch_app.state.watch.paths.history.values()
        return min((one.oldest for one in histories if one.oldest is not None), default=None)

    def sections(self, columns: int) -> list[Section]:
        app = self.watch_app
        status = self._status
        if not status.peers:
            problem = app.paths.problem if app.paths else "only a live machine can be probed"
            text = problem or "The first probes are on their way."
            return [Section("Paths", tuple(prose(text, columns, Role.TEXT)))]
        return sections(status, columns)
