"""A change of link types step by step: look, choose, plan, type names, carry out, keep.

The screen and the command line drive the same session. Steps that take seconds are run by the
front end: in a thread, or, where sudo may ask for a password, with the terminal free.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from mlxtop.change.pending import PendingChange
from mlxtop.change.privilege import Access, ActionContext, access
from mlxtop.link_type.card import Refused
from mlxtop.link_type.carry_out import Outcome, carry_out
from mlxtop.link_type.choices import Choice, Choices, choices_of
from mlxtop.link_type.follow_up import Answer, event_of, expired, keep_it, take_back
from mlxtop.link_type.options import Change, Method, prepare
from mlxtop.link_type.persist import persist
from mlxtop.link_type.recovery import Recovery
from mlxtop.link_type.reset import reset_of, resets
from mlxtop.link_type.steps import Apply, Option, Run, Stage, sentence
from mlxtop.link_type.survey import LinkTypeSurvey, look
from mlxtop.model.identity import PortId
from mlxtop.model.incident import Incident
from mlxtop.model.linktype import LinkType

T = TypeVar("T")


class LinkTypeSession:
    """One change of link types; a thread owns the session, and steps change nothing in it."""

    def __init__(
        self,
        context: ActionContext,
        run: Run,
        changed: Callable[[], None] = lambda: None,
        port: PortId | None = None,
        *,
        report: Callable[[Incident], None] = lambda incident: None,
        later: Callable[[Apply], None] = lambda apply: apply(),
    ) -> None:
        """`changed` is called after every change of `stage`; `choices` are those of `port`.

        `report` takes the one event that stands for the whole change. `later` has a call made in
        the thread that owns the session.
        """
        self._context = context
        self._run = run
        self._changed = changed
        self._port = port
        self._report = report
        self._later = later
        self._survey: LinkTypeSurvey | None = None
        self.rights = access(context.system)
        self.stage = Stage.LOOKING
        self.text = ""
        """A sentence about the work under way, or about what failed."""
        self.error: Exception | None = None
        """Why the last step failed."""
        self.choices: Choices = {}
        self.options: tuple[Option, ...] = ()
        """What can be chosen beside the types."""
        self.change: Change | None = None
        self.typed: list[PortId] = []
        """Ports whose names a person typed because of the guard."""
        self.outcome: Outcome | None = None
        self.steps: list[str] = []
        """What has been begun of the work under way, the newest last."""
        self.began = 0.0
        """Monotonic second at which the work under way began."""
        self.recovery = Recovery(context, self.rights, run, changed)

    @property
    def survey(self) -> LinkTypeSurvey:
        assert self._survey is not None
        return self._survey

    @property
    def sudo(self) -> bool:
        """Return True where commands to copy need sudo."""
        return self.rights is not Access.ROOT

    @property
    def seconds(self) -> float:
        """Return the seconds that the work under way has taken."""
        return self._context.system.now() - self.began

    def _go(self, stage: Stage, text: str = "") -> None:
        self.stage, self.text = stage, text
        if stage is Stage.RUNNING:
            self.steps, self.began = [], self._context.system.now()
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
        self._tell_event("failed")
        self._go(Stage.FAILED, sentence(error))

    def _tell_step(self, text: str) -> None:
        """Take note of a part of the work that begins; called from any thread."""

        def apply() -> None:
            self.steps.append(text)
            self._changed()

        self._later(apply)

    # Looking and choosing

    def look(self, keys: Collection[str] | None, ask: bool = False) -> None:
        """Read the cards `keys`, all for None; with `ask` sudo may ask on the terminal."""
        self._go(Stage.LOOKING, "looking at the card …")

        def work() -> tuple[LinkTypeSurvey, Choices, tuple[Option, ...]]:
            survey = look(self._context.system, self.rights, ask, keys)
            if self._port is None:
                return survey, {}, ()
            choices = choices_of(self._context.system, survey, self._port)
            return survey, choices, self._options(survey, self._port)

        self._do(work, self._show, ask)

    def _show(self, result: tuple[LinkTypeSurvey, Choices, tuple[Option, ...]]) -> None:
        self._survey, self.choices, self.options = result
        self._go(Stage.CHOOSING)

    def _options(self, survey: LinkTypeSurvey, port: PortId) -> tuple[Option, ...]:
        """Return what helps beside the types. Raises Refused without a card."""
        card = survey.card_of(port)
        options: list[Option] = []
        if card.parameters and not card.mlx4 and any(types.pending for types in card.ports):
            text = "firmware reset now, so that what is stored takes effect"
            options.append(Option(text, self._look_for_levels))
        if not card.parameters and self.rights is Access.SUDO:
            text = "ask the card what it has stored, by sudo"
            options.append(Option(text, lambda: self.look([card.adapter.key], ask=True)))
        return tuple(options)

    def choose(self, choice: Choice) -> bool:
        """Show the plan of a choice; False where it means no change."""
        change = self.choices.get(choice)
        if self.stage is not Stage.CHOOSING or not isinstance(change, Change):
            return False
        self.plan(change)
        return True

    def _look_for_levels(self) -> None:
        """Offer the firmware resets that the tool of the card reports."""
        survey, port = self.survey, self._port
        assert port is not None
        self._go(Stage.LOOKING, "asking for the levels of a firmware reset …")

        def work() -> tuple[LinkTypeSurvey, Choices, tuple[Option, ...]]:
            changes = resets(self._context.system, survey, survey.card_of(port), self.rights)
            return survey, {}, tuple(self._option(text, change) for text, change in changes)

        self._do(work, self._show)

    def _option(self, text: str, change: Change) -> Option:
        return Option(text, lambda: self.plan(change))

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
        system, survey, rights = self._context.system, self.survey, self.rights

        def work() -> Change:
            card = survey.card_of(ports[0])
            if method is Method.PERSIST:
                return persist(system, survey, card)
            if method is Method.RESET:
                return reset_of(system, survey, card, rights, level, ask=ask)
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

    @property
    def missing_name(self) -> str:
        """Return the name of the first of `missing` as everything else calls the port."""
        types = self.change.card.port(self.missing[0]) if self.change and self.missing else None
        return types.port.name if types is not None else ""

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
        self._go(Stage.RUNNING, "at work; this is not interrupted")
        self._tell_event("at work")
        self._do(
            lambda: carry_out(
                system, survey, change, self.rights, log, typed=typed, tell=self._tell_step
            ),
            self._finish,
            terminal=self.rights is Access.SUDO,
        )

    def _finish(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.recovery.begin(outcome)
        waits = outcome.pending is not None
        self._tell_event("on probation" if waits else "done" if outcome.done else "not done")
        self._go(Stage.KEEP if waits else Stage.DONE)

    def _tell_event(self, how: str) -> None:
        """Report how far the change is, as one event that takes the place of the one before."""
        if self.change is not None and (self.began or self.outcome is not None):
            self._report(event_of(self.change, how, self.began, self._context.system.now()))

    # On probation

    @property
    def pending(self) -> PendingChange | None:
        """Return the change that waits to be confirmed; None where none does."""
        return self.outcome.pending if self.outcome and self.stage is Stage.KEEP else None

    @property
    def left(self) -> float:
        """Return the seconds until the change is taken back."""
        pending = self.outcome.pending if self.outcome else None
        return pending.left() if pending is not None else 0.0

    def answer(self, keep: bool) -> None:
        """Keep a change that waits to be confirmed, or take it back."""
        pending, change, before = self.pending, self.change, self.recovery.before
        if pending is None or change is None:
            return
        context, rights, tell, typed = self._context, self.rights, self._tell_step, (*self.typed,)
        if not keep:
            work = partial(take_back, context, change, pending, before, tell)
            self._end("taking it back …", work)
            return
        asks = change.then is not None and rights is Access.SUDO
        work = partial(keep_it, context, change, pending, rights, typed=typed, tell=tell)
        self._end("keeping it …", work, asks)

    def expire(self) -> None:
        """Give up a change that was not confirmed in time, and see what became of it."""
        if self.pending is not None and self.change is not None and self.left <= 0:
            work = partial(expired, self._context, self.change, self.recovery.before)
            self._end("not confirmed in time: it is taken back …", work)

    def _end(self, text: str, work: Callable[[], Answer], terminal: bool = False) -> None:
        began = self.began
        self._go(Stage.RUNNING, text)
        self.began = began  # the time since the change was made
        self._do(work, self._answered, terminal)

    def _answered(self, answer: Answer) -> None:
        assert self.outcome is not None
        lines = (*self.outcome.lines, *answer.lines) if answer.kept else answer.lines
        done = answer.done and self.outcome.done
        self.outcome = replace(self.outcome, lines=lines, done=done)
        stage = Stage.DONE if answer.kept else Stage.BACK if answer.done else Stage.FAILED
        self.recovery.forget()
        self._tell_event(f"{answer.event} after {self.seconds:.0f} s")
        self._go(stage, answer.text)

    @property
    def next(self) -> tuple[str, ...]:
        """Return what to do now, as commands to copy; comments begin with #."""
        outcome, advice = self.outcome, self.recovery.advice
        if outcome is None or self.stage is Stage.FAILED:
            return ()
        if self.stage is Stage.BACK:
            return advice or ()
        return outcome.next if advice is None else (*advice, *outcome.to_store)

    def back(self) -> bool:
        """Return to the options from a plan; False where there is nothing to return to."""
        if self.stage is not Stage.PLAN:
            return False
        self.change = None
        self._go(Stage.CHOOSING)
        return True
