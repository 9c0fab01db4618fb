"""Everything that is derived for a port of a frame: one answer for every screen and check.

A view is made once a frame, and works out only what somebody asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from mlxtop.analysis import limits
from mlxtop.analysis.limits import CpuLoad, LineLimit, Measured, PcieLimit
from mlxtop.analysis.throughput import (
    Capacity,
    SharedRdma,
    Throughput,
    capacity,
    shared_rdma,
    throughput,
)
from mlxtop.analysis.verdict import Evidence, Verdict, judge, judge_light
from mlxtop.model.frame import Frame, PortFrame, remembered
from mlxtop.model.identity import Adapter, Port, PortId, PortKind
from mlxtop.model.lldp import LldpNeighbour
from mlxtop.model.pcie import Direction
from mlxtop.model.sample import LinkState, PcieStatus, Slow

if TYPE_CHECKING:
    from functools import cached_property
else:

    class cached_property:
        """Like that of functools, which takes a lock that costs more than most of these values."""

        def __init__(self, function: Callable[[Any], Any]) -> None:
            self._function, self._name = function, function.__name__
            self.__doc__ = function.__doc__

        def __get__(self, view: Any, kind: type | None = None) -> Any:
            if view is None:
                return self
            value = view.__dict__[self._name] = self._function(view)
            return value


class Ceiling(NamedTuple):
    """A port's limits, traffic and verdict; what is None has its reason in `absent`."""

    port: PortId
    line: LineLimit | None
    pcie: PcieLimit | None
    cpu: CpuLoad | None
    measured: Measured | None
    verdict: Verdict
    absent: Mapping[str, str] = {}


class PortView:
    """One port of a frame: what it carries, what it could, and what limits it."""

    def __init__(self, frame: Frame, port: PortId) -> None:
        self.frame = frame
        self.id = port
        self.now: PortFrame = frame.ports[port]
        self._slot_rates: dict[Direction, float] = {}

    @cached_property
    def adapter(self) -> Adapter | None:
        return self.frame.adapter(self.id)

    @cached_property
    def pcie(self) -> PcieStatus | None:
        return self.frame.pcie(self.id)

    @cached_property
    def neighbours(self) -> Slow[tuple[LldpNeighbour, ...]]:
        """Return who is at the other end by LLDP, or why that is not known."""
        if self.now.now.link.is_infiniband:
            return Slow(absent="LLDP is spoken on Ethernet alone")
        value, tick, absent = self.frame.sample.lldp
        if value is None:
            return Slow(absent=absent or "not read yet")
        return Slow(value.get(self.id, ()), tick, absent)

    @cached_property
    def lldp_agent(self) -> str | None:
        """Return the stored parameter by which the firmware takes LLDP frames for itself."""
        card = self.adapter
        stored = self.frame.sample.stored.get(card.key) if card else None
        return stored.value.lldp_agents.get(self.id) if stored and stored.value else None

    @cached_property
    def throughput(self) -> Throughput:
        return throughput(self.now)

    @cached_property
    def capacity(self) -> Capacity | None:
        """Return what the port can carry in one direction, and what sets it."""
        limit, speed = capacity(self.frame, self.id), self.now.now.link.speed
        if limit is None or limit.by == "link" or not self.disproves_pcie:
            return limit
        return Capacity(float(speed), "link") if speed else None

    @cached_property
    def shared_rdma(self) -> SharedRdma:
        """Return the RDMA device that the port shares with others of its bond."""
        return shared_rdma(self.frame, self.id)

    @cached_property
    def same_cage(self) -> tuple[str, ...]:
        """Return the names of other ports that are the same physical port."""
        own = self.now.now.port
        names = _cages(self.frame).get(own.cage, {}) if own.cage is not None else {}
        return tuple(name for port, name in names.items() if port != self.id)

    def share(self, direction: Direction) -> float | None:
        """Return the share of its capacity that a port uses, or of its line if that is more.

        On a PCIe path that ports share, the busiest one tells how full the path is.
        """
        flow = self.throughput
        receives = direction is Direction.RX
        bps = flow.rx_bps if receives else flow.tx_bps
        used = flow.rx_utilisation if receives else flow.tx_utilisation
        if bps is None or self.capacity is None:
            return None
        return max(bps / self.capacity.bps, used or 0.0, self._share_of_path(direction))

    def _share_of_path(self, direction: Direction) -> float:
        """Return the share of a shared path that is full, less for all but its busiest port."""
        beside = self.frame.beside(self.id)
        if len(beside) < 2 or self.disproves_pcie or (self.pcie and self.pcie.is_tunnelled):
            return 0.0
        available = self.pcie.path.available_mbps if self.pcie else None
        mine = self.carried(direction)
        views = (port_view(self.frame, port) for port in beside)
        rates = (rate.rate for view in views if (rate := view.carried(direction)) is not None)
        most = max(rates, default=0.0)
        if mine is None or not available or not most:
            return 0.0
        return self.slot_rate(direction) / (available * 1e6) * mine.rate / most

    def carried(self, direction: Direction) -> Measured | None:
        """Return what one direction carried, RDMA included; None without a rate."""
        return self._carried[direction]

    @cached_property
    def _carried(self) -> Mapping[Direction, Measured | None]:
        flow, link = self.throughput, self.now.now.link
        rx, tx = Direction.RX, Direction.TX
        return {rx: limits.carried(flow, link, rx), tx: limits.carried(flow, link, tx)}

    def slot_rate(self, direction: Direction) -> float:
        """Return what all ports in the slot carried together in one direction, bit/s."""
        views = self._beside
        sums = views[0]._slot_rates  # of all ports in the slot, so that each is added up once
        if direction not in sums:
            rates = [view._carried[direction] for view in views]
            sums[direction] = sum([rate.rate for rate in rates if rate is not None])
        return sums[direction]

    @cached_property
    def _beside(self) -> list[PortView]:
        """Return the views of all ports in the slot, or of this one alone."""
        return [port_view(self.frame, port) for port in self.frame.beside(self.id)] or [self]

    @cached_property
    def measured(self) -> Measured | None:
        """Return the busier direction of the last interval; None without a rate."""
        directions = [rate for rate in self._carried.values() if rate is not None]
        return max(directions, key=lambda measured: measured.rate, default=None)

    @cached_property
    def disproves_pcie(self) -> bool:
        """Return whether the slot carried more than its PCIe path shows: then that is no limit.

        It is asked in the busier direction of the port.
        """
        paths = (status.path for status in self.frame.paths(self.id))
        available = sum(path.available_mbps or 0 for path in paths)
        if not available or self.measured is None:
            return False
        return self.slot_rate(self.measured.direction) > available * 1e6

    @cached_property
    def verdict(self) -> Verdict:
        """Return what limits the port; one that is hardly in use is judged by its rate alone."""
        line = limits.line_limit(self.now.now.link)
        return judge_light(self.now, self.measured, line) or self.ceiling.verdict

    @cached_property
    def ceiling(self) -> Ceiling:
        return self.ceiling_of(None)

    def ceiling_of(self, streams: int | None) -> Ceiling:
        """Return the port's limits beside its traffic; a caller who started streams counts them."""
        frame, now, measured = self.frame, self.now, self.measured
        if streams is None:
            streams = (frame.sample.streams.value or {}).get(self.id)
        settings = now.now.settings.value
        line = limits.line_limit(now.now.link)
        pcie = None if self.disproves_pcie else limits.pcie_limit(frame, self.id, settings)
        cpu = limits.cpu_load(frame, settings)
        together = self.slot_rate(measured.direction) if pcie and measured else None
        verdict = judge(Evidence(now, measured, line, pcie, together, cpu, streams))
        absent = {}
        if line is None:
            absent["link"] = _no_line(now)
        if pcie is None:
            absent["pcie"] = self._no_pcie()
        if cpu is None:
            absent["cpu"] = "the load of the cores needs two readings"
        if measured is None:
            absent["measured"] = "a rate needs two readings"
        return Ceiling(self.id, line, pcie, cpu, measured, verdict, absent)

    def _no_pcie(self) -> str:
        if self.disproves_pcie:
            return "more was carried than its links show"
        if self.pcie is not None and self.pcie.is_tunnelled:
            return "a Thunderbolt or USB4 tunnel does not show what it carries"
        return no_pcie(self.now.now.port)


def _no_line(frame: PortFrame) -> str:
    link = frame.now.link
    if link.state is not LinkState.UP:
        return "down" if link.state is LinkState.DOWN else f"down: {link.state}"
    if frame.now.port.kind is PortKind.VIRTUAL:
        return "a virtual device has no line rate"
    return "the driver does not tell the speed"


def no_pcie(port: Port) -> str:
    """Return why no PCIe path of a port is known."""
    if port.kind is PortKind.VF:
        return "a virtual function shares the link of its physical function"
    if port.function is None:
        return "not a PCI device"
    return "no PCIe link above the device is visible"


@remembered
def _cages(frame: Frame) -> dict[PortId, dict[PortId, str]]:
    """Return the names of the ports of each cage that several ports share."""
    cages: dict[PortId, dict[PortId, str]] = {}
    for port, its in frame.ports.items():
        if its.now.port.cage is not None:
            cages.setdefault(its.now.port.cage, {})[port] = its.now.port.name
    return cages


@remembered
def _views(_frame: Frame) -> dict[PortId, PortView]:
    return {}


def port_view(frame: Frame, port: PortId) -> PortView:
    """Return the view of a port, the same one every time within a frame."""
    views = _views(frame)
    view = views.get(port)
    if view is None:
        view = views[port] = PortView(frame, port)
    return view
