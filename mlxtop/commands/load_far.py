"""The far end of `load` and `measure`, read beside this one: guarded, by ssh asked to serve."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from ipaddress import ip_address
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from mlxtop.hosts.addresses import ANSWER_S, addresses_of
from mlxtop.hosts.machines import Machine, Reached
from mlxtop.hosts.names import host_name
from mlxtop.hosts.remote import RemoteSource, Wants
from mlxtop.hosts.serve import REFUSED, ServeOrder
from mlxtop.load.far import FarEnd
from mlxtop.load.request import LoadPlan
from mlxtop.load.session import LoadSession
from mlxtop.model.frame import Frame
from mlxtop.model.machine import MachineState
from mlxtop.sampler.source import Stop, frames
from mlxtop.sources.tools.iproute2 import Address
from mlxtop.system.door import Question, System

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
        self._devices: set[str] = set()
        """Network devices of the ports here that a test can be of."""
        self._remote = machine.source if isinstance(machine.source, RemoteSource) else None
        if isinstance(machine.source, Reached):
            machine.source.listen(self._changed)
        machine.source.guarded = True
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

    def join(self, session: LoadSession, target: str, frame: Frame) -> str:
        """Have a session guard this end; return the address to test. Raises ValueError.

        `target`: what was asked for, which may be the name of the machine itself. `frame`: of this
        end.
        """
        ports = [one.now.port for one in frame.ports.values()]
        self._devices = {name for port in ports for name in (port.netdev, port.bond) if name}
        first = self._first_frame()
        addresses = self._addresses()
        if self._remote is not None and not addresses:
            raise ValueError(f"{self.machine.name} has not told its addresses")
        chosen = self._on_link(target, addresses)
        if self._remote is not None and chosen is None:
            raise ValueError(f"{self.machine.name} has no address that a port here leads to")
        far = FarEnd(self.machine.name, first, chosen.device if chosen else None)
        if self._remote is not None and chosen is not None:
            address = chosen.text.partition("/")[0]
            far.server = RemoteServer(self._remote, address, far.rdma)
        session.far = far
        self._session = session
        return chosen.text.partition("/")[0] if chosen else target

    def _first_frame(self) -> Frame:
        with suppress(Empty):
            frame = self._first.get(timeout=FIRST_S)
            if frame is not None:
                return frame
        raise ValueError(f"{self.machine.name}: {self.machine.reach.why or 'no answer'}")

    def _addresses(self) -> Sequence[Address]:
        return addresses_of(self.machine)

    def _on_link(self, target: str, addresses: Sequence[Address]) -> Address | None:
        """Return the far address to test: the one asked for, else one that a link leads to."""
        texts = {one.text.partition("/")[0]: one for one in addresses}
        if target in texts:
            return texts[target]
        return next((one for text, one in texts.items() if self._leads(text)), None)

    def _leads(self, address: str) -> bool:
        """Return whether packets to an address leave here by a device, without a gateway."""
        if ip_address(address).is_loopback:
            return False
        try:
            route = self._system.ask(Question.ROUTE, address)
        except OSError:
            return False
        if not isinstance(route, dict) or route.get("local") or route.get("via"):
            return False
        return route.get("dev") in self._devices

    def close(self) -> None:
        """End it."""
        self._stop.set()
        self.machine.close()


class RemoteServer:
    """Servers at the far end of an ssh, bound to the address of the link; they end with it."""

    def __init__(
        self, source: RemoteSource, address: str, rdma: tuple[str, int] | None = None
    ) -> None:
        """`rdma`: the RDMA device with that address, and its port."""
        self._source, self._address = source, address
        self._rdma: tuple[str | None, int] = rdma or (None, 1)
        self._orders = 0

    def start(self, plan: LoadPlan, *, once: bool) -> str | None:
        """Start a server for each that the plan needs; return why one does not listen."""
        answers: SimpleQueue[dict[str, Any]] = SimpleQueue()
        self._source.answered = answers.put
        first, waiting = plan.request.first_port, set[int]()
        for port in range(first, first + len(plan.commands)):
            self._orders += 1
            waiting.add(self._orders)
            order = ServeOrder(
                *(plan.request.tool, self._address, port, once, plan.shared),
                *(*self._rdma, self._orders),
            )
            self._source.orders.append(order.text())
        while waiting:
            try:
                answer = answers.get(timeout=ANSWER_S)
            except Empty:
                return f"no server at {self._address} has answered for {ANSWER_S:.0f} s"
            number = answer.get("server")
            if answer.get("ended") and number in (REFUSED, *waiting):
                text = str(answer.get("text", ""))[:200]
                return f"the server at {self._address} ended: {text or 'without a word'}"
            if answer.get("listening"):
                waiting.discard(number if isinstance(number, int) else REFUSED)
        self._source.answered = lambda _: None
        return None

    def stop(self) -> None:
        """End the servers."""
        self._source.orders.append("unserve")


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
            return start(far.join(front.session, host, frame), frame)

        return front.drive(source, joined, measuring=measuring)
