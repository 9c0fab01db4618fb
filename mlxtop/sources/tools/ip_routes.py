"""Routes and neighbours of this namespace, from `ip` of iproute2; no root needed.

https://man7.org/linux/man-pages/man8/ip-route.8.html
"""

from __future__ import annotations

from typing import NamedTuple

from mlxtop.sources.kernel.sysfs import parse_hex
from mlxtop.system.answers import Fields, parse_json, rows
from mlxtop.system.door import System

ROUTES = {
    False: ("ip", "-j", "route", "show", "table", "all"),
    True: ("ip", "-6", "-j", "route", "show", "table", "all"),
}
"""The command by whether it is about IPv6."""
RULES = {
    False: ("ip", "-j", "rule", "show"),
    True: ("ip", "-6", "-j", "rule", "show"),
}
NEIGHBOURS = ("ip", "-j", "neigh", "show")
_WELL = frozenset(("REACHABLE", "STALE", "DELAY", "PROBE", "PERMANENT", "NOARP"))


class Route(NamedTuple):
    """One route of one table."""

    destination: str
    """`default`, an address or a network."""
    dev: str | None
    """None for one with several next hops, and for those that reject."""
    via: str | None = None
    metric: int = 0
    protocol: str = ""
    source: str | None = None
    table: str = "main"
    hops: tuple[str, ...] = ()
    """The devices of several next hops."""
    kind: str = "unicast"


class Neighbour(NamedTuple):
    """A host at the other end of a device, as the kernel last met it."""

    address: str
    dev: str


def parse_routes(text: str) -> list[Route]:
    """Return the routes in the JSON of `ip -j route show table all`.

    >>> parse_routes('[{"dst":"10.0.0.2","dev":"a","protocol":"77","metric":5}]')[0].protocol
    '77'
    """
    return [route for entry in rows(parse_json(text)) if (route := _route(entry))]


def _route(entry: Fields) -> Route | None:
    destination = entry.text("dst")
    if destination is None:
        return None
    via = entry.text("gateway") or entry.fields("via").text("host")
    hops = (hop.text("dev") for hop in entry.rows("nexthops"))
    return Route(
        destination,
        entry.text("dev"),
        via,
        entry.count("metric") or 0,
        entry.text("protocol") or "",
        entry.text("prefsrc"),
        entry.text("table") or "main",
        tuple(hop for hop in hops if hop),
        entry.text("type") or "unicast",
    )


def read_routes(system: System, ipv6: bool) -> list[Route] | None:
    """Return every route of an address family; None where `ip` does not tell all of them."""
    try:
        finished = system.run(ROUTES[ipv6], timeout=5.0)
    except OSError:
        return None
    whole = finished.status == 0 and not finished.cut
    return parse_routes(finished.stdout) if whole else None


def parse_marks(text: str) -> frozenset[tuple[int, str]]:
    """Return marks of packets and the tables for them, in the JSON of `ip -j rule show`.

    >>> parse_marks('[{"priority":9,"fwmark":"0x4d58","table":"7710"},{"table":"main"}]')
    frozenset({(19800, '7710')})
    """
    marks = ((rule.text("fwmark") or "", rule.text("table")) for rule in rows(parse_json(text)))
    numbers = ((parse_hex(mark.partition("/")[0]), table) for mark, table in marks)
    return frozenset((mark, table) for mark, table in numbers if mark is not None and table)


def read_marks(system: System, ipv6: bool) -> frozenset[tuple[int, str]] | None:
    """Return the rules for marked packets; None where `ip` does not tell all of them."""
    try:
        finished = system.run(RULES[ipv6], timeout=5.0)
    except OSError:
        return None
    return parse_marks(finished.stdout) if finished.status == 0 and not finished.cut else None


def parse_neighbours(text: str) -> list[Neighbour]:
    """Return the neighbours that answered, in the JSON of `ip -j neigh show`.

    >>> parse_neighbours('[{"dst":"10.0.0.2","dev":"a","state":["STALE"]}]')
    [Neighbour(address='10.0.0.2', dev='a')]
    """
    neighbours = []
    for entry in rows(parse_json(text)):
        address, dev = entry.text("dst"), entry.text("dev")
        if address and dev and not _WELL.isdisjoint(entry.texts("state")):
            neighbours.append(Neighbour(address, dev))
    return neighbours


def read_neighbours(system: System) -> list[Neighbour]:
    """Return the neighbours that answered; none where `ip` does not answer."""
    try:
        finished = system.run(NEIGHBOURS, timeout=5.0)
    except OSError:
        return []
    return parse_neighbours(finished.stdout) if finished.status == 0 else []
