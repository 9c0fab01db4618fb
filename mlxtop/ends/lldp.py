"""What LLDP neighbours tell of the other end of a port: a port that is shown, or a switch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mlxtop.ends.match import Ports
from mlxtop.model.lldp import LldpNeighbour, mac_of
from mlxtop.model.machine import PortRef, SeenMachine


class Told(NamedTuple):
    """What all neighbours tell."""

    links: Mapping[PortRef, tuple[PortRef, str]]
    """Port to the shown port that its neighbour says to be, and in which words."""
    switches: Mapping[PortRef, str]
    """Ports at whose other end a switch is, with its name and port: no host is there."""
    crowded: Mapping[PortRef, str]
    """Ports whose neighbours are several shown ones: frames pass through something between."""


def told(machines: Sequence[SeenMachine], ports: Ports) -> Told:
    """Return what the neighbours of ports tell; of one that nobody shown is, whether a switch."""
    shown = _Shown(machines, ports)
    links: dict[PortRef, tuple[PortRef, str]] = {}
    switches: dict[PortRef, str] = {}
    crowded: dict[PortRef, str] = {}
    for machine in machines:
        for port, neighbours in (machine.frame.sample.lldp.value or {}).items():
            ref = PortRef(machine.host, port)
            if ref not in ports:
                continue
            pairs = [(one, shown.find(one, ref)) for one in neighbours]
            others = {other: one for one, other in pairs if other is not None}
            other_switches = [
                one for one, _ in pairs if one.is_switch and not shown.is_machine(one)
            ]
            if other_switches:
                switches[ref] = _in_words(other_switches[0])
            elif len(others) == 1:
                ((other, one),) = others.items()
                links[ref] = other, f"one end hears {_in_words(one)}"
            elif others:
                crowded[ref] = "several LLDP neighbours: a network, not a link to one host"
    return Told(links, switches, crowded)


def _in_words(one: LldpNeighbour) -> str:
    return f"{one.title} port {one.where}" if one.where else one.title


class _Shown:
    """Finds ports of shown machines by what LLDP calls them."""

    def __init__(self, machines: Sequence[SeenMachine], ports: Ports) -> None:
        self._by_mac: dict[str, list[PortRef]] = defaultdict(list)
        self._by_name: dict[tuple[str, str], PortRef] = {}
        self._hosts: dict[str, set[str]] = defaultdict(set)
        """Name in small letters, in full and without its domain, to machines."""
        for machine in machines:
            full = machine.frame.sample.host.name.lower()
            for name in {full, full.partition(".")[0]}:
                self._hosts[name].add(machine.host)
        for ref, now in ports.items():
            if mac := mac_of(now.link.address):
                self._by_mac[mac].append(ref)
            for name in filter(None, (now.port.netdev, *now.port.extra_netdevs)):
                self._by_name[ref.host, name] = ref

    def _machine(self, one: LldpNeighbour) -> str | None:
        """Return the machine that a neighbour is: by its name, else by an address of a port."""
        name = (one.chassis_name or "").lower()
        hosts = self._hosts.get(name) or self._hosts.get(name.partition(".")[0]) or set()
        if not hosts or name.startswith("localhost"):
            owners = self._by_mac.get(mac_of(one.chassis) or "", ())
            hosts = {ref.host for ref in owners}
        return next(iter(hosts)) if len(hosts) == 1 else None

    def is_machine(self, one: LldpNeighbour) -> bool:
        """Return whether a neighbour is a machine that is shown, with a bridge or without."""
        return self._machine(one) is not None or bool(self._by_mac.get(mac_of(one.port) or ""))

    def find(self, one: LldpNeighbour, ref: PortRef) -> PortRef | None:
        """Return the port that a neighbour of `ref` says to be; None where none, or not sure."""
        host = self._machine(one)
        owners = [
            other
            for other in self._by_mac.get(mac_of(one.port) or "", ())
            if other != ref and (host is None or other.host == host)
        ]
        if len(owners) == 1:
            return owners[0]
        names = (one.port, one.port_description)  # members of a bond have one address
        named = [self._by_name.get((host, name)) for name in names if host and name]
        candidates = [other for other in named if other is not None and other != ref]
        return candidates[0] if candidates and (not owners or candidates[0] in owners) else None
