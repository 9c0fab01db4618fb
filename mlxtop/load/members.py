"""The ports that carry what goes through a network device: below VLANs, bridges, bonds, next hops.

https://docs.kernel.org/networking/bonding.html; fib_multipath_hash_policy in
https://docs.kernel.org/networking/ip-sysctl.html
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from mlxtop.model.frame import Frame, PortFrame
from mlxtop.model.identity import PortKind
from mlxtop.model.sample import LinkState
from mlxtop.model.tuning import Bond
from mlxtop.sources.kernel.bonding import read_bonds
from mlxtop.sources.kernel.net import NetLink, read_links
from mlxtop.sources.kernel.routes import lower
from mlxtop.sources.kernel.sysfs import link_name, read_text
from mlxtop.system.door import System

_BY_STREAM = frozenset({"layer3+4", "encap3+4"})
"""Transmit hash policies that give the streams to one host to several members."""
_BY_STREAM_ROUTES = frozenset({"1", "3"})
"""The same of net.*.fib_multipath_hash_policy."""

Together = tuple[PortFrame, ...]
"""Ports that carry the streams of one test at the same time."""


class Members(NamedTuple):
    """The ports below one or several network devices."""

    ports: tuple[PortFrame, ...]
    """All of them, also those that only carry something when another one fails."""
    choices: tuple[Together, ...]
    """The traffic to one host takes one of these now, as a hash of its addresses has it."""
    above: frozenset[str]
    """The devices that stand on the ports."""
    masters: frozenset[str]
    """Those of them that have members: a port that becomes one carries traffic as well."""
    hidden: tuple[str, ...]
    """Real devices that are not shown, so that nobody reads their heat and rates."""

    @property
    def active(self) -> tuple[PortFrame, ...]:
        """Return the ports that can carry traffic as things are now."""
        ids = {port.now.port.id for choice in self.choices for port in choice}
        return tuple(port for port in self.ports if port.now.port.id in ids)


class _Tree:
    """Walks from devices down to those that stand on nothing else."""

    def __init__(self, system: System, frame: Frame, receives: bool) -> None:
        self.links = {link.index: link for link in read_links(system)}
        self.leaves: dict[str, None] = {}
        self.above: set[str] = set()
        self._system = system
        self._by_name = {link.name: link for link in self.links.values()}
        self._bonds = read_bonds(system)
        self._receives = receives
        self._members: dict[str, list[str]] = {}
        for port in frame.ports.values():
            if port.now.port.bond and port.now.port.netdev:
                self._members.setdefault(port.now.port.bond, []).append(port.now.port.netdev)

    def choices(self, name: str) -> list[frozenset[str]]:
        """Return the sets of leaves of which the traffic of a device to one host takes one."""
        if name in self.above or name in self.leaves:
            return []  # another way has led here
        link = self._by_name.get(name)
        below = dict.fromkeys(self._members.get(name, []))
        below |= dict.fromkeys(lower(self._system, self.links, link) if link else ())
        if not below:
            self.leaves[name] = None
            return [frozenset([name])]
        self.above.add(name)
        each = {child: self.choices(child) for child in below}
        bond = self._bonds.get(name)
        active = [child for child in each if bond is None or _carries(bond, child)]
        return join([each[child] for child in active or each], self._spreads(link, bond))

    def masters(self) -> set[str]:
        masters = (self.links.get(link.master or 0) for link in self.links.values())
        return {link.name for link in masters if link is not None}.union(self._members)

    def _spreads(self, link: NetLink | None, bond: Bond | None) -> bool:
        """Return whether streams to one host can use several members at the same time."""
        if bond is None:
            return link is not None and link.kind in ("bond", "team")
        if bond.mode in ("802.3ad", "balance-xor"):
            return self._receives or bond.policy in _BY_STREAM  # the far end has its own policy
        return bond.mode == "balance-rr"


def join(parts: Sequence[list[frozenset[str]]], spreads: bool) -> list[frozenset[str]]:
    """Return the choices of several members: all at once, or one of them.

    >>> parts = [[frozenset("a")], [frozenset("b")]]
    >>> [sorted(choice) for choice in join(parts, True)], len(join(parts, False))
    ([['a', 'b']], 2)
    """
    choices = [choice for part in parts for choice in part]
    return [frozenset().union(*choices)] if spreads else choices


def _carries(bond: Bond, member: str) -> bool:
    """Return whether a member of a bond carries traffic now; one that the bond omits does."""
    slave = next((slave for slave in bond.slaves if slave.name == member), None)
    if slave is None:
        return True
    if bond.mode == "active-backup" and bond.active:
        return member == bond.active
    if bond.mode == "broadcast":  # all carry the same
        return member == next((slave.name for slave in bond.slaves if slave.up), member)
    if bond.mode == "802.3ad" and None not in (bond.aggregator, slave.aggregator):
        return slave.up and slave.aggregator == bond.aggregator
    return slave.up


def find_members(
    system: System, frame: Frame, devices: Iterable[str], receives: bool = False, family: int = 4
) -> Members:
    """Return the ports below the devices of a route; several devices are its next hops."""
    tree = _Tree(system, frame, receives)
    parts = [tree.choices(device) for device in devices]
    policy = read_text(system, f"/proc/sys/net/ipv{family}/fib_multipath_hash_policy")
    choices = join(parts, len(parts) > 1 and (receives or policy in _BY_STREAM_ROUTES))
    by_name = _by_name(frame)
    leaves = {name: by_name[name] for name in tree.leaves if name in by_name}
    # virtual devices count only where there are no others: a bridge has guests beside its uplink
    real_ports = {n: p for n, p in leaves.items() if p.now.port.kind is not PortKind.VIRTUAL}
    leaves = real_ports or leaves
    up = {name: port for name, port in leaves.items() if port.now.link.state is LinkState.UP}
    together = [unique(port for name, port in up.items() if name in choice) for choice in choices]
    real = {
        link.name
        for link in tree.links.values()
        if link.parent is not None and link.parent_bus != "netdevsim"
    }
    return Members(
        ports=unique(leaves.values()),
        choices=tuple(filter(None, together)),
        above=frozenset(tree.above),
        masters=frozenset(tree.above & tree.masters()),
        hidden=tuple(name for name in tree.leaves if name in real and name not in by_name),
    )


def _by_name(frame: Frame) -> dict[str, PortFrame]:
    ports: dict[str, PortFrame] = {}
    for frame_port in frame.ports.values():
        port = frame_port.now.port
        for name in filter(None, (port.netdev, *port.extra_netdevs, *port.representors)):
            ports.setdefault(name, frame_port)
    return ports


def unique(ports: Iterable[PortFrame]) -> Together:
    """Return the ports once each, in their order."""
    return tuple({port.now.port.id: port for port in ports}.values())


def physical_of(system: System, frame: Frame, port: PortFrame) -> PortFrame | None:
    """Return the port whose line and module a virtual function uses, or None for other ports."""
    if port.now.port.kind is not PortKind.VF:
        return None
    address = link_name(system, f"/sys/bus/pci/devices/{port.now.port.function}/physfn")
    return next(
        (one for one in frame.ports.values() if address and one.now.port.function == address), None
    )
