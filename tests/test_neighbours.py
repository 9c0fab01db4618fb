"""Hosts that this one has spoken to, from the kernel's table."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mlxtop.sources.kernel.neighbours import Neighbour, parse_arp, read_neighbours
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
