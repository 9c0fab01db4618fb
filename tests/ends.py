"""Machines with one port each, described by a test, and simulated ones that cables join."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from threading import Event
from typing import Any

from mlxtop.lab import ManualClock, load_joined
from mlxtop.model.frame import Frame
from mlxtop.model.identity import Host, PortId
from mlxtop.model.machine import PortRef, SeenMachine
from mlxtop.model.sample import HardwareNeighbour, Link, Slow
from mlxtop.sampler.facts import EVERYTHING
from mlxtop.sampler.live import LiveSource
from mlxtop.sampler.source import frames
from tests.cases import GOOD, GOOD_PORT, MODULE
from tests.situations import Situation, configured, frame_of

PORT = PortId("0000:43:00.0", 1)
A, B = PortRef("a", PORT), PortRef("b", PORT)
MAC = {"a": "02:00:00:00:00:0a", "b": "02:00:00:00:00:0b", "c": "02:00:00:00:00:0c"}


@dataclass(frozen=True)
class End:
    """A machine whose first port is an end."""

    host: str
    met: Sequence[str] = ()
    """Hardware addresses of its neighbours."""
    address: str = ""
    """Hardware address; empty for that of `MAC`."""
    situation: Situation = GOOD
    settings: Any = GOOD_PORT
    link: dict[str, Any] = field(default_factory=dict)
    """What is different on its link."""
    port: dict[str, Any] = field(default_factory=dict)
    sample: dict[str, Any] = field(default_factory=dict)
    """What is different in its PortSample."""

    @property
    def machine(self) -> SeenMachine:
        """The machine as it was seen last."""
        frame, port = frame_of(self.situation)
        frame = configured(frame, self.settings)
        one = frame.ports[port]
        changes = {"address": self.address or MAC[self.host], **self.link}
        link: Link = one.now.link._replace(**changes)
        identity = one.now.port._replace(**self.port)
        now = one.now._replace(**{"module": MODULE, **self.sample}, link=link, port=identity)
        neighbours = {port: tuple(HardwareNeighbour(mac, "p1") for mac in self.met)}
        sample = frame.sample._replace(
            host=Host(f"{self.host}.example"),
            neighbours=Slow(neighbours if self.met else {}, 1.0),
            ports={**frame.sample.ports, port: now},
        )
        ports = {**frame.ports, port: one._replace(now=now)}
        return SeenMachine(self.host, Frame(sample, ports))


def pair(a: End | None = None, b: End | None = None) -> tuple[SeenMachine, SeenMachine]:
    """Two machines whose ports have met each other alone."""
    a, b = a or End("a"), b or End("b")
    met = replace(a, met=(b.address or MAC["b"],)), replace(b, met=(a.address or MAC["a"],))
    return met[0].machine, met[1].machine


def joined(*names: str, seconds: int = 6) -> Iterator[list[SeenMachine]]:
    """Simulated machines that cables join, once a second."""
    clock = ManualClock()
    stop = Event()
    follow = {
        name: frames(LiveSource(system, wants=EVERYTHING, calm=0.0), stop)
        for name, system in load_joined(names, clock).items()
    }
    for _ in range(seconds):
        yield [SeenMachine(name, next(one)) for name, one in follow.items()]
