"""Others that choose routes here: FRR, BIRD, keepalived, bonds, several next hops.

Where they work on the devices of a peer's ways, nothing is switched: two that decide make a mess.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from mlxtop.model.path import Peer
from mlxtop.path.routes import PROTOCOL, exact
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


def others(
    system: System,
    peers: Iterable[Peer],
    routes: Mapping[bool, Sequence[Route]],
    links: Sequence[NetLink],
    processes: Sequence[Process],
) -> dict[str, str]:
    """Return why a peer's routes are left to others, by its address; nothing for the rest."""
    reasons: dict[str, str] = {}
    for peer in peers:
        devices = {way.dev for way in peer.ways}
        mine = [route for route in routes.get(peer.is_ipv6, ()) if route.protocol != str(PROTOCOL)]
        reason = (
            _by_route(peer, devices, mine)
            or _by_bond(devices, links)
            or _by_process(system, devices, processes)
        )
        if reason:
            reasons[peer.address] = reason
    return reasons


def _by_route(peer: Peer, devices: set[str], routes: Iterable[Route]) -> str | None:
    for route in routes:
        if devices.isdisjoint((route.dev, *route.hops)):
            continue
        who = ROUTERS.get(route.protocol)
        if who is not None:
            return f"{who} sets routes on {route.dev or ', '.join(route.hops)}"
        if len(route.hops) > 1 and route.destination in (peer.address, exact(peer)):
            return f"its route has several next hops ({', '.join(route.hops)}): ECMP"
    return None


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
