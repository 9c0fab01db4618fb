"""Follow the ways to peers: what is lost, what is back, and how they did before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import inf

from mlxtop.model.counters import Severity
from mlxtop.model.frame import Frame
from mlxtop.model.history import THINNED, Series
from mlxtop.model.identity import Port, PortId, PortKind
from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.model.path import PathStatus, PeerStatus, WayState, WayStatus
from mlxtop.watch.alert import Alert, AlertKind

POINTS = 300
"""Points of a way that are kept one by one; older ones are thinned out to an hour."""
LEAST_MS = 1e-6
"""Shorter round trips count as this, since their sign tells the state."""
_BAD = (WayState.DOWN, WayState.UNPROVEN)
"""States that begin an alarm; it goes on until the way is up."""

Key = tuple[str, str]
"""Name of a peer, and a way as `ip route` writes it; an empty one for all of them."""


class PathWatch:
    """The ways that are down, and their past."""

    def __init__(self) -> None:
        self.history: dict[Key, Series] = {}
        """Every way over time, as `way_value` has it."""
        self._down: set[Key] = set()
        self._been_up: set[Key] = set()
        """A peer is in it once one of its ways was up."""
        self._suggested = False
        self._routes: dict[str, str | None] = {}

    def is_down(self, peer: str, way: str) -> bool:
        """Return whether a way was lost and is not up again; without a way, all of them."""
        return (peer, way) in self._down

    def observe(self, status: PathStatus, tick: float, ports: Mapping[str, Port]) -> list[Alert]:
        """Take a state in; return what was lost and what is back. `ports` by network device."""
        self._suggested = status.suggested
        if not (status.peers or self.history or self._down or self._been_up):
            return []
        alerts = [
            alert
            for peer in status.peers
            for alert in (*self._ways(peer, tick, ports), *self._peer(peer, tick, ports))
        ]
        there = {(peer.name, one.way.words) for peer in status.peers for one in peer.ways}
        there |= {(peer.name, "") for peer in status.peers}
        self._down &= there
        self._been_up &= there
        for key in self.history.keys() - there:
            del self.history[key]
        return alerts

    def changes(self, status: PathStatus, tick: float) -> list[Incident]:
        """Return an incident for every route that goes another way than before."""
        routes = {peer.name: peer.route for peer in status.peers}
        changed = [
            Incident(
                IncidentKind.PATH,
                f"route to {peer.name} goes {peer.route or 'nowhere'}, was"
                f" {self._routes[peer.name] or 'none'}: {peer.why}",
                Severity.NOTE,
                tick,
                source="mlxtop",
            )
            for peer in status.peers
            if peer.name in self._routes and self._routes[peer.name] != peer.route
        ]
        self._routes = routes
        return changed

    def _ways(self, peer: PeerStatus, tick: float, ports: Mapping[str, Port]) -> Iterator[Alert]:
        for one in peer.ways:
            key = peer.name, one.way.words
            if one.state is not WayState.UNKNOWN:
                self._remember(key, one, tick)
            if one.state is WayState.UP:
                self._been_up |= {key, (peer.name, "")}
            port = ports.get(one.way.dev) or _port(one.way.dev)
            if one.state in _BAD and self._is_new_loss(key):
                self._down.add(key)
                text = f"way to {peer.name} {one.way.words} is {one.state}: {one.reason}"
                yield Alert(AlertKind.PATH_DOWN, port, text, tick, peer=key[0], way=key[1])
            elif one.state is WayState.UP and key in self._down:
                self._down.discard(key)
                text = f"way to {peer.name} {one.way.words} is up again"
                yield Alert(AlertKind.PATH_UP, port, text, tick, peer=key[0], way=key[1], over=True)

    def _peer(self, peer: PeerStatus, tick: float, ports: Mapping[str, Port]) -> Iterator[Alert]:
        """Yield an alert where no way leads to a peer any more, and where one does again."""
        key = peer.name, ""
        dev = peer.ways[0].way.dev if peer.ways else ""
        port = ports.get(dev) or _port(dev)
        if peer.dead and self._is_new_loss(key):
            self._down.add(key)
            text = f"{peer.name} answers by no way"
            yield Alert(AlertKind.PATH_DOWN, port, text, tick, peer=peer.name)
        elif key in self._down and not peer.dead and _answers(peer):
            self._down.discard(key)
            text = f"{peer.name} answers again"
            yield Alert(AlertKind.PATH_UP, port, text, tick, peer=peer.name, over=True)

    def _is_new_loss(self, key: Key) -> bool:
        """Return whether it was not lost before; a peer that is only suggested must have answered.

        Hosts of a network often answer no pings, and nobody has said that this one should.
        """
        return key not in self._down and (key in self._been_up or not self._suggested)

    def _remember(self, key: Key, one: WayStatus, tick: float) -> None:
        past = self.history.get(key)
        if past is None:
            past = self.history[key] = Series(POINTS, THINNED)
        past.append(tick, way_value(one))


def way_value(one: WayStatus) -> float:
    """Return the newest round trip in ms, infinite where it was lost; negative unless up.

    So one number tells it all, and the longest of some is a loss if there was one.
    """
    rtt = one.last_rtt_s
    ms = inf if rtt is None else max(LEAST_MS, rtt * 1000)
    return ms if one.state is WayState.UP else -ms


def is_about_ways(incident: Incident) -> bool:
    """Return whether something happened to a way or a route to a peer."""
    return incident.kind is IncidentKind.PATH or " way to " in incident.key


def _answers(peer: PeerStatus) -> bool:
    return any(one.state in (WayState.UP, WayState.WAITING) for one in peer.ways)


def _port(dev: str) -> Port:
    """Return a network device that is no port of a card as one, for alarms to have a name."""
    return Port(PortId(dev, 1), PortKind.VIRTUAL, netdev=dev)


def ports_of(frame: Frame) -> dict[str, Port]:
    """Return the ports of a frame by their network devices, where ways are probed at all."""
    if not frame.sample.paths.peers:
        return {}
    ports = (one.now.port for one in frame.ports.values())
    return {port.netdev: port for port in ports if port.netdev}
