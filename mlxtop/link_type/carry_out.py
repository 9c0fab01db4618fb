"""Carry out a change: the only code of this program that changes a machine.

One tool at a time works on a card. Every command goes to the action log before and after. The
result is read back and compared, whatever the tool printed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from mlxtop.change.guard import find_uses
from mlxtop.change.log import ActionLog
from mlxtop.change.pending import PendingChange, switch, switch_words
from mlxtop.change.plan import Command, Switch
from mlxtop.change.privilege import Access, NotAllowed
from mlxtop.change.run import LoggedCommands, last_words
from mlxtop.link_type.card import Refused, claimed, read_config
from mlxtop.link_type.options import Change, Method, methods
from mlxtop.link_type.restore import PortBefore, advice, gather, ports_before, settled
from mlxtop.link_type.survey import LinkTypeSurvey, hidden_ports
from mlxtop.model.identity import PortId
from mlxtop.model.linktype import parse_port_type
from mlxtop.sampler.discover import discover
from mlxtop.sources.kernel.pci import DEVICES
from mlxtop.sources.kernel.sysfs import read_text
from mlxtop.sources.tools.card_tool import explain, failure
from mlxtop.sources.tools.mstconfig import Column
from mlxtop.sources.tools.mstfwreset import parse_reset
from mlxtop.system.door import Finished, System

Tell = Callable[[str], None]
"""Is told what is being done, as it begins."""


def _to_nobody(_: str) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a change."""

    done: bool
    """The values that were read back are the wanted ones."""
    lines: tuple[str, ...]
    """What happened, a line each."""
    pending: PendingChange | None = None
    """Set where the change is taken back unless it is confirmed."""
    next: tuple[str, ...] = ()
    """What to do now, as commands to copy; comments begin with #."""
    before: tuple[PortBefore, ...] = ()
    """The card's ports as they were, where they were registered anew."""
    to_store: tuple[str, ...] = ()
    """The part of `next` that makes the change last over a boot."""


def carry_out(
    system: System,
    survey: LinkTypeSurvey,
    change: Change,
    rights: Access,
    log: ActionLog | None,
    *,
    typed: Collection[PortId] = (),
    tell: Tell = _to_nobody,
) -> Outcome:
    """Carry out a plan. `typed`: ports whose names a person typed because of the guard.

    With Access.SUDO the terminal has to be free, and the thread the main one. `log` is None for
    simulated machines. Raises Refused, NotAllowed, and OSError.
    """
    if system.captured:
        raise Refused("a captured machine cannot be changed")
    tell("looking again whether anything depends on the ports")
    _check_again(system, change, typed)
    before = ports_before(system, survey, change.card)
    complaints: list[str] = []
    tell("waiting until no other tool works on the card")
    with claimed(system, change.card, rights, ask=True) as root:
        commands = LoggedCommands(root, log, change.plan.title, complaints)
        outcome = _Worker(commands, change, tell).work()
    if outcome.done:
        outcome = _followed_up(system, change, before, outcome, tell)
    return replace(outcome, lines=(*outcome.lines, *complaints))


def _followed_up(
    system: System, change: Change, before: tuple[PortBefore, ...], outcome: Outcome, tell: Tell
) -> Outcome:
    """Return the outcome with what to do now, when the ports have come back."""
    match change.method:
        case Method.PERSIST:
            return outcome
        case Method.STORED:
            return replace(outcome, next=_after_storing(change))
    tell("waiting for the network devices to come back")
    after = settled(system, change.affected)
    lines = advice(before, after, gather(system, before, after, ask=False))
    alone = change.method is Method.NOW and change.then is None
    store = tuple(_to_store(change)) if alone else ()
    return replace(outcome, next=(*lines, *store), before=before, to_store=store)


def _check_again(system: System, change: Change, typed: Collection[PortId]) -> None:
    """Look again right before the change. Raises Refused where something is not as planned."""
    inventory = discover(system)
    ports = {port.id: port for port in inventory.ports}
    for types in change.card.ports:
        now = ports.get(types.id)
        if now is None or (now.netdev, now.rdma) != (types.port.netdev, types.port.rdma):
            raise Refused(f"{types.id} is no longer what it was; look again")
    if not change.affected:
        return
    hazards = find_uses(system, inventory, hidden_ports((change.card,))).of(change.affected)
    reasons = "; ".join(hazard.text for hazard in hazards)
    if hazards and change.method is Method.RESET:
        raise Refused(f"no firmware reset: {reasons}")
    missing = set(replace(change, hazards=hazards).endangered) - set(typed)
    if missing:
        names = " and ".join(map(str, sorted(missing)))
        raise Refused(f"{reasons}: that needs the name of {names} typed")


@dataclass(frozen=True, slots=True)
class _Worker:
    """Runs the steps of one change."""

    commands: LoggedCommands
    change: Change
    tell: Tell

    def work(self) -> Outcome:
        outcome = Outcome(False, ("nothing was to be done",))
        for step in self.change.plan.steps:
            self.tell(step.purpose)
            outcome = self._switch(step) if isinstance(step, Switch) else self._command(step)
            if not outcome.done:
                break
        return outcome

    def _command(self, step: Command) -> Outcome:
        if step.file is not None:
            return self._write(step, step.file)
        finished = self.commands.run(step)
        self.tell("reading back")
        if self.change.method is Method.RESET:
            return self._after_reset(finished)
        return self._after_set(step, finished)

    def _write(self, step: Command, file: str) -> Outcome:
        """Have a command write a file; what stands in it afterwards decides."""
        system = self.commands.root.system
        before = read_text(system, file)
        try:
            finished = self.commands.run(step)
        except NotAllowed:
            raise
        except OSError as error:
            why = f"{step.argv[0]}: {error.strerror or error}"
            raise Refused(f"could not write {file}, nothing was changed: {why}") from None
        now = read_text(system, file)
        if finished.status == 0 and step.holds in (now or ""):
            return Outcome(True, (f"{file} holds {step.holds} ✓",))
        what = "nothing was changed" if now == before else "and it is not as it was: look at it"
        return Outcome(False, (f"could not write {file}, {what}: {last_words(finished)}",))

    def _switch(self, step: Switch) -> Outcome:
        """Change at once, with a program that takes it back unless the change is confirmed."""
        root, log = self.commands.root, self.commands.log
        words = root.words(switch_words(step, log)) if log else step.lines(False)
        with self.commands.logged(words) as result:
            pending, errors = switch(root, step, log)
            result["errors"] = errors
        if pending is None:
            return Outcome(False, tuple(errors))
        lines, done = [], True
        for number, kind in step.types:
            path = f"{DEVICES}/{step.device}/mlx4_port{number}"
            now = parse_port_type(read_text(root.system, path))
            fits = now is not None and now.configured is kind
            done = done and fits
            has = now.configured.words if now else "unknown"
            mark = "✓" if fits else f"✗ wanted {kind.words}"
            lines.append(f"{step.device}/{number} now: {has} {mark}")
        if not done:
            back = pending.take_back()
            lines.append("taken back" if back else "and it could not be taken back")
        return Outcome(done, tuple(lines), pending if done else None)

    def _after_set(self, step: Command, finished: Finished) -> Outcome:
        """Read back the stored types, whatever the tool printed."""
        failed = self._failure(finished)
        lines = [failed] if failed else []
        try:
            back = read_config(self.commands.root, step.argv[0], self.change.card.device)
        except OSError as error:
            return Outcome(False, (*lines, f"set, but it cannot be read back: {error}"))
        wanted = dict(word.split("=") for word in step.argv if word.startswith("LINK_TYPE_P"))
        fits = []
        for name, number in wanted.items():
            kind = back.link_type(int(name[-1]), Column.NEXT)
            has = f"{kind.label}({kind.number})" if kind else "unknown"
            fits.append(kind is not None and str(kind.number) == number)
            lines.append(f"{name} next boot: {has} {'✓' if fits[-1] else f'✗ wanted {number}'}")
        return Outcome(all(fits), tuple(lines))

    def _after_reset(self, finished: Finished) -> Outcome:
        report, failed = parse_reset(finished.stdout), self._failure(finished)
        steps = [f"{name}: {how}" for name, how in report.steps.items()]
        if not report.done or (failed and not report.loaded and not report.reboots):
            return Outcome(False, (*steps, failed or "it did not come to its end"))
        what = "the machine reboots" if report.reboots else "every step is done"
        what = "the firmware was loaded anew" if report.loaded else what
        return Outcome(True, (*steps, *([failed] if failed else []), f"{what} ✓"))

    def _failure(self, finished: Finished) -> str | None:
        """Return why a tool failed, in its words, with kernel lockdown where that may be why."""
        words = failure(finished)
        return words and explain(self.commands.root.system, words)


def _after_storing(change: Change) -> tuple[str, ...]:
    ports = " ".join(str(port) for port in change.wanted)
    return (
        "# takes effect at the next boot; on a card that nobody uses also now:",
        f"mlxtop link-type --reset {ports}",
        "# afterwards the network devices may have other names; then: link up, address, MTU",
    )


def _to_store(change: Change) -> list[str]:
    """Return what makes a change at once last over a boot."""
    lines = ["# to have it after the next boot too:"]
    if Method.STORED in methods(change.card, change.wanted):
        types = change.wanted.items()
        return [*lines, *(f"mlxtop link-type {port} {kind} --stored" for port, kind in types)]
    return [*lines, f"mlxtop link-type {change.card.device} --persist"]
