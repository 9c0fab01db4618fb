"""Everything that is derived for a port of a frame: one answer for every screen and check.

A view is made once a frame, and works out only what somebody asks for.
"""

from __future__ import annotations

from functools import cached_property

from mlxtop.analysis.ceiling import Ceiling, ceiling
from mlxtop.analysis.limits import Measured, carried
from mlxtop.analysis.throughput import Capacity, Throughput, capacity, throughput
from mlxtop.model.frame import Frame, PortFrame
from mlxtop.model.identity import Adapter, PortId
from mlxtop.model.pcie import Direction
from mlxtop.model.remember import remembered
from mlxtop.model.sample import PcieStatus


class PortView:
    """One port of a frame: what it carries, what it could, and what limits it."""

    def __init__(self, frame: Frame, port: PortId) -> None:
        self.frame = frame
        self.id = port
        self.now: PortFrame = frame.ports[port]
        self._slot_rates: dict[Direction, float] = {}

    @cached_property
    def adapter(self) -> Adapter | None:
        """The card that the port sits on."""
        return self.frame.adapter(self.id)

    @cached_property
    def pcie(self) -> PcieStatus | None:
        """PCIe of the slot that the port uses."""
        return self.frame.pcie(self.id)

    @cached_property
    def throughput(self) -> Throughput:
        """What the port carried in the last interval."""
        return throughput(self.now)

    @cached_property
    def capacity(self) -> Capacity | None:
        """What the port can carry in one direction, and what sets it."""
        return capacity(self.frame, self.id)

    def share(self, direction: Direction) -> float | None:
        """Return the share of its capacity that a port uses, or of its line if that is more."""
        flow = self.throughput
        receives = direction is Direction.RX
        bps = flow.rx_bps if receives else flow.tx_bps
        used = flow.rx_utilisation if receives else flow.tx_utilisation
        if bps is None or self.capacity is None:
            return None
        return max(bps / self.capacity.bps, used or 0.0)

    def carried(self, direction: Direction) -> Measured | None:
        """Return what one direction carried, RDMA included; None without a rate."""
        return carried(self.throughput, self.now.now.link, direction)

    def slot_rate(self, direction: Direction) -> float:
        """Return what all ports in the slot carried together in one direction, bit/s."""
        views = [port_view(self.frame, port) for port in self.frame.beside(self.id)] or [self]
        sums = views[0]._slot_rates  # of all ports in the slot, so that each is added up once
        if direction not in sums:
            rates = (view.carried(direction) for view in views)
            sums[direction] = sum(rate.rate for rate in rates if rate is not None)
        return sums[direction]

    @cached_property
    def measured(self) -> Measured | None:
        """The busier direction of the last interval; None without a rate."""
        directions = [rate for way in Direction if (rate := self.carried(way)) is not None]
        return max(directions, key=lambda measured: measured.rate, default=None)

    @cached_property
    def ceiling(self) -> Ceiling:
        """The port's limits beside its traffic."""
        return self.ceiling_of(None)

    def ceiling_of(self, streams: int | None) -> Ceiling:
        """Return the same for a number of streams that the caller, who started them, knows."""
        if streams is None:
            streams = (self.frame.sample.streams.value or {}).get(self.id)
        return ceiling(self, streams)


class _Views(dict[PortId, PortView]):
    """The views of a frame, each made when it is first asked for."""

    def __init__(self, frame: Frame) -> None:
        super().__init__()
        self.frame = frame

    def __missing__(self, port: PortId) -> PortView:
        view = self[port] = PortView(self.frame, port)
        return view


_views = remembered(_Views, most=4)


def port_view(frame: Frame, port: PortId) -> PortView:
    """Return the view of a port, the same one every time within a frame."""
    return _views(frame)[port]
