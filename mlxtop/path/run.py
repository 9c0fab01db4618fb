"""Run a session from beginning to end: its lock, its way back, and what the ports say meanwhile."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import Event

from mlxtop.change.port_types import Failed, claim
from mlxtop.change.privilege import Access, ActionContext, RootCommands
from mlxtop.change.revert import RUN
from mlxtop.model.frame import Frame
from mlxtop.model.path import PathSettings, PathStatus
from mlxtop.path.faults import DeviceFault, DeviceFaults
from mlxtop.path.session import PathSession
from mlxtop.path.switch import Switch
from mlxtop.sampler.live import LiveSource
from mlxtop.sampler.source import frames
from mlxtop.system.door import System
from mlxtop.watch.watch import Watch

PORTS_S = 2.0
"""Seconds between looks at sensors and links of the ports."""
LOCK_WAIT_S = 2.0
"""Seconds for which a copy that was killed may still take its routes back."""
LOCK_RETRY_S = 0.1


class PortFaults:
    """What the cards' ports say against the devices of ways; the newest word for any thread."""

    def __init__(self) -> None:
        self.known: Mapping[str, DeviceFault] = {}
        self._faults = DeviceFaults()

    def take(self, frame: Frame, watch: Watch) -> None:
        """Take a frame in that the Watch has seen."""
        self.known = self._faults.take(frame, watch)

    def follow(self, system: System, stop: Event) -> None:
        """Sample the ports in a thread until `stop`, where nobody else does."""
        system.clock.thread(self._sample, "path ports", system, stop)

    def _sample(self, system: System, stop: Event) -> None:
        watch = Watch(verdicts=False, frames=False)
        source = LiveSource(system, PORTS_S, False, (), incidents=False)
        for frame in frames(source, stop):
            watch.ingest(frame)
            self.take(frame, watch)


class OtherCopy(Exception):
    """Another copy keeps the paths of this network namespace."""


def lock_paths(system: System) -> int:
    """Return the descriptor of the lock of this network namespace. Raises OtherCopy and OSError."""
    name = f"path-{os.stat('/proc/self/ns/net').st_ino}"
    until = system.now() + LOCK_WAIT_S
    while True:
        try:
            return claim(RUN, name)
        except Failed:
            if system.now() >= until:
                raise OtherCopy from None
            system.wait(LOCK_RETRY_S, Event())


class PathRun:
    """One run of `path watch` or `path keep`."""

    def __init__(
        self,
        context: ActionContext,
        settings: PathSettings,
        keep: bool,
        told: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Prepare everything; nothing is changed before `run`. Raises OSError and OtherCopy."""
        system = context.system
        self.ports = PortFaults()
        self._system, self._told = system, told
        self._lock: int | None = None
        self._switch: Switch | None = None
        if keep:
            if not system.demo:
                self._lock = lock_paths(system)
            root = RootCommands(system, Access.ROOT)
            self._switch = Switch(system, settings, root, context.log)
        try:
            self.session = PathSession(
                system, settings, self._switch, lambda: self.ports.known, told
            )
        except OSError:
            self._unlock()
            raise

    @property
    def status(self) -> PathStatus:
        """Return what was seen last."""
        return self.session.status

    def run(
        self, stop: Event, leave: bool = False, each: Callable[[], None] = lambda: None
    ) -> None:
        """Go on until `stop`; then everything is as it was, but with `leave` the routes stay."""
        switch = self._switch
        try:
            if switch is not None:
                switch.begin(self._lock)
                for peer in self.session.peers:
                    reason = switch.left_to_others(peer.peer)
                    if reason is not None:
                        self._told(f"{peer.peer.name} is only watched: {reason}")
                for sentence in switch.obstacles():
                    self._told(sentence)
            self.session.run(stop, each)
        finally:
            if switch is not None:
                self._end(switch, leave)
            self.session.close()
            self._unlock()

    def _end(self, switch: Switch, leave: bool) -> None:
        peers = [peer.peer for peer in self.session.peers]
        stay = peers if leave else []
        if not leave:
            for peer, way in self.session.cut_off():
                stay.append(peer)
                text = f"the route to {peer.name} stays: an SSH session needs it, and"
                self._told(f"{text} the way before, {way.words if way else 'none'}, is not good")
        switch.end(stay)

    def _unlock(self) -> None:
        if self._lock is not None:
            with suppress(OSError):
                os.close(self._lock)
            self._lock = None
