"""The far end of a test, where its machine is read too: its ports are guarded like ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Protocol

from mlxtop.load.guard import HeatGuard
from mlxtop.load.measure import MeasurePlan
from mlxtop.load.members import find_members
from mlxtop.load.request import GuardOptions, LoadPlan
from mlxtop.load.route import find_port
from mlxtop.model.frame import Frame, PortFrame
from mlxtop.model.identity import PortId, PortKind
from mlxtop.model.load import Tool
from mlxtop.model.sample import LinkState
from mlxtop.system.door import System

UNBOUND = (Tool.NUTTCP, Tool.QPERF)
"""Tools whose servers cannot be bound to one address."""


class FarServer(Protocol):
    """Starts and ends servers at the far end."""

    def start(
        self, tool: Tool, ports: Sequence[int], words: tuple[str, ...], *, once: bool
    ) -> str | None:
        """Start a server at each port; return why one does not listen.

        `words`: options that both ends share. `once`: each serves one test.
        """

    def stop(self) -> None:
        """End what still serves."""


@dataclass(slots=True)
class FarEnd:
    """A machine whose newest frame is known."""

    host: str
    newest: Frame
    device: str | None = None
    """Network device of the port that the test comes in by; None guards every port that is up."""
    server: FarServer | None = None
    """Where the far end can be asked to serve."""
    address: str | None = None
    """Of that port, to which a test is sent; None where it is sent to what was asked for."""

    def ports(self) -> list[PortId]:
        """Return the ports that the test can come in by."""
        physical = [
            (port, one.now)
            for port, one in self.newest.ports.items()
            if one.now.port.kind is PortKind.PHYSICAL
        ]
        own = [port for port, now in physical if self.device in (now.port.netdev, now.port.bond)]
        up = [port for port, now in physical if now.link.state is LinkState.UP]
        return (own or up) if self.device else up

    @property
    def rdma(self) -> tuple[str, int] | None:
        """Return the RDMA device of the port that the test comes in by, and its port."""
        ports = {one: each.now.port for one, each in self.newest.ports.items()}
        named = [one for one, port in ports.items() if self.device in (port.netdev, port.bond)]
        for one in (self.device and named) or self.ports():  # also one that is no card's, as rxe
            port = ports[one]
            if port.rdma is not None:
                return port.rdma, port.rdma_port or 1
        return None

    def serving(self, plan: LoadPlan) -> LoadPlan:
        """Return a plan that leaves starting the server to this end, where it does that."""
        if self.server is None or not plan.server:
            return plan
        note = f"the server is started at {self.host} by ssh, and ended with the test"
        if plan.request.tool in UNBOUND:
            note += f"; {plan.request.tool} listens at every address there meanwhile"
        return plan._replace(server=(), notes=(*plan.notes, note))

    def serving_all(self, plan: MeasurePlan) -> MeasurePlan:
        """Return a measurement whose servers are started by this end, where it does that."""
        if self.server is None:
            return plan
        items = tuple(item._replace(plan=self.serving(item.plan)) for item in plan.items)
        note = f"the server of each test is started at {self.host} by ssh, and ended with it"
        return plan._replace(items=items, notes=(*plan.notes, note))

    def guard(self, options: GuardOptions) -> HeatGuard:
        """Return the guard of this end, which has looked at the newest frame."""
        guard = HeatGuard(self.ports(), options, host=self.host)
        guard.look(self.newest)
        return guard


def leading(
    system: System, frame: Frame, via: str | None
) -> tuple[Callable[[str], bool], Callable[[str], bool]]:
    """Return what tells whether a network device leads to the named port, and whether to any."""
    named = find_port(frame, via) if via is not None else None

    @cache
    def ports(device: str) -> tuple[PortFrame, ...]:
        return find_members(system, frame, (device,)).ports

    return (lambda device: named in ports(device)), (lambda device: bool(ports(device)))


@contextmanager
def served(far: FarEnd | None, plan: LoadPlan, *, once: bool) -> Iterator[str | None]:
    """Have the far end serve a test meanwhile, where it does that; yield why it does not."""
    server = far.server if far is not None else None
    if server is None or plan.request.tool is Tool.PING:
        yield None
        return
    first = plan.request.first_port
    ports = range(first, first + len(plan.commands))
    try:
        yield server.start(plan.request.tool, ports, plan.shared, once=once)
    finally:
        server.stop()
