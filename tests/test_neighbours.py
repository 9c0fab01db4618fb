"""Hosts that this one has spoken to, from the kernel's table."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.model.identity import Port, PortId, PortKind
from mlxtop.sources.kernel.neighbours import (
    Neighbour,
    parse_arp,
    parse_hardware,
    read_hardware,
    read_neighbours,
)
from mlxtop.sources.kernel.net import NetLink
from mlxtop.system.capture_file import parse_capture
from mlxtop.system.captured import CapturedSystem
from mlxtop.system.door import Question
from tests.load_lab import simulated

HEAD = "IP address       HW type     Flags       HW address            Mask     Device\n"


def test_only_who_has_answered_is_a_neighbour() -> None:
    text = HEAD + (
        "192.0.2.7        0x1         0x2         02:11:22:33:44:55     *        eth1\n"
        "192.0.2.8        0x1         0x0         00:00:00:00:00:00     *        eth1\n"
        "192.0.2.9        0x20        0x6         80:00:02:08:fe:80     *        ib0\n"
        "192.0.2.10       0x1         oops        02:11:22:33:44:55     *        eth1\n"
    )
    assert list(parse_arp(text)) == [Neighbour("192.0.2.7", "eth1"), Neighbour("192.0.2.9", "ib0")]
    assert list(parse_arp(None)) == []


@given(st.text())
def test_any_text_is_taken(text: str) -> None:
    assert all(isinstance(one, Neighbour) for one in parse_arp(HEAD + text))


def test_a_simulated_machine_has_its_far_ends_for_neighbours() -> None:
    system = simulated("fry")
    assert read_neighbours(system) == (Neighbour("10.0.0.2", "enp67s0np0"),)
    system.world.port("enp67s0np0").set_carrier(False)  # type: ignore[union-attr]
    assert read_neighbours(system) == ()


def linked(index: int, name: str, **more: Any) -> NetLink:
    """A network device of a machine."""
    values: dict[str, Any] = {
        **dict.fromkeys(("kind", "mtu", "carrier_changes", "master", "link", "address")),
        **dict.fromkeys(("parent", "parent_bus", "port_name")),
        "type": 1,
        "up": True,
        "carrier": True,
        **more,
    }
    return NetLink(name=name, index=index, **values)


class Answering(CapturedSystem):
    """A machine of two ports with a VLAN above one and a bond above two others."""

    def __init__(self, neighbours: object) -> None:
        capture = parse_capture("mlxtop capture 1")
        super().__init__("test", capture, capture)
        self.neighbours = neighbours

    def ask(self, question: Question, subject: str = "", *details: int) -> Any:
        assert question is Question.NEIGHBOURS
        return self.neighbours


PORTS = tuple(
    Port(PortId(f"0000:0{n}:00.0", 1), PortKind.PHYSICAL, netdev=f"p{n}") for n in (1, 2, 3)
)
LINKS = {
    link.index: link
    for link in (
        linked(1, "p1", parent="0000:01:00.0"),
        linked(2, "p2", parent="0000:02:00.0", master=5),
        linked(3, "p3", parent="0000:03:00.0", master=5),
        linked(4, "p1.7", kind="vlan", link=1),
        linked(5, "bond0", kind="bond"),
        linked(6, "eno1", parent="0000:00:1f.6"),
    )
}


def met(*entries: tuple[int, int, str | None]) -> dict[str, tuple[tuple[str, str], ...]]:
    """What is met by the names of the ports."""
    answer = [{"index": index, "state": state, "address": mac} for index, state, mac in entries]
    read = read_hardware(Answering(answer), PORTS, LINKS)
    names = {port.id: port.name for port in PORTS}
    return {names[port]: tuple((a.address, a.device) for a in each) for port, each in read.items()}


A, B, C = (f"02:00:00:00:00:0{letter}" for letter in "abc")


def test_who_has_answered_on_a_port_or_a_vlan_of_it_is_a_neighbour_of_the_port() -> None:
    assert met((1, 2, A), (4, 4, A)) == {"p1": ((A, "p1"),)}
    assert met((4, 0x80, B.upper())) == {"p1": ((B, "p1.7"),)}


@pytest.mark.parametrize("state", [0, 1, 0x20, 0x40])
def test_who_has_not_answered_and_groups_are_none(state: int) -> None:
    assert met((1, state, A)) == {}
    assert met((1, 2, None)) == met((1, 2, "00:00:00:00:00:00")) == {}


def test_what_is_met_by_a_bond_or_another_device_is_no_ports_neighbour() -> None:
    assert met((5, 2, A), (6, 2, A), (99, 2, A)) == {}


def test_of_many_neighbours_two_are_told() -> None:
    assert met((1, 2, A), (1, 2, B), (1, 2, C)) == {"p1": ((A, "p1"), (B, "p1"))}


def test_a_simulated_machine_meets_its_far_end_by_its_address() -> None:
    system = simulated("fry")
    port = system.world.port("enp67s0np0")
    assert port is not None
    port.far_mac = B
    (told,) = parse_hardware(system.ask(Question.NEIGHBOURS))
    assert told == (port.ifindex, B)
    assert B in system.read("/proc/net/arp").decode()
