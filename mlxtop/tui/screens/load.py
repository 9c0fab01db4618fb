"""The load dialog: fields, plan, the running test beside the charts, its outcome.

It runs nothing itself. The test belongs to the application's session, so that it goes on when the
dialog is hidden; the thread that samples gives it every frame, whatever the terminal does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Grid
from textual.screen import ModalScreen
from textual.widgets import Input

from mlxtop.load.request import IPERF3_PORT
from mlxtop.load.session import SessionView
from mlxtop.model.number import PORT, whole
from mlxtop.present.clean import clean
from mlxtop.present.load import (
    outcome_runs,
    plan_runs,
    server_section,
    status_sections,
    wrapped,
)
from mlxtop.present.text import Line, Role, Section
from mlxtop.tui.screens.base import marks
from mlxtop.tui.screens.load_form import FIELDS, MOST_PROCESSES, WrongField, options
from mlxtop.tui.widgets.bars import Clickable
from mlxtop.tui.widgets.choice import Choice
from mlxtop.tui.widgets.lines import Lines, Styled
from mlxtop.tui.widgets.sections import FRAME, Sections

if TYPE_CHECKING:
    from mlxtop.tui.app import MlxtopApp
    from mlxtop.tui.loads import Loads

_KEYS = (
    ("Enter", "Plan", "screen.plan"),
    ("F5", "Run", "screen.start"),
    ("F8", "Stop", "screen.stop"),
    ("F6", "Serve here", "screen.serve"),
    ("F7", "Copy", "screen.copy"),
    ("Esc", "Close", "screen.close"),
)


class LoadDialog(ModalScreen[None]):
    """Ends with nothing: what came of a test is in the session and in the run log."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", show=False),
        Binding("enter", "plan", show=False),
        Binding("f5,ctrl+r", "start", show=False),
        Binding("f8", "stop", show=False),
        Binding("f6", "serve", show=False),
        Binding("f7", "copy", show=False),
        Binding("pagedown", "scroll(10)", show=False),
        Binding("pageup", "scroll(-10)", show=False),
    ]

    def __init__(self, loads: Loads, via: str, ascii_only: bool) -> None:
        super().__init__()
        self._loads = loads
        self._session = loads.session
        self._via = via
        self._ascii = ascii_only
        self._wrong: str | None = None

    @property
    def _watch_app(self) -> MlxtopApp:
        return cast("MlxtopApp", self.app)

    def compose(self) -> ComposeResult:
        """Fields, boxes, keys."""
        with Container(id="load-dialog", classes="dialog box"):
            with Grid(id="load-form"):
                for field in FIELDS:
                    label = Lines(classes="label")
                    label.show([((field.label, Role.DIM),)])
                    yield label
                    if field.options:
                        yield Choice(field.options, id=f"load-{field.id}")
                    else:
                        yield Input(
                            id=f"load-{field.id}", placeholder=field.placeholder, compact=True
                        )
            yield Sections(id="load-page")
            yield Clickable(id="load-keys")

    def on_mount(self) -> None:
        """Take the look that was asked for, and the values of the last time."""
        self.set_class(self._ascii, "-ascii")
        for widget in self.walk_children(Styled):
            widget.ascii = self._ascii
        box = self.query_one("#load-dialog")
        box.border_title = f"Load through {clean(self._via)}"
        box.border_subtitle = marks(self)
        for name, value in self._loads.values.items():
            field = self.query_one(f"#load-{name}")
            assert isinstance(field, Input | Choice)
            field.value = value
        self.query_one("#load-host").focus()

    def on_resize(self) -> None:
        """Everything is drawn for the new size."""
        self.call_after_refresh(self.show_session)

    def _values(self) -> dict[str, str]:
        values = {}
        for field in FIELDS:
            widget = self.query_one(f"#load-{field.id}")
            assert isinstance(widget, Input | Choice)
            values[field.id] = widget.value
        return values

    # Drawing

    def show_session(self) -> None:
        """The plan, the running test, or its outcome."""
        view = self._session.view()
        self.set_class(view.status is not None, "-running")
        page = self.query_one("#load-page", Sections)
        columns = max(20, page.size.width - FRAME)
        page.show(self._sections(view, columns))
        labels: list[tuple[Line, str]] = [
            (((f" {key}", Role.ACCENT), (f" {name}", Role.DIM)), action)
            for key, name, action in _KEYS
            if (name == "Stop") is view.busy or name not in ("Stop", "Plan", "Run")
        ]
        self.query_one("#load-keys", Clickable).present(labels)

    def _sections(self, view: SessionView, columns: int) -> list[Section]:
        problems = [problem for problem in (self._wrong, view.problem) if problem]
        sections = [wrapped("Problem", [(text, Role.WARNING)], columns) for text in problems]
        if view.outcome is not None:
            sections.append(wrapped("Outcome", outcome_runs(view.outcome), columns))
        if view.status is not None and view.plan is not None:
            sections += status_sections(view.plan, view.status, columns)
        elif view.busy:
            waiting = ("looking at the route and the tool …", Role.DIM)
            sections.append(Section("Plan", ((waiting,),)))
        if view.plan is not None:
            sections.append(wrapped("Plan", plan_runs(view.plan), columns))
        if view.server_lines:
            sections.append(server_section(view.serving, view.server_lines, columns))
        return sections or [Section("Load test", _HINT)]

    # Commands

    @on(Input.Submitted)
    def _submitted(self) -> None:
        self.action_plan()

    @on(Input.Changed)
    @on(Choice.Changed)
    def _changed(self) -> None:
        self._loads.values = self._values()

    def action_plan(self) -> None:
        """Show what would be run."""
        self._begin(only_plan=True)

    def action_start(self) -> None:
        """Run it."""
        self._begin(only_plan=False)

    def _begin(self, only_plan: bool) -> None:
        frame = self._watch_app.state.newest
        if frame is None or self._session.view().busy:
            return
        try:
            chosen = options(self._values(), self._via)
        except WrongField as error:
            self._wrong = str(error)
            self.query_one(f"#load-{error.field}").focus()
        else:
            self._wrong = None
            self._session.start(frame, chosen, only_plan)
        self.query_one("#load-page", Sections).scroll_home(animate=False)
        self.show_session()

    def action_stop(self) -> None:
        """End the test, or the servers."""
        if self._session.view().busy:
            self._session.cancel()
        else:
            self._session.stop_serving()
        self.show_session()

    def action_serve(self) -> None:
        """Serve a test of the far end, once."""
        values = self._values()
        port, count = values["port"].strip(), values["processes"].strip()
        self._session.serve(whole(port, PORT) or IPERF3_PORT, whole(count, MOST_PROCESSES) or 1)

    def action_copy(self) -> None:
        """Copy the far end's commands, which are the ones to be typed elsewhere."""
        plan = self._session.view().plan
        if plan is not None and plan.server:
            self.app.copy_to_clipboard("\n".join(plan.server))
            self.notify("copied: what to run at the far end")

    def action_scroll(self, lines: int) -> None:
        """Scroll the boxes."""
        self.query_one("#load-page", Sections).scroll_relative(y=lines, animate=False)

    def action_close(self) -> None:
        """Hide the dialog; a running test goes on."""
        self.dismiss(None)


_HINT: tuple[Line, ...] = (
    (("Say where the server runs; Enter shows the plan, F5 runs it.", Role.TEXT),),
    (("Everything else is chosen for the port when it is left empty.", Role.DIM),),
    (("The test goes on when this is closed; I opens it again.", Role.DIM),),
)
