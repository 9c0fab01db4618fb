"""The routes that `path keep` adds, as exact commands, and how they are taken back.

A host route of protocol 77 goes before the routes that are there by a lower metric, and replaces
none of them: removed, everything is as it was. Where a route of metric 0 is there already, which
nothing can go before, the route stands in a table of its own with a rule. Probes through a third
host have a table and a rule each, chosen by a mark that only they carry.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from mlxtop.change.plan import Command, Plan
from mlxtop.model.path import Peer, Way, third_host
from mlxtop.sources.tools.ip_routes import Route, read_routes
from mlxtop.system.door import System

PROTOCOL = 77
"""Number of the routes and rules that are ours, ip-route(8)."""
METRIC = 77
"""Of a route where no other to this host is there."""
TABLE, RULE = 7700, 7700
"""Table of routes that a metric cannot put first, and the place of its rules."""
PROBE_TABLE, PROBE_RULE, PROBE_MARK = 7710, 7600, 0x4D580000
"""First table, place of the rules, and first mark of probes through third hosts."""


class PeerRoutes(NamedTuple):
    """How the route to a peer is set, and how it was before."""

    peer: Peer
    metric: int | None
    """None: by a table of its own and a rule."""
    source: str | None
    """Address that this host has towards the peer; connections keep it."""


class ProbeRoute(NamedTuple):
    """A table and a mark for the probes of one way."""

    peer: Peer
    way: Way
    table: int
    mark: int
    source: str | None


def _ip(ipv6: bool) -> tuple[str, ...]:
    return ("ip", "-6") if ipv6 else ("ip",)


def exact(peer: Peer) -> str:
    """Return the peer's address as a prefix."""
    return f"{peer.address}/{128 if peer.is_ipv6 else 32}"


def metric_for(peer: Peer, routes: Iterable[Route]) -> int | None:
    """Return a metric that goes before the routes to this host; None where there is none."""
    taken = [
        route.metric
        for route in routes
        if route.destination in (peer.address, exact(peer))
        and route.table == "main"
        and route.protocol != str(PROTOCOL)
    ]
    if not taken:
        return METRIC
    least = 1 if peer.is_ipv6 else 0  # 0 means 1024 in IPv6
    return min(taken) - 1 if min(taken) > least else None


def prepare(
    peers: Sequence[Peer], routes: Mapping[bool, Sequence[Route]], sources: Mapping[str, str | None]
) -> tuple[list[PeerRoutes], list[ProbeRoute]]:
    """Return how each peer's route will be set, and the routes that probes need."""
    own = [
        PeerRoutes(peer, metric_for(peer, routes.get(peer.is_ipv6, ())), sources.get(peer.address))
        for peer in peers
    ]
    probes: list[ProbeRoute] = []
    for peer in peers:
        for way in peer.ways:
            if needs_table(tuple(peers), peer, way):
                place = len(probes)
                probes.append(
                    ProbeRoute(
                        *(peer, way, PROBE_TABLE + place, PROBE_MARK + place + 1),
                        sources.get(peer.address),
                    )
                )
    return own, probes


def needs_table(peers: tuple[Peer, ...], peer: Peer, way: Way) -> bool:
    """Return whether probes go the whole way only by a table of their own.

    IPv6 sends by a device only where a route leads there by it; IPv4 takes the peer to be there.
    """
    return third_host(peers, peer, way) is not None or (peer.is_ipv6 and way.via is None)


def route_command(one: PeerRoutes, way: Way) -> Command:
    """Return the command that leads the peer's traffic by a way; the kernel does it at once."""
    peer = one.peer
    words = [*_ip(peer.is_ipv6), "route", "replace", exact(peer), *_next(way), "dev", way.dev]
    words += ["src", one.source] if one.source else []
    words += ["proto", str(PROTOCOL)]
    words += ["table", str(TABLE)] if one.metric is None else ["metric", str(one.metric)]
    return Command(tuple(words), f"lead {peer.name} {way.words}")


def _next(way: Way) -> list[str]:
    return ["via", way.via] if way.via else []


def rule_command(one: PeerRoutes, verb: str = "add") -> Command:
    """Return the command that has a peer looked up in our table first."""
    peer = one.peer
    rule = ("pref", str(RULE), "to", exact(peer), "lookup", str(TABLE), "proto", str(PROTOCOL))
    words = (*_ip(peer.is_ipv6), "rule", verb, *rule)
    return Command(words, f"look {peer.name} up in table {TABLE} first")


def probe_rule(one: ProbeRoute, verb: str = "add") -> Command:
    """Return the command for the rule that only marked probes follow."""
    mark = ("fwmark", f"{one.mark:#x}", "lookup", str(one.table), "proto", str(PROTOCOL))
    words = (*_ip(one.peer.is_ipv6), "rule", verb, "pref", str(PROBE_RULE), *mark)
    return Command(words, f"let probes to {one.peer.name} go {one.way.words}")


def probe_route(one: ProbeRoute, way: Way) -> Command:
    """Return the command for the route of marked probes; `way` has the device's present name."""
    words = [*_ip(one.peer.is_ipv6), "route", "replace", exact(one.peer), *_next(way)]
    words += ["dev", way.dev, *(["src", one.source] if one.source else [])]
    words += ["proto", str(PROTOCOL), "table", str(one.table)]
    return Command(tuple(words), f"probe {one.peer.name} {way.words}")


def flush_command(peer: Peer, address: str, device: str) -> Command:
    """Return the command that drops the packets which wait for an answer on a dead link.

    While the kernel asks there for the neighbour, three seconds long, it holds what a connection
    has sent, and TCP does not send that again by another way.
    """
    words = ("neigh", "flush", "to", address, "dev", device, "nud", "incomplete")
    return Command((*_ip(peer.is_ipv6), *words), "drop what waits on the dead link")


def drop_command(one: PeerRoutes) -> Command:
    """Return the command that removes the route of this metric, where another took its place."""
    words = ("route", "del", exact(one.peer), "proto", str(PROTOCOL), "metric", str(one.metric))
    return Command((*_ip(one.peer.is_ipv6), *words), f"the one before to {one.peer.name}")


def undo_commands(own: Iterable[PeerRoutes], probes: Iterable[ProbeRoute]) -> tuple[Command, ...]:
    """Return the commands after which every route is as it was; they touch protocol 77 alone."""
    return (*undo_routes(own), *undo_probes(probes))


def both_kinds(own: Iterable[PeerRoutes]) -> Iterator[PeerRoutes]:
    """Yield peers with a route by metric and with one by a table: an earlier run may have either,
    and this one may come to need the other."""
    for one in own:
        yield one._replace(metric=METRIC)
        yield one._replace(metric=None)


def undo_routes(own: Iterable[PeerRoutes]) -> Iterator[Command]:
    """Yield the commands that remove the routes to peers."""
    for one in own:
        ip, prefix = _ip(one.peer.is_ipv6), exact(one.peer)
        why = f"the route to {one.peer.name} as it was"
        if one.metric is None:
            yield rule_command(one, "del")
        table = str(TABLE) if one.metric is None else "main"
        flush = ("route", "flush", "table", table, "exact", prefix, "proto", str(PROTOCOL))
        yield Command((*ip, *flush), why)


def undo_probes(probes: Iterable[ProbeRoute]) -> Iterator[Command]:
    """Yield the commands that remove the tables and rules of probes."""
    for one in probes:
        yield probe_rule(one, "del")
        flush = ("route", "flush", "table", str(one.table), "proto", str(PROTOCOL))
        yield Command((*_ip(one.peer.is_ipv6), *flush), f"probes to {one.peer.name} end")


def keep_plan(own: Sequence[PeerRoutes], probes: Sequence[ProbeRoute], leave: bool = False) -> Plan:
    """Return what `path keep` does at first, what it may do then, and how it ends."""
    steps: list[Command] = []
    for probe in probes:
        steps += [probe_route(probe, probe.way), probe_rule(probe)]
    notes = []
    for one in own:
        first, *rest = sorted(one.peer.ways, key=lambda way: way.prefer)
        steps.append(route_command(one, first))
        steps += [rule_command(one)] if one.metric is None else []
        notes += [
            f"if that dies: {line}"
            for way in rest
            for line in route_command(one, way).lines(sudo=False)
        ]
        if one.metric is None:
            notes.append(
                f"{one.peer.name}: a route of metric 0 is there, which no metric goes before:"
                f" so table {TABLE} and a rule are used"
            )
    notes.append("a route is set only once its way answers, and no route of others is changed")
    notes.append("the other host needs mlxtop path keep too: it decides what comes back")
    undo = tuple(undo_probes(probes)) if leave else undo_commands(own, probes)
    return Plan("keep the paths", tuple(steps), (), undo, notes=tuple(notes))


def existing(
    peers: Sequence[Peer], routes: Mapping[bool, Sequence[Route]]
) -> frozenset[tuple[str, Way]]:
    """Return the ways that the kernel takes for a peer's packets when told only the device.

    So they can be probed as far as the peer without a table.
    """
    ways = set()
    for peer in peers:
        for way in peer.ways:
            same = [
                route
                for route in routes.get(peer.is_ipv6, ())
                if route.table == "main"
                and route.dev == way.dev
                and route.destination in (peer.address, exact(peer))
            ]
            first = min(same, key=lambda route: route.metric, default=None)
            if first is not None and first.via == way.via:
                ways.add((peer.address, way))
    return frozenset(ways)


def read_existing(system: System, peers: Sequence[Peer]) -> frozenset[tuple[str, Way]] | None:
    """Return the same as `existing` as it is now; None where `ip` does not tell all routes."""
    routes = read_all_routes(system, peers)
    return existing(peers, routes) if is_whole(routes, peers) else None


def read_all_routes(system: System, peers: Iterable[Peer]) -> dict[bool, list[Route]]:
    """Return the routes of each address family that a peer has, where `ip` tells all of them."""
    by_family = {ipv6: read_routes(system, ipv6) for ipv6 in {peer.is_ipv6 for peer in peers}}
    return {ipv6: one for ipv6, one in by_family.items() if one is not None}


def is_whole(routes: Mapping[bool, Sequence[Route]], peers: Iterable[Peer]) -> bool:
    """Return whether `read_all_routes` has the routes of every peer's address family."""
    return all(peer.is_ipv6 in routes for peer in peers)
