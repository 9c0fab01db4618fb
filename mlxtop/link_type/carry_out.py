"""Carry out a change: the only code of this program that changes a machine.

One tool at a time works on a card; every command goes to the action log before and after; what
came of it is read back and compared, whatever the tool said.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Event
from uuid import uuid4

from mlxtop.change import privilege
from mlxtop.change.guard import find_uses
from mlxtop.change.log import ActionLog
from mlxtop.change.pending import PendingChange, switch, switch_words
from mlxtop.change.plan import Command, Step, Switch, WriteFile
from mlxtop.change.privilege import Access, NotAllowed, sudo_words
from mlxtop.link_type.afterwards import advice
from mlxtop.link_type.plan import Change, LinkTypeSurvey, Method, Refused
from mlxtop.link_type.stored import read_config
from mlxtop.link_type.survey import at_work, claimed, hidden_ports, sudo_locks, survey
from mlxtop.model.identity import PortId
from mlxtop.model.linktype import parse_port_type
from mlxtop.sampler.discover import Inventory, discover
from mlxtop.sources.kernel.addresses import read_addresses
from mlxtop.sources.kernel.pci import DEVICES
from mlxtop.sources.kernel.sysfs import read_text
from mlxtop.sources.tools.mstconfig import Column, parse_mstconfig
from mlxtop.sources.tools.mstfwreset import parse_reset
from mlxtop.system.door import Finished, System

SETTLE_SECONDS = 10.0
"""Time for devices to come back under their new names."""
LOGGED = 20_000
"""Characters of an output that go to the log at most."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a change."""

    done: bool
    """Read back, and as it should be."""
    said: tuple[str, ...]
    """What happened, a line each."""
    keeper: PendingChange | None = None
    """Waits to hear whether the change is to be kept."""
    next: tuple[str, ...] = ()
    """What to do now, as commands to copy; comments begin with #."""


def look(
    system: System, rights: Access, ask: bool = False, keys: Collection[str] | None = None
) -> LinkTypeSurvey:
    """Everything that is to be known before a change of the cards `keys`; takes seconds."""
    inventory = discover(system)
    cards = survey(system, inventory, rights, ask, keys)
    uses = find_uses(system, inventory, hidden_ports(cards))
    return LinkTypeSurvey(inventory, cards, uses, tuple(read_addresses(system)))


def carry_out(
    system: System,
    scene: LinkTypeSurvey,
    change: Change,
    rights: Access,
    log: ActionLog | None,
    *,
    typed: Collection[PortId] = (),
) -> Outcome:
    """Do what the plan says. `typed`: ports whose names a person typed because of the guard.

    With Access.SUDO the terminal has to be free, and the thread the main one. `log` is None for
    simulated machines. Raises Refused, NotAllowed, and OSError.
    """
    if system.captured:
        raise Refused("a captured machine cannot be changed")
    _check_again(system, change, typed)
    worker = _Worker(system, change, rights, log)
    try:
        with claimed(system, change.card):
            outcome = worker.work()
    except BlockingIOError as error:
        raise Refused(at_work(error)) from None
    if outcome.done:
        after = _settled(system, change) if change.method is not Method.STORED else None
        outcome = replace(outcome, next=advice(scene, change, after))
    return replace(outcome, said=(*outcome.said, *worker.complaints))


def _check_again(system: System, change: Change, typed: Collection[PortId]) -> None:
    """Look once more right before the deed. Raises Refused where something is not as planned."""
    inventory = discover(system)
    known = {port.id: port for port in inventory.ports}
    for types in change.card.ports:
        now = known.get(types.id)
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
        names = " and ".join(str(port) for port in sorted(missing))
        raise Refused(f"{reasons}: that needs the name of {names} typed")


def _settled(system: System, change: Change) -> Inventory:
    """Discover until every port of the card has a device again, or for `SETTLE_SECONDS`."""
    deadline = system.now() + SETTLE_SECONDS
    never = Event()
    while True:
        inventory = discover(system)
        ports = [port for port in inventory.ports if port.id in change.affected]
        if len(ports) >= len(change.affected) and all(p.netdev or p.rdma for p in ports):
            return inventory
        if system.now() >= deadline:
            return inventory
        system.wait(0.2, never)


class _Worker:
    """One change being carried out."""

    def __init__(
        self, system: System, change: Change, rights: Access, log: ActionLog | None
    ) -> None:
        self._system = system
        self._change = change
        self._rights = rights
        self._log = log
        self._locks = sudo_locks(system, change.card, rights)
        self.complaints: list[str] = []

    def work(self) -> Outcome:
        """Every step, until one fails."""
        outcome = Outcome(False, ("nothing was to be done",))
        for step in self._change.plan.steps:
            outcome = self._step(step)
            if not outcome.done:
                break
        return outcome

    def _step(self, step: Step) -> Outcome:
        if isinstance(step, Switch):
            return self._switch(step)
        if isinstance(step, WriteFile):
            finished = self._run(("tee", step.path), step.text)
            done = finished.status == 0
            return Outcome(done, (f"{step.path} written" if done else _last_words(finished),))
        finished = self._run(step.argv)
        if self._change.method is Method.RESET:
            return self._after_reset(finished)
        if self._change.method is Method.STORED:
            return self._after_set(step, finished)
        done = finished.status == 0
        return Outcome(done, ("done" if done else _last_words(finished),))

    def _run(self, argv: Sequence[str], stdin: str | None = None) -> Finished:
        with self._logged(sudo_words(argv, self._rights, self._locks)) as result:
            finished = privilege.change(self._system, argv, self._rights, stdin, self._locks)
            result.update(
                status=finished.status,
                stdout=finished.stdout[:LOGGED],
                stderr=finished.stderr[:LOGGED],
            )
        return finished

    @contextmanager
    def _logged(self, argv: Sequence[str]) -> Iterator[dict[str, object]]:
        """Log a command before and after; what it came to goes into the dictionary."""
        mark = uuid4().hex[:12]
        result: dict[str, object] = {}
        title = self._change.plan.title
        self._record(id=mark, action="begin", title=title, argv=list(argv))
        start = self._system.now()
        try:
            yield result
        except (NotAllowed, OSError) as error:
            result["error"] = str(error)
            raise
        finally:
            seconds = round(self._system.now() - start, 3)
            self._record(id=mark, action="end", seconds=seconds, **result)

    def _record(self, **entry: object) -> None:
        if self._log is None:
            return
        complaint = self._log.record(machine=self._system.label, **entry)
        if complaint and complaint not in self.complaints:
            self.complaints.append(complaint)

    def _switch(self, step: Switch) -> Outcome:
        """Change at once; somebody waits to hear whether it is kept."""
        log = self._log
        words = step.lines(False)
        if log:
            words = sudo_words(switch_words(step, log), self._rights, self._locks)
        with self._logged(words) as result:
            keeper, errors = switch(self._system, step, self._rights, log, self._locks)
            result["errors"] = errors
        if keeper is None:
            return Outcome(False, tuple(errors))
        said = []
        wrong = False
        for number, kind in step.types:
            path = f"{DEVICES}/{step.device}/mlx4_port{number}"
            now = parse_port_type(read_text(self._system, path))
            fits = now is not None and now.configured is kind
            wrong = wrong or not fits
            has = now.configured.words if now else "unknown"
            mark = "✓" if fits else f"✗ wanted {kind.words}"
            said.append(f"{step.device}/{number} now: {has} {mark}")
        if wrong:
            back = keeper.take_back()
            said.append("taken back" if back else "and it could not be taken back")
            return Outcome(False, tuple(said))
        return Outcome(True, tuple(said), keeper)

    def _after_set(self, step: Command, finished: Finished) -> Outcome:
        """Read back what is stored, whatever the tool said."""
        report = parse_mstconfig(finished.stdout)
        said = [report.error] if report.error else []
        try:
            device = self._change.card.device
            back = read_config(
                self._system, step.argv[0], device, self._rights, True, locks=self._locks
            )
        except (NotAllowed, OSError) as error:
            return Outcome(False, (*said, f"set, but it cannot be read back: {error}"))
        wanted = dict(word.split("=") for word in step.argv if word.startswith("LINK_TYPE_P"))
        fits = []
        for name, number in wanted.items():
            kind = back.link_type(int(name[-1]), Column.NEXT)
            has = f"{kind.label}({kind.number})" if kind else "unknown"
            fits.append(kind is not None and str(kind.number) == number)
            said.append(f"{name} next boot: {has} {'✓' if fits[-1] else f'✗ wanted {number}'}")
        if not all(fits) and not report.error and finished.status != 0:
            said.insert(0, _last_words(finished))
        return Outcome(all(fits), tuple(said))

    def _after_reset(self, finished: Finished) -> Outcome:
        report = parse_reset(finished.stdout)
        steps = [f"{name}: {how}" for name, how in report.steps.items()]
        if report.error or finished.status != 0 or not report.loaded:
            return Outcome(False, (*steps, report.error or _last_words(finished)))
        return Outcome(True, (*steps, "the firmware was loaded anew ✓"))


def _last_words(finished: Finished) -> str:
    """What a command said last."""
    lines = (finished.stdout + "\n" + finished.stderr).strip().splitlines()
    return lines[-1].strip() if lines else f"ended with status {finished.status}"
