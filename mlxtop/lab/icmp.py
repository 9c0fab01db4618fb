"""Probes of a simulated machine: who is at the other end of which device, and how far away."""

from __future__ import annotations

import errno
from collections.abc import Callable
from threading import Event

from mlxtop.lab.clock import Either
from mlxtop.lab.network import Network
from mlxtop.lab.world import World
from mlxtop.system.clock import Clock
from mlxtop.system.door import Echo, os_error

_NEAR_S, _THROUGH_S, _SLOW_S = 0.000043, 0.000091, 0.00031
"""Round trips to the other end of a link, through another host, and by the slow network."""


class LabPinger:
    """See `Pinger`. Another host that forwards does so by links that this machine cannot see."""

    def __init__(
        self, network: Network, now: Callable[[], World], clock: Clock, tick: Callable[[], float]
    ) -> None:
        self._network, self._now, self._clock, self._tick = network, now, clock, tick
        self._coming: list[tuple[float, Echo]] = []
        self._woken, self._closed = Event(), Event()

    def send(self, address: str, device: str, nonce: bytes, mark: int = 0) -> None:
        with self._network.world.lock:
            self._now()
            if not self._network.exists(device):
                raise os_error(errno.ENODEV, device)
            trip = self._trip(address, device, mark)
        if trip is not None:
            due = self._tick() + trip
            self._coming.append((due, Echo(nonce, address, device, due)))

    def _trip(self, address: str, device: str, mark: int) -> float | None:
        """Return the seconds until an answer comes back; None where none does."""
        network = self._network
        if not network.has_carrier(device):
            return None
        route = network.fib.find(address, mark, device)
        via = route.via if route else None
        first = via or address
        if not network.neighbour(first, device):
            return None
        if via is not None:
            return _THROUGH_S if network.forwards(via, address) else None
        return _SLOW_S if device == network.management else _NEAR_S

    def wait(self, seconds: float, stop: Event) -> list[Echo]:
        end = self._tick() + max(0.0, seconds)
        while True:
            now = self._tick()
            answers = [echo for due, echo in self._coming if due <= now]
            self._coming = [(due, echo) for due, echo in self._coming if due > now]
            if answers or now >= end or stop.is_set() or self._woken.is_set():
                self._woken.clear()
                return answers
            due = min((due for due, _ in self._coming), default=end)
            self._clock.wait(max(0.0, min(due, end) - now) + 1e-9, Either(stop, self._woken))

    def wake(self) -> None:
        self._woken.set()

    def close(self) -> None:
        self._coming.clear()
