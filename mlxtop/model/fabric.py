"""An InfiniBand fabric: its nodes, links and subnet managers, and what a link could be.

InfiniBand Architecture Specification volume 1, sections 7.2 (link states) and 14.2.5 (PortInfo).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple

from mlxtop.model.identity import Port
from mlxtop.model.linkrate import LANE_BITS

GENERATIONS = tuple(LANE_BITS)
"""Speeds of a lane, the slowest first."""
_HALVED = ("HDR", "NDR", "XDR")
"""Generations of which there are adapters for half the rate."""
WIDEST_CABLE = 4
"""Lanes of one connector: 8X and 12X are several connectors ganged, which few cables are."""


class NodeKind(StrEnum):
    """What a node of a fabric is."""

    SWITCH = "switch"
    ADAPTER = "adapter"
    ROUTER = "router"


class FabricEnd(NamedTuple):
    """A port of a node, whatever is plugged in."""

    node: str
    """GUID of the node, `0x` and sixteen digits; of the port where the node's is not known."""
    port: int
    name: str = ""
    """What the node calls itself."""
    guid: str = ""
    """GUID of the port; a switch has one for all."""

    @property
    def place(self) -> tuple[str, int]:
        return self.node, self.port


class FabricLink(NamedTuple):
    """A port with the port at the other end, as the fabric's tools tell it."""

    a: FabricEnd
    b: FabricEnd | None = None
    """None: nothing answers there."""
    state: str = ""
    """Down, Initialize, Armed or Active."""
    phys: str = ""
    """Polling, Disabled, LinkUp and others."""
    lanes: int | None = None
    speed: str | None = None
    """Generation, `EDR`; None where unknown."""
    could_lanes: int | None = None
    """Most lanes that both ports can do, where that is more than now."""
    could_speed: str | None = None
    lid: int | None = None

    @property
    def is_up(self) -> bool:
        return self.phys == "LinkUp" and self.state != "Down"

    @property
    def is_settled(self) -> bool:
        """Return whether it says what both ends could do: active, both known, and a cable.

        A port within a switch that reduces data (SHARP) is no cable.
        """
        known = self.b is not None and self.lanes and self.speed
        return bool(known and self.is_up and self.state == "Active" and not self.is_inside)

    @property
    def could(self) -> tuple[int, str] | None:
        """Return lanes and speed that both ends could do, where the link runs below; else None.

        One cable has four lanes at most.
        """
        if not self.is_settled:
            return None
        lanes, speed = self.lanes or 0, self.speed or ""
        wider = min(self.could_lanes or 0, WIDEST_CABLE)
        more = max(lanes, wider), faster(speed, self.could_speed)
        return more if more != (lanes, speed) else None

    @property
    def is_half(self) -> bool:
        """Return whether it carries just half of what both ports name, of HDR or later.

        Adapters for half the rate (HDR100, NDR200) name four lanes and the whole speed, and run
        with half of either.
        """
        could = self.could
        if could is None or could[1] not in _HALVED or self.speed not in GENERATIONS:
            return False
        now = (self.lanes or 0) * LANE_BITS[self.speed or ""]
        return could[0] * LANE_BITS[could[1]] == 2 * now

    @property
    def is_inside(self) -> bool:
        """Return whether it joins a switch with the part of it that reduces data."""
        return any("Aggregation Node" in end.name for end in (self.a, self.b) if end)

    @property
    def ends(self) -> tuple[FabricEnd, ...]:
        return (self.a,) if self.b is None else (self.a, self.b)


def faster(speed: str, other: str | None) -> str:
    """Return the faster of two generations; the first where one is unknown.

    >>> faster("QDR", "EDR"), faster("EDR", None)
    ('EDR', 'EDR')
    """
    known = speed in GENERATIONS and other in GENERATIONS
    return other if known and other and rank(other) > rank(speed) else speed


def rank(speed: str) -> int:
    """Return the place of a generation among all, the slowest 0."""
    return GENERATIONS.index(speed)


class FabricNode(NamedTuple):
    """A switch, an adapter or a router."""

    guid: str
    kind: NodeKind | None = None
    name: str = ""
    ports: int | None = None
    lid: int | None = None


class ManagerState(StrEnum):
    """What a subnet manager does."""

    NOT_ACTIVE = "not active"
    DISCOVERING = "discovering"
    STANDBY = "standby"
    MASTER = "master"


class SubnetManager(NamedTuple):
    """A subnet manager and where it runs."""

    guid: str
    """Of its port."""
    state: ManagerState
    priority: int | None = None
    lid: int | None = None
    where: str = ""
    """Name of its node; empty where that is not known."""


class PortErrors(NamedTuple):
    """Errors that a port has counted since somebody cleared them."""

    node: str
    port: int
    name: str
    counts: Mapping[str, int]


class OwnLink(NamedTuple):
    """A link of this host, with what this end may do."""

    device: str
    """RDMA device; empty where the tools chose it."""
    port: int
    link: FabricLink
    enabled: str = ""
    """Widths and speeds that are switched on at this end: `1X 4X, SDR QDR EDR`."""
    supported: str = ""


class LocalFabric(NamedTuple):
    """What this host sees of its fabric without looking at every port of it."""

    links: tuple[OwnLink, ...] = ()
    managers: tuple[SubnetManager, ...] = ()
    absent: Mapping[str, str] = {}
    """`links`, `managers` or `ports` to why that is not known, or not whole."""

    def of(self, port: Port) -> OwnLink | None:
        """Return the link of a port; None where it has none or it was not told."""
        places = (port.rdma, port.rdma_port), *((name, 1) for name in port.extra_rdma)
        return next((own for own in self.links if (own.device, own.port) in places), None)


class Fabric(NamedTuple):
    """A whole fabric, as far as it answered."""

    nodes: Mapping[str, FabricNode] = {}
    links: tuple[FabricLink, ...] = ()
    """Each once; ports with nothing at the other end are in `down`."""
    down: tuple[FabricLink, ...] = ()
    managers: tuple[SubnetManager, ...] = ()
    errors: tuple[PortErrors, ...] = ()
    own: frozenset[str] = frozenset()
    """GUIDs of this host's ports and nodes."""
    absent: Mapping[str, str] = {}
    """`links`, `nodes`, `managers`, `errors` to why that is not known, or not whole."""
    is_whole: bool = True
    """False: this host's links only."""

    @property
    def below(self) -> tuple[FabricLink, ...]:
        """Return the links that run under what both ends can do."""
        return tuple(link for link in self.links if link.could and not self._may_be_half(link))

    @property
    def halved(self) -> tuple[FabricLink, ...]:
        """Return the links with half of what both ends name, as adapters for half the rate have."""
        return tuple(link for link in self.links if self._may_be_half(link))

    def _may_be_half(self, link: FabricLink) -> bool:
        """Return whether a link is at half the rate, with an adapter at an end or who knows."""
        kinds = {node.kind if (node := self.nodes.get(end.node)) else None for end in link.ends}
        return link.is_half and kinds != {NodeKind.SWITCH}


def each_once(lines: Iterable[FabricLink]) -> tuple[FabricLink, ...]:
    """Return the links of which both ends were told once, from the end that came first."""
    links: dict[tuple[tuple[str, int], ...], FabricLink] = {}
    for line in lines:
        if line.b is not None:
            links.setdefault(tuple(sorted((line.a.place, line.b.place))), line)
    return tuple(links.values())
