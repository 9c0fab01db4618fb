"""What a card's ports have and lack after a change, and the step that brings it back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mlxtop.change.plan import Command
from mlxtop.change.privilege import Access, ActionContext
from mlxtop.link_type.carry_out import Outcome
from mlxtop.link_type.restore import Evidence, PortBefore, advice, bring_back, gather
from mlxtop.link_type.steps import Apply, Run, sentence
from mlxtop.sampler.discover import discover


class Recovery:
    """The evidence after a change; the thread that owns the session owns it too."""

    def __init__(
        self, context: ActionContext, rights: Access, run: Run, changed: Callable[[], None]
    ) -> None:
        self._context, self._rights, self._run, self._changed = context, rights, run, changed
        self.before: tuple[PortBefore, ...] = ()
        """The ports as they were; empty where none was registered anew."""
        self.evidence: Evidence | None = None
        """What was found at the last look; None before the first."""
        self.advice: tuple[str, ...] | None = None
        """What to do on the ports now, as commands to copy; None before the first look."""
        self.restoring = False
        """What was missing is being brought back."""
        self.failures: tuple[str, ...] = ()
        """What could not be brought back, a line each."""
        self._gathering = False
        self._round = 0
        """Grows with every change of the ports: what was read before it is out of date."""

    def begin(self, outcome: Outcome) -> None:
        """Take the ports as they were before a change that has just been made."""
        self.before = outcome.before
        self.forget()

    def forget(self) -> None:
        """Drop what was found: the ports have been registered anew."""
        self.evidence, self.advice, self.failures = None, None, ()
        self._gathering = False
        self._round += 1

    def gather(self) -> None:
        """Look what the ports have and lack, unless that is being done.

        The first look asks no peer: that takes seconds, and the next one does.
        """
        if self._gathering or self.restoring or not self.before:
            return
        self._gathering = True
        system, before, number = self._context.system, self.before, self._round
        ask = self.evidence is not None

        def step() -> Apply:
            try:
                after = discover(system)
                evidence = gather(system, before, after, ask)
            except OSError:
                return lambda: self._gathered(number, None, ())
            lines = advice(before, after, evidence)
            return lambda: self._gathered(number, evidence, lines)

        self._run(step, False)

    def _gathered(self, number: int, evidence: Evidence | None, lines: Sequence[str]) -> None:
        if number != self._round:
            return
        self._gathering = False
        if evidence is not None and not self.restoring:
            first = self.evidence is None
            self.evidence, self.advice = evidence, tuple(lines)
            self._changed()
            if first:
                self.gather()

    @property
    def missing(self) -> tuple[Command, ...]:
        """Return the commands of the step that brings back address, MTU and bond."""
        return self.evidence.missing if self.evidence and not self.restoring else ()

    def restore(self) -> None:
        """Bring back what is missing; a change on probation stays there meanwhile."""
        commands, context, rights = self.missing, self._context, self._rights
        if not commands:
            return
        self.restoring, self.failures = True, ()
        self._changed()

        def step() -> Apply:
            try:
                failures = bring_back(context.system, commands, rights, context.log)
            except OSError as error:
                failures = [sentence(error)]
            return lambda: self._restored(failures)

        self._run(step, rights is Access.SUDO)

    def _restored(self, failures: Sequence[str]) -> None:
        self.restoring, self.failures = False, tuple(failures)
        self._changed()
        self.gather()
