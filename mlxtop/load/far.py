"""The far end of a test, where its machine is read too: its ports are guarded like ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from mlxtop.load.guard import HeatGuard
from mlxtop.load.request import GuardOptions, LoadPlan
from mlxtop.model.frame import Frame
from mlxtop.model.identity import PortId, PortKind
from mlxtop.model.sample import LinkState


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
        for one in self.ports():
            port = self.newest.ports[one].now.port
            if port.rdma is not None:
                return port.rdma, port.rdma_port or 1
        return None

    def guard(self, options: GuardOptions) -> HeatGuard:
        """Return the guard of this end, which has looked at the newest frame."""
        guard = HeatGuard(self.ports(), options, host=self.host)
        guard.look(self.newest)
        return guard
