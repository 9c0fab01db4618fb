"""Slow facts: read in the background at their pace, of what there is, if somebody wants them."""

from __future__ import annotations

from threading import Event
from typing import Any

import pytest

from mlxtop.doctor.inspect import pending
from mlxtop.lab import ManualClock, load_lab
from mlxtop.model.frame import derive
from mlxtop.model.identity import Adapter, Function, Host, Port, PortId, PortKind
from mlxtop.model.linktype import StoredConfig
from mlxtop.model.sample import UNREAD, Slow
from mlxtop.model.tuning import Rings
from mlxtop.sampler.discover import Inventory
from mlxtop.sampler.fact_readers import FactReaders
from mlxtop.sampler.facts import EVERYTHING, ON_SCREEN, RDMA, AskCard, Fact
from mlxtop.sampler.live import LiveSource
from mlxtop.sampler.slow import Workers
from mlxtop.system.capture import HEADER
from mlxtop.system.capture_file import parse_capture
from mlxtop.system.captured import CapturedSystem
from mlxtop.system.door import Question, System

LONG = 20.0
RINGS = Rings(rx=1024)


def port(address: str, kind: PortKind = PortKind.PHYSICAL) -> Port:
    return Port(PortId(address, 1), kind, function=address, netdev=address[-4:], adapter=address)


A, B, VF = port("0000:43:00.0"), port("0000:44:00.0"), port("0000:43:00.1", PortKind.VF)
VETH = Port(PortId("veth0", 1), PortKind.VIRTUAL, netdev="veth0")


class Machine(CapturedSystem):
    """Answers with one ring size, counts questions; the port `00.9` never answers in time."""

    def __init__(self, root: bool = True) -> None:
        capture = parse_capture(HEADER)
        super().__init__("test", capture, capture)
        self.asked: list[str] = []
        self.released = Event()
        self.stuck = ""
        self.captured = False
        self._root = root

    @property
    def root(self) -> bool:
        return self._root

    def ask(self, question: Question, subject: str = "", *details: int) -> Any:
        if question is Question.RINGS:
            self.asked.append(subject)
            if subject == self.stuck:
                self.clock.wait(None, self.released)
        return {"rx": 1024}


def card(own: Port) -> Adapter:
    address = own.id.device
    function = Function(address, 0x15B3, 0x1013, 0x020000, driver="mlx5_core")
    return Adapter(address, "ConnectX-4", (function,), (own.id,))


def facts_of(
    machine: Machine,
    *ports: Port,
    wants: frozenset[Fact] = ON_SCREEN,
    ask_card: AskCard | None = None,
) -> FactReaders:
    facts = FactReaders(machine, wants, Workers("facts", machine.clock), ask_card)
    adapters = tuple(card(one) for one in ports if one.kind is PortKind.PHYSICAL)
    inventory = Inventory(Host("host"), adapters, ports, {}, {})
    facts.update(inventory, ports, adapters)
    return facts


def read(facts: FactReaders, now: float, calm: bool = True) -> None:
    facts.poll(now, calm)
    assert all(reader.settle(LONG) for reader in facts.readers())


def rings(settings: Slow[Any]) -> object:
    return None if settings.value is None else settings.value.rings


def test_what_nobody_wants_is_not_read() -> None:
    machine = Machine()
    facts = facts_of(machine, A, wants=frozenset())
    read(facts, 1.0)
    assert machine.asked == []
    assert facts.get(Fact.PORTS, 1.0, A.id) is UNREAD
    assert facts.get(Fact.HOST, 1.0) is UNREAD
    assert facts.stored(1.0) == {}


def test_settings_are_read_every_thirty_seconds_and_keep_their_age() -> None:
    machine = Machine()
    facts = facts_of(machine, A, VETH)
    for now in (1.0, 30.9):
        read(facts, now)
        fact = facts.get(Fact.PORTS, now, A.id)
        assert (fact.tick, rings(fact)) == (1.0, RINGS)
        assert facts.get(Fact.PORTS, now, A.id) is fact
        assert facts.get(Fact.HOST, now).tick == 1.0
    read(facts, 31.0)
    assert facts.get(Fact.HOST, 31.0).tick == 31.0
    assert facts.get(Fact.PORTS, 31.0, A.id).tick == 31.0
    assert machine.asked == ["00.0", "00.0"]


def test_virtual_functions_are_asked_only_while_somebody_looks_at_them() -> None:
    machine = Machine()
    facts = facts_of(machine, A, VF)
    read(facts, 1.0)
    assert facts.get(Fact.PORTS, 1.0, VF.id) is UNREAD
    facts.looked_at = VF.id
    read(facts, 2.0)
    assert facts.get(Fact.PORTS, 2.0, VF.id).tick == 2.0
    facts.looked_at = A.id
    read(facts, 60.0)
    assert machine.asked == ["00.0", "00.1", "00.0"]
    every = facts_of(machine, A, VF, wants=EVERYTHING)
    read(every, 1.0)
    assert every.get(Fact.PORTS, 1.0, VF.id).tick == 1.0


def test_a_card_that_hangs_takes_no_other_with_it_and_is_told_after_ten_seconds() -> None:
    machine = Machine()
    machine.stuck = "stuck"
    stuck = A._replace(netdev="stuck")
    facts = facts_of(machine, stuck, B)
    facts.poll(1.0, calm=True)
    others = [reader for reader in facts.readers() if reader.subject != stuck.id]
    assert all(reader.settle(LONG) for reader in others)
    assert facts.get(Fact.PORTS, 10.9, stuck.id).pending
    assert facts.get(Fact.PORTS, 11.1, stuck.id).absent == "no answer within 10 s"
    assert rings(facts.get(Fact.PORTS, 11.1, B.id)) == RINGS
    machine.released.set()
    assert all(reader.settle(LONG) for reader in facts.readers())


def test_tools_are_run_when_all_is_calm_and_again_after_ten_minutes() -> None:
    asked: list[tuple[str, ...]] = []

    def ask(system: System, inventory: Inventory) -> StoredConfig:
        asked.append(tuple(port.netdev or "" for port in inventory.ports))
        return StoredConfig(speed={"CQE_COMPRESSION": "BALANCED(0)"})

    facts = facts_of(Machine(), A, B._replace(netdev="b"), ask_card=ask)
    read(facts, 1.0, calm=False)
    assert asked == []
    assert facts.stored(1.0)[A.id.device].pending
    for now, times in ((6.0, 1), (605.9, 1), (606.0, 2)):
        read(facts, now)
        assert sorted(asked) == sorted([("00.0",), ("b",)] * times)
    assert facts.stored(606.0)[A.id.device].value.speed == {"CQE_COMPRESSION": "BALANCED(0)"}  # type: ignore[union-attr]


def test_what_only_root_can_read_is_not_asked_for_by_others() -> None:
    def never(system: System, inventory: Inventory) -> StoredConfig:
        raise AssertionError

    facts = facts_of(Machine(root=False), A, ask_card=never)
    read(facts, 1.0)
    assert facts.stored(1.0)[A.id.device].absent == "needs root"
    assert facts_of(Machine(), A).stored(1.0)[A.id.device] == UNREAD


def test_what_somebody_changed_is_read_anew_at_once() -> None:
    machine = Machine()
    facts = facts_of(machine, A)
    read(facts, 1.0)
    facts.stale = True
    read(facts, 2.0)
    assert facts.get(Fact.PORTS, 2.0, A.id).tick == 2.0


def test_a_port_with_another_name_is_read_anew_and_one_that_has_gone_no_more() -> None:
    machine = Machine()
    facts = facts_of(machine, A, B)
    read(facts, 1.0)
    renamed = A._replace(netdev="new")
    facts.update(Inventory(Host("host"), (card(A),), (renamed,), {}, {}), (renamed,), (card(A),))
    read(facts, 2.0)
    assert machine.asked[2:] == ["new"]
    assert facts.get(Fact.PORTS, 2.0, B.id) is UNREAD


@pytest.mark.parametrize("wants", [frozenset(), EVERYTHING])
def test_a_sample_has_the_facts_that_are_wanted(wants: frozenset[Fact]) -> None:
    system = load_lab("pacu", ManualClock())
    source = LiveSource(system, 1.0, calm=0.0, wants=wants, ask_card=lambda *_: StoredConfig())
    samples = source.samples(stop := Event())
    first = next(samples)
    assert first.streams.pending is bool(wants)
    second = next(samples)
    stop.set()
    source.close()
    facts: list[Slow[Any]] = [second.host_settings, second.streams, *second.stored.values()]
    facts += [one.settings for one in second.ports.values()]
    assert all((fact.value is None) is not bool(wants) for fact in facts)
    assert len(second.stored) == bool(wants)
    assert pending(derive(first, None), first.ports) is bool(wants)
    assert not pending(derive(second, None), second.ports)


def test_streams_take_two_looks_and_are_counted_every_five_seconds_then() -> None:
    facts = facts_of(Machine(), A, wants=frozenset({Fact.STREAMS}))
    read(facts, 1.0)
    assert facts.get(Fact.STREAMS, 1.0).pending
    for now, tick in ((1.5, 1.5), (6.4, 1.5), (6.5, 6.5)):
        read(facts, now)
        assert facts.get(Fact.STREAMS, now) == Slow({}, tick)


@pytest.mark.parametrize(
    ("wants", "ticks"),
    [({Fact.PCIE}, [1.0, 1.0, 1.0, 11.0]), ({Fact.PCIE, Fact.PCIE_ERRORS}, [1.0, 1.5, 10.9, 11.0])],
)
def test_pcie_is_read_every_ten_seconds_or_at_every_sample(
    wants: set[Fact], ticks: list[float]
) -> None:
    facts = facts_of(Machine(), A, wants=frozenset(wants))
    seen = []
    for now in (1.0, 1.5, 10.9, 11.0):
        read(facts, now)
        (reader,) = facts.readers()
        seen.append(reader.tick)
    assert seen == ticks
    assert list(facts.pcie()) == ["0000:43:00"]


def test_the_devices_with_an_address_are_read_whoever_asks() -> None:
    system = load_lab("ceph", ManualClock())
    source = LiveSource(system)
    source.take()
    for reader in source._facts.readers():
        reader.settle(LONG)
    assert source.take().in_use.value == frozenset({"enp3s0", "enp3s0d1"})
    source.close()


def test_who_holds_rdma_objects_is_read_only_while_somebody_wants_it() -> None:
    dgx = load_lab("dgx", ManualClock())
    source = LiveSource(dgx, calm=0.0, wants=ON_SCREEN)
    try:
        assert source.take().rdma_objects is UNREAD
        source.more_wants = RDMA
        source.take()
        dgx.clock.wait(1.0, Event())
        one = source.take()
        assert one.rdma_objects.value is not None
        assert {holder.comm for holder in one.rdma_objects.value.holders} == {None, "python3"}
        assert one.rdma_limits["mlx5_0"].value is not None
        source.more_wants = frozenset()
        assert source.take().rdma_objects is UNREAD
    finally:
        source.close()


@pytest.mark.parametrize(
    ("wants", "looked_at", "asked"),
    [
        (ON_SCREEN, None, set()),
        (ON_SCREEN, A.id, {"0000:43:00.0"}),
        (ON_SCREEN, B.id, {"0000:44:00.0"}),
        (ON_SCREEN | {Fact.FLASH}, None, {"0000:43:00.0", "0000:44:00.0"}),
    ],
)
def test_of_the_cards_that_nobody_looks_at_no_flash_is_read(
    wants: frozenset[Fact], looked_at: PortId | None, asked: set[str]
) -> None:
    facts = facts_of(Machine(root=False), A, B, wants=wants)
    facts.looked_at, facts.more_wants = looked_at, frozenset({Fact.FLASH})
    read(facts, 1.0)
    assert set(facts.flash(1.0)) == asked
    assert all(fact.value is not None for fact in facts.flash(1.0).values())
    facts.close()
