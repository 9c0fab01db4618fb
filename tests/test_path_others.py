"""Others that choose routes are found on the devices of the ways, and only there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlxtop.model.path import Peer, Way
from mlxtop.path.others import others
from mlxtop.sources.kernel.net import NetLink
from mlxtop.sources.kernel.proc import Process
from mlxtop.sources.tools.ip_routes import Route
from mlxtop.system.capture_file import parse_capture
from mlxtop.system.captured import CapturedSystem

PEER = Peer("b", "10.0.0.2", (Way("fast0"), Way("slow0", "192.0.2.2", 2)))
LINK = NetLink(
    *("fast0", 5, None, 1, True, True, 1500, 2, None, None),
    *("02:00:00:00:00:01", None, None, None),
)


def reason(
    *routes: Route,
    links: tuple[NetLink, ...] = (LINK,),
    processes: tuple[str, ...] = (),
    files: str = "",
) -> str | None:
    """Return why the peer is left to others."""
    capture = parse_capture(f"mlxtop capture 1\n{files}")
    system = CapturedSystem("x", capture, capture)
    running = [Process(number, name, (name,)) for number, name in enumerate(processes, 1)]
    return others(system, (PEER,), {False: routes}, links, running).get(PEER.address)


def test_nobody_else_is_there() -> None:
    assert reason(Route("10.0.0.2", "fast0"), Route("default", "eno1", protocol="dhcp")) is None


@pytest.mark.parametrize(
    ("protocol", "who"),
    [("zebra", "FRR"), ("openfabric", "FRR"), ("bird", "BIRD"), ("keepalived", "keepalived")],
)
def test_routes_of_routing_programs_count_on_these_devices_alone(protocol: str, who: str) -> None:
    there = reason(Route("10.9.0.0/16", "fast0", protocol=protocol))
    assert there == f"{who} sets routes on fast0"
    assert reason(Route("10.9.0.0/16", "eno1", protocol=protocol)) is None


ECMP = "its route has several next hops ({}): ECMP"


@pytest.mark.parametrize("hops", [("fast0", "slow0"), ("fast0", "eno1"), ("eno1", "eno2", "slow0")])
@pytest.mark.parametrize("to", ["10.0.0.2", "10.0.0.2/32", "10.0.0.0/24", "default"])
def test_several_next_hops_count_whichever_of_them_is_a_way(to: str, hops: tuple[str, ...]) -> None:
    assert reason(Route(to, None, hops=hops)) == ECMP.format(", ".join(hops))
    assert reason(Route(to, None, hops=("eno1", "eno2"))) is None, "of no way"
    assert reason(Route(to, None, hops=hops, protocol="77")) is None, "ours"
    frr = f"FRR sets routes on {', '.join(hops)}"
    assert reason(Route("10.8.0.0/16", None, hops=hops, protocol="bgp")) == frr


def test_several_next_hops_count_only_where_the_peer_s_packets_go_by_them() -> None:
    several = Route("10.0.0.0/24", None, hops=("fast0", "slow0"), metric=20)
    assert reason(several, Route("10.0.0.2", "fast0")) is None, "a route to the host goes before"
    assert reason(several, Route("10.0.0.0/24", "fast0", metric=10)) is None
    assert reason(several, Route("10.0.0.0/24", "fast0", metric=30)) is not None
    assert reason(several, Route("default", "eno1")) is not None
    assert reason(several, Route("10.0.0.3", "fast0"), Route("fe80::/64", "fast0")) is not None
    assert reason(Route("10.8.0.0/16", None, hops=("fast0", "slow0"))) is None
    elsewhere = Route("10.0.0.2", None, hops=("eno1", "eno2"))
    assert reason(several, elsewhere) is None, "its own hops are no ways"
    assert reason(Route("10.0.0.2", None, hops=("fast0",))) is None, "one is not several"


def test_of_ipv6_several_next_hops_count_as_well() -> None:
    peer = Peer("b", "fd00::2", PEER.ways)
    hops = ("fast0", "eno1")
    for to in ("fd00::2", "fd00::/64", "default"):
        routes = {True: (Route(to, None, hops=hops),)}
        capture = parse_capture("mlxtop capture 1\n")
        system = CapturedSystem("x", capture, capture)
        assert others(system, (peer,), routes, (), ()) == {"fd00::2": ECMP.format("fast0, eno1")}


def test_where_not_all_routes_are_listed_others_may_have_set_some() -> None:
    capture = parse_capture("mlxtop capture 1\n")
    system = CapturedSystem("x", capture, capture)
    reasons = others(system, (PEER,), {}, (), ())
    assert reasons.keys() == {PEER.address}
    assert "cannot all be listed" in reasons[PEER.address]


def test_bonds_and_their_members_look_after_themselves() -> None:
    bond = replace(LINK, name="bond0", index=9, kind="bond")
    member = replace(LINK, master=9)
    assert reason(links=(member, bond)) == "fast0 is part of bond0, a bond"
    assert reason(links=(replace(LINK, kind="team"),)) is not None
    bridge = replace(bond, name="br0", kind="bridge")
    assert reason(links=(member, bridge)) is None


def test_a_program_counts_where_its_settings_name_the_device_or_cannot_be_read() -> None:
    named = (
        "/etc/keepalived/keepalived.conf:\n  | vrrp_instance a {\n  |   interface fast0\n  | }\n"
    )
    other = named.replace("fast0", "fast01")
    assert reason(processes=("keepalived",), files=named) == "keepalived works on fast0"
    assert reason(processes=("keepalived",), files=other) is None
    unread = reason(processes=("zebra",))
    assert unread == "FRR is running, and /etc/frr/frr.conf cannot be read"
    assert reason(processes=("sshd",), files=named) is None
