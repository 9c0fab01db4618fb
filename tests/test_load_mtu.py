"""Another MTU or IPoIB mode for some tests: what speaks against it, and the way back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from mlxtop.change.guard import Danger, Hazard, Uses
from mlxtop.change.privilege import ActionContext
from mlxtop.lab import LabSystem
from mlxtop.load import mtu
from mlxtop.load.measure import MeasurePlan, plan_measure
from mlxtop.load.mtu import MtuSwitch, Setting, other, setting
from mlxtop.load.request import LoadRequest
from mlxtop.load.sweep import parse_axis
from mlxtop.model.frame import Frame, derive
from mlxtop.sampler.live import LiveSource
from mlxtop.system.door import Finished

from .load_lab import simulated

PEERS = {"tiny": "10.40.0.1", "odroid": "10.10.10.21"}


class Lab:
    """A simulated machine and the commands that change it."""

    def __init__(self, name: str) -> None:
        self.system, self.name = simulated(name), name
        self.ran: list[str] = []
        run = self.system.run

        def noted(
            argv: Sequence[str], *, stdin: str = "", change: bool = False, **more: float
        ) -> Finished:
            if change:
                self.ran.append(" ".join((*argv, *stdin.split())))
            return run(argv, stdin=stdin, change=change, **more)

        self.system.run = noted  # type: ignore[method-assign]

        self._source = LiveSource(self.system, patience=5.0)

    def frame(self) -> Frame:
        return derive(self._source.take(), None)

    def plan(self, *axes: str) -> MeasurePlan:
        request = LoadRequest(PEERS[self.name], seconds=5)
        several = [parse_axis(axis) for axis in axes]
        return plan_measure(self.system, self.frame(), request, several, change_mtu=True)

    def switch(self, plan: MeasurePlan) -> MtuSwitch:
        return MtuSwitch(ActionContext(self.system), plan, self.frame)


def needs(plan: MeasurePlan) -> set[str | None]:
    return {item.reason for item in plan.items if item.setting is not None}


def test_the_plan_has_the_commands_and_the_way_back() -> None:
    change = Lab("odroid").plan().change
    assert change is not None
    assert change.lines(sudo=False) == (
        "printf '%s\\n' datagram | tee /sys/class/net/ib0/mode",
        "ip link set dev ib0 mtu 2044",
    )
    assert change.undo_lines(sudo=False) == (
        "printf '%s\\n' connected | tee /sys/class/net/ib0/mode",
        "ip link set dev ib0 mtu 65520",
    )


def test_tests_with_another_mtu_come_with_it_and_are_possible() -> None:
    lab = Lab("tiny")
    plan = lab.plan()
    keys = [item.key for item in plan.possible if item.setting == Setting(1500)]
    assert keys == ["tcp-1 mtu=1500", "tcp mtu=1500"]
    swept = lab.plan("mtu=1500,9000", "streams=1,2")
    assert len(swept.possible) == 4
    assert [item.setting for item in swept.items] == [Setting(1500)] * 2 + [None] * 2


@pytest.mark.parametrize(
    ("now", "connects", "then"),
    [
        (Setting(1500), False, Setting(9000)),
        (Setting(8999), False, Setting(9000)),
        (Setting(9000), True, Setting(1500)),
        (Setting(2044, "datagram"), True, Setting(65520, "connected")),
        (Setting(2044, "datagram"), False, None),
        (Setting(65520, "connected"), True, Setting(2044, "datagram")),
    ],
)
def test_what_is_worth_comparing_with(now: Setting, connects: bool, then: Setting | None) -> None:
    assert other(now, connects) == then


def test_the_mode_of_ipoib_follows_from_the_mtu() -> None:
    now = Setting(2044, "datagram")
    assert setting(now, 4092) == Setting(4092, "datagram")
    assert setting(now, 4093) == Setting(4093, "connected")
    assert setting(Setting(1500), 9000) == Setting(9000)


@pytest.mark.parametrize("danger", [one for one in Danger if one is not Danger.IPERF])
def test_a_port_that_something_needs_is_not_changed(
    monkeypatch: pytest.MonkeyPatch, danger: Danger
) -> None:
    uses = Uses((Hazard(danger, "SSH session from 10.40.0.1"),))
    monkeypatch.setattr(mtu, "find_uses", lambda *_: uses)
    plan = Lab("tiny").plan()
    assert plan.change is None
    words = "MTU 9000 is set now: enp3s0 is in use: SSH session from 10.40.0.1"
    assert needs(plan) == {words}


def test_a_device_that_another_one_stands_on_is_not_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mtu, "names", lambda *_: ["mtu", "upper_vlan7"])
    plan = Lab("tiny").plan()
    assert plan.change is None
    assert needs(plan) == {"MTU 9000 is set now: vlan7 stands on enp3s0"}


def test_without_root_nothing_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LabSystem, "root", property(lambda _: False))
    plan = Lab("tiny").plan()
    assert plan.change is None
    assert needs(plan) == {"MTU 9000 is set now: it needs root"}


def test_it_is_set_once_and_put_back_at_the_end() -> None:
    lab = Lab("odroid")
    switch = lab.switch(lab.plan())
    assert switch.set(None) is None
    assert lab.ran == [], "nothing is changed before it is wanted"
    for _ in range(2):
        assert switch.set(Setting(2044, "datagram")) is None
    assert len(lab.ran) == 2
    assert lab.frame().ports[next(iter(lab.frame().ports))].now.link.ipoib_mode == "datagram"
    assert switch.end() is None
    assert lab.ran[2:] == [
        "tee /sys/class/net/ib0/mode connected",
        "ip link set dev ib0 mtu 65520",
    ]
    assert switch.end() is None
    assert len(lab.ran) == 4


def test_an_mtu_that_the_kernel_refuses_is_told_and_all_is_put_back() -> None:
    lab = Lab("tiny")
    switch = lab.switch(lab.plan("mtu=64,9000"))
    told = switch.set(Setting(64))
    assert told == "MTU 64 cannot be set: RTNETLINK answers: Invalid argument"
    assert switch.end() is None
    assert lab.ran[-1] == "ip link set dev enp3s0 mtu 9000"


def test_packets_that_do_not_arrive_are_no_slow_link(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab("tiny")
    switch = lab.switch(lab.plan("mtu=1500,9000"))
    monkeypatch.setattr(lab.system, "run", _deaf(lab.system))
    told = switch.set(Setting(1500))
    assert told == "packets of 1500 bytes do not arrive: set the far end's MTU too"


def _deaf(system: LabSystem) -> Callable[..., Finished]:
    run = system.run

    def deaf(argv: Sequence[str], **more: object) -> Finished:
        if argv[0] == "ping":
            return Finished(1, "2 packets transmitted, 0 received, 100% packet loss", "")
        return run(argv, **more)  # type: ignore[arg-type]

    return deaf


def test_a_way_back_that_fails_is_told() -> None:
    lab = Lab("tiny")
    switch = lab.switch(lab.plan("mtu=1500,9000"))
    assert switch.set(Setting(1500)) is None
    lab.system.run = lambda *_, **__: Finished(2, "", "RTNETLINK answers: Device busy")  # type: ignore
    assert switch.end() == "enp3s0: RTNETLINK answers: Device busy"
