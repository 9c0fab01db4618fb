"""The lock-out guard: SSH sessions, routes, storage and traffic that need a port.

Anything unclear counts as a hazard for every port: better to type a name once too often than to
drive to the machine.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from mlxtop.model.identity import PortId
from mlxtop.model.number import PORT, whole
from mlxtop.sampler.discover import Inventory
from mlxtop.sources.kernel.pci import DEVICES
from mlxtop.sources.kernel.proc import Process, read_processes
from mlxtop.sources.kernel.rdma_objects import read_first_namespace, read_users
from mlxtop.sources.kernel.routes import below, read_default_devices, read_route
from mlxtop.sources.kernel.storage import read_storage, read_storage_traffic
from mlxtop.sources.kernel.sysfs import link_name
from mlxtop.sources.kernel.tcp import Connection, has_session, iperf3_ports, read_sockets, ssh_ports
from mlxtop.system.answers import reason
from mlxtop.system.door import System

COUNTED = 1000
"""Connections at most whose routes are looked up, to count those that break, and of storage."""


class Danger(StrEnum):
    """Kinds of use that must not be cut off by mistake."""

    SSH = "SSH session"
    ROUTE = "default route"
    ROOT = "root file system"
    STORAGE = "storage"
    RDMA = "RDMA"
    IPERF = "iperf3"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Hazard:
    """A reason not to change ports, as a sentence."""

    danger: Danger
    text: str
    ports: frozenset[PortId] | None = None
    """None where it is unclear which: then it counts for all."""


@dataclass(frozen=True, slots=True)
class Uses:
    """The uses of all ports of a machine."""

    hazards: tuple[Hazard, ...] = ()
    connections: Mapping[PortId, int] = field(default_factory=dict)
    """Number of established TCP connections that run through a port."""
    peers: Mapping[PortId, tuple[str, ...]] = field(default_factory=dict)
    """Addresses at the other ends of these connections, the one with the most first."""

    def of(self, ports: Collection[PortId]) -> tuple[Hazard, ...]:
        """Return the hazards of `ports`."""
        return tuple(h for h in self.hazards if h.ports is None or not h.ports.isdisjoint(ports))


class _Lookup:
    """Finds the ports behind addresses and network devices."""

    def __init__(self, system: System, inventory: Inventory) -> None:
        self._system = system
        self._links = inventory.links
        self._routed: dict[tuple[str, str, int], frozenset[PortId] | None] = {}
        self._ports: dict[str, set[PortId]] = {}
        for port in inventory.ports:
            for name in (port.netdev, *port.extra_netdevs, *port.representors):
                if name is not None:
                    self._ports.setdefault(name, set()).add(port.id)
        for link in self._links.values():
            if link.name not in self._ports and link.parent_bus == "pci":
                physical = link_name(system, f"{DEVICES}/{link.parent}/physfn")
                ports = {p.id for p in inventory.ports if physical and p.function == physical}
                self._ports[link.name] = ports

    def device(self, name: str) -> frozenset[PortId] | None:
        """Return the ports below a network device; None where that is unclear."""
        devices = below(self._system, self._links, name)
        if not devices:
            return None
        return frozenset(port for device in devices for port in self._ports.get(device, ()))

    def address(self, remote: str, local: str = "", interface: int = 0) -> frozenset[PortId] | None:
        """Return the ports on the route to an address; None where that is unclear."""
        key = remote, local, interface
        if key not in self._routed:
            self._routed[key] = self._address(*key)
        return self._routed[key]

    def _address(self, remote: str, local: str, interface: int) -> frozenset[PortId] | None:
        if interface:
            bound = self._links.get(interface)
            return self.device(bound.name) if bound is not None else None
        try:
            devices = read_route(self._system, remote, local or None)
        except OSError:
            return None
        ports = [self.device(device) for device in devices]
        return None if None in ports else frozenset().union(*filter(None, ports))

    def connection(self, one: Connection) -> frozenset[PortId] | None:
        """Return the ports that carry a connection; None where that is unclear."""
        if one.inside or one.remote is None:
            return frozenset()
        return self.address(one.remote, one.local, one.interface)


def find_uses(system: System, inventory: Inventory, hidden: Collection[PortId] = ()) -> Uses:
    """Return the uses of every port; `hidden` ports lack a network device in this namespace."""
    lookup = _Lookup(system, inventory)
    try:
        sockets = read_sockets(system)
    except OSError as error:
        text = f"the connections of this machine cannot be listed ({error.strerror})"
        hazards = [Hazard(Danger.UNCLEAR, text)]
        remotes: Mapping[PortId, Counter[str]] = {}
    else:
        processes = read_processes(system)
        hazards = _sessions(system, processes, sockets, lookup)
        hazards += _storage_traffic(system, processes, sockets, lookup)
        remotes = _remotes(sockets, lookup)
    hazards += _default_routes(system, lookup)
    hazards += _storage(system, lookup)
    hazards += _rdma(system, inventory)
    why = "has no network device here: in another network namespace, where its use cannot be seen"
    hazards += [Hazard(Danger.UNCLEAR, f"{port} {why}", frozenset((port,))) for port in hidden]
    counts = {port: each.total() for port, each in remotes.items()}
    peers = {port: tuple(dict(each.most_common())) for port, each in remotes.items()}
    return Uses(tuple(dict.fromkeys(hazards)), counts, peers)


def _sessions(
    system: System, processes: Sequence[Process], sockets: Sequence[Connection], lookup: _Lookup
) -> list[Hazard]:
    """Return hazards of SSH sessions and running iperf3 tests."""
    ssh = ssh_ports(system, processes, sockets, None if system.demo else _own_ssh_port())
    iperf = iperf3_ports(processes)
    hazards = []
    session = False
    for one in (one for one in sockets if one.remote is not None):
        if one.local_port in ssh:
            session = True
            text = f"SSH session from {one.remote} (port {one.local_port})"
            hazards += _hazard(Danger.SSH, text, lookup.connection(one))
        elif one.local_port in iperf or one.remote_port in iperf:
            text = f"iperf3 is running with {one.remote}"
            hazards += _hazard(Danger.IPERF, text, lookup.connection(one))
    if not session and has_session(processes):
        text = "somebody is logged in by SSH, and it is unclear by which connection"
        hazards.append(Hazard(Danger.UNCLEAR, text))
    return hazards


def _own_ssh_port() -> int | None:
    """Return the server's port of our SSH session; stale in tmux, unset under sudo."""
    fields = os.environ.get("SSH_CONNECTION", "").split()
    return whole(fields[3], PORT) if len(fields) == 4 else None


def _hazard(danger: Danger, text: str, ports: frozenset[PortId] | None) -> list[Hazard]:
    """Return a hazard for `ports`: for every port where that is None, none where it is empty."""
    if ports is None:
        return [Hazard(danger, f"{text}, and it is unclear which port carries it")]
    return [Hazard(danger, text, ports)] if ports else []


def _remotes(sockets: Iterable[Connection], lookup: _Lookup) -> dict[PortId, Counter[str]]:
    """Return the number of connections to each peer by port."""
    remotes: dict[PortId, Counter[str]] = {}
    there = [one for one in sockets if one.remote is not None and not one.inside]
    for one in there[:COUNTED]:
        for port in lookup.connection(one) or ():
            remotes.setdefault(port, Counter())[str(one.remote)] += 1
    return remotes


def _default_routes(system: System, lookup: _Lookup) -> list[Hazard]:
    return [
        hazard
        for device in read_default_devices(system)
        for hazard in _hazard(Danger.ROUTE, f"default route by {device}", lookup.device(device))
    ]


def _storage(system: System, lookup: _Lookup) -> list[Hazard]:
    try:
        storage = read_storage(system)
    except OSError as error:
        return [Hazard(Danger.UNCLEAR, f"what is mounted cannot be listed ({error.strerror})")]
    hazards = []
    for one in storage:
        danger = Danger.ROOT if one.root else Danger.STORAGE
        for ports in [lookup.address(a) for a in one.addresses] or [None]:
            hazards += _hazard(danger, one.what, ports)
    return hazards


def _storage_traffic(
    system: System, processes: Sequence[Process], sockets: Sequence[Connection], lookup: _Lookup
) -> list[Hazard]:
    """Return a hazard for every peer with which storage of any kind talks."""
    traffic = [(s, c) for s, c in read_storage_traffic(system, processes, sockets) if not c.inside]
    counts = Counter((service, one.remote) for service, one in traffic)
    hazards = []
    for service, one in traffic[:COUNTED]:
        count = counts[service, one.remote]
        text = f"{service} traffic with {one.remote} ({count} TCP connection{'s' * (count > 1)})"
        hazards += _hazard(Danger.STORAGE, text, lookup.connection(one))
    return hazards


def _rdma(system: System, inventory: Inventory) -> list[Hazard]:
    """Return who uses the RDMA devices of ports; a device that does not tell is unclear.

    So is each of them in a PID namespace: older kernels leave out what others outside of it hold.
    """
    hazards, inside = [], read_first_namespace(system) is False
    for device in dict.fromkeys(
        name for port in inventory.ports for name in (port.rdma, *port.extra_rdma) if name
    ):
        with_device = [p for p in inventory.ports if device in (p.rdma, *p.extra_rdma)]
        every = frozenset(port.id for port in with_device)
        if inside:
            text = f"processes outside of this PID namespace (container) may use RDMA on {device}"
            hazards.append(Hazard(Danger.UNCLEAR, text, every))
        try:
            users = read_users(system, device)
        except OSError as error:
            why = reason(error, system.captured)
            text = f"who uses RDMA on {device} cannot be listed ({why})"
            hazards.append(Hazard(Danger.UNCLEAR, text, every))
            continue
        for user in users:
            ports = frozenset(
                port.id
                for port in with_device
                if not user.ports or port.rdma != device or port.rdma_port in user.ports
            )
            who = "somebody who cannot be named" if user.is_unnamed else user.name
            hazards += _hazard(Danger.RDMA, f"{who} uses RDMA on {device}", ports)
    return hazards
