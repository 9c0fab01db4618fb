"""Peers are proposed from host routes and from the only neighbour of a port."""

from __future__ import annotations

import tomllib

from mlxtop.lab import ManualClock, load_lab
from mlxtop.model.path import Way, path_settings, settings_lines
from mlxtop.path.peers import parse_hosts, propose, proposed
from mlxtop.sources.tools.ip_routes import Neighbour, Route

FAST = ("fast0", "fast1")


def test_the_demo_machine_has_two_peers_with_three_ways_each() -> None:
    peers = propose(load_lab("ceph", ManualClock()))
    assert [(peer.name, peer.address) for peer in peers] == [
        ("ceph2", "10.15.15.2"),
        ("ceph3", "10.15.15.3"),
    ]
    assert [way.words for way in peers[1].ways] == [
        "dev enp3s0d1",
        "via 10.15.15.2 dev enp3s0",
        "via 192.168.1.32 dev eno1",
    ]
    assert [way.prefer for way in peers[1].ways] == [1, 2, 3]


def test_an_ordinary_machine_proposes_the_other_end_of_its_link() -> None:
    peers = propose(load_lab("pacu", ManualClock()))
    assert peers
    assert all(len(peer.ways) == 1 and peer.ways[0].via is None for peer in peers)


def test_ways_are_completed_through_each_other_peer() -> None:
    routes = (Route("10.0.0.2", "fast0"), Route("10.0.0.3", "fast1", metric=10))
    b, c = proposed(FAST, routes, (), {})
    assert b.ways == (Way("fast0", None, 1), Way("fast1", "10.0.0.3", 2))
    assert c.ways == (Way("fast1", None, 1), Way("fast0", "10.0.0.2", 2))


def test_our_own_routes_networks_and_other_devices_make_no_peer() -> None:
    routes = (
        Route("10.0.0.2", "fast0", protocol="77"),
        Route("10.0.0.0/24", "fast0"),
        Route("10.0.0.9", "eno1"),
        Route("10.0.0.8", "fast0", table="7710"),
        Route("default", "fast0", "10.0.0.1"),
        Route("10.0.0.7", "fast0", kind="blackhole"),
    )
    assert proposed(FAST, routes, (), {}) == ()


def test_a_port_in_a_network_of_many_makes_no_peer() -> None:
    alone = (Neighbour("10.0.0.2", "fast0"), Neighbour("fe80::2", "fast0"))
    assert [peer.address for peer in proposed(FAST, (), alone, {})] == ["10.0.0.2"]
    both = (*alone, Neighbour("10.0.0.3", "fast0"))
    assert proposed(FAST, (), both, {}) == ()


def test_a_router_is_no_peer_where_it_is_the_only_neighbour() -> None:
    alone = (Neighbour("10.0.0.1", "fast0"), Neighbour("10.1.0.1", "fast1"))
    by_default = Route("default", "fast0", "10.0.0.1", metric=100)
    peers = proposed(FAST, (by_default,), alone, {})
    assert [(peer.address, peer.ways) for peer in peers] == [("10.1.0.1", (Way("fast1"),))]
    host = Route("10.0.0.1", "fast0")
    assert len(proposed(FAST, (by_default, host), alone, {})) == 2, "a route to it says otherwise"


def test_names_come_from_the_hosts_file_once_each() -> None:
    names = parse_hosts(
        "127.0.0.1 localhost\n10.0.0.2  b b.lan # b\n10.0.0.3 x;y\n10.0.0.2 later\n"
    )
    assert names == {"127.0.0.1": "localhost", "10.0.0.2": "b"}


def test_a_second_address_of_a_host_is_named_by_itself() -> None:
    routes = (Route("10.0.0.2", "fast0"), Route("10.0.1.2", "fast1"))
    names = parse_hosts("10.0.0.2 b\n10.0.1.2 b\n")
    peers = proposed(FAST, routes, (), names)
    assert [(peer.name, peer.address) for peer in peers] == [
        ("b", "10.0.0.2"),
        ("10.0.1.2", "10.0.1.2"),
    ]
    text = "\n".join(settings_lines(peers))
    assert path_settings(tomllib.loads(text)["path"]).peers == peers
