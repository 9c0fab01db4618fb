"""What a change left of the ports is found out, and what is missing is brought back."""

from __future__ import annotations

import copy
from threading import Event

from mlxtop.change.plan import Command
from mlxtop.change.privilege import Access
from mlxtop.lab import LabSystem, ManualClock, load_lab
from mlxtop.link_type.options import breaks_of
from mlxtop.link_type.restore import (
    SETTLE_S,
    Evidence,
    PortBefore,
    advice,
    bring_back,
    gather,
    ports_before,
    settled,
)
from mlxtop.link_type.survey import look
from mlxtop.model.identity import PortId
from mlxtop.sampler.discover import discover

ENS2, ENS2D1 = PortId("0000:05:00.0", 1), PortId("0000:05:00.0", 2)
FILE = "/sys/bus/pci/devices/0000:05:00.0/mlx4_port1"


def bonded() -> tuple[LabSystem, tuple[PortBefore, ...]]:
    """Two Ethernet ports in a bond, with traffic."""
    system = load_lab("cx3-hp", ManualClock())
    system.wait(3, Event())
    survey = look(system, Access.ROOT)
    return system, ports_before(system, survey, survey.cards[0])


def look_again(system: LabSystem, before: tuple[PortBefore, ...]) -> Evidence:
    system.wait(4, Event())
    return gather(system, before, discover(system))


def texts(evidence: Evidence) -> list[str]:
    return [f"{'+' if check.good else '-'} {check.text}" for check in evidence.checks]


def lines(evidence: Evidence) -> list[str]:
    return [line for step in evidence.missing for line in step.lines(sudo=False)]


def test_ports_are_remembered_with_what_they_carry() -> None:
    _, (one, two) = bonded()
    assert (one.port.id, one.port.bond, one.mtu, one.linked) == (ENS2, "bond0", 9000, True)
    assert one.addresses == () and one.peers == two.peers == ("10.30.0.1",)


def test_where_nothing_changed_all_is_well() -> None:
    system, before = bonded()
    evidence = look_again(system, before)
    assert evidence.good and evidence.missing == ()
    assert "+ ens2: 10.30.0.1 answers" in texts(evidence)


def test_a_port_that_is_born_anew_gets_its_bond_back() -> None:
    system, before = bonded()
    for kind in (b"ib\n", b"eth\n"):
        system.write(FILE, kind)
        system.wait(4, Event())
    evidence = look_again(system, before)
    assert not evidence.good
    for text in ("- ens2: not in bond0", "- ens2: MTU 1500, was 9000", "+ ens2: link up"):
        assert text in texts(evidence)
    assert "- ens2: 10.30.0.1 does not answer a ping" in texts(evidence)
    assert lines(evidence)[:2] == ["ip link set ens2 down", "ip link set ens2 master bond0"]
    assert bring_back(system, evidence.missing, Access.ROOT, None) == []
    assert look_again(system, before).good


def test_a_bond_of_the_other_link_type_is_told_and_not_tried() -> None:
    system, before = bonded()
    system.write(FILE, b"ib\n")
    evidence = look_again(system, before)
    assert "- ibs2: not in bond0, which is of Ethernet" in texts(evidence)
    assert not any("ibs2" in line for line in lines(evidence))
    assert lines(evidence) == ["ip link set ens2d1 down", "ip link set ens2d1 master bond0"]


def test_address_and_mtu_come_back_and_what_fails_keeps_nothing_else_from_it() -> None:
    system = load_lab("ceph", ManualClock())
    system.wait(2, Event())
    survey = look(system, Access.ROOT)
    before = ports_before(system, survey, survey.cards[0])
    for kind in (b"ib\n", b"eth\n"):
        system.write(FILE.replace("05", "03"), kind)
        system.wait(4, Event())
    evidence = look_again(system, before)
    assert lines(evidence) == [
        "ip link set enp3s0 up mtu 9000",
        "ip address add 10.15.15.1/32 dev enp3s0",
        "ip link set enp3s0d1 up mtu 9000",
        "ip address add 10.15.15.1/32 dev enp3s0d1",
    ]
    wrong = Command(("ip", "link", "set", "nothing", "up"), "")
    failures = bring_back(system, (wrong, *evidence.missing), Access.ROOT, None)
    assert failures == ['ip link set nothing up: Cannot find device "nothing"']
    assert look_again(system, before).good


def test_a_port_without_a_link_before_need_not_have_one() -> None:
    system, before = bonded()
    system.world.ports[1].cable_cut = True
    system.world.link_changed(system.world.ports[1])
    assert "- ens2d1: link down" in texts(look_again(system, before))
    unused = (before[0], before[1]._replace(linked=False))
    assert not any("ens2d1: link" in text for text in texts(look_again(system, unused)))


def test_no_peer_is_asked_where_that_is_not_wanted() -> None:
    system, before = bonded()
    evidence = gather(system, before, discover(system), ask=False)
    assert "peer" not in {check.name for check in evidence.checks}


def test_a_port_that_stays_away_is_told() -> None:
    system, before = bonded()
    after = discover(system)._replace(ports=())
    evidence = gather(system, before, after)
    assert [check.name for check in evidence.checks] == ["device", "device"]
    assert not evidence.good and "has not come back" in advice(before, after, evidence)[0]


def test_what_is_there_is_not_advised_again() -> None:
    system, before = bonded()
    after = discover(system)
    assert advice(before, after, gather(system, before, after)) == []
    down = copy.copy(after.links)
    assert down
    system.write(FILE, b"ib\n")
    now = discover(system)
    text = advice(before, now, gather(system, before, now, ask=False))
    assert "# 0000:05:00.0/1: ens2 is now ibs2" in text and "ip link set ibs2 up" in text


def test_ports_that_do_not_come_back_are_waited_for_no_longer_than_a_while() -> None:
    system, _ = bonded()
    start = system.now()
    settled(system, [ENS2, ENS2D1])
    assert system.now() == start
    settled(system, [PortId("0000:07:00.0", 1)])
    assert SETTLE_S <= system.now() - start < SETTLE_S + 1


def test_addresses_that_cannot_be_listed_are_not_taken_for_lost() -> None:
    system = load_lab("ceph", ManualClock())
    survey = look(system, Access.ROOT)
    before = ports_before(system, survey, survey.cards[0])
    del system.world.spec.tools["ip"]  # type: ignore[attr-defined]
    evidence = gather(system, before, discover(system), ask=False)
    assert "- addresses cannot be listed: `ip` does not answer" in texts(evidence)
    bare = [one._replace(addresses=()) for one in before]
    nothing = texts(gather(system, bare, discover(system), ask=False))
    assert not any("addresses cannot be listed" in text for text in nothing)
    assert lines(evidence) == [] and not any("without" in text for text in texts(evidence))
    blind = look(system, Access.ROOT)
    assert blind.addresses is None
    breaks = breaks_of(blind, blind.cards[0], [port.id for port in blind.cards[0].ports], {})
    assert "note them before they go" in breaks[-1]
