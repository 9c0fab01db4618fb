"""The far end of `load` and `measure`, read beside this one: guarded, by ssh asked to serve."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from mlxtop.hosts.addresses import addresses_of, on_link
from mlxtop.hosts.far_server import RemoteServer
from mlxtop.hosts.machines import Machine, Reached
from mlxtop.hosts.names import host_name
from mlxtop.hosts.remote import RemoteSource, Wants
from mlxtop.load.far import FarEnd, leading
from mlxtop.load.request import GUARDED_INTERVAL_S
from mlxtop.load.route import LoadRefused, resolve
from mlxtop.load.session import LoadSession
from mlxtop.model.frame import Frame
from mlxtop.model.machine import MachineState
from mlxtop.sampler.source import Stop, frames
from mlxtop.sources.tools.iproute2 import Address
from mlxtop.system.door import System

if TYPE_CHECKING:
    from mlxtop.commands.load_session import FrontEnd
    from mlxtop.sampler.live import LiveSource
    from mlxtop.settings import Settings

FIRST_S = 25.0
"""Seconds until the first frame of the far end has to be there."""


class FarSide:
    """Frames of the far machine go to a load session, from a thread of their own."""

    def __init__(self, machine: Machine, system: System) -> None:
        """`system`: this end."""
        self.machine = machine
        self._system = system
        self._stop = Stop()
        self._first: SimpleQueue[Frame | None] = SimpleQueue()
        self._session: LoadSession | None = None
        self._remote = machine.source if isinstance(machine.source, RemoteSource) else None
        if isinstance(machine.source, Reached):
            machine.source.listen(self._changed)
        machine.source.guarded = True
        machine.source.interval = min(machine.source.interval, GUARDED_INTERVAL_S)
        clock = machine.system.clock if machine.system is not None else system.clock
        clock.thread(self._follow, f"far {machine.name}")

    def _changed(self) -> None:
        reach, session = self.machine.reach, self._session
        if reach.state is MachineState.LOST and session is not None:
            session.cancel(f"failed: {self.machine.name} is lost: {reach.why or 'no answer'}")
        elif reach.state is MachineState.LOST:
            self._first.put(None)

    def _follow(self) -> None:
        for frame in frames(self.machine.source, self._stop):
            session = self._session
            if session is None:
                self._first.put(frame)
            else:
                session.far_frame(frame)

    def join(self, session: LoadSession, target: str, frame: Frame, via: str | None) -> str:
        """Have a session guard this end; return the address to test. Raises ValueError.

        `target`: what was asked for, which may be the name of the machine itself. `frame`: of this
        end. `via`: the port of this end that was named.
        """
        first = self._first_frame()
        addresses = addresses_of(self.machine)
        if self._remote is not None and not addresses:
            raise ValueError(f"{self.machine.name} has not told its addresses")
        if target and target != self.machine.name:
            target = self._own_address(target, addresses)
        chosen = on_link(self._system, target, addresses, *leading(self._system, frame, via))
        if self._remote is not None and chosen is None:
            raise ValueError(f"{self.machine.name} has no address that a port here leads to")
        far = FarEnd(self.machine.name, first, chosen.device if chosen else None)
        if self._remote is not None and chosen is not None:
            address = chosen.text.partition("/")[0]
            far.server = RemoteServer(self._remote, address, far.rdma)
        session.far = far
        self._session = session
        return chosen.text.partition("/")[0] if chosen else target

    def _own_address(self, host: str, addresses: Sequence[Address]) -> str:
        """Return the address of a host, which is this machine. Raises ValueError."""
        try:
            address = resolve(self._system, host)
        except LoadRefused as refused:
            raise ValueError(str(refused)) from None
        if address not in (one.text.partition("/")[0] for one in addresses):
            raise ValueError(f"{self.machine.name} has no address {address}")
        return address

    def _first_frame(self) -> Frame:
        with suppress(Empty):
            frame = self._first.get(timeout=FIRST_S)
            if frame is not None:
                return frame
        raise ValueError(f"{self.machine.name}: {self.machine.reach.why or 'no answer'}")

    def close(self) -> None:
        """End it."""
        self._stop.set()
        self.machine.close()


def far_by_ssh(args: argparse.Namespace, settings: Settings) -> Machine | None:
    """Return the far end where it is one of the settings' machines, or `--ssh` says so.

    Raises ValueError where that is no name of a machine.
    """
    known = {name for names in settings.hosts.values() for name in names}
    if not (args.ssh or args.host in known):
        return None
    if not args.host:
        raise ValueError("--ssh needs HOST, the name that ssh knows")
    return far_machine(args.host, everything=settings.all, sudo=args.sudo)


def far_machine(host: str, *, everything: bool, sudo: bool) -> Machine:
    """Return the far end that is read over ssh. Raises ValueError."""
    wants = Wants(all=everything, serve=True, sudo=sudo)
    return Machine(host, RemoteSource(host_name(host), 1.0, wants))


def drive(
    front: FrontEnd,
    source: LiveSource,
    machine: Machine | None,
    start: Callable[[str, Frame], object],
) -> int:
    """Drive what `start` starts, given the address to test and the first frame.

    `machine`: the far end, where that is read and guarded too.
    """
    host, measuring = front.args.host, not front.args.plan
    if machine is None:
        return front.drive(source, lambda frame: start(host, frame), measuring=measuring)
    with closing(FarSide(machine, front.system)) as far:

        def joined(frame: Frame) -> object:
            return start(far.join(front.session, host, frame, front.args.via), frame)

        return front.drive(source, joined, measuring=measuring)
