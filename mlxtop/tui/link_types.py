"""The change of link types of the screen: it outlives the dialog, and is on probation everywhere.

The session belongs to the event loop; what takes seconds runs in a thread, or with the terminal
handed over where sudo has to ask.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING

from textual.app import SuspendNotSupported
from textual.timer import Timer

from mlxtop.change.pending import PendingChange, waiting
from mlxtop.change.privilege import ActionContext
from mlxtop.link_type.session import LinkTypeSession
from mlxtop.link_type.steps import Apply, Stage, Step
from mlxtop.model.identity import Port
from mlxtop.model.incident import Incident
from mlxtop.present.link_type_dialog import probation_item
from mlxtop.present.ribbon import RibbonItem
from mlxtop.tui.commands import COMMANDS, keys_of

if TYPE_CHECKING:
    from mlxtop.tui.machine_changes import MachineChanges

TICK_S = 1.0
LOOK_TICKS = 3
"""Seconds between two looks at what the ports have, as long as the change is on probation."""
UNDER_WAY = (Stage.RUNNING, Stage.KEEP)


class LinkTypes:
    """The newest session, changes on probation that others began, and what the ribbon tells."""

    def __init__(self, app: MachineChanges, context: ActionContext) -> None:
        self._app, self._context = app, context
        self.session: LinkTypeSession | None = None
        self._others: dict[str, PendingChange] = {}
        """Changes that another program began and nobody has confirmed, by their card."""
        self._shown = True
        """A person has seen how the session ended."""
        self._timer: Timer | None = None
        self._ticks = 0
        app.more_items.append(self.items)

    # Opening

    def open(self, port: Port) -> None:
        """Open the dialog: on the change under way or its unseen end, else to choose a type."""
        from mlxtop.tui.screens.link_type import LinkTypeDialog

        session = self.session
        if session is None or not (session.stage in UNDER_WAY or not self._shown):
            report, later = self._report, self._later
            session = LinkTypeSession(
                self._context, self._run_step, self.changed, port.id, report=report, later=later
            )
            self.session = session
            self.look_for_others()
            dialog = LinkTypeDialog(self, session, port, self._app.state.ascii)
            self._app.push_screen(dialog)
            session.look([port.adapter] if port.adapter else None)
            return
        self._shown = True
        change = session.change
        port = change.card.ports[0].port if change is not None else port
        self._app.push_screen(LinkTypeDialog(self, session, port, self._app.state.ascii))

    def closed(self) -> None:
        """Take note that the dialog was left."""
        self._app.source.read_again()

    def look_for_others(self) -> None:
        """Look whether another program has a change on probation."""

        def look() -> None:
            others = waiting(self._context.system)
            self._later(lambda: self._found(others))

        if not self._context.system.demo:
            Thread(target=look, name="changes on probation", daemon=True).start()

    def _found(self, others: dict[str, PendingChange]) -> None:
        own = self.session.change if self.session and self.session.pending else None
        self._others = {d: o for d, o in others.items() if own is None or d != own.card.device}
        self.changed()

    # Steps

    def _run_step(self, step: Step, terminal: bool) -> None:
        """Run a step in a thread, or at once with the terminal free for sudo."""
        if not terminal:
            work = partial(self._work, step)
            Thread(target=work, name="link type", daemon=True).start()
            return
        try:
            with self._app.suspend():
                print("mlxtop: sudo asks now, not mlxtop", flush=True)
                apply = step()
        except SuspendNotSupported:
            apply = step()
        apply()

    def _work(self, step: Step) -> None:
        self._later(step())

    def _later(self, apply: Apply) -> None:
        """Have a call made by the event loop, from any thread."""
        with suppress(RuntimeError):  # all is over
            self._app.call_later(apply)

    def _report(self, incident: Incident) -> None:
        """Put the change into the list of events, of which it is one."""
        watch = self._app.state.watch
        if watch.frame is not None:
            watch.note(watch.frame.sample, (incident,))

    # Everywhere

    def changed(self) -> None:
        """Show a new stage; follow a change as long as it is on probation."""
        from mlxtop.tui.screens.link_type import LinkTypeDialog

        session = self.session
        after = session is not None and session.stage in (Stage.KEEP, Stage.DONE, Stage.BACK)
        if session is not None and after and session.recovery.evidence is None:
            session.recovery.gather()
        if self._pending and self._timer is None and self._app.is_running:
            self._timer = self._app.set_interval(TICK_S, self._tick)
        screen = self._app.screen if self._app.is_running else None
        if isinstance(screen, LinkTypeDialog):
            self._shown = True
            if screen.is_mounted:
                screen.show_stage()
        elif session is not None and session.stage in (Stage.DONE, Stage.BACK, Stage.FAILED):
            self._tell_end(session)
        self._app.show_ribbon()

    def _tell_end(self, session: LinkTypeSession) -> None:
        """Say once how a change ended whose dialog is closed."""
        if session.outcome is None and session.stage is not Stage.FAILED:
            return
        if self._shown and session.change is not None:
            self._shown = False
            key = self._keys("link-type")
            words = {Stage.DONE: "kept", Stage.BACK: "taken back"}.get(session.stage, session.text)
            severity = "error" if session.stage is Stage.FAILED else "information"
            self._app.notify(f"{words}; {key}: what to do now", severity=severity)

    @property
    def _pending(self) -> list[PendingChange]:
        own = self.session.pending if self.session is not None else None
        alive = [other for other in self._others.values() if other.left() > 0]
        return [*([own] if own else []), *alive]

    def _tick(self) -> None:
        """Count down, look at the ports again, and give up what was not confirmed in time."""
        session = self.session
        self._ticks += 1
        if session is not None:
            session.expire()
            if session.stage is Stage.KEEP and self._ticks % LOOK_TICKS == 0:
                session.recovery.gather()
        if not self._pending and (session is None or session.stage not in UNDER_WAY):
            self._others = {}
            if self._timer is not None:
                self._timer.stop()
                self._timer = None
        self._app.show_ribbon()

    def _keys(self, name: str) -> str:
        command = next(command for command in COMMANDS if command.id == name)
        return keys_of(command, self._app.settings.keys)[0]

    @property
    def key_names(self) -> dict[str, str]:
        """Return the keys that keep and take back, as people read them."""
        return {"keep": self._keys("keep"), "back": self._keys("take-back")}

    def items(self) -> Sequence[RibbonItem]:
        """Return the change on probation for the ribbon, the one whose time runs out first."""
        pending = self._pending
        if not pending:
            return ()
        keys = self._keys("keep"), self._keys("take-back")
        own = self.session.recovery.evidence if self.session and self.session.pending else None
        return (probation_item(min(one.left() for one in pending), own, keys),)

    def answer(self, keep: bool) -> None:
        """Keep what is on probation, or take it back."""
        if self.session is not None and self.session.pending is not None:
            self.session.answer(keep)
            return
        others, self._others = self._others, {}
        if others:
            work = partial(self._answer_others, others, keep)
            Thread(target=work, name="link type", daemon=True).start()
            self._app.show_ribbon()

    def _answer_others(self, others: dict[str, PendingChange], keep: bool) -> None:
        done = {d: one.keep() if keep else one.take_back() for d, one in others.items()}
        what = "kept" if keep else "taken back"
        texts = [f"{d}: {what if ok else 'too late: mlxtop log'}" for d, ok in done.items()]
        self._later(lambda: self._app.notify("; ".join(texts)))

    def farewell(self) -> list[str]:
        """Return what a person has to know who leaves while a change is on probation."""
        session = self.session
        lines = []
        if session is not None and session.pending is not None and session.change is not None:
            left, device = session.left, session.change.card.device
            if self._context.system.demo:
                lines.append("a change was on probation; the simulated machine has ended with it")
            else:
                lines.append(_unless(device, left))
        return lines + [_unless(d, o.left()) for d, o in self._others.items() if o.left() > 0]


def _unless(device: str, left: float) -> str:
    command = f"mlxtop link-type --keep {device}"
    return f"a change of link types is taken back in {left:.0f} s, unless: {command}"
