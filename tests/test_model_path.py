"""Peers of the settings: what is taken, and what is refused with a reason."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.model.path import (
    MOST_WAYS,
    PathRefused,
    Peer,
    Way,
    host_address,
    path_settings,
    settings_lines,
    third_host,
)

ONE = {"name": "b", "address": "10.0.0.2", "ways": [{"dev": "fast0"}]}


def test_ways_are_preferred_in_their_order_unless_told() -> None:
    ways = [{"dev": "a"}, {"dev": "b", "via": "10.0.0.3"}, {"dev": "c", "prefer": 9}]
    (peer,) = path_settings({"peers": [{**ONE, "ways": ways}]}).peers
    assert [way.prefer for way in peer.ways] == [1, 2, 9]
    assert [way.words for way in peer.ways] == ["dev a", "via 10.0.0.3 dev b", "dev c"]


def test_a_peer_without_a_name_is_called_by_its_address() -> None:
    (peer,) = path_settings({"peers": [{"address": "FD00::0:2", "ways": [{"dev": "a"}]}]}).peers
    assert (peer.name, peer.address, peer.is_ipv6) == ("fd00::2", "fd00::2", True)


def test_what_is_proposed_is_read_again() -> None:
    peers = (
        Peer("b", "10.0.0.2", (Way('fa"st0'), Way("fast1", "10.0.0.3", 2))),
        Peer("fd00::2", "fd00::2", (Way("fast0"),)),
    )
    text = "\n".join(settings_lines(peers))
    assert path_settings(tomllib.loads(text)["path"]).peers == peers


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ([], "path is not a table"),
        ({"peer": []}, "path has no 'peer'"),
        ({"heat": "yes"}, "heat is neither true nor false"),
        ({"probes": 1}, "probes is not a whole number from 2 to 20"),
        ({"probes": 21}, "probes is not"),
        ({"probes": True}, "probes is not"),
        ({"peers": {}}, "peers is not a list"),
        ({"peers": [ONE] * 65}, "peers is not a list of at most 64"),
        ({"peers": [1]}, "a peer is not a table"),
        ({"peers": [ONE, {**ONE, "address": "10.0.0.3"}]}, "two peers have the name b"),
        ({"peers": [ONE, {**ONE, "name": "c"}]}, "two peers have the address 10.0.0.2"),
        ({"peers": [{**ONE, "name": "a b"}]}, "'a b' is no name of a peer"),
        ({"peers": [{**ONE, "address": "host"}]}, "'host' is no address"),
        ({"peers": [{**ONE, "address": "fe80::1%a"}]}, "is no address"),
        ({"peers": [{**ONE, "address": "224.0.0.1"}]}, "no address of another host"),
        ({"peers": [{**ONE, "address": "127.0.0.1"}]}, "no address of another host"),
        ({"peers": [{**ONE, "ways": []}]}, f"b has not 1 to {MOST_WAYS} ways"),
        ({"peers": [{**ONE, "ways": [{"dev": "a"}] * 9}]}, "b has not 1 to"),
        ({"peers": [{**ONE, "ways": [{"dev": "-x/y"}]}]}, "is no network device"),
        ({"peers": [{**ONE, "ways": [{"dev": "a" * 16}]}]}, "is no network device"),
        ({"peers": [{**ONE, "ways": [{"dev": "a"}, {"dev": "a"}]}]}, "the same way twice"),
        (
            {"peers": [{**ONE, "ways": [{"dev": "a", "prefer": 2}, {"dev": "b", "prefer": 2}]}]},
            "two ways with the same prefer",
        ),
        ({"peers": [{**ONE, "ways": [{"dev": "a", "prefer": -1}]}]}, "prefer is not"),
        ({"peers": [{**ONE, "ways": [{"dev": "a", "via": "fd00::1"}]}]}, "another address family"),
        ({"peers": [{**ONE, "ways": [{"dev": "a", "metric": 1}]}]}, "a way has no 'metric'"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_reason(table: object, why: str) -> None:
    with pytest.raises(PathRefused, match=why):
        path_settings(table)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(("peers", "ways", "dev", "via", "name", "address", "prefer", "x")),
            inner,
            max_size=4,
        )
    ),
)


@given(JSON)
def test_anything_else_is_refused_and_never_worse(value: object) -> None:
    try:
        path_settings(value)
    except PathRefused as refused:
        assert str(refused)


def test_a_way_by_another_peer_leads_through_it() -> None:
    b = Peer("b", "10.0.0.2", (Way("fast0"), Way("fast1", "10.0.0.3"), Way("slow0", "192.0.2.2")))
    c = Peer("c", "10.0.0.3", (Way("fast1"),))
    assert [third_host((b, c), b, way) for way in b.ways] == [None, "c", None]


@pytest.mark.parametrize("text", ["10.0.0.2", "fd00::2"])
def test_an_address_stays_as_it_is(text: str) -> None:
    assert host_address(text) == text
