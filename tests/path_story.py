"""The Ceph host of the demo, its paths and a session on simulated time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event

from mlxtop.change.privilege import Access, RootCommands
from mlxtop.lab import LabSystem, ManualClock, load_lab
from mlxtop.model.path import PathSettings, PeerStatus, WayStatus
from mlxtop.path.faults import DeviceFault
from mlxtop.path.peers import propose
from mlxtop.path.session import PathSession
from mlxtop.path.switch import Switch
from mlxtop.system.door import Finished

CEPH2, CEPH3 = "10.15.15.2", "10.15.15.3"
CUT_S = 75.0
"""Second at which the link to the third host dies."""


class Refusing(LabSystem):
    """A machine whose kernel refuses routes, or some of them."""

    refuses: Callable[[Sequence[str]], bool] = staticmethod(lambda _: False)
    changes: list[tuple[str, ...]]

    def run(
        self, argv: Sequence[str], *, timeout: float = 10.0, stdin: str = "", change: bool = False
    ) -> Finished:
        if change and self.refuses(argv):
            return Finished(2, "", "RTNETLINK answers: No buffer space available")
        if change:
            self.__dict__.setdefault("changes", []).append(tuple(argv))
        return super().run(argv, timeout=timeout, stdin=stdin, change=change)


@dataclass
class Story:
    """A session of a simulated machine, and what it has said."""

    keep: bool = True
    machine: str = "ceph"
    heat: bool = False
    begun: bool = True
    said: list[str] = field(default_factory=list)
    faults: dict[str, DeviceFault] = field(default_factory=dict)

    def __post_init__(self) -> None:
        system = load_lab(self.machine, ManualClock())
        system.__class__ = Refusing
        assert isinstance(system, Refusing)
        self.system = system
        self.settings = PathSettings(propose(self.system), heat=self.heat)
        if self.begun:
            self.begin()

    def begin(self) -> None:
        """Start the session."""
        root = RootCommands(self.system, Access.ROOT)
        self.switch = Switch(self.system, self.settings, root, None) if self.keep else None
        self.session = PathSession(
            self.system, self.settings, self.switch, lambda: self.faults, self.said.append
        )
        if self.switch is not None:
            self.switch.begin()

    def run(self, seconds: float) -> None:
        """Let the session go on for so long."""
        stop, system = Event(), self.system
        until = system.now() + seconds

        def each() -> None:
            if system.now() >= until:
                stop.set()

        self.session.run(stop, each)

    def cut(self, device: str, is_cut: bool = True) -> None:
        """Cut a cable, or mend it."""
        port = self.system.world.port(device)
        assert port is not None
        with self.system.world.lock:
            port.cable_cut = is_cut
            self.system.world.link_changed(port)

    def peer(self, address: str) -> PeerStatus:
        """Return what was last told of a peer."""
        return next(one for one in self.session.status.peers if one.address == address)

    def way(self, address: str, words: str) -> WayStatus:
        """Return what was last told of a way."""
        return next(one for one in self.peer(address).ways if one.way.words == words)

    def route(self, address: str) -> str:
        """Return the device of the kernel's route."""
        with self.system.world.lock:
            route = self.system._network.fib.find(address)
        assert route is not None
        return f"via {route.via} dev {route.dev}" if route.via else f"dev {route.dev}"

    @property
    def ours(self) -> int:
        """Return the number of routes of protocol 77."""
        return sum(one.protocol == "77" for one in self.system._network.fib.routes)
