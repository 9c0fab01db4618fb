"""Simulated machines that a cable joins: one time, one traffic, and a link that is up at both ends.

Ports are joined where each is the other's `peer`. Who sends decides: a port is to receive what its
far end offers, both go as fast as the slower one can, and every frame arrives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations, product

from mlxtop.lab.ports import PortState
from mlxtop.lab.system import LabSystem
from mlxtop.lab.traffic import RX, TX, Flow
from mlxtop.lab.world import World


@dataclass(slots=True)
class End:
    """One end of a cable."""

    world: World
    port: PortState
    mirrors: dict[int, tuple[Flow, Flow]] = field(default_factory=dict)
    """Flows that a test makes here, by their identity, with what they are at the far end."""

    @property
    def programme(self) -> tuple[Flow, Flow] | None:
        """Return the flows of its traffic programme: TCP and RDMA."""
        return self.world.programme.flows.get(self.port.spec.netdev)

    @property
    def is_lit(self) -> bool:
        """Return whether light leaves here, through a cable that is whole."""
        port = self.port
        return port.present and port.module_on and not port.cable_cut


@dataclass(slots=True)
class Cable:
    """Two ends."""

    ends: tuple[End, End]

    def prepare(self) -> None:
        """Tell each end whether the other is lit, and what it is about to send."""
        for here, there in (self.ends, self.ends[::-1]):
            here.port.far_end_on = there.is_lit
            here.world.link_changed(here.port)
            self._mirror(here, there)
        quiet = any(end.world.programme.rests(end.port.spec.netdev) for end in self.ends)
        for one, other in self._programmes():
            sent = (0.0, 0.0) if quiet else (one.offered[TX], other.offered[TX])
            one.offered, other.offered = (sent[1], sent[0]), (sent[0], sent[1])
            one.streams = other.streams = max(one.streams, other.streams)

    def _programmes(self) -> list[tuple[Flow, Flow]]:
        """Return the flows of both traffic programmes that are each other's other side."""
        one, other = (end.programme for end in self.ends)
        return [] if one is None or other is None else list(zip(one, other, strict=True))

    def _mirror(self, here: End, there: End) -> None:
        """Let the far end have its side of every test that runs here."""
        mirrored = [mirror for _, mirror in there.mirrors.values()]
        own = (flow for flow in here.port.flows if not here.world.programme.owns(flow))
        tests = {id(flow): flow for flow in own if flow not in mirrored}
        for key in here.mirrors.keys() - tests.keys():
            there.port.flows = [f for f in there.port.flows if f is not here.mirrors[key][1]]
            del here.mirrors[key]
        for key, flow in tests.items():
            if key not in here.mirrors:
                here.mirrors[key] = flow, Flow(flow.kernel, flow.streams, (0.0, 0.0))
                there.port.flows = [*there.port.flows, here.mirrors[key][1]]
            here.mirrors[key][1].offered = (flow.offered[TX], flow.offered[RX])

    def exchange(self) -> None:
        """Let arrive what was sent, and no more be sent than can be received."""
        pairs = self._programmes()
        pairs += self.ends[0].mirrors.values()
        pairs += ((there, here) for here, there in self.ends[1].mirrors.values())
        here, there = self.ends
        for one, other in pairs:
            for direction in (RX, TX):
                rate = min(one.rate[direction], other.rate[1 - direction])
                here.world.carry(one, direction, rate)
                there.world.carry(other, 1 - direction, rate)
        for end in self.ends:
            for direction in (RX, TX):
                end.world.measure_frames(end.port, direction)


def join(systems: Sequence[LabSystem]) -> None:
    """Join machines that were started with the same clock; their time begins anew."""
    worlds = tuple(system.world for system in systems)
    cables = [Cable(ends) for ends in _joined_ports(worlds)]

    def prepare() -> None:
        for cable in cables:
            cable.prepare()

    def exchange() -> None:
        for cable in cables:
            cable.exchange()

    begin = min(system.started for system in systems)
    for system in systems:
        system.started = begin
        system.world.lock = worlds[0].lock
        system.world.together = worlds
        system.world.prepare, system.world.exchange = prepare, exchange
    for cable in cables:
        one, other = cable.ends
        for here, there in ((one, other), (other, one)):
            here.port.far_mac, here.port.far_netdev = there.port.spec.mac, there.port.spec.netdev
            if "lldpcli" in there.world.spec.tools:
                here.port.far_name = there.world.spec.label
    worlds[0].start()


def _joined_ports(worlds: Sequence[World]) -> list[tuple[End, End]]:
    """Return the ports of two machines of which each is the other's peer, every port once."""
    pairs: list[tuple[End, End]] = []
    taken: set[int] = set()
    for one, other in combinations(worlds, 2):
        for here, there in product(one.ports, other.ports):
            if {id(here), id(there)} & taken or not _are_peers(here, there):
                continue
            taken |= {id(here), id(there)}
            pairs.append((End(one, here), End(other, there)))
    return pairs


def _are_peers(here: PortState, there: PortState) -> bool:
    ours, theirs = (port.spec.ip.partition("/")[0] for port in (here, there))
    return bool(ours and theirs) and (here.spec.peer, there.spec.peer) == (theirs, ours)
