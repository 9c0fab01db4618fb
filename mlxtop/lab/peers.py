"""Devices beside the ports, the hosts at the far ends, and the routes that lead there."""

from __future__ import annotations

from dataclasses import dataclass

from mlxtop.lab.ports import PortState
from mlxtop.lab.routes import LabRoute, LabRoutes
from mlxtop.lab.world import World
from mlxtop.system.door import Answer


@dataclass(frozen=True, slots=True)
class Other:
    """A network device that is no port of a ConnectX."""

    index: int
    name: str
    kind: str | None
    type: int
    address: str
    mtu: int
    parent: str | None = None
    directory: str = ""
    """Of the PCI device in sysfs; empty for virtual ones."""
    speed: int = 1000
    """Mb/s."""

    def link(self) -> dict[str, Answer]:
        """Its part of the answer to `Question.LINKS`."""
        return {
            "index": self.index,
            "name": self.name,
            "kind": self.kind,
            "type": self.type,
            "flags": 0x10049 if self.name == "lo" else 0x11043,
            "mtu": self.mtu,
            "operstate": 0 if self.name == "lo" else 6,
            "carrier": 1,
            "carrier_changes": 0 if self.name == "lo" else 2,
            "master": None,
            "link": None,
            "address": self.address,
            "parent": self.parent,
            "parent_bus": "pci" if self.parent else None,
            "port_name": None,
            "slave_kind": None,
        }


class PeerNetwork:
    """Who answers by which device: a part of `Network`."""

    world: World
    others: list[Other]
    management: str
    gateway: str
    ssh_from: str
    slow: dict[str, str]
    """Addresses of peers in the management network, by their addresses on the ports."""
    fib: LabRoutes

    def lay_routes(self) -> None:
        """Routes to hosts as people set them where one address stands on all ports.

        Straight, through another peer, and by the slow network; the kernel takes the first one,
        with a carrier or without.
        """
        self.fib = LabRoutes(self.exists)
        self.world.programme.divert = self.divert
        alone = [port for port in self.world.ports if port.spec.ip.endswith("/32")]
        for port in alone:
            peer, add = port.spec.peer, self.fib.routes.append
            add(LabRoute(peer, port.spec.netdev, metric=10))
            for other in alone:
                if other is not port and other.spec.peer != peer:
                    add(LabRoute(peer, other.spec.netdev, other.spec.peer, metric=20))
            if peer in self.slow:
                add(LabRoute(peer, self.management, self.slow[peer], metric=30))

    def exists(self, device: str) -> bool:
        """Return whether there is a network device of this name now."""
        others = (other.name for other in self.others)
        return bool(device) and (
            device in others or any(p.netdev == device for p in self.world.ports)
        )

    def has_carrier(self, device: str) -> bool:
        """Return whether packets leave by a network device."""
        port = next((port for port in self.world.ports if port.netdev == device), None)
        return port.carrier if port is not None else self.exists(device)

    def neighbour(self, address: str, device: str) -> bool:
        """Return whether a host is at the other end of a device, or in its network."""
        if device == self.management:
            return address in (self.gateway, self.ssh_from, *self.slow.values())
        port = next((port for port in self.world.ports if port.netdev == device), None)
        return port is not None and port.carrier and port.spec.peer == address

    def forwards(self, via: str, address: str) -> bool:
        """Return whether a host that is reached hands packets on: peers do, and each is itself."""
        peers = {port.spec.peer for port in self.world.ports}
        return via == self.slow.get(address) or (via in peers and address in peers)

    def neighbours(self) -> list[dict[str, object]]:
        """`ip -j neigh show`: the far ends that answer."""
        return [
            {
                "dst": port.spec.peer,
                "dev": port.netdev,
                **({"lladdr": port.far_mac} if port.far_mac else {}),
                "state": ["REACHABLE"],
            }
            for port in self.world.ports
            if port.netdev and port.spec.peer and port.carrier and not port.infiniband
        ]

    def hardware_neighbours(self) -> list[dict[str, Answer]]:
        """The answer to `Question.NEIGHBOURS`: the far ends, REACHABLE."""
        return [
            {"index": port.ifindex, "state": 2, "address": far_address(port, number)}
            for number, port in enumerate(self.world.ports, 1)
            if port.spec.peer and port.carrier and port.netdev
        ]

    def divert(self, port: PortState) -> PortState | None:
        """The port that carries the traffic to a port's peer by the routes as they are."""
        route = self.fib.find(port.spec.peer) if self._routed(port) else None
        if route is None or route.dev == port.netdev:
            return port
        return next((one for one in self.world.ports if one.netdev == route.dev), None)

    def _routed(self, port: PortState) -> bool:
        return any(route.destination == port.spec.peer for route in self.fib.routes)


def far_address(port: PortState, number: int) -> str:
    """Hardware address of the far end of the machine's port of that number."""
    return port.far_mac or f"02:00:00:00:00:{number:02x}"
