"""Others that choose routes here: FRR, BIRD, keepalived, bonds, several next hops.

Where they work on the devices of a peer's ways, nothing is switched: two that decide make a mess.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence

from mlxtop.model.path import Peer
from mlxtop.path.routes import PROTOCOL
from mlxtop.sources.kernel.net import NetLink
from mlxtop.sources.kernel.proc import Process
from mlxtop.sources.kernel.sysfs import read_text
from mlxtop.sources.tools.ip_routes import Route
from mlxtop.system.door import System

ROUTERS = {
    "zebra": "FRR",
    "bgp": "FRR",
    "ospf": "FRR",
    "isis": "FRR",
    "rip": "FRR",
    "eigrp": "FRR",
    "openfabric": "FRR",
    "babel": "babeld",
    "bird": "BIRD",
    "openr": "Open/R",
    "keepalived": "keepalived",
}
"""Programs by the protocol of their routes, rt_protos of iproute2."""
_CONFIGS = {
    "zebra": ("FRR", "/etc/frr/frr.conf"),
    "keepalived": ("keepalived", "/etc/keepalived/keepalived.conf"),
}
"""Processes, and the file that names the devices they work on."""
_JOINED = frozenset(("bond", "team"))
_UNTOLD = "its routes cannot all be listed (ip route), so that others may set them"


def others(
    system: System,
    peers: Iterable[Peer],
    routes: Mapping[bool, Sequence[Route]],
    links: Sequence[NetLink],
    processes: Sequence[Process],
) -> dict[str, str]:
    """Return why a peer's routes are left to others, by its address; nothing for the rest.

    `routes` by whether they are of IPv6; a family that is not in it could not be read.
    """
    reasons: dict[str, str] = {}
    for peer in peers:
        devices = {way.dev for way in peer.ways}
        told = routes.get(peer.is_ipv6)
        mine = [route for route in told or () if route.protocol != str(PROTOCOL)]
        reason = (
            (_UNTOLD if told is None else None)
            or _by_route(peer, devices, mine)
            or _by_bond(devices, links)
            or _by_process(system, devices, processes)
        )
        if reason:
            reasons[peer.address] = reason
    return reasons


def _by_route(peer: Peer, devices: set[str], routes: Sequence[Route]) -> str | None:
    on_ways = [route for route in routes if not devices.isdisjoint((route.dev, *route.hops))]
    for route in on_ways:
        who = ROUTERS.get(route.protocol)
        if who is not None:
            return f"{who} sets routes on {route.dev or ', '.join(route.hops)}"
    if any(len(route.hops) > 1 for route in on_ways):  # else the closest need not be looked for
        hops = _closest_hops(peer, routes)
        if len(hops) > 1 and not devices.isdisjoint(hops):
            return f"its route has several next hops ({', '.join(hops)}): ECMP"
    return None


def _closest_hops(peer: Peer, routes: Iterable[Route]) -> tuple[str, ...]:
    """Return the next hops of the route with the longest prefix, then the least metric."""
    known = ((_length(route, peer), -route.metric, route.hops) for route in routes)
    length, _, hops = max(known, default=(-1, 0, ()))
    return hops if length >= 0 else ()


def _length(route: Route, peer: Peer) -> int:
    """Return the length of a route's prefix; -1 where a peer is not in it."""
    text = route.destination.replace("default", "::/0" if peer.is_ipv6 else "0.0.0.0/0")
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        return -1
    return network.prefixlen if ipaddress.ip_address(peer.address) in network else -1


def _by_bond(devices: set[str], links: Sequence[NetLink]) -> str | None:
    by_index = {link.index: link for link in links}
    for link in links:
        if link.name not in devices:
            continue
        master = by_index.get(link.master or 0)
        if link.kind in _JOINED:
            return f"{link.name} is a {link.kind}, which looks after its links itself"
        if master is not None and master.kind in _JOINED:
            return f"{link.name} is part of {master.name}, a {master.kind}"
    return None


def _by_process(system: System, devices: set[str], processes: Sequence[Process]) -> str | None:
    running = {process.name for process in processes}
    for name, (who, path) in _CONFIGS.items():
        if name not in running:
            continue
        text = read_text(system, path)
        if text is None:
            return f"{who} is running, and {path} cannot be read"
        for device in sorted(devices):
            if re.search(rf"\b(?:interface|dev)\s+{re.escape(device)}(?:\s|$)", text):
                return f"{who} works on {device}"
    return None
