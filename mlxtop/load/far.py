"""The far end of a test, where its machine is read too: its ports are guarded like ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from mlxtop.load.guard import HeatGuard
from mlxtop.load.measure import MeasurePlan
from mlxtop.load.request import GuardOptions, LoadPlan
from mlxtop.model.frame import Frame
from mlxtop.model.identity import PortId, PortKind
from mlxtop.model.load import Tool
from mlxtop.model.sample import LinkState

UNBOUND = (Tool.NUTTCP, Tool.QPERF)
"""Tools whose servers cannot be bound to one address."""


class FarServer(Protocol):
    """Starts and ends servers at the far end."""

    def start(self, plan: LoadPlan, *, once: bool) -> str | None:
        """Start what serves a test, `once` or again and again; return why that fails."""

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


@contextmanager
def served(far: FarEnd | None, plan: LoadPlan, *, once: bool) -> Iterator[str | None]:
    """Have the far end serve a test meanwhile, where it does that; yield why it does not."""
    server = far.server if far is not None else None
    if server is None or plan.request.tool is Tool.PING:
        yield None
        return
    try:
        yield server.start(plan, once=once)
    finally:
        server.stop()
