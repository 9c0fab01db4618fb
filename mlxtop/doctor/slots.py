"""Slots: a PCIe link, or the several of a multi-PF netdev, with the ports behind it."""

from __future__ import annotations

from dataclasses import dataclass, field

from mlxtop.analysis.limits import line_limit
from mlxtop.analysis.port_view import port_view
from mlxtop.analysis.slot import Hop, find_hop
from mlxtop.doctor.check import Case, PortCase, Subject, card_name
from mlxtop.model.identity import Adapter, slot_of
from mlxtop.model.pcie import PciePath
from mlxtop.model.sample import PcieStatus

MEGA = 1_000_000
_IDLE = 0.02
"""Share of the lines below which their PCIe link may sleep."""


@dataclass(frozen=True, slots=True, eq=False)
class PcieSlot(Subject):
    """The ports behind one PCIe link, by the name of their card."""

    adapter: Adapter
    status: PcieStatus
    ports: list[PortCase] = field(default_factory=list)

    @property
    def path(self) -> PciePath:
        return self.status.path

    @property
    def paths(self) -> tuple[PciePath, ...]:
        """Return all paths of its ports, used together: several of a multi-PF netdev."""
        paths = (status.path for p in self.ports for status in p.case.frame.paths(p.frame.id))
        return tuple(dict.fromkeys(paths)) or (self.path,)

    @property
    def hop(self) -> Hop | None:
        """Return where the card gets less than it is capable of, over all paths together."""
        together = sum(path.available_mbps or 0 for path in self.paths)
        return None if together >= (self.path.capable_mbps or 0) else find_hop(self.path)

    @property
    def demand(self) -> int:
        """Return what the lines of its ports that are up carry together, bit/s."""
        limits = [line_limit(port.link) for port in self.ports]
        return sum(limit.usable for limit in limits if limit is not None)

    @property
    def idle(self) -> bool:
        """Return True for next to no traffic: links may have slowed down to save power."""
        measured = [port_view(port.case.frame, port.frame.id).measured for port in self.ports]
        return sum(rate.rate for rate in measured if rate) < _IDLE * max(self.demand, 1)

    @property
    def usable(self) -> int:
        """Return the data between card and memory, bit/s."""
        return sum(map(self._payload, self.paths))

    @property
    def awake(self) -> int:
        """Return the same at the speed that all links can do, bit/s: idle ones may be slower."""
        return sum(self._payload(_awake(path)) for path in self.paths)

    def _payload(self, path: PciePath) -> int:
        control = next(filter(None, (port.settings.control for port in self.ports)), None)
        return (path.payload_mbps(control.mps if control else None) or 0) * MEGA

    @property
    def has_limit(self) -> bool:
        """Return whether the links are as narrow as they say: no tunnel, and not disproved."""
        views = (port_view(port.case.frame, port.frame.id) for port in self.ports)
        return not self.status.is_tunnelled and not any(view.disproves_pcie for view in views)


def _awake(path: PciePath) -> PciePath:
    fastest = min((link.max_speed for link in path.links if link.max_speed), default=None)
    return PciePath(tuple(link._replace(speed=fastest) for link in path.links))


def slots_of(case: Case) -> list[PcieSlot]:
    """Return the PCIe links of the ports to judge, each with all the ports that share it."""
    wanted = {slot_of(function) for port in case.each() if (function := port.now.port.function)}
    slots: dict[str, PcieSlot] = {}
    for port, frame in case.frame.ports.items():
        place = slot_of(frame.now.port.function or "")
        adapter, status = case.frame.adapter(port), case.frame.pcie(port)
        if place in wanted and adapter is not None and status is not None:
            slot = slots.setdefault(place, PcieSlot(card_name(adapter), adapter, status))
            slot.ports.append(case.port(port))
    return list(slots.values())
