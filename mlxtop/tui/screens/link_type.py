"""The dialog that changes a port's link type: keys and drawing of a `LinkTypeSession`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import events, on
from textual.app import ComposeResult
from textual.widgets import Input

from mlxtop.link_type.session import LinkTypeSession
from mlxtop.link_type.steps import Stage
from mlxtop.model.identity import Port
from mlxtop.present import link_type as describe
from mlxtop.present import link_type_dialog as dialog
from mlxtop.present.link_type_dialog import LABELS, Form
from mlxtop.present.text import Role, Section, plain
from mlxtop.tui.commands import spelled, unlisted
from mlxtop.tui.screens.base import Dialog
from mlxtop.tui.widgets.lines import Lines
from mlxtop.tui.widgets.sections import FRAME

if TYPE_CHECKING:
    from mlxtop.tui.link_types import LinkTypes

LOOK_TICKS = 3
"""Seconds between two looks at what the ports have after a change."""
_AFTER = (Stage.KEEP, Stage.DONE, Stage.BACK)
_KEYS = {
    Stage.LOOKING: ("Esc back",),
    Stage.CHOOSING: ("Enter plan", "↑ ↓ row", "← → choose", "Esc back"),
    Stage.PLAN: ("y yes, do it", "c copy the commands", "Esc back"),
    Stage.RUNNING: ("not to be interrupted",),
    Stage.KEEP: ("{keep} keep", "{back} take back", "Esc leave, time runs on"),
    Stage.DONE: ("c copy what to do now", "Esc back"),
    Stage.BACK: ("c copy what to do now", "Esc back"),
    Stage.FAILED: ("c copy the commands", "Esc back"),
}


class LinkTypeDialog(Dialog[None]):
    """Ends with nothing: the session outlives it."""

    BINDINGS = unlisted(
        *(("escape", "back"), ("enter", "choose"), ("down,j", "move(1)"), ("up,k", "move(-1)")),
        *(("right,l,space", "turn(1)"), ("left,h", "turn(-1)"), ("home,g", "move(-1000)")),
        *(("end,G", "move(1000)"), ("pagedown", "scroll(10)"), ("pageup", "scroll(-10)")),
        *(("tab", "move(1)"), ("shift+tab", "move(-1)")),
        *(("y", "yes"), ("n", "no"), ("c", "copy"), ("a,A", "restore")),
    )
    AUTO_FOCUS = "#link-page"

    def __init__(
        self, link_types: LinkTypes, session: LinkTypeSession, port: Port, ascii_only: bool
    ) -> None:
        super().__init__("link", f"Link type of {port.name}", ascii_only)
        self._link_types = link_types
        self._port = port
        self._port_name, self._keys = Input(id="link-name", compact=True), Lines(id="link-keys")
        self._form: Form | None = None
        self._stage: Stage | None = None
        self._ticks = 0
        self.session = session

    def body(self) -> ComposeResult:
        yield from (self.page, self._port_name, self._keys)

    def on_mount(self) -> None:
        self.set_interval(1.0, self._tick)
        self.show_stage()

    def on_unmount(self) -> None:
        self._link_types.closed()

    # Keys

    def action_move(self, steps: int) -> None:
        if self._form is not None and self.session.stage is Stage.CHOOSING:
            options = len(self.session.options)
            moved = self._form.moved(steps, options)
            self._form = moved if self.session.choices else _among_options(moved)
            self.draw()
        else:
            self.action_scroll(max(-10_000, min(steps, 10_000)))

    def action_turn(self, steps: int) -> None:
        """Choose the next value of a row."""
        if self._form is not None and self.session.stage is Stage.CHOOSING:
            self._form = self._form.turned(steps)
            self.draw()

    def action_choose(self) -> None:
        """Show the plan of what is chosen, or more options."""
        session, form = self.session, self._form
        if session.stage is not Stage.CHOOSING or form is None:
            return
        if form.row >= len(LABELS):
            session.options[form.row - len(LABELS)].choose()
        elif not session.choose(form.choice):
            self.app.bell()

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

    def action_restore(self) -> None:
        """Bring back address, MTU and bond as they were."""
        if self.session.stage in _AFTER:
            self.session.recovery.restore()

    def action_back(self) -> None:
        """Go one step back; a change in progress is not left."""
        if self.session.stage is not Stage.RUNNING and not self.session.back():
            self.dismiss(None)

    def action_copy(self) -> None:
        """Copy commands to the clipboard of the terminal (OSC 52)."""
        session = self.session
        text = describe.copied_text(session.change, session.next, session.sudo)
        if text:
            self.app.copy_to_clipboard(text)
            self.notify("copied, if the terminal allows it")

    def on_click(self, event: events.Click) -> None:
        """Choose the value that was clicked."""
        place = event.get_content_offset(self.page)
        if place is None or self._form is None or self.session.stage is not Stage.CHOOSING:
            return
        line, _ = self.page.line_at(place.y, self.page.size.width)
        hit = dialog.value_at(self._form, plain(line), place.x)
        if hit is not None:
            self._form = self._form.with_value(*hit)
            self.draw()

    # Drawing

    def show_stage(self) -> None:
        """Draw the session; a new stage from its first line."""
        session = self.session
        if session.stage is not self._stage:
            self._stage = session.stage
            self.page.scroll_home(animate=False)
            if session.stage is Stage.CHOOSING:
                self._form = self._first_form()
            self._ask_name()
        self.draw()

    def _first_form(self) -> Form:
        """Return the form as it opens, or as it was left for the plan."""
        session = self.session
        card = session.survey.card_of(self._port.id)
        form = self._form or dialog.first_form(card, self._port.id, session.choices)
        return form if session.choices else _among_options(form)

    def _ask_name(self) -> None:
        """Show where to type a name, if one is missing."""
        missing = self.session.missing if self.session.stage is Stage.PLAN else ()
        name = self._port_name
        name.display = bool(missing)
        name.value = ""
        if missing:
            name.placeholder = f"type {self.session.missing_name} to go on"
            name.focus()
        elif self.session.stage is Stage.CHOOSING:
            self.set_focus(None)  # a page that scrolls would take the keys of the form
        else:
            self.page.focus()

    def _tick(self) -> None:
        """Count the seconds, and look at the ports again after a change."""
        self._ticks += 1
        if self.session.stage in (Stage.DONE, Stage.BACK) and self._ticks % LOOK_TICKS == 0:
            self.session.recovery.gather()
        if self.session.stage in (Stage.RUNNING, Stage.KEEP):
            self.draw()

    def draw(self) -> None:
        self.page.show(self._sections(max(8, self.page.size.width - FRAME)))
        if self.session.stage is Stage.CHOOSING:
            self.page.reveal("▸ ")
        words = "   ".join(self._shown_keys())
        self._keys.show([((words, Role.DIM),)])

    def _shown_keys(self) -> list[str]:
        """Return the keys that do something now, the most useful first."""
        session = self.session
        if session.stage is Stage.PLAN and session.missing:
            many = len(session.missing) > 1
            more = f" (then {len(session.missing) - 1} more)" if many else ""
            return [f"type {session.missing_name} and Enter to go on{more}", "Esc back"]
        keys = self._link_types.key_names
        shown = [spelled(key, self._ascii).format(**keys) for key in _KEYS[session.stage]]
        if session.stage in _AFTER and session.recovery.missing:
            shown.insert(2 if session.stage is Stage.KEEP else 0, "A bring back as it was")
        return shown

    def _sections(self, columns: int) -> list[Section]:
        session = self.session
        stage = session.stage
        if stage is Stage.CHOOSING and self._form is not None:
            return dialog.form_sections(self._form, session, columns)
        if stage is Stage.PLAN and session.change is not None:
            blocks = describe.plan_blocks(session.change, session.sudo)
        elif stage is Stage.RUNNING:
            blocks = dialog.work_blocks(session)
        elif stage in _AFTER:
            blocks = dialog.after_blocks(session)
        else:
            role = Role.CRITICAL if stage is Stage.FAILED else Role.TEXT
            blocks = [(stage.capitalize(), [(session.text, role)])]
        return describe.block_sections(blocks, columns)


def _among_options(form: Form) -> Form:
    """Return the form with the cursor below the choices, where there are none."""
    return form.moved(max(0, len(LABELS) - form.row), 1_000) if form.row < len(LABELS) else form
