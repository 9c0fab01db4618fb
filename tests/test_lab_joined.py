"""Simulated machines that a cable joins: what one sends the other gets, and a link has two ends."""

from __future__ import annotations

from threading import Event

import pytest

from mlxtop.lab import LabSystem, ManualClock, load_joined, load_lab
from mlxtop.lab.traffic import RX, TX, Flow


def machines(*names: str, seed: int = 0) -> tuple[ManualClock, list[LabSystem]]:
    clock = ManualClock()
    return clock, list(load_joined(names, clock, seed).values())


def octets(system: LabSystem, port: int, direction: int) -> int:
    world = system._now()
    return world.ports[port].totals(direction, world.rest)[1]


def test_every_byte_that_is_sent_arrives() -> None:
    clock, (pacu, fry) = machines("pacu", "fry")
    begin = [(octets(one, 0, RX), octets(one, 0, TX)) for one in (pacu, fry)]
    for _ in range(30):
        clock.wait(3.3, Event())
        gains = [
            (octets(one, 0, RX) - rx, octets(one, 0, TX) - tx)
            for one, (rx, tx) in zip((pacu, fry), begin, strict=True)
        ]
        assert gains[0][1] == pytest.approx(gains[1][0], rel=1e-6, abs=1e5)
        assert gains[1][1] == pytest.approx(gains[0][0], rel=1e-6, abs=1e5)
    assert gains[0][0] > 1e9 and gains[0][1] > 1e9


def test_a_test_at_one_end_loads_the_other_and_the_traffic_of_both_rests() -> None:
    clock, (pacu, fry) = machines("pacu", "fry")
    flow = Flow(True, 8, (0.0, 30e9))
    pacu._now().ports[0].flows.append(flow)
    clock.wait(10.0, Event())
    pacu._now()
    mirror = next(one for one in fry._now().ports[0].flows if one.rate[RX] > 20e9)
    assert mirror.rate[RX] == pytest.approx(flow.rate[TX])
    background = pacu.world.programme.flows["enp67s0np0"][0]
    assert background.rate[TX] < 1e7
    pacu.world.ports[0].flows.remove(flow)
    clock.wait(2.0, Event())
    assert mirror not in fry._now().ports[0].flows


def test_a_link_that_dies_at_one_end_is_down_at_both() -> None:
    clock, (pacu, fry) = machines("pacu", "fry")
    clock.wait(5.0, Event())
    fry._now().module_fails(fry.world.ports[0], "High Temperature")
    clock.wait(1.0, Event())
    assert not pacu._now().ports[0].carrier and not fry._now().ports[0].carrier
    assert pacu.world.ports[0].flows[0].rate == [0.0, 0.0]


def test_three_hosts_of_a_ring_have_three_cables() -> None:
    _, systems = machines("ceph", "ceph2", "ceph3")
    far = {one.world.spec.label: [port.far_mac for port in one.world.ports] for one in systems}
    own = {one.world.spec.label: [port.spec.mac for port in one.world.ports] for one in systems}
    assert far["ceph"] == [own["ceph2"][0], own["ceph3"][0]]
    assert far["ceph2"] == [own["ceph"][0], own["ceph3"][1]]


def test_a_rack_of_four_is_a_ring() -> None:
    _, systems = machines("roce1", "roce2", "roce3", "roce4")
    far = [port.far_mac for one in systems for port in one.world.ports]
    own = [port.spec.mac for one in systems for port in one.world.ports]
    assert far == [own[7], own[2], own[1], own[4], own[3], own[6], own[5], own[0]]


def test_machines_that_are_no_peers_live_beside_each_other() -> None:
    clock, (pacu, tiny) = machines("pacu", "tiny")
    clock.wait(2.0, Event())
    assert pacu._now().time == tiny._now().time
    assert pacu.world.ports[0].far_mac == ""


def test_a_machine_alone_is_as_it_was() -> None:
    alone = load_lab("fry", ManualClock())
    joined = load_lab("fry", ManualClock(), joined=True)
    assert alone.world.spec.profile != joined.world.spec.profile
    assert alone.world.together == (alone.world,)
