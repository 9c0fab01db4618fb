"""What is different at the two ends of a link: settings, PCIe, and which end is the narrow one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from mlxtop.analysis.port_view import PortView, port_view
from mlxtop.analysis.throughput import Capacity
from mlxtop.ends.match import Match
from mlxtop.model.frame import Frame
from mlxtop.model.identity import PortId
from mlxtop.model.machine import PortRef, SeenMachine
from mlxtop.model.sample import PortSample
from mlxtop.model.tuning import PortTuning, settled

_NO_FEC = ("Off", "None")
"""Two words of drivers for no correction."""
_NARROWER = 0.95
"""Share of the other end's capacity below which an end is the narrow one."""


class Side(NamedTuple):
    """One end of a link as it is now."""

    host: str
    frame: Frame
    port: PortId

    @property
    def ref(self) -> PortRef:
        return PortRef(self.host, self.port)

    @property
    def view(self) -> PortView:
        return port_view(self.frame, self.port)

    @property
    def now(self) -> PortSample:
        return self.frame.ports[self.port].now

    @property
    def settings(self) -> PortTuning:
        return settled(self.now.settings, PortTuning)

    @property
    def name(self) -> str:
        """Return machine and port, `pacu enp67s0np0`."""
        return f"{self.host} {self.now.port.name}"


Sides = tuple[Side, Side]


def sides(link: Match, machines: Sequence[SeenMachine]) -> Sides | None:
    """Return both ends as they are now; None where one of them is not there."""
    frames = {one.host: one.frame for one in machines}
    a, b = (
        Side(ref.host, frames[ref.host], ref.port)
        if ref.host in frames and ref.port in frames[ref.host].ports
        else None
        for ref in link.ends
    )
    return None if a is None or b is None else (a, b)


def fec(side: Side) -> str | None:
    """Return the code that an end corrects errors with, as its driver names it, or `off`."""
    told = side.settings.fec
    active = None if told is None else told.active
    return "off" if active in _NO_FEC else active


def autonegotiation(side: Side) -> str | None:
    """Return `on` or `off`; None where it is not told."""
    modes = side.settings.modes
    return None if modes is None or modes.autoneg is None else "on" if modes.autoneg else "off"


def pause(side: Side) -> str | None:
    """Return the directions in which pause (802.3x) is on: `rx tx`, `rx`, `off`."""
    told = side.settings.pause
    if told is None or told.rx is None or told.tx is None:
        return None
    return " ".join([*["rx"] * told.rx, *["tx"] * told.tx]) or "off"


ALIKE: dict[str, Callable[[Side], object]] = {
    "data rate": lambda side: side.now.link.speed,
    "MTU": lambda side: side.now.link.mtu,
    "FEC": fec,
    "autonegotiation": autonegotiation,
    "pause": pause,
}
"""What has to be the same at both ends."""


def differs(what: str, both: Sides) -> bool:
    """Return whether both ends tell it, and not the same."""
    a, b = map(ALIKE[what], both)
    return a is not None and b is not None and a != b


def narrow_end(both: Sides) -> tuple[Side, Capacity] | None:
    """Return the end whose PCIe path carries less than the link and than the other end."""
    capacities = [side.view.capacity for side in both]
    if capacities[0] is None or capacities[1] is None:
        return None
    for side, own, other in zip(both, capacities, capacities[::-1], strict=True):
        is_slow = own is not None and own.by == "PCIe"
        if is_slow and own and other and own.bps < _NARROWER * other.bps:
            return side, own
    return None
