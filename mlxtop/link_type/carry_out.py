"""Carry out a change: the only code of this program that changes a machine.

One tool at a time works on a card. Every command goes to the action log before and after. The
result is read back and compared, whatever the tool printed.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Event
from uuid import uuid4

from mlxtop.change.guard import find_uses
from mlxtop.change.log import ActionLog
from mlxtop.change.pending import PendingChange, switch, switch_words
from mlxtop.change.plan import Command, Step, Switch
from mlxtop.change.privilege import Access, RootCommands
from mlxtop.link_type.card import Refused, claimed, read_config
from mlxtop.link_type.options import Change, Method, methods
from mlxtop.link_type.survey import LinkTypeSurvey, hidden_ports
from mlxtop.model.identity import Port, PortId
from mlxtop.model.linktype import parse_port_type
from mlxtop.model.sample import LinkLayer
from mlxtop.sampler.discover import Inventory, discover
from mlxtop.sources.kernel.pci import DEVICES
from mlxtop.sources.kernel.sysfs import read_text
from mlxtop.sources.tools.card_tool import explain, failure
from mlxtop.sources.tools.mstconfig import Column
from mlxtop.sources.tools.mstfwreset import parse_reset
from mlxtop.system.door import Finished, System

SETTLE_SECONDS = 10.0
"""Time for devices to come back under their new names."""
LOGGED = 20_000
"""Characters of an output that go to the log at most."""


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


def carry_out(
    system: System,
    survey: LinkTypeSurvey,
    change: Change,
    rights: Access,
    log: ActionLog | None,
    *,
    typed: Collection[PortId] = (),
) -> Outcome:
    """Carry out a plan. `typed`: ports whose names a person typed because of the guard.

    With Access.SUDO the terminal has to be free, and the thread the main one. `log` is None for
    simulated machines. Raises Refused, NotAllowed, and OSError.
    """
    if system.captured:
        raise Refused("a captured machine cannot be changed")
    _check_again(system, change, typed)
    complaints: list[str] = []
    with claimed(system, change.card, rights, ask=True) as root:
        outcome = _Worker(root, change, log, complaints).work()
    if outcome.done:
        after = _settled(system, change) if change.method is not Method.STORED else None
        outcome = replace(outcome, next=_advice(survey, change, after))
    return replace(outcome, lines=(*outcome.lines, *complaints))


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


def _settled(system: System, change: Change) -> Inventory:
    """Discover until every port of the card has a device again, or for `SETTLE_SECONDS`."""
    deadline = system.now() + SETTLE_SECONDS
    never = Event()
    while True:
        inventory = discover(system)
        ports = [port for port in inventory.ports if port.id in change.affected]
        settled = len(ports) >= len(change.affected) and all(p.netdev or p.rdma for p in ports)
        if settled or system.now() >= deadline:
            return inventory
        system.wait(0.2, never)


@dataclass(frozen=True, slots=True)
class _Worker:
    """Runs the steps of one change."""

    root: RootCommands
    change: Change
    log: ActionLog | None
    complaints: list[str]
    """Collects what could not be logged."""

    def work(self) -> Outcome:
        outcome = Outcome(False, ("nothing was to be done",))
        for step in self.change.plan.steps:
            outcome = self._step(step)
            if not outcome.done:
                break
        return outcome

    def _step(self, step: Step) -> Outcome:
        if isinstance(step, Switch):
            return self._switch(step)
        finished = self._run(step)
        if self.change.method is Method.RESET:
            return self._after_reset(finished)
        if self.change.method is Method.STORED:
            return self._after_set(step, finished)
        done = finished.status == 0
        return Outcome(done, (failure(finished) or "done",))

    def _run(self, step: Command) -> Finished:
        with self._logged(self.root.words(step.argv)) as result:
            finished = self.root.change(step.argv, step.stdin)
            result["stdout"], result["stderr"] = finished.stdout[:LOGGED], finished.stderr[:LOGGED]
            result["status"] = finished.status
        return finished

    @contextmanager
    def _logged(self, argv: Sequence[str]) -> Iterator[dict[str, object]]:
        """Log a command before and after; the caller puts its result into the dictionary."""
        mark, start = uuid4().hex[:12], self.root.system.now()
        result: dict[str, object] = {}
        self._record(id=mark, action="begin", title=self.change.plan.title, argv=list(argv))
        try:
            yield result
        except OSError as error:
            result["error"] = str(error)
            raise
        finally:
            seconds = round(self.root.system.now() - start, 3)
            self._record(id=mark, action="end", seconds=seconds, **result)

    def _record(self, **entry: object) -> None:
        if self.log is not None:
            complaint = self.log.record(machine=self.root.system.label, **entry)
            if complaint and complaint not in self.complaints:
                self.complaints.append(complaint)

    def _switch(self, step: Switch) -> Outcome:
        """Change at once, with a program that takes it back unless the change is confirmed."""
        root, log = self.root, self.log
        words = root.words(switch_words(step, log)) if log else step.lines(False)
        with self._logged(words) as result:
            pending, errors = switch(root, step, log)
            result["errors"] = errors
        if pending is None:
            return Outcome(False, tuple(errors))
        lines, done = [], True
        for number, kind in step.types:
            path = f"{DEVICES}/{step.device}/mlx4_port{number}"
            now = parse_port_type(read_text(self.root.system, path))
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
            back = read_config(self.root, step.argv[0], self.change.card.device)
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
        return words and explain(self.root.system, words)


def _advice(survey: LinkTypeSurvey, change: Change, after: Inventory | None) -> tuple[str, ...]:
    """Return commands that make the ports usable again; comments begin with #.

    `after` is the machine as it is now, None where nothing has changed yet.
    """
    if change.method is Method.PERSIST:
        return ()
    if after is None:
        ports = " ".join(str(port) for port in change.wanted)
        return (
            "# takes effect at the next boot; on a card that nobody uses also now:",
            f"mlxtop link-type --reset {ports}",
            "# afterwards the network devices may have other names; then: link up, address, MTU",
        )
    now = {port.id: port for port in after.ports}
    lines: list[str] = []
    for old in change.card.ports:
        if new := now.get(old.id):
            lines += _port_advice(survey, old.port, new, after.layers)
        else:
            lines.append(f"# {old.id} has not come back yet; the kernel log may tell why")
    if change.method is Method.NOW:
        lines.append("# to have it after the next boot too:")
        if Method.STORED in methods(change.card, change.wanted):
            types = change.wanted.items()
            lines += [f"mlxtop link-type {port} {kind} --stored" for port, kind in types]
        else:
            lines.append(f"mlxtop link-type {change.card.device} --persist")
    return tuple(lines)


def _port_advice(
    survey: LinkTypeSurvey, old: Port, new: Port, layers: Mapping[PortId, LinkLayer]
) -> list[str]:
    lines = []
    for before, now in ((old.netdev, new.netdev), (old.rdma, new.rdma)):
        if before and now and before != now:
            lines.append(f"# {old.id}: {before} is now {now}")
    infiniband = layers.get(new.id) is LinkLayer.INFINIBAND
    if new.netdev is None:
        load = "modprobe ib_ipoib" if infiniband else "modprobe mlx4_en"
        return [*lines, f"# {new.id} has no network device yet:", load]
    addresses = [a for a in survey.addresses if a.device == old.netdev]
    device = shlex.quote(new.netdev)
    same = survey.inventory.layers.get(old.id) is layers.get(new.id)
    mtu = next((a.mtu for a in addresses if a.mtu and same), None)
    lines.append(f"ip link set {device} up" + ("" if mtu in (None, 1500) else f" mtu {mtu}"))
    lines += [f"ip address add {shlex.quote(a.text)} dev {device}" for a in addresses]
    if not addresses:
        lines.append(f"# ip address add ADDRESS/PREFIX dev {device}")
    if old.bond:
        lines.append(f"ip link set {device} master {shlex.quote(old.bond)}")
    if infiniband:
        lines.append("# InfiniBand needs a subnet manager, on one end: systemctl start opensm")
    else:
        lines.append("# the same MTU on both ends; 9000 for bulk data")
    return lines
