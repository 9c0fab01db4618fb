"""A change of link types step by step: look, choose, plan, type names, carry out, keep.

The screen and the command line drive the same session. Steps that take seconds are run by the
front end: in a thread, or, where sudo may ask for a password, with the terminal free.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias, TypeVar

from mlxtop.change.privilege import Access, ActionContext, access
from mlxtop.link_type.card import Card, Refused
from mlxtop.link_type.carry_out import Outcome, carry_out
from mlxtop.link_type.options import Change, Method, methods, prepare
from mlxtop.link_type.reset import choose_level, persist, prepare_reset, read_levels
from mlxtop.link_type.survey import LinkTypeSurvey, look
from mlxtop.model.identity import PortId
from mlxtop.model.linktype import LinkType

_WHEN = {Method.NOW: "at once", Method.STORED: "from the next boot on"}

T = TypeVar("T")
Apply: TypeAlias = Callable[[], None]
"""Changes the session's state, in the thread that owns it."""
Step: TypeAlias = Callable[[], Apply]
"""Work that takes seconds, in any thread; its result is to be called afterwards."""
Run: TypeAlias = Callable[[Step, bool], None]
"""Runs a step, then its result. True: here and now, with the terminal free for sudo to ask."""


class Stage(StrEnum):
    """Stages of a change."""

    LOOKING = "looking"
    CHOOSING = "choosing"
    PLAN = "plan"
    RUNNING = "running"
    KEEP = "keep"
    """Done, and taken back unless it is confirmed."""
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Option:
    """A choice of the person."""

    text: str
    choose: Callable[[], None]
    """Prepares the plan, or looks for more options."""


class LinkTypeSession:
    """One change of link types; a thread owns the session, and steps change nothing in it."""

    def __init__(
        self,
        context: ActionContext,
        run: Run,
        changed: Callable[[], None] = lambda: None,
        port: PortId | None = None,
    ) -> None:
        """`changed` is called after every change of `stage`; `options` are those of `port`."""
        self._context = context
        self._run = run
        self._changed = changed
        self._port = port
        self._survey: LinkTypeSurvey | None = None
        self.rights = access(context.system)
        self.stage = Stage.LOOKING
        self.text = ""
        """A sentence about the work under way, or about what failed."""
        self.error: Exception | None = None
        """Why the last step failed."""
        self.options: tuple[Option, ...] = ()
        self.change: Change | None = None
        self.typed: list[PortId] = []
        """Ports whose names a person typed because of the guard."""
        self.outcome: Outcome | None = None

    @property
    def survey(self) -> LinkTypeSurvey:
        assert self._survey is not None
        return self._survey

    @property
    def sudo(self) -> bool:
        """Return True where commands to copy need sudo."""
        return self.rights is not Access.ROOT

    def _go(self, stage: Stage, text: str = "") -> None:
        self.stage, self.text = stage, text
        self._changed()

    def _do(self, work: Callable[[], T], then: Callable[[T], None], terminal: bool = False) -> None:
        """Have the front end run `work`, then give its result to `then`; a failure is the end."""

        def step() -> Apply:
            try:
                result = work()
            except (Refused, OSError) as error:
                failure = error
                return lambda: self._fail(failure)
            return lambda: then(result)

        self.error = None
        self._run(step, terminal)

    def _fail(self, error: Exception) -> None:
        self.error = error
        self._go(Stage.FAILED, str(error) or type(error).__name__)

    # Looking and choosing

    def look(self, keys: Collection[str] | None, ask: bool = False) -> None:
        """Read the cards `keys`, all for None; with `ask` sudo may ask on the terminal."""
        self._go(Stage.LOOKING, "looking at the card …")

        def work() -> tuple[LinkTypeSurvey, tuple[Option, ...]]:
            survey = look(self._context.system, self.rights, ask, keys)
            return survey, self._options(survey, self._port) if self._port else ()

        self._do(work, self._show, ask)

    def _show(self, result: tuple[LinkTypeSurvey, tuple[Option, ...]]) -> None:
        self._survey, self.options = result
        self._go(Stage.CHOOSING)

    def _options(self, survey: LinkTypeSurvey, port: PortId) -> tuple[Option, ...]:
        """Return what can be done with a port, the usual first. Raises Refused without a card."""
        card = survey.card_of(port)
        both = tuple(types.id for types in card.ports)
        options: list[Option] = []
        for method in methods(card, both):
            for ports in dict.fromkeys(((port,), both)):
                options += self._type_options(survey, card, ports, method)
        if card.mlx4 and card.switchable:
            with suppress(Refused):
                change = persist(self._context.system, survey, card)
                options.append(self._option("keep the present types over a boot", change))
        if card.parameters and not card.mlx4:
            text = "firmware reset now, so that what is stored takes effect"
            options.append(Option(text, self._look_for_levels))
        if not card.parameters and self.rights is Access.SUDO:
            text = "ask the card what it has stored, by sudo"
            options.append(Option(text, lambda: self.look([card.adapter.key], ask=True)))
        return tuple(options)

    def _option(self, text: str, change: Change) -> Option:
        return Option(text, lambda: self.plan(change))

    def _type_options(
        self, survey: LinkTypeSurvey, card: Card, ports: Sequence[PortId], method: Method
    ) -> list[Option]:
        options = []
        who = "this port" if len(ports) == 1 else "all ports of the card"
        for kind in LinkType if card.mlx4 else (LinkType.IB, LinkType.ETH):
            with suppress(Refused):
                change = prepare(survey, card, dict.fromkeys(ports, kind), method)
                options.append(self._option(f"{who}: {kind.words}, {_WHEN[method]}", change))
        return options

    def _look_for_levels(self) -> None:
        """Offer the firmware resets that the tool of the card reports."""
        survey, port = self.survey, self._port
        assert port is not None
        self._go(Stage.LOOKING, "asking for the levels of a firmware reset …")

        def work() -> tuple[LinkTypeSurvey, tuple[Option, ...]]:
            card = survey.card_of(port)
            tool, levels = read_levels(self._context.system, card, self.rights)
            usable = [level for level in levels if level.supported]
            changes = [prepare_reset(survey, card, tool, level) for level in usable]
            texts = [f"level {level.number}: {level.text}" for level in usable]
            return survey, tuple(map(self._option, texts, changes))

        self._do(work, self._show)

    # Plans

    def plan(self, change: Change) -> None:
        """Choose a change; nothing is done yet."""
        self.change, self.typed = change, []
        self._go(Stage.PLAN)

    def prepare(
        self,
        ports: Sequence[PortId],
        method: Method | None,
        kind: LinkType | None = None,
        level: int | None = None,
        ask: bool = False,
    ) -> None:
        """Choose a change of a card's ports by a method, the first that works for None.

        `kind` is the new type. `level` is that of a reset, the gentlest for None; with `ask` sudo
        may ask on the terminal for the question about levels.
        """
        system, survey = self._context.system, self.survey

        def work() -> Change:
            card = survey.card_of(ports[0])
            if method is Method.PERSIST:
                return persist(system, survey, card)
            if method is Method.RESET:
                tool, levels = read_levels(system, card, self.rights, ask)
                return prepare_reset(survey, card, tool, choose_level(levels, level, card.restart))
            if kind is None:
                raise Refused("which type? ib, eth or auto")
            return prepare(survey, card, dict.fromkeys(ports, kind), method)

        self._do(work, self.plan, ask)

    # Confirming and doing

    @property
    def missing(self) -> tuple[PortId, ...]:
        """Return the ports whose names have to be typed before the change is made."""
        endangered = self.change.endangered if self.change else ()
        return tuple(port for port in endangered if port not in self.typed)

    def type_name(self, name: str) -> bool:
        """Confirm the first of `missing` by its name; False for any other word."""
        types = self.change.card.port(self.missing[0]) if self.change and self.missing else None
        if types is None or name not in (str(types.id), types.port.netdev, types.port.name):
            return False
        self.typed.append(types.id)
        return True

    def carry_out(self) -> None:
        """Carry out the plan, unless a name is missing."""
        change, typed = self.change, tuple(self.typed)
        if self.stage is not Stage.PLAN or change is None or self.missing:
            return
        survey, system, log = self.survey, self._context.system, self._context.log
        self._go(Stage.RUNNING, "at work; this is not interrupted …")
        self._do(
            lambda: carry_out(system, survey, change, self.rights, log, typed=typed),
            self._finish,
            terminal=self.rights is Access.SUDO,
        )

    def _finish(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self._go(Stage.KEEP if outcome.pending is not None else Stage.DONE)

    @property
    def left(self) -> float:
        """Return the seconds until the change is taken back."""
        pending = self.outcome.pending if self.outcome else None
        return pending.left() if pending is not None else 0.0

    def answer(self, keep: bool) -> None:
        """Keep a change that waits to be confirmed, or take it back."""
        pending = self.outcome.pending if self.outcome else None
        if self.stage is not Stage.KEEP or pending is None:
            return
        self._go(Stage.RUNNING, "keeping it …" if keep else "taking it back …")

        def work() -> tuple[Stage, str]:
            if keep and pending.keep():
                return Stage.DONE, ""
            late = "too late, or it could not be taken back: mlxtop log has the result"
            return Stage.FAILED, "taken back" if pending.take_back() else late

        self._do(work, lambda result: self._go(*result))

    def expire(self) -> None:
        """Give up a change that was not confirmed in time."""
        if self.stage is Stage.KEEP and self.left <= 0:
            self._go(Stage.FAILED, "not confirmed in time: taken back")

    def back(self) -> bool:
        """Return to the options from a plan; False where there is nothing to return to."""
        if self.stage is not Stage.PLAN:
            return False
        self.change = None
        self._go(Stage.CHOOSING)
        return True
