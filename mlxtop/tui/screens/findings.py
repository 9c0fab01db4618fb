"""Findings of `doctor` on the selected port: a list, and the chosen one in plain words."""

from __future__ import annotations

from contextlib import suppress
from threading import Event, Thread

from textual import on
from textual.app import ComposeResult

from mlxtop.doctor.check import Report
from mlxtop.model.frame import Frame
from mlxtop.model.identity import PortId
from mlxtop.present.doctor import Row, detail_lines, explanation_lines, report_rows, summary
from mlxtop.present.text import Line, Role, Section, clean
from mlxtop.tui.commands import unlisted
from mlxtop.tui.screens.base import WatchScreen
from mlxtop.tui.screens.pages import SCROLLING, PageScreen
from mlxtop.tui.widgets.sections import FRAME, Choices, Sections

AGAIN, SOON = 10.0, 1.0
"""Seconds between examinations while the list is open, and while something is still unread."""
_RETRY = 0.2
"""Seconds until we look again whether the examination of a closed list has ended."""


def _columns(page: Sections) -> int:
    return max(20, page.size.width - FRAME)


class Findings(WatchScreen):
    """Findings of the selected port, examined again and again."""

    AUTO_FOCUS = "#choices"
    BINDINGS = unlisted(("down,j", "move(1)"), ("up,k", "move(-1)"), ("enter", "explain"))

    def __init__(self) -> None:
        super().__init__()
        self.choices, self.page = Choices(id="choices"), Sections(id="chosen")
        self.rows: list[Row] = []
        self._report: Report | None = None
        self._error = ""
        self._stop = Event()
        self._port: PortId | None = None

    def body(self) -> ComposeResult:
        self.choices.add_class("box")
        yield from (self.choices, self.page)

    def on_mount(self) -> None:
        self._port = self.watch_app.state.selected
        self._begin()

    def _begin(self) -> None:
        """Examine in a thread, when that of a list which was closed meanwhile has ended."""
        app = self.watch_app
        if app.examination is not None and app.examination.is_alive():
            self.set_timer(_RETRY, self._begin)
            return
        app.examination = Thread(target=self._examine, name="findings", daemon=True)
        try:
            app.examination.start()
        except RuntimeError as error:
            self._examined(None, str(error))

    def on_unmount(self) -> None:
        self._stop.set()

    def _examine(self) -> None:
        """Examine the port until the list is closed; report by message."""
        app = self.watch_app
        # Half of the program, so not at the start.
        from mlxtop.doctor.inspect import inspect, pending

        first, port = app.state.newest, self._port
        while not self._stop.is_set():
            frame, wait, report, problem = app.state.newest, AGAIN, None, ""
            if frame is None or first is None:
                problem = "there is nothing to examine"
            elif port is None or port not in frame.ports:
                problem = "this port is no longer there"
            else:
                try:
                    incidents = [event.incident for event in tuple(app.state.watch.events)]
                    report = inspect(frame, (port,), incidents, before=first)
                except Exception as error:
                    problem = f"{type(error).__name__}: {error}"
                wait = SOON if pending(frame, [port]) else AGAIN
            with suppress(RuntimeError):  # all is over
                self.call_later(self._examined, report, problem)
            self._stop.wait(wait)

    def _examined(self, report: Report | None, problem: str) -> None:
        """Show a report, or why there is none."""
        self._report, self._error = report or self._report, problem
        self.show_frame()

    # Drawing

    def draw(self) -> None:
        super().draw()
        choices = self.choices
        choices.border_title = f"Findings of {self._whose(self.watch_app.state.frame)}"
        self.rows = report_rows(self._report) if self._report else []
        lines: list[Line] = [row.line for row in self.rows]
        if not lines:
            text = self._error or "examining …"
            lines = [((clean(text), Role.WARNING if self._error else Role.DIM),)]
        choices.border_subtitle = summary(self._report) if self._report else ""
        choices.show(lines)
        self._show_chosen()

    def _whose(self, frame: Frame | None) -> str:
        if frame is None or self._port is None or self._port not in frame.ports:
            return str(self._port or "–")
        return clean(frame.ports[self._port].now.port.name)

    def chosen(self) -> Row | None:
        """Return the row under the cursor."""
        place = self.choices.place
        return self.rows[place] if place < len(self.rows) else None

    @on(Choices.Moved)
    def _show_chosen(self) -> None:
        row, lines = self.chosen(), _columns(self.page)
        sections = [Section(row.title, tuple(detail_lines(row, lines)))] if row else []
        self.page.show(sections)

    # Commands

    def action_move(self, steps: int) -> None:
        self.choices.move(steps)

    @on(Choices.Opened)
    def action_explain(self) -> None:
        """Explain what the chosen finding is about."""
        row = self.chosen()
        if row is not None:
            self.app.push_screen(Explained(row))


class Explained(PageScreen):
    """One finding in plain words."""

    BINDINGS = SCROLLING + unlisted(("enter", "app.retreat"))

    def __init__(self, row: Row) -> None:
        super().__init__()
        self.row = row

    def sections(self, columns: int) -> list[Section]:
        topic = tuple(explanation_lines(self.row.outcome.topic, columns))
        detail = tuple(detail_lines(self.row, columns))
        return [Section("In plain words", topic), Section(self.row.title, detail)]
