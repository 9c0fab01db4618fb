"""Evidence after a change, and the one step that brings back what is missing."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event

from mlxtop.change.privilege import Access, ActionContext
from mlxtop.lab import LabSystem, ManualClock, load_lab
from mlxtop.link_type.carry_out import Outcome
from mlxtop.link_type.recovery import Recovery
from mlxtop.link_type.restore import ports_before
from mlxtop.link_type.steps import Step
from mlxtop.link_type.survey import look

FILE = "/sys/bus/pci/devices/0000:03:00.0/mlx4_port1"


class Bench:
    """A Ceph host whose ports were registered anew, and steps that run when they are told to."""

    def __init__(self) -> None:
        self.system: LabSystem = load_lab("ceph", ManualClock())
        self.system.wait(2, Event())
        survey = look(self.system, Access.ROOT)
        before = ports_before(self.system, survey, survey.cards[0])
        for kind in (b"ib\n", b"eth\n"):
            self.system.write(FILE, kind)
            self.system.wait(4, Event())
        self.steps: list[tuple[Step, bool]] = []
        self.changes = 0
        context = ActionContext(self.system)
        self.recovery = Recovery(context, Access.ROOT, self.later, self.changed)
        self.recovery.begin(Outcome(True, (), before=before))

    def later(self, step: Step, terminal: bool) -> None:
        self.steps.append((step, terminal))

    def changed(self) -> None:
        self.changes += 1

    def work(self) -> Callable[[], None]:
        """Do the work of the oldest step; its result is still to be taken in."""
        step, _ = self.steps.pop(0)
        return step()

    def run(self) -> None:
        while self.steps:
            self.work()()


def test_the_first_look_is_quick_and_the_next_one_asks_the_peers() -> None:
    bench = Bench()
    bench.recovery.gather()
    bench.recovery.gather()
    assert len(bench.steps) == 1
    bench.work()()
    assert bench.recovery.evidence is not None
    assert "peer" not in {check.name for check in bench.recovery.evidence.checks}
    assert len(bench.steps) == 1
    bench.run()
    assert "peer" in {check.name for check in bench.recovery.evidence.checks}
    assert bench.changes == 2


def test_one_step_brings_everything_back() -> None:
    bench = Bench()
    bench.recovery.gather()
    bench.run()
    assert len(bench.recovery.missing) == 4
    assert bench.recovery.advice is not None and "ip link set" in bench.recovery.advice[0]
    bench.recovery.restore()
    assert bench.recovery.restoring and not bench.recovery.missing
    bench.recovery.gather()
    bench.recovery.restore()
    assert len(bench.steps) == 1
    bench.run()
    evidence = bench.recovery.evidence
    assert evidence is not None and evidence.good and not bench.recovery.missing
    assert bench.recovery.failures == ()


def test_what_was_read_before_another_change_counts_no_more() -> None:
    bench = Bench()
    bench.recovery.gather()
    late = bench.work()
    bench.recovery.forget()
    late()
    assert bench.recovery.evidence is None
    bench.recovery.gather()
    assert len(bench.steps) == 1


def test_what_cannot_be_brought_back_is_told() -> None:
    bench = Bench()
    bench.recovery.gather()
    bench.run()
    del bench.system.world.spec.tools["ip"]  # type: ignore[attr-defined]
    bench.recovery.restore()
    bench.run()
    assert bench.recovery.failures == ("ip: No such file or directory",)


def test_without_ports_nothing_is_looked_at() -> None:
    bench = Bench()
    bench.recovery.begin(Outcome(True, ()))
    bench.recovery.gather()
    bench.recovery.restore()
    assert bench.steps == []
