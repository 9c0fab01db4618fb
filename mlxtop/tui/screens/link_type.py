"""The dialog that changes a port's link type: keys and drawing of a `LinkTypeSession`.

Steps of the session run in a thread, or with the terminal handed over where sudo has to ask.
"""

from __future__ import annotations

from threading import Thread

from textual import on
from textual.app import ComposeResult, SuspendNotSupported
from textual.widgets import Input

from mlxtop.change.privilege import ActionContext
from mlxtop.link_type.carry_out import Outcome
from mlxtop.link_type.session import LinkTypeSession
from mlxtop.link_type.steps import Option, Stage, Step
from mlxtop.model.identity import Port
from mlxtop.present import link_type as describe
from mlxtop.present.text import Role, Section
from mlxtop.tui.commands import unlisted
from mlxtop.tui.screens.base import Dialog
from mlxtop.tui.widgets.lines import Lines
from mlxtop.tui.widgets.sections import FRAME

_KEYS = {
    Stage.LOOKING: "Esc back",
    Stage.CHOOSING: "↑ ↓ choose   Enter plan   Esc back",
    Stage.PLAN: "y yes, do it   c copy the commands   Esc back",
    Stage.RUNNING: "not to be interrupted",
    Stage.KEEP: "y keep it   n take it back   Esc leave: it is taken back in time",
    Stage.DONE: "c copy what to do now   Esc back",
    Stage.FAILED: "c copy the commands   Esc back",
}


class LinkTypeDialog(Dialog[Outcome | None]):
    """Ends with the outcome of a change; None where nothing was changed."""

    BINDINGS = unlisted(
        *(("escape", "back"), ("enter", "choose"), ("down,j", "move(1)"), ("up,k", "move(-1)")),
        *(("y", "yes"), ("n", "no"), ("c", "copy")),
    )
    AUTO_FOCUS = "#link-page"

    def __init__(self, context: ActionContext, port: Port, ascii_only: bool) -> None:
        super().__init__("link", f"Link type of {port.name}", ascii_only)
        self._port = port
        self._port_name, self._keys = Input(id="link-name", compact=True), Lines(id="link-keys")
        self._options: tuple[Option, ...] = ()
        self._cursor = 0
        self.session = LinkTypeSession(context, self._run_step, self._show, port.id)

    def body(self) -> ComposeResult:
        yield from (self.page, self._port_name, self._keys)

    def on_mount(self) -> None:
        self.set_interval(0.5, self._tick)
        self.session.look([self._port.adapter] if self._port.adapter else None)

    # Steps

    def _run_step(self, step: Step, terminal: bool) -> None:
        """Run a step of the session in a thread, or at once with the terminal free for sudo."""

        def work() -> None:
            self.call_later(step())

        if not terminal:
            Thread(target=work, name="link type", daemon=True).start()
            return
        try:
            with self.app.suspend():
                print("mlxtop: sudo asks now, not mlxtop", flush=True)
                apply = step()
        except SuspendNotSupported:
            apply = step()
        apply()

    # Keys

    def action_move(self, steps: int) -> None:
        if self.session.stage is Stage.CHOOSING and self._options:
            self._cursor = (self._cursor + steps) % len(self._options)
            self.draw()
        else:
            self.action_scroll(steps)

    def action_choose(self) -> None:
        """Show the plan of the marked option, or more options."""
        if self.session.stage is Stage.CHOOSING and self._options:
            self._options[self._cursor].choose()

    @on(Input.Submitted, "#link-name")
    def name_typed(self, event: Input.Submitted) -> None:
        """Take a typed name; any other word changes nothing."""
        if not self.session.type_name(event.value.strip()):
            self.notify("that is not its name", severity="warning")
        self._ask_name()
        self.draw()

    def action_yes(self) -> None:
        if self.session.stage is Stage.PLAN:
            self.session.carry_out()
        else:
            self.session.answer(keep=True)

    def action_no(self) -> None:
        self.session.answer(keep=False)

    def action_back(self) -> None:
        """Go one step back; a change in progress is not left."""
        session = self.session
        if session.stage is Stage.RUNNING or session.back():
            return
        if session.stage is Stage.KEEP:
            left = f"{session.left:.0f} s"
            self.app.notify(f"taken back in {left}, unless mlxtop link-type --keep", timeout=30)
        self.dismiss(session.outcome)

    def action_copy(self) -> None:
        """Copy commands to the clipboard of the terminal (OSC 52)."""
        session = self.session
        text = describe.copied_text(session.change, session.outcome, session.sudo)
        if text:
            self.app.copy_to_clipboard(text)
            self.notify("copied, if the terminal allows it")

    # Drawing

    def _show(self) -> None:
        """Show the new stage from its first line."""
        if self._options is not self.session.options:
            self._options, self._cursor = self.session.options, 0
        self.page.scroll_home(animate=False)
        self._ask_name()
        self.draw()

    def _ask_name(self) -> None:
        """Show where to type a name, if one is missing."""
        missing = self.session.missing if self.session.stage is Stage.PLAN else ()
        name = self._port_name
        name.display = bool(missing)
        name.value = ""
        if missing:
            name.placeholder = f"type the name of the port to go on: {missing[0]}"
            name.focus()
        else:
            self.page.focus()

    def _tick(self) -> None:
        """Count down the time to confirm."""
        if self.session.stage is Stage.KEEP:
            self.session.expire()
            self.draw()

    def draw(self) -> None:
        self.page.show(self._sections(max(8, self.page.size.width - FRAME)))
        self._keys.show([((_KEYS[self.session.stage], Role.DIM),)])

    def _sections(self, columns: int) -> list[Section]:
        session = self.session
        stage, outcome = session.stage, session.outcome
        if stage is Stage.CHOOSING:
            return describe.option_sections(
                session.survey, self._port.id, self._options, self._cursor, columns
            )
        if stage is Stage.PLAN and session.change is not None:
            blocks = describe.plan_blocks(session.change, session.sudo)
        elif stage in (Stage.KEEP, Stage.DONE) and outcome is not None:
            title = "Done" if outcome.done else "Not done"
            if stage is Stage.KEEP:
                title = f"Keep it? It is taken back in {session.left:.0f} s"
            blocks = describe.outcome_blocks(outcome, title)
        else:
            role = Role.CRITICAL if stage is Stage.FAILED else Role.TEXT
            blocks = [(stage.capitalize(), [(session.text, role)])]
        return describe.block_sections(blocks, columns)
