"""Routes and neighbours as `ip` prints them, and whatever else it might."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.sources.tools.ip_routes import (
    Neighbour,
    Route,
    parse_neighbours,
    parse_routes,
    read_routes,
)
from mlxtop.system.capture_file import parse_capture
from mlxtop.system.captured import CapturedSystem
from mlxtop.system.door import Finished

ROUTES = """[
 {"dst":"10.9.0.0/16","dev":"va","table":"77","protocol":"zebra","scope":"link","flags":[]},
 {"dst":"10.1.1.2","dev":"va","protocol":"77","scope":"link","metric":10,"flags":[]},
 {"dst":"10.1.1.4","gateway":"10.1.1.2","dev":"vb","prefsrc":"10.1.1.1","flags":["linkdown"]},
 {"dst":"10.1.1.5","via":{"family":"inet6","host":"fe80::1"},"dev":"vb","flags":[]},
 {"dst":"10.1.1.3","flags":[],"nexthops":[{"dev":"va","weight":1},{"dev":"vb","weight":1}]},
 {"type":"local","dst":"10.1.1.1","dev":"va","table":"local","protocol":"kernel"}]"""


class Printing(CapturedSystem):
    """A machine on which every program prints the same."""

    def __init__(self, finished: Finished) -> None:
        capture = parse_capture("mlxtop capture 1\n")
        super().__init__("x", capture, capture)
        self._finished = finished

    def run(self, *_: object, **__: object) -> Finished:
        return self._finished


def test_routes_of_iproute2_6_1() -> None:
    assert parse_routes(ROUTES) == [
        Route("10.9.0.0/16", "va", protocol="zebra", table="77"),
        Route("10.1.1.2", "va", metric=10, protocol="77"),
        Route("10.1.1.4", "vb", "10.1.1.2", source="10.1.1.1"),
        Route("10.1.1.5", "vb", "fe80::1"),
        Route("10.1.1.3", None, hops=("va", "vb")),
        Route("10.1.1.1", "va", protocol="kernel", table="local", kind="local"),
    ]


def test_a_list_that_is_cut_off_is_none() -> None:
    assert len(read_routes(Printing(Finished(0, ROUTES, "")), ipv6=False) or ()) == 6
    assert read_routes(Printing(Finished(0, ROUTES, "", cut=True)), ipv6=False) is None
    assert read_routes(Printing(Finished(1, ROUTES, "")), ipv6=False) is None


def test_only_neighbours_that_answered_count() -> None:
    text = """[{"dst":"10.0.0.2","dev":"a","lladdr":"02:00:00:00:00:01","state":["REACHABLE"]},
      {"dst":"10.0.0.3","dev":"a","state":["FAILED"]},
      {"dst":"10.0.0.4","dev":"a","state":["INCOMPLETE"]}, {"dst":"10.0.0.5","state":["STALE"]}]"""
    assert parse_neighbours(text) == [Neighbour("10.0.0.2", "a")]


@pytest.mark.parametrize("text", ["", "null", "{}", "[1]", '[{"dst":1}]', "ip: not found"])
def test_anything_else_is_no_route(text: str) -> None:
    assert parse_routes(text) == []
    assert parse_neighbours(text) == []


@given(st.text(max_size=60))
def test_no_text_is_an_error(text: str) -> None:
    parse_routes(text)
    parse_neighbours(text)
