"""Findings of `doctor` on the whole machine: a list, and the chosen one in plain words."""

from __future__ import annotations

from contextlib import suppress
from threading import Event, Thread

from textual import on
from textual.app import ComposeResult

from mlxtop.doctor.check import Finding, Report
from mlxtop.model.frame import Frame
from mlxtop.present.doctor import Row, detail_lines, explanation_lines, report_rows, summary
from mlxtop.present.text import Line, Role, Section, clean
from mlxtop.sampler.facts import RDMA, Fact
from mlxtop.tui.commands import Scope, bindings, unlisted
from mlxtop.tui.screens.base import WatchScreen
from mlxtop.tui.screens.pages import SCROLLING, PageScreen
from mlxtop.tui.state import State
from mlxtop.tui.widgets.sections import FRAME, Choices, Sections

AGAIN, SOON = 10.0, 1.0
"""Seconds between examinations while the list is open, and while something is still unread."""
FRAME_ROWS = 2
"""Rows of a box around its lines."""
_RETRY = 0.2
"""Seconds until we look again whether the examination of a closed list has ended."""


MOVING = unlisted(
    ("down,j", "move(1)"),
    ("up,k", "move(-1)"),
    ("pagedown,ctrl+f", "leap(1)"),
    ("pageup,ctrl+b", "leap(-1)"),
    ("home,g", "move(-100000)"),
    ("end,G", "move(100000)"),
)
"""Keys of a list with a cursor; the list itself would scroll without it."""


def examine(state: State, frame: Frame) -> Report:
    """Return what `doctor` finds on the whole machine; in any thread."""
    from mlxtop.doctor.inspect import inspect

    watch = state.watch
    incidents = [event.incident for event in tuple(watch.events)]
    ports = tuple(frame.ports)
    return inspect(
        *(frame, ports, incidents),
        before=state.first,
        congestion=watch.congestion,
        health=watch.health.all(),
    )


def _columns(page: Sections) -> int:
    return max(20, page.size.width - FRAME)


def row_sections(row: Row, columns: int) -> list[Section]:
    """Return a row of the list in full, and what it is about in plain words where that is told."""
    detail = Section(row.title, tuple(detail_lines(row, columns)))
    topic = row.outcome.topic if row.outcome else None
    words = tuple(explanation_lines(topic, columns))
    return [detail, Section("In plain words", words)] if words else [detail]


class Findings(WatchScreen):
    """Findings of the machine, examined again and again."""

    AUTO_FOCUS = "#choices"
    SCOPE = Scope.FINDINGS
    LEADS_HERE = "doctor"
    wants = RDMA | {Fact.FABRIC}
    BINDINGS = bindings(Scope.FINDINGS) + MOVING

    def __init__(self) -> None:
        super().__init__()
        self.choices, self.page = Choices(id="choices"), Sections(id="chosen")
        self.rows: list[Row] = []
        self._error = ""
        self._stop = Event()

    def body(self) -> ComposeResult:
        self.choices.add_class("box")
        yield from (self.choices, self.page)

    def on_mount(self) -> None:
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
        """Examine the machine until the list is closed; report by message."""
        app = self.watch_app
        # Half of the program, so not at the start.
        from mlxtop.doctor.inspect import asks_fabric, pending

        soon = 2  # what only this list wants is not even begun before the next samples
        while not self._stop.is_set():
            frame, wait, report, problem = app.state.newest, AGAIN, None, ""
            if frame is None:
                problem = "there is nothing to examine"
            else:
                try:
                    report = examine(app.state, frame)
                except Exception as error:
                    problem = f"{type(error).__name__}: {error}"
                waits = pending(frame, frame.ports) or asks_fabric(frame, frame.ports)
                wait = SOON if waits or soon > 0 else AGAIN
                soon -= 1
            with suppress(RuntimeError):  # all is over
                self.call_later(self._examined, report, problem)
            self._stop.wait(wait)

    def _examined(self, report: Report | None, problem: str) -> None:
        """Show a report, or why there is none."""
        state = self.watch_app.state
        if report is not None:
            state.report = self.watch_app.with_links(report)
        self._error = problem
        self.show_frame()

    # Drawing

    def draw(self) -> None:
        super().draw()
        choices, report = self.choices, self.watch_app.state.report
        frame = self.watch_app.state.frame
        ports = len(frame.ports) if frame else 0
        parts = ["Findings", f"{ports} port{'' if ports == 1 else 's'}"]
        parts += [summary(report)] if report else []
        choices.label(" · ".join(parts))
        self.rows = report_rows(report) if report else []
        lines: list[Line] = [row.line for row in self.rows]
        if self._error or not lines:
            text = self._error or "examining …"
            told: Line = ((clean(text), Role.WARNING if self._error else Role.DIM),)
            lines = [*lines, told]
        choices.show(lines)
        self._show_chosen()

    def chosen(self) -> Row | None:
        """Return the row under the cursor."""
        place = self.choices.place
        return self.rows[place] if place < len(self.rows) else None

    @on(Choices.Moved)
    def _show_chosen(self) -> None:
        """Show the chosen row in full, and in plain words too where both have room."""
        row, columns = self.chosen(), _columns(self.page)
        sections = row_sections(row, columns) if row else []
        height = sum(len(section.lines) + FRAME_ROWS for section in sections)
        self.page.show(sections if height <= self.page.size.height else sections[:1])

    # Commands

    def action_move(self, steps: int) -> None:
        self.choices.move(steps)

    def action_leap(self, pages: int) -> None:
        self.choices.move(pages * max(1, self.choices.size.height - 1))

    @on(Choices.Opened)
    def action_explain(self) -> None:
        """Explain what the chosen finding is about."""
        row = self.chosen()
        if row is not None:
            self.app.push_screen(Explained(row))

    def action_copy(self) -> None:
        """Copy what to do about the chosen finding to the clipboard of the terminal (OSC 52)."""
        row = self.chosen()
        if row is not None:
            copy_advice(self, row)


def copy_advice(screen: WatchScreen, row: Row) -> None:
    """Copy what to do; without an end of line, so that a shell does not run what is pasted."""
    advice = row.outcome.advice if isinstance(row.outcome, Finding) else ""
    if advice:
        screen.app.copy_to_clipboard(clean(advice))
    text = "copied, if the terminal allows it" if advice else "there is nothing to do here"
    screen.watch_app.notify(text)


class Explained(PageScreen):
    """One finding in plain words."""

    SCOPE = Scope.EXPLAINED
    BINDINGS = bindings(Scope.EXPLAINED) + SCROLLING + unlisted(("enter", "app.retreat"))

    def __init__(self, row: Row) -> None:
        super().__init__()
        self.row = row

    def action_copy(self) -> None:
        copy_advice(self, self.row)

    def sections(self, columns: int) -> list[Section]:
        return row_sections(self.row, columns)[::-1]
