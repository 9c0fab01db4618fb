"""The load tests of the screen: the session, and the dialog with fields, plan, test and outcome.

The session outlives the dialog and not the application: a test goes on when the dialog is hidden.
The thread that samples gives it every frame, whatever the terminal does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from threading import Event
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Grid
from textual.widgets import Input

from mlxtop.change.privilege import ActionContext
from mlxtop.load.request import GUARDED_INTERVAL_S, IPERF3_PORT, GuardOptions
from mlxtop.load.run_log import own_runs
from mlxtop.load.session import LoadSession, SessionView
from mlxtop.model.number import PORT, whole
from mlxtop.present.load import guard_text, outcome_runs, plan_runs, server_section, wrapped
from mlxtop.present.load_status import status_sections
from mlxtop.present.measure_chart import measure_sections
from mlxtop.present.text import Role, Run, Section, clean
from mlxtop.recording.of_run import RunSamples
from mlxtop.sampler.live import LiveSource
from mlxtop.sampler.source import Source
from mlxtop.settings import MAX_INTERVAL
from mlxtop.tui.commands import spelled, unlisted
from mlxtop.tui.screens.base import Dialog, key_label
from mlxtop.tui.screens.load_form import (
    FIELDS,
    MOST_PROCESSES,
    Field,
    WrongField,
    measure_options,
    options,
)
from mlxtop.tui.widgets.lines import Choice, Clickable, Lines
from mlxtop.tui.widgets.sections import FRAME
from mlxtop.watch.heat import HeatWatch

if TYPE_CHECKING:
    from mlxtop.tui.machine_changes import MachineChanges

_KEYS = (
    ("Enter", "Plan", "screen.plan"),
    ("F5 Ctrl-R", "Run", "screen.start"),
    ("F8 Ctrl-S", "Stop", "screen.stop"),
    ("Esc", "Close", "screen.close"),
    ("F6 Ctrl-O", "Serve here", "screen.serve"),
    ("F7 Ctrl-Y", "Copy", "screen.copy"),
)
_TURN = ("← →", "Choose", "screen.choose")

_OFFERED = 8
"""Neighbours that are named."""
_HINT: tuple[Run, ...] = (
    ("Say where the server runs; Enter shows the plan, F5 or Ctrl-R runs it.", Role.TEXT),
    ("Everything else is chosen for the port when it is left empty.", Role.DIM),
    ("Kind: test, soak (how it warms up), hold (what it cools), measure (all tools).", Role.DIM),
    ("The test goes on when this is closed; I opens it again.", Role.DIM),
)

_BOTH_ENDS: Run = (
    "The heat of a machine on this screen is guarded too; one that is read over ssh starts the"
    " server itself.",
    Role.DIM,
)


def _widget(field: Field, ascii_only: bool) -> Input | Choice:
    name = f"load-{field.id}"
    if field.options:
        return Choice(field.options, id=name)
    return Input(id=name, placeholder=spelled(field.placeholder, ascii_only), compact=True)


class Loads:
    """The session, made where changes are allowed; only `frame` is for the thread that samples."""

    def __init__(self, app: MachineChanges, context: ActionContext) -> None:
        self.values: dict[str, str] = {}
        """What the fields of the dialog held the last time."""
        self._app = app
        self._watch_state, self._source, self._feed = app.state, app.source, app.feed
        self._posted = Event()
        self._guarded: list[tuple[Source, float]] = []
        """What samples the ends of a test, with the interval before it."""
        self.others: Callable[[], Sequence[str]] = lambda: ()
        """Returns other machines on the screen that may be a far end."""
        self.far_source: Callable[[], Source | None] = lambda: None
        """Returns what samples the far end, where that is on the screen."""
        system = context.system
        runs, samples = own_runs(demo=system.demo), partial(RunSamples, system)
        self.session = LoadSession(system, runs, self._changed, samples)
        if isinstance(app.source, LiveSource):
            self.session.miscounts = app.source.miscounts

    def _changed(self) -> None:
        """Post one message until it is handled, from any thread."""
        if not self._posted.is_set():
            self._posted.set()
            with suppress(RuntimeError):
                self._app.call_later(self.moved)

    def open(self) -> None:
        """Open the dialog for the selected port."""
        state = self._app.state
        port = state.frame.ports.get(state.selected) if state.frame and state.selected else None
        if port is not None and not isinstance(self._app.screen, LoadDialog):
            self._app.push_screen(LoadDialog(self, port.now.port.name, state.ascii))

    @property
    def heat(self) -> HeatWatch:
        """Return what the screen has followed so far, from which the guard goes on."""
        return self._watch_state.watch.heat

    @property
    def busy(self) -> bool:
        return self.session.view().busy

    @property
    def guards(self) -> bool:
        """Return whether a test or servers depend on the heat guard."""
        view = self.session.view()
        return view.busy or view.serving > 0

    @property
    def longest_interval(self) -> float:
        """Return the most seconds between samples that may be chosen now."""
        return GUARDED_INTERVAL_S if self.guards else MAX_INTERVAL

    def moved(self) -> None:
        """Show the news; sample quickly while something is guarded, and as before after it."""
        if self._feed.stop.is_set():
            return
        self._posted.clear()
        if self.guards:
            self._guard(self._source)
            self._guard(self.far_source())
        else:
            self._guard_nothing()
        if self._app.is_running and isinstance(self._app.screen, LoadDialog):
            self._app.screen.draw()
        else:
            self._app.redraw()

    def _guard(self, source: Source | None) -> None:
        """Have one end sampled as often as the heat guard needs it."""
        if source is None or any(one is source for one, _ in self._guarded):
            return
        self._guarded.append((source, source.interval))
        source.guarded, source.interval = True, min(source.interval, GUARDED_INTERVAL_S)

    def _guard_nothing(self) -> None:
        """Sample as before the test, unless another pace was chosen meanwhile."""
        for source, before in self._guarded:
            source.guarded = False
            if source.interval == GUARDED_INTERVAL_S:
                source.interval = before
        self._guarded.clear()

    def interrupt(self) -> None:
        """End a test: a stopped program could not watch temperatures."""
        if self.busy:
            self.session.close("interrupted (SIGTSTP)")


class LoadDialog(Dialog[None]):
    """Ends with nothing: the outcome of a test is in the session and in the run log."""

    BINDINGS = unlisted(
        *(("escape", "close"), ("enter", "plan"), ("f5,ctrl+r", "start"), ("f8,ctrl+s", "stop")),
        *(("f6,ctrl+o", "serve"), ("f7,ctrl+y", "copy"), ("down", "step(1)"), ("up", "step(-1)")),
        *(("pagedown", "scroll(10)"), ("pageup", "scroll(-10)")),
    )

    def __init__(self, loads: Loads, via: str, ascii_only: bool) -> None:
        super().__init__("load", f"Load through {clean(via)}", ascii_only)
        self._loads = loads
        self._session = loads.session
        self._via = via
        self._wrong: str | None = None
        self._keys = Clickable(id="load-keys")
        self._fields = {field.id: _widget(field, self._ascii) for field in FIELDS}

    def body(self) -> ComposeResult:
        with Grid(id="load-form"):
            for field in FIELDS:
                label = Lines(classes="label")
                label.show([((field.label, Role.DIM),)])
                yield from (label, self._fields[field.id])
        yield from (self.page, self._keys)

    def on_mount(self) -> None:
        for name, value in self._loads.values.items():
            self._fields[name].value = value
        self._fields["host"].focus()
        self._session.find_neighbours()

    def on_descendant_focus(self) -> None:
        self._show_keys()

    def _neighbours(self) -> list[str]:
        """Return what may be a far end: other machines, then addresses, this port's first."""
        neighbours = self._session.view().neighbours
        ranked = sorted(neighbours, key=lambda one: one.device != self._via)
        return list(dict.fromkeys((*self._loads.others(), *(one.address for one in ranked))))

    def _values(self) -> dict[str, str]:
        return {name: field.value for name, field in self._fields.items()}

    def draw(self) -> None:
        """Draw the plan, the running test, or its outcome."""
        view = self._session.view()
        running = view.status is not None
        if self.has_class("-running") is not running:
            self.set_class(running, "-running")
            self.call_after_refresh(self.draw)  # it has another width then
        self.page.show(self._sections(view, max(20, self.page.size.width - FRAME)))
        self._show_keys()

    def _show_keys(self) -> None:
        busy = self._session.view().busy
        keys = [_TURN] if isinstance(self.focused, Choice) and not busy else []
        keys += [
            (key, name, action)
            for key, name, action in _KEYS
            if (name == "Stop") is busy or name not in ("Stop", "Plan", "Run")
        ]
        labels = (
            (key_label(spelled(key, self._ascii), name), action) for key, name, action in keys
        )
        self._keys.present(list(labels))

    def _sections(self, view: SessionView, columns: int) -> list[Section]:
        problems = [problem for problem in (self._wrong, view.problem) if problem]
        sections = [wrapped("Problem", [(text, Role.WARNING)], columns) for text in problems]
        results: list[Section] = []
        if view.measure is not None:
            head, *results = measure_sections(view.measure, columns, self.watch_app.state.ascii)
            sections.append(head)
        if view.outcome is not None and (view.measure is None or view.measure.current):
            sections.append(wrapped("Outcome", outcome_runs(view.outcome), columns))
        if view.status is not None and view.plan is not None:
            sections += status_sections(view.plan, view.status, columns)
        elif view.busy:
            waiting = ("looking at the route and the tool …", Role.DIM)
            sections.append(Section("Plan", ((waiting,),)))
        sections += results
        if view.plan is not None and (view.measure is None or view.measure.current):
            runs = list(plan_runs(view.plan))
            if not view.plan.refusals:
                runs.append(guard_text(view.guard, view.sensors))
            sections.append(wrapped("Plan", runs, columns))
        if view.server_lines:
            sections.append(server_section(view.serving, view.server_lines, columns))
        return sections or [wrapped("Load test", _HINT, columns), *self._offered(columns)]

    def _offered(self, columns: int) -> list[Section]:
        """Return the far ends that can be chosen."""
        names = self._neighbours()[:_OFFERED]
        if not names:
            return []
        text = f"↓ in the first field takes one: {', '.join(names)}"
        told = [(spelled(text, self._ascii), Role.TEXT)]
        if self._loads.others():
            told.append(_BOTH_ENDS)
        return [wrapped("Far ends", told, columns)]

    @on(Input.Changed)
    @on(Choice.Changed)
    def _changed(self) -> None:
        self._loads.values = self._values()

    @on(Input.Submitted)
    def action_plan(self) -> None:
        self._begin(only_plan=True)

    def action_start(self) -> None:
        self._begin(only_plan=False)

    def _begin(self, only_plan: bool) -> None:
        frame = self.watch_app.state.newest
        if frame is None or self._session.view().busy:
            return
        values, heat = self._values(), self._loads.heat
        try:
            if values["mode"] == "measure":
                tests = measure_options(values, self._via)
                self._session.measure(frame, tests, only_plan, heat)
            else:
                self._session.start(frame, options(values, self._via), only_plan, heat)
        except WrongField as error:
            self._wrong = str(error)
            self._fields[error.field].focus()
        else:
            self._wrong = None
        self.page.scroll_home(animate=False)
        self.draw()

    def action_stop(self) -> None:
        """End the test, or the servers."""
        if self._session.view().busy:
            self._session.cancel()
        else:
            self._session.stop_serving()
        self.draw()

    def action_serve(self) -> None:
        """Serve one test of the far end."""
        values = self._values()
        port, count = values["port"].strip(), values["processes"].strip()
        first, several = whole(port, PORT) or IPERF3_PORT, whole(count, MOST_PROCESSES) or 1
        guard = GuardOptions.choose(values["guard"])
        self._session.serve(first, several, self.watch_app.state.newest, guard)

    def action_copy(self) -> None:
        plan = self._session.view().plan
        measure = self._session.view().measure
        lines = measure.plan.servers if measure else plan.server if plan else ()
        if lines:
            self.app.copy_to_clipboard("\n".join(lines))
            self.notify("copied: what to run at the far end")

    def action_step(self, steps: int) -> None:
        """Take the next neighbour for the far end; elsewhere, go to the field below or above."""
        host, names = self._fields["host"], self._neighbours()
        if self.focused is not host or not names:
            columns = 1 if self.has_class("-narrow") and self.has_class("-few") else 2
            for _ in range(columns):
                self.focus_next() if steps > 0 else self.focus_previous()
            return
        place = names.index(host.value) + steps if host.value in names else min(steps - 1, 0)
        host.value = names[place % len(names)]

    def action_choose(self) -> None:
        """Take the next option of the field that has the focus."""
        if isinstance(self.focused, Choice):
            self.focused.action_turn(1)

    def action_close(self) -> None:
        """Hide the dialog; a running test goes on."""
        self.dismiss(None)
