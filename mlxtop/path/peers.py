"""Peers and ways that this machine's routes and neighbours suggest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mlxtop.model.identity import PortKind
from mlxtop.model.path import (
    MOST_PEERS,
    MOST_WAYS,
    NAME,
    PathRefused,
    Peer,
    Way,
    host_address,
)
from mlxtop.path.routes import PROTOCOL
from mlxtop.sampler.discover import discover
from mlxtop.sources.kernel.sysfs import read_text
from mlxtop.sources.tools.ip_routes import Neighbour, Route, read_neighbours, read_routes
from mlxtop.system.door import System

_LONE = 1
"""Neighbours of a device that make it a link to one host, and no network."""


def propose(system: System) -> tuple[Peer, ...]:
    """Return the hosts behind the cards' ports with every way that is known to them."""
    ports = discover(system).ports
    fast = [port.netdev for port in ports if port.kind is PortKind.PHYSICAL and port.netdev]
    routes = [*(read_routes(system, False) or ()), *(read_routes(system, True) or ())]
    hosts = read_text(system, "/etc/hosts") or ""
    return proposed(fast, routes, read_neighbours(system), parse_hosts(hosts))


def parse_hosts(text: str) -> dict[str, str]:
    """Return the first name of every address in /etc/hosts.

    >>> parse_hosts("10.0.0.2 b b.example # the other\\n")
    {'10.0.0.2': 'b'}
    """
    names: dict[str, str] = {}
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if len(words) > 1 and NAME.fullmatch(words[1]):
            names.setdefault(words[0], words[1])
    return names


def proposed(
    fast: Sequence[str],
    routes: Sequence[Route],
    neighbours: Iterable[Neighbour],
    names: dict[str, str],
) -> tuple[Peer, ...]:
    """Return the peers at the other ends of the devices `fast`, and the ways to them.

    A host route by such a device makes a peer, and so does the only neighbour of one, unless the
    default route leads there: a router is no host.
    """
    taken: set[str] = set()
    peers = []
    for address, ways in list(_ways(fast, routes, neighbours).items())[:MOST_PEERS]:
        ranked = [way._replace(prefer=place) for place, way in enumerate(ways[:MOST_WAYS], 1)]
        name = names.get(address, address)
        name = address if name in taken else name
        taken.add(name)
        peers.append(Peer(name, address, tuple(ranked)))
    return tuple(peers)


def _ways(
    fast: Sequence[str], routes: Sequence[Route], neighbours: Iterable[Neighbour]
) -> dict[str, list[Way]]:
    """Return the ways to each peer by its address: straight, through other peers, by routes."""
    routers = {(route.dev, route.via) for route in routes if route.destination == "default"}
    ways: dict[str, list[Way]] = {}
    mine = sorted((route for route in routes if _is_host(route)), key=lambda one: one.metric)
    for route in mine:
        if route.dev in fast and route.via is None:
            ways.setdefault(route.destination, []).append(Way(str(route.dev)))
    for device in fast:
        for ipv6 in (False, True):
            alone = [
                one.address
                for one in neighbours
                if one.dev == device and (":" in one.address) is ipv6 and _is_address(one.address)
            ]
            if len(alone) == _LONE and (device, alone[0]) not in routers:
                direct = ways.setdefault(alone[0], [])
                direct += [] if Way(device) in direct else [Way(device)]
    direct_ways = {address: tuple(known) for address, known in ways.items()}
    for address, known in ways.items():
        by_route = [Way(str(r.dev), r.via) for r in mine if r.destination == address and r.via]
        third = _through(address, direct_ways)
        known += [way for way in by_route if way.dev in fast]
        known += [way for way in third if way not in known]
        known += [way for way in by_route if way not in known]
    return ways


def _through(address: str, direct: dict[str, tuple[Way, ...]]) -> list[Way]:
    """Return the ways to a peer through each other one that has a device of its own."""
    own = {way.dev for way in direct[address]}
    return [
        Way(way.dev, other)
        for other, known in direct.items()
        for way in known
        if other != address and way.dev not in own and (":" in other) is (":" in address)
    ]


def _is_host(route: Route) -> bool:
    main = route.table == "main" and route.kind == "unicast" and route.protocol != str(PROTOCOL)
    return main and route.dev is not None and _is_address(route.destination)


def _is_address(text: str) -> bool:
    try:
        return not host_address(text).startswith("fe80:")
    except PathRefused:
        return False
