"""Screens with charts: one time axis for all of them, with zoom and a cursor."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events, on
from textual.timer import Timer
from textual.widget import Widget

from mlxtop.present.instant import instant_lines
from mlxtop.present.text import Line
from mlxtop.tui.commands import Scope, bindings
from mlxtop.tui.screens.base import WatchScreen
from mlxtop.tui.time_axis import TimeAxis
from mlxtop.tui.widgets.chart import Chart

AFTER_KEY_S = 0.01
"""Seconds in which the answer to a key reaches the terminal before charts are drawn."""


class ChartScreen(WatchScreen):
    """A screen whose charts share columns, edges and cursor."""

    BINDINGS = bindings(Scope.CHARTS)
    _coming: Timer | None = None
    """Draws charts a moment after a key."""

    def shown_charts(self) -> Sequence[Chart]:
        """Return the charts that are seen now."""
        raise NotImplementedError

    def home(self) -> Widget:
        """Return the widget that has the focus while no chart has it."""
        raise NotImplementedError

    def scopes(self) -> tuple[Scope, ...]:
        if not self.shown_charts():
            return super().scopes()
        if isinstance(self.focused, Chart):
            return (Scope.CHART, Scope.CHARTS, *super().scopes())
        return (*super().scopes(), Scope.CHARTS)

    def oldest(self) -> float | None:
        """Return the second of the oldest reading of the charts; None without any."""
        state = self.watch_app.state
        return state.watch.history.oldest(state.selected) if state.selected else None

    def axis(self) -> TimeAxis | None:
        """Return the axis of all charts; None before the first frame."""
        state, charts = self.watch_app.state, self.shown_charts()
        readings = state.readings(self.watch_app.source.interval)
        columns = [chart.columns() for chart in charts]
        return state.time.axis(min(columns), readings) if readings and columns else None

    def draw_after_key(self) -> None:
        """Draw charts and what else is slow once the answer to a key is on the terminal.

        The thread that writes would wait for its turn while charts are drawn.
        """
        if self._coming is None:
            self._coming = self.set_timer(AFTER_KEY_S, self._draw_now)

    def _draw_now(self) -> None:
        self._coming = None
        self.draw_slow()

    def draw_slow(self) -> None:
        """Draw what may come a moment after the answer to a key, and write it."""
        with self.at_once():
            self.draw_charts()

    def draw_charts(self) -> None:
        """Draw the charts that are seen, on one axis, and their keys."""
        state, axis = self.watch_app.state, self.axis()
        for chart in self.shown_charts():
            chart.update(state, axis)
        self._show_keys()  # a page gets its chart after it is drawn

    def reading_lines(self, columns: int) -> list[Line]:
        """Return what the cursor stands on, in two lines; none without a cursor."""
        axis = self.axis()
        instant = self.watch_app.state.instant(axis) if axis else None
        return instant_lines(instant, columns) if instant else []

    def pausing(self) -> None:
        charts = self.shown_charts()
        if self.watch_app.state.paused and charts:
            charts[0].focus()
        elif isinstance(self.focused, Chart):
            self.home().focus()

    def leave_charts(self) -> bool:
        """Take cursor and focus off the charts; return whether they had it."""
        if not isinstance(self.focused, Chart):
            return False
        self.home().focus()
        return True

    # Commands

    def action_zoom(self, steps: int) -> None:
        state, axis = self.watch_app.state, self.axis()
        readings = state.readings(self.watch_app.source.interval)
        if axis is not None and readings is not None:
            state.time.zoom(steps, axis.columns, readings)
            self.show_frame()

    def action_cursor(self, columns: int) -> None:
        state, axis = self.watch_app.state, self.axis()
        if axis is not None:
            if state.move_cursor(columns, axis, self.oldest()) and columns < 0:
                self.watch_app.read_earlier(axis.span)
            self.show_frame()

    # Events

    @on(Chart.Resized)
    def _resized(self) -> None:
        with self.at_once():
            self.draw_charts()

    @on(Chart.Pointed)
    def _pointed(self, event: Chart.Pointed) -> None:
        state, axis = self.watch_app.state, self.axis()
        state.time.cursor = event.tick
        if axis is not None:
            state.read_cursor(axis)
        self.show_frame()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Put the cursor into a chart that has got the focus, and take it away with that."""
        time = self.watch_app.state.time
        if isinstance(event.widget, Chart):
            if time.cursor is None:
                self.action_cursor(0)
        elif time.cursor is not None:
            time.cursor = None
        self.show_frame()
