"""Which ports are the two ends of one link."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.ends.match import Match, MatchedBy, Matches, Surety
from mlxtop.ends.matching import match
from mlxtop.model.identity import PortId, PortKind
from mlxtop.model.machine import PortRef
from mlxtop.model.named_links import NamedEnd, NamedLink
from mlxtop.model.sample import LinkState
from tests.cases import GOOD, MODULE
from tests.ends import MAC, PORT, A, B, End, joined, pair
from tests.situations import ethernet

SETTINGS = (NamedLink(NamedEnd("a", "p1"), NamedEnd("b", "p1")),)
CABLE = MODULE._replace(
    identity=MODULE.identity._replace(vendor="Maker", part="DAC", serial="MT1234", passive=True)
)
IPOIB = "80:00:02:08:fe:80:00:00:00:00:00:00:24:8a:07:03:00:a1:b2:"


def only(matches: Matches) -> Match:
    """The one link."""
    (link,) = matches.links
    return link


def test_ports_that_have_met_each_other_alone_are_likely_the_ends_of_a_link() -> None:
    link = only(match(pair()))
    assert link.ends == (A, B)
    assert (link.by, link.surety) == (MatchedBy.NEIGHBOUR, Surety.LIKELY)
    assert "neither end has met others" in link.why
    assert not link.is_direct


def test_a_port_that_has_met_nobody_yet_is_possibly_the_end() -> None:
    link = only(match([End("a", met=[MAC["b"]]).machine, End("b").machine]))
    assert (link.ends, link.surety) == ((A, B), Surety.POSSIBLE)


def test_other_neighbours_at_either_end_are_a_network_and_no_link() -> None:
    several = match([End("a", met=[MAC["b"], MAC["c"]]).machine, End("b", met=[MAC["a"]]).machine])
    assert several.links == ()
    assert "several neighbours" in several.open[A]
    assert "switch" in several.open[B]
    beyond = match([End("a", met=[MAC["b"]]).machine, End("b", met=[MAC["c"]]).machine])
    assert beyond.links == ()
    assert "switch" in beyond.open[A]
    assert "none of the machines" in beyond.open[B]


def test_the_members_of_a_bond_share_an_address_and_none_of_them_is_the_end() -> None:
    two = replace(GOOD, others=(replace(GOOD, function="0000:44:00.0", adapter=None),))
    other = End("b", situation=two, met=[MAC["a"]]).machine
    ports = {
        port: one._replace(now=one.now._replace(link=one.now.link._replace(address=MAC["b"])))
        for port, one in other.frame.ports.items()
    }
    other = other._replace(frame=other.frame._replace(ports=ports))
    matches = match([End("a", met=[MAC["b"]]).machine, other])
    assert matches.links == ()
    assert "same address" in matches.open[A]


@pytest.mark.parametrize(
    ("kind", "devtype", "count"),
    [
        (PortKind.VIRTUAL, "bond", 0),
        (PortKind.VIRTUAL, "vlan", 0),
        (PortKind.VF, None, 0),
        (PortKind.VIRTUAL, "veth", 1),
    ],
)
def test_what_has_no_plug_is_no_end(kind: PortKind, devtype: str | None, count: int) -> None:
    machines = pair(End("a", port={"kind": kind, "devtype": devtype}))
    assert len(match(machines).links) == count


def test_infiniband_ports_are_matched_by_the_guids_in_their_addresses() -> None:
    a = End("a", address="a0" + (IPOIB + "c0")[2:])
    b = End("b", address=IPOIB + "c1")
    machines = (
        replace(a, met=["80:00:04:04" + (IPOIB + "c1")[11:]]).machine,
        replace(b, met=[IPOIB + "c0"]).machine,
    )
    link = only(match(machines))
    assert (link.ends, link.by) == ((A, B), MatchedBy.GUID)


def test_settings_name_the_ends_by_the_name_asked_for_or_the_hosts_own() -> None:
    machines = End("a").machine, End("b").machine
    assert match(machines).links == ()
    link = only(match(machines, SETTINGS))
    assert (link.by, link.surety, link.is_direct) == (MatchedBy.SETTINGS, Surety.SURE, True)
    own = (NamedLink(NamedEnd("b.example", "0000:43:00.0/1"), NamedEnd("a", "0000:43:00.0")),)
    assert only(match(machines, own)).ends == (A, B)
    assert match(machines, (NamedLink(NamedEnd("a", "p9"), NamedEnd("b", "p1")),)).links == ()


def test_settings_are_told_where_the_neighbours_say_otherwise() -> None:
    machines = (*pair(), End("c").machine)
    named = (NamedLink(NamedEnd("a", "p1"), NamedEnd("c", "p1")),)
    link = only(match(machines, named))
    assert link.ends == (A, PortRef("c", PORT))
    assert "neighbour table a p1 and b p1" in link.against
    assert only(match(pair(), SETTINGS)).also == (MatchedBy.NEIGHBOUR,)


def test_the_same_serial_number_in_two_plugs_of_a_cable_is_a_link() -> None:
    machines = [End(host, sample={"module": CABLE}).machine for host in "ab"]
    link = only(match(machines))
    assert (link.by, link.surety, link.is_direct) == (MatchedBy.SERIAL, Surety.LIKELY, True)
    both = only(match(pair(*(End(host, sample={"module": CABLE}) for host in "ab"))))
    assert (both.surety, both.also) == (Surety.SURE, (MatchedBy.SERIAL,))


@pytest.mark.parametrize("serial", ["", "0000", "N/A", None])
def test_a_serial_number_that_is_none_joins_nothing(serial: str | None) -> None:
    module = CABLE._replace(identity=CABLE.identity._replace(serial=serial))
    assert match([End(host, sample={"module": module}).machine for host in "ab"]).links == ()


def test_modules_that_take_a_fibre_and_cables_that_break_out_are_not_matched() -> None:
    fibre = CABLE._replace(identity=CABLE.identity._replace(passive=False, connector="LC"))
    assert match([End(host, sample={"module": fibre}).machine for host in "ab"]).links == ()
    three = [End(host, sample={"module": CABLE}).machine for host in "abc"]
    assert match(three).links == ()


def test_a_machine_that_is_shown_by_two_names_is_not_the_far_end_of_itself() -> None:
    sample = {"module": CABLE}
    twice = [End(host, address=MAC["a"], sample=sample).machine for host in "ab"]
    assert match(twice).links == ()
    assert only(match(twice, SETTINGS)).by is MatchedBy.SETTINGS, "a person knows better"
    one = End("c", met=[MAC["a"]]).machine
    told = match([one, *twice]).open[PortRef("c", PORT)]
    assert told.endswith("have the same address: a machine is shown by two names")
    other = [End(host, address=MAC[host], sample=sample).machine for host in "ab"]
    assert only(match(other)).by is MatchedBy.SERIAL


def test_a_match_stays_while_the_link_is_down_and_goes_with_the_port() -> None:
    before = match(pair())
    down = {"state": LinkState.DOWN}
    machines = [End("a", link=down).machine, End("b", link=down).machine]
    assert match(machines).links == ()
    assert match(machines, before=before).links == before.links
    up = [End("a").machine, End("b").machine]
    assert match(up, before=before).links == ()
    assert match(machines[:1], before=before).links == ()


def test_a_link_is_seen_from_either_side() -> None:
    matches = match(pair())
    from_b = matches.of(B)
    assert from_b is not None
    assert (from_b.a, from_b.b) == (B, A)
    assert matches.of(PortRef("b", PortId("0000:99:00.0", 1))) is None


def test_simulated_machines_that_a_cable_joins_are_matched() -> None:
    *_, machines = joined("ceph", "ceph2", "ceph3", seconds=3)
    names = {
        frozenset(f"{ref.host}/{ref.port.number}" for ref in link.ends)
        for link in match(machines).links
    }
    assert names == {
        frozenset(("ceph/1", "ceph2/1")),
        frozenset(("ceph/2", "ceph3/1")),
        frozenset(("ceph2/2", "ceph3/2")),
    }


@given(st.lists(st.text(max_size=40), max_size=3), st.text(max_size=60))
def test_any_address_is_taken(met: list[str], address: str) -> None:
    match([End("a", met=met, address=address or "x").machine, End("b", met=[address]).machine])


def test_neighbours_that_are_up_at_different_speeds_have_a_switch_between_them() -> None:
    slow = End("b", situation=replace(GOOD, link=ethernet(40)))
    matches = match(pair(b=slow))
    assert matches.links == ()
    assert "another speed: a switch" in matches.open[A]
    assert only(match(pair(b=slow), SETTINGS)).by is MatchedBy.SETTINGS
    down = replace(slow, link={"state": LinkState.DOWN})
    assert only(match(pair(b=down))).ends == (A, B)
