"""Findings of `doctor` on the selected port: a list, and the chosen one in plain words."""

from __future__ import annotations

from contextlib import suppress
from threading import Event, Thread
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message

from mlxtop.doctor.check import Report
from mlxtop.model.frame import Frame
from mlxtop.model.identity import PortId
from mlxtop.present.doctor import Row, detail_lines, explanation_lines, report_rows, summary
from mlxtop.present.text import Line, Role, Section, clean
from mlxtop.tui.screens.base import WatchScreen
from mlxtop.tui.widgets.lines import Clickable, Header
from mlxtop.tui.widgets.sections import FRAME, Choices, Sections

AGAIN, SOON = 10.0, 1.0
"""Seconds between examinations while the list is open, and while something is still unread."""
_RETRY = 0.2
"""Seconds until we look again whether the examination of a closed list has ended."""


class Examined(Message):
    """An examination is done; `error` says why there is no report."""

    def __init__(self, report: Report | None, error: str = "") -> None:
        super().__init__()
        self.report = report
        self.error = error


class Findings(WatchScreen):
    """Findings of the selected port, examined again and again."""

    AUTO_FOCUS = "#choices"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", show=False),
        Binding("up,k", "move(-1)", show=False),
        Binding("enter", "explain", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[Row] = []
        self._report: Report | None = None
        self._error = ""
        self._stop = Event()
        self._port: PortId | None = None

    def compose(self) -> ComposeResult:
        """Header, title, list, the chosen finding, keys."""
        yield Header(id="header")
        choices = Choices(id="choices")
        choices.add_class("box")
        yield choices
        yield Sections(id="chosen")
        yield Clickable(id="keys")

    def on_mount(self) -> None:
        """Examine in a thread: it takes seconds."""
        super().on_mount()
        self._port = self.watch_app.state.selected
        self._begin()

    def _begin(self) -> None:
        """Start the thread, when that of a list which was closed meanwhile has ended."""
        app = self.watch_app
        if app.examination is not None and app.examination.is_alive():
            self.set_timer(_RETRY, self._begin)
            return
        app.examination = Thread(target=self._examine, name="findings", daemon=True)
        try:
            app.examination.start()
        except RuntimeError as error:
            self.on_examined(Examined(None, str(error)))

    def on_unmount(self) -> None:
        """Examine no more."""
        self._stop.set()

    def _examine(self) -> None:
        """Examine the port until the list is closed; say it by message."""
        app = self.watch_app
        # Half of the program, so not at the start.
        from mlxtop.doctor.inspect import inspect, pending

        first, port = app.state.newest, self._port
        while not self._stop.is_set():
            frame = app.state.newest
            if frame is None or first is None:
                self._tell(Examined(None, "there is nothing to examine"))
            elif port is None or port not in frame.ports:
                self._tell(Examined(None, "this port is no longer there"))
            else:
                try:
                    incidents = [event.incident for event in tuple(app.state.watch.events)]
                    report = inspect(frame, (port,), incidents, before=first)
                    self._tell(Examined(report))
                except Exception as error:
                    self._tell(Examined(None, f"{type(error).__name__}: {error}"))
                if pending(frame, [port]):
                    self._stop.wait(SOON)
                    continue
            self._stop.wait(AGAIN)

    def _tell(self, message: Examined) -> None:
        with suppress(RuntimeError):
            self.post_message(message)

    def on_examined(self, event: Examined) -> None:
        """Show the report."""
        if event.report is not None:
            self._report = event.report
        self._error = event.error
        self.show_frame()

    # Drawing

    def draw(self) -> None:
        """Draw the list and the chosen row."""
        super().draw()
        choices = self.query_one(Choices)
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
        place = self.query_one(Choices).place
        return self.rows[place] if place < len(self.rows) else None

    def _show_chosen(self) -> None:
        page, row = self.query_one(Sections), self.chosen()
        columns = max(20, page.size.width - FRAME)
        if row is None:
            page.show([])
            return
        page.show([Section(row.title, tuple(detail_lines(row, columns)))])

    @on(Choices.Moved)
    def _moved(self) -> None:
        self._show_chosen()

    @on(Choices.Opened)
    def _opened(self) -> None:
        self.action_explain()

    # Commands

    def action_move(self, steps: int) -> None:
        """Move the cursor."""
        self.query_one(Choices).move(steps)

    def action_explain(self) -> None:
        """Explain what the chosen finding is about."""
        row = self.chosen()
        if row is not None:
            self.app.push_screen(Explained(row))


class Explained(WatchScreen):
    """One finding in plain words."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "scroll(1)", show=False),
        Binding("up,k", "scroll(-1)", show=False),
        Binding("enter", "app.retreat", show=False),
    ]

    def __init__(self, row: Row) -> None:
        super().__init__()
        self.row = row

    def compose(self) -> ComposeResult:
        """Header, page, keys."""
        yield Header(id="header")
        yield Sections(id="page")
        yield Clickable(id="keys")

    def draw(self) -> None:
        """Draw the explanation, the normal range and the finding."""
        super().draw()
        page = self.query_one(Sections)
        columns = max(20, page.size.width - FRAME)
        page.show(
            [
                Section(
                    "In plain words", tuple(explanation_lines(self.row.outcome.topic, columns))
                ),
                Section(self.row.title, tuple(detail_lines(self.row, columns))),
            ]
        )

    def action_scroll(self, lines: int) -> None:
        """Scroll the page."""
        self.query_one(Sections).scroll_relative(y=lines, animate=False)
