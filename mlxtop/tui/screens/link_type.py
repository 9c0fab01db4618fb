"""The dialog that changes a port's link type: look, choose, plan, yes, keep.

It runs nothing itself: actions look, prepare and carry out, in a thread of their own, or with the
terminal handed over where sudo has to ask.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from threading import Thread
from typing import ClassVar

from textual import on
from textual.app import ComposeResult, SuspendNotSupported
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Input

from mlxtop.change.context import ActionContext
from mlxtop.change.privilege import Access, NotAllowed, access
from mlxtop.link_type.carry_out import Outcome, carry_out, look
from mlxtop.link_type.options import Further, Offer, offers, reset_offers
from mlxtop.link_type.plan import Change, LinkTypeSurvey, Refused
from mlxtop.model.identity import Port, PortId
from mlxtop.present.text import Line, Role, Section
from mlxtop.tui.screens import link_lines
from mlxtop.tui.screens.base import marks
from mlxtop.tui.widgets.lines import Lines, Styled
from mlxtop.tui.widgets.sections import FRAME, Sections


class Stage(StrEnum):
    """How far the dialog is."""

    LOOKING = "looking"
    CHOOSING = "choosing"
    PLAN = "plan"
    RUNNING = "running"
    KEEP = "keep"
    """Done, and taken back unless it is confirmed."""
    DONE = "done"
    FAILED = "failed"


_KEYS = {
    Stage.LOOKING: "Esc back",
    Stage.CHOOSING: "↑ ↓ choose   Enter plan   Esc back",
    Stage.PLAN: "y yes, do it   c copy the commands   Esc back",
    Stage.RUNNING: "not to be interrupted",
    Stage.KEEP: "y keep it   n take it back   Esc leave: it is taken back in time",
    Stage.DONE: "c copy what to do now   Esc back",
    Stage.FAILED: "c copy the commands   Esc back",
}


class LinkTypeDialog(ModalScreen[Outcome | None]):
    """Ends with what came of a change; None where nothing was changed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", show=False),
        Binding("y", "yes", show=False),
        Binding("n", "no", show=False),
        Binding("c", "copy", show=False),
        Binding("enter", "choose", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("up,k", "move(-1)", show=False),
    ]
    AUTO_FOCUS = "#link-page"

    class Told(Message):
        """A thread has something to say: the event loop shall run it."""

        def __init__(self, deed: Callable[[], None]) -> None:
            super().__init__()
            self.deed = deed

    def __init__(self, hands: ActionContext, port: Port, ascii_only: bool) -> None:
        super().__init__()
        self._hands = hands
        self._port = port
        self._ascii = ascii_only
        self._rights = access(hands.system)
        self._scene: LinkTypeSurvey | None = None
        self._offers: tuple[Offer, ...] = ()
        self._cursor = 0
        self._change: Change | None = None
        self._typed: list[PortId] = []
        self._outcome: Outcome | None = None
        self._text = "looking at the card …"
        self.stage = Stage.LOOKING

    def compose(self) -> ComposeResult:
        """A box of boxes, a place to type a name, the keys."""
        with Container(id="link-dialog", classes="dialog box"):
            yield Sections(id="link-page")
            yield Input(id="link-name", compact=True)
            yield Lines(id="link-keys")

    def on_mount(self) -> None:
        """Look at the card in a thread."""
        self.set_class(self._ascii, "-ascii")
        for widget in self.walk_children(Styled):
            widget.ascii = self._ascii
        box = self.query_one("#link-dialog")
        box.border_title = f"Link type of {self._port.name}"
        box.border_subtitle = marks(self)
        self.query_one(Input).display = False
        self.set_interval(0.5, self._tick)
        self._look()

    def on_resize(self) -> None:
        """Everything is drawn for the new size."""
        self.call_after_refresh(self._draw)

    @property
    def _sudo(self) -> bool:
        return self._rights is not Access.ROOT

    # Threads

    def _in_thread(self, work: Callable[[], Callable[[], None]]) -> None:
        """Do `work` in a thread, and what it returns in the event loop."""

        def run() -> None:
            self.post_message(self.Told(self._safe(work)))

        Thread(target=run, name="link type", daemon=True).start()

    def _safe(self, work: Callable[[], Callable[[], None]]) -> Callable[[], None]:
        """What is to be done after `work`; a failure is told."""
        try:
            return work()
        except (Refused, NotAllowed, OSError) as error:
            text = str(error) or type(error).__name__
            return lambda: self._fail(text)

    def on_link_type_dialog_told(self, message: Told) -> None:
        """A thread is done."""
        message.deed()

    def _fail(self, text: str) -> None:
        self._text = text
        self._go(Stage.FAILED)

    def _go(self, stage: Stage) -> None:
        self.stage = stage
        self.query_one(Sections).scroll_home(animate=False)
        self._ask_name()
        self._draw()

    # Looking and choosing

    def _look(self, ask: bool = False) -> None:
        keys = [self._port.adapter] if self._port.adapter else None

        def work() -> Callable[[], None]:
            scene = look(self._hands.system, self._rights, ask, keys)
            found = offers(self._hands, scene, self._port.id)
            return lambda: self._show(scene, found)

        if ask:
            self._with_terminal(work)
        else:
            self._in_thread(work)

    def _show(self, scene: LinkTypeSurvey, found: tuple[Offer, ...]) -> None:
        self._scene, self._offers, self._cursor = scene, found, 0
        self._go(Stage.CHOOSING)

    def _with_terminal(self, work: Callable[[], Callable[[], None]]) -> None:
        """Do `work` here and now, with the terminal free for sudo."""
        try:
            with self.app.suspend():
                print("mlxtop: sudo asks now, not mlxtop", flush=True)
                deed = self._safe(work)
        except SuspendNotSupported:
            deed = self._safe(work)
        deed()

    def action_move(self, steps: int) -> None:
        """The next or last choice, or scroll."""
        if self.stage is Stage.CHOOSING and self._offers:
            self._cursor = (self._cursor + steps) % len(self._offers)
            self._draw()
        else:
            self.query_one(Sections).scroll_relative(y=steps, animate=False)

    def action_choose(self) -> None:
        """Show the plan of a choice, or ask further."""
        if self.stage is not Stage.CHOOSING or not self._offers:
            return
        offer = self._offers[self._cursor]
        scene = self._scene
        if offer.further is Further.SUDO:
            self._look(ask=True)
        elif offer.further is Further.LEVELS and scene is not None:
            self._text = "asking for the levels of a firmware reset …"
            self._go(Stage.LOOKING)

            def work() -> Callable[[], None]:
                levels = reset_offers(self._hands, scene, self._port.id)
                return lambda: self._show(scene, levels)

            self._in_thread(work)
        elif offer.change is not None:
            self._change, self._typed = offer.change, []
            self._go(Stage.PLAN)

    # The guard

    def _missing(self) -> list[PortId]:
        """Ports whose names have to be typed still."""
        change = self._change
        return [port for port in change.endangered if port not in self._typed] if change else []

    def _ask_name(self) -> None:
        """Show where to type a name, if one is missing."""
        missing = self._missing() if self.stage is Stage.PLAN else []
        name = self.query_one(Input)
        name.display = bool(missing)
        name.value = ""
        if missing:
            name.placeholder = f"type the name of the port to go on: {missing[0]}"
            name.focus()
        else:
            self.query_one(Sections).focus()

    @on(Input.Submitted, "#link-name")
    def name_typed(self, event: Input.Submitted) -> None:
        """Only the name itself opens the way."""
        missing = self._missing()
        types = self._change.card.port(missing[0]) if self._change and missing else None
        if types and event.value.strip() in (str(types.id), types.port.netdev, types.port.name):
            self._typed.append(types.id)
        else:
            self.notify("that is not its name", severity="warning")
        self._ask_name()
        self._draw()

    # Doing

    def action_yes(self) -> None:
        """Yes, and never anything else."""
        if self.stage is Stage.PLAN and not self._missing():
            self._carry_out()
        elif self.stage is Stage.KEEP:
            self._answer(keep=True)

    def action_no(self) -> None:
        """Take it back now."""
        if self.stage is Stage.KEEP:
            self._answer(keep=False)

    def _carry_out(self) -> None:
        scene, change, typed = self._scene, self._change, tuple(self._typed)
        if scene is None or change is None:
            return
        hands, rights = self._hands, self._rights
        self._text = "at work; this is not interrupted …"
        self._go(Stage.RUNNING)

        def work() -> Callable[[], None]:
            outcome = carry_out(hands.system, scene, change, rights, hands.log, typed=typed)
            return lambda: self._done(outcome)

        if rights is Access.SUDO:
            self._with_terminal(work)
        else:
            self._in_thread(work)

    def _done(self, outcome: Outcome) -> None:
        self._outcome = outcome
        self._go(Stage.KEEP if outcome.keeper is not None else Stage.DONE)

    def _answer(self, keep: bool) -> None:
        keeper = self._outcome.keeper if self._outcome else None
        if keeper is None:
            return
        self._text = "keeping it …" if keep else "taking it back …"
        self._go(Stage.RUNNING)

        def work() -> Callable[[], None]:
            if keep and keeper.keep():
                return lambda: self._go(Stage.DONE)
            back = keeper.take_back()
            text = "taken back" if back else "the time was over: it is taken back"
            return lambda: self._fail(text)

        self._in_thread(work)

    def _tick(self) -> None:
        """The time to confirm runs out."""
        keeper = self._outcome.keeper if self._outcome else None
        if self.stage is not Stage.KEEP or keeper is None:
            return
        if keeper.left() <= 0:
            self._fail("not confirmed in time: taken back")
        else:
            self._draw()

    def action_back(self) -> None:
        """One step back; a change in progress is not left."""
        keeper = self._outcome.keeper if self._outcome else None
        if self.stage is Stage.RUNNING:
            return
        if self.stage is Stage.KEEP and keeper is not None:
            left = f"{keeper.left():.0f} s"
            self.app.notify(f"taken back in {left}, unless mlxtop link-type --keep", timeout=30)
        if self.stage is Stage.PLAN:
            self._change = None
            self._go(Stage.CHOOSING)
        else:
            self.dismiss(self._outcome)

    def action_copy(self) -> None:
        """Copy commands to the clipboard of the terminal (OSC 52)."""
        text = link_lines.copied_text(self._change, self._outcome, self._sudo)
        if text:
            self.app.copy_to_clipboard(text)
            self.notify("copied, if the terminal allows it")

    # Drawing

    def _draw(self) -> None:
        page = self.query_one(Sections)
        columns = max(8, page.size.width - FRAME)
        page.show(self._sections(columns))
        self.query_one("#link-keys", Lines).show([((_KEYS[self.stage], Role.DIM),)])

    def _sections(self, columns: int) -> list[Section]:
        scene, change, outcome = self._scene, self._change, self._outcome
        if self.stage is Stage.CHOOSING and scene is not None:
            key = self._port.adapter or ""
            types = link_lines.types_section(scene, key, self._port.id, columns)
            return [types, link_lines.offers_section(self._offers, self._cursor, columns)]
        if self.stage is Stage.PLAN and change is not None:
            return link_lines.plan_sections(change, self._sudo, columns)
        if self.stage in (Stage.KEEP, Stage.DONE) and outcome is not None:
            return link_lines.outcome_sections(outcome, columns, self._state())
        role = Role.CRITICAL if self.stage is Stage.FAILED else Role.TEXT
        lines: list[Line] = link_lines.paragraph([self._text], columns, role)
        return [Section(self.stage.capitalize(), tuple(lines))]

    def _state(self) -> str:
        outcome = self._outcome
        if self.stage is Stage.KEEP and outcome is not None and outcome.keeper is not None:
            return f"Keep it? It is taken back in {outcome.keeper.left():.0f} s"
        return "Done" if outcome is not None and outcome.done else "Not done"
