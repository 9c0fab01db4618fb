"""What people do with a simulated machine: the traffic of its profile, which rests for tests."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from mlxtop.lab.ports import PortState
from mlxtop.lab.traffic import GREEDY, Flow

if TYPE_CHECKING:
    from mlxtop.lab.world import World

QUIET, MOST_QUIET = 35.0, 900.0
"""Seconds after a measurement in which people leave a card alone: at least, and at most."""


class Programme:
    """The flows of a machine's profile, and what each of them wants now."""

    def __init__(self, world: World, offset: float) -> None:
        """`offset`: seconds by which the waves of this machine's traffic differ from others'."""
        self.divert: Callable[[PortState], PortState | None] = lambda port: port
        """Returns the port that another one's traffic takes: routes may have changed."""
        self._world = world
        self._profile = world.spec.profile
        self._offset = offset
        self._quiet: dict[int, tuple[float, float]] = {}
        """When the newest measurement over a card began, and until when the card is left alone."""
        names = dict.fromkeys(phase.port for phase in self._profile)
        self.flows = {
            name: (Flow(True, 1, (0.0, 0.0)), Flow(False, 1, (0.0, 0.0))) for name in names
        }
        """TCP and RDMA, by the name of a port."""
        for name, pair in self.flows.items():
            port = world.port(name)
            if port is not None:
                port.flows += pair

    def owns(self, flow: Flow) -> bool:
        """Return whether a flow is of the programme, and not of a test."""
        return any(flow in pair for pair in self.flows.values())

    def play(self) -> None:
        """Have every flow want what its phase says for this time."""
        for name, (tcp, rdma) in self.flows.items():
            phases = [phase for phase in self._profile if phase.port == name]
            place = self._world.time % sum(phase.seconds for phase in phases)
            for phase in phases:
                if place < phase.seconds:
                    break
                place -= phase.seconds
            tcp.streams = phase.streams
            port = self._lead(name, (tcp, rdma))
            if self.rests(name) or (port is not None and not port.configured):
                for flow in (tcp, rdma):
                    flow.offered = (0.0, 0.0)
                    flow.rate = [0.0, 0.0]
                continue
            wave = self._wave(name)
            tcp.offered = (_offered(phase.rx, wave), _offered(phase.tx, wave))
            rdma.offered = (_offered(phase.rdma_rx, wave), _offered(phase.rdma_tx, wave))

    def _lead(self, name: str, pair: tuple[Flow, Flow]) -> PortState | None:
        """Put flows on the port that their packets take; return it."""
        home = self._world.port(name)
        if home is None:
            return None
        now = self.divert(home)
        for port in self._world.ports:
            if port is not now and any(flow in port.flows for flow in pair):
                port.flows = [flow for flow in port.flows if flow not in pair]
        if now is not None and pair[0] not in now.flows:
            now.flows = [*now.flows, *pair]
        return now

    def _wave(self, name: str) -> float:
        """Return a factor from 0.7 to 1: nobody asks for the same every second."""
        now, place = self._world.time, self._offset + sum(map(ord, name))
        wave = math.sin(now / 2.3 + place) * math.sin(now / 6.1 + 2 * place)
        return 0.85 + 0.15 * wave

    def rests(self, name: str) -> bool:
        """Return whether somebody measures over a port's card, or lets it cool down afterwards.

        People stop their jobs for that, and it cools for as long as the measurement took.
        """
        port = self._world.port(name)
        if port is None:
            return False
        card, now = port.card.index, self._world.time
        began, until = self._quiet.get(card, (now, -math.inf))
        if any(not self.owns(flow) for each in port.card.ports for flow in each.flows):
            began = now if until < now else began
            until = now + min(max(now - began, QUIET), MOST_QUIET)
            self._quiet[card] = began, until
        return now < until


def _offered(gbps: float, wave: float) -> float:
    return GREEDY if gbps >= 900 else gbps * wave * 1e9
