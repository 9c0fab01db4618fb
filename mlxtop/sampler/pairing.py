"""Finds what belongs to one port: RDMA device and port, cage, and the functions of its netdev.

Evidence is what the kernel says of a device, never its place in a directory.
https://docs.kernel.org/networking/multi-pf-netdev.html
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from mlxtop.model.identity import Port, PortKind, natural, pci_address, slot_of
from mlxtop.model.number import kernel_version
from mlxtop.sampler.functions import FoundFunction
from mlxtop.sources.kernel.net import NetLink
from mlxtop.sources.kernel.pci import DEVICES, DeviceInfo, parse_width
from mlxtop.sources.kernel.rdma import RdmaDevice
from mlxtop.sources.kernel.sysfs import names, read_text
from mlxtop.system.door import System

ETHERNET_CLASS = 0x020000
MULTI_PF_SINCE = (6, 9)
"""The kernel that makes one network device of the functions of a socket-direct card."""
_BONDS = ("bond", "team")
_SLOTS = 4
"""Slots that one card can be in, with cables to further ones."""
_DEBUG = "/sys/kernel/debug/mlx5"
"""Readable by root only."""


class RdmaPort(NamedTuple):
    """A port of an RDMA device."""

    device: RdmaDevice
    number: int


class CardPairs:
    """What belongs together on one card: RDMA ports by network device, functions by main one."""

    def __init__(self, card: Iterable[FoundFunction]) -> None:
        self._at: dict[tuple[str, str], RdmaPort] = {}
        self._anywhere: dict[str, RdmaPort] = {}
        """RDMA port by network device; the first one by function and network device."""
        self._owners: dict[str, str] = {}
        """Function by network device."""
        self.secondaries: dict[str, list[str]] = defaultdict(list)
        """The silent functions of each function's multi-PF netdev."""
        for one in card:
            address = one.function.address
            self._owners |= {netdev.name: address for netdev in one.netdevs}
            if one.main is not None:
                self.secondaries[one.main].append(address)
            for device in one.data_devices:
                for port, netdev in device.netdevs.items():
                    self._at.setdefault((address, netdev), RdmaPort(device, port))
                    self._anywhere.setdefault(netdev, RdmaPort(device, port))

    def find_rdma_port(
        self, one: FoundFunction, number: int, link: NetLink | None
    ) -> RdmaPort | None:
        """Return the RDMA port of port `number` of a function, whose network device is `link`.

        The device can be at another function of the card, and number its ports otherwise.
        """
        address = one.function.address
        if link is not None:
            named = self._at.get((address, link.name)) or self._anywhere.get(link.name)
            if named is not None:
                return named
        mlx4 = one.function.driver == "mlx4_core"
        for device in one.data_devices:
            by_netdev = bool(device.netdevs) and len(device.ports) > 1 and link is not None
            others = self._owners.get(device.netdevs.get(number, ""), address) != address
            if number in device.ports and not others and (mlx4 or not by_netdev):
                return RdmaPort(device, number)
        return None


def share_bonded_rdma(ports: Sequence[Port]) -> list[Port]:
    """Give all members of a bond the RDMA device that the driver merged theirs into (RoCE LAG)."""
    bonds: dict[str, list[Port]] = defaultdict(list)
    for port in ports:
        if port.bond and port.bond_kind in _BONDS and port.kind is PortKind.PHYSICAL:
            bonds[port.bond].append(port)
    shared: dict[object, Port] = {}
    for members in bonds.values():
        owners = [port for port in members if port.rdma]
        if len(owners) == 1 and len(members) > 1:
            (owner,) = owners
            for port in members:
                shared[port.id] = port._replace(
                    rdma=owner.rdma, rdma_port=owner.rdma_port, rdma_lag=owner.id
                )
    return [shared.get(port.id, port) for port in ports]


def share_cages(ports: Sequence[Port], links: Mapping[int, NetLink]) -> list[Port]:
    """Mark the ports of a card that are one physical port, reached over several slots.

    Every slot has the same functions, one for each cage.
    """
    cages: dict[tuple[str, int], list[Port]] = defaultdict(list)
    for port in ports:
        if port.function is not None and port.kind is PortKind.PHYSICAL:
            cages[port.function.rpartition(".")[2], port.id.number].append(port)
    shared: dict[object, Port] = {}
    for members in cages.values():
        slots = {slot_of(port.function or "") for port in members}
        labels = {link.port_name for p in members if (link := links.get(p.ifindex or 0))} - {None}
        if 1 < len(slots) == len(members) <= _SLOTS and len(labels) < 2:
            first = min(port.id for port in members)
            shared |= {port.id: port._replace(cage=first) for port in members}
    return [shared.get(port.id, port) for port in ports]


def find_multi_pf(
    system: System, functions: Mapping[str, FoundFunction], devlink: Mapping[str, DeviceInfo]
) -> dict[str, str]:
    """Return the silent functions of multi-PF netdevs, each with the one that has the netdev.

    To root the driver tells them; else they are told by all that a healthy one shows.
    """
    silent = [one for one in functions.values() if _is_silent(one)]
    if not silent:
        return {}
    mains = [one for one in functions.values() if _is_main(one)]
    told = {
        secondary: main.function.address
        for main in mains
        for secondary in _told_secondaries(system, main.function.address)
        if secondary in functions
    }
    if told or _debugfs_is_readable(system, mains):
        return told
    return dict(_inferred(system, silent, mains, devlink))


def _is_silent(one: FoundFunction) -> bool:
    return _is_ethernet(one) and not one.netdevs and not one.rdma


def _is_main(one: FoundFunction) -> bool:
    """Return whether a function has both devices, so that the RDMA driver is loaded too."""
    return _is_ethernet(one) and bool(one.netdevs) and bool(one.data_devices)


def _is_ethernet(one: FoundFunction) -> bool:
    function = one.function
    return not one.is_vf and function.driver == "mlx5_core" and function.pci_class == ETHERNET_CLASS


def _told_secondaries(system: System, main: str) -> Iterator[str]:
    """Yield the functions that the driver has joined to a main one: `0000:81:00.0 vhca 0x1`."""
    place = f"{_DEBUG}/{main}/multi-pf"
    for name in names(system, place):
        if name.startswith("secondary_"):
            text = read_text(system, f"{place}/{name}") or ""
            if address := pci_address(text.partition(" ")[0]):
                yield address


def _debugfs_is_readable(system: System, mains: Iterable[FoundFunction]) -> bool:
    return any(names(system, f"{_DEBUG}/{one.function.address}") for one in mains)


def _inferred(
    system: System,
    silent: Sequence[FoundFunction],
    mains: Sequence[FoundFunction],
    devlink: Mapping[str, DeviceInfo],
) -> Iterator[tuple[str, str]]:
    """Yield each silent function with its main one, where each has one and none is left over.

    Cards alike have as many main functions as silent ones: they are paired in order of address.
    """
    kernel = kernel_version(read_text(system, "/proc/sys/kernel/osrelease"))
    if kernel is not None and kernel < MULTI_PF_SINCE:
        return
    groups: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for one in silent:
        fitting = (main.function.address for main in mains if _fit(system, one, main, devlink))
        groups[tuple(sorted(fitting, key=natural))].append(one.function.address)
    for candidates, alike in groups.items():
        if len(candidates) == len(alike):
            yield from zip(sorted(alike, key=natural), candidates, strict=True)


def _fit(
    system: System,
    silent: FoundFunction,
    main: FoundFunction,
    devlink: Mapping[str, DeviceInfo],
) -> bool:
    """Return whether two functions are one card in two slots, and the silent one is at work.

    A function whose driver gave up has no interrupts any more.
    """
    one, other = silent.function, main.function
    same = (one.device, one.revision, one.subsystem, one.address[-1])
    if same != (other.device, other.revision, other.subsystem, other.address[-1]):
        return False
    serials = {info.serial for f in (one, other) if (info := devlink.get(f.address))} - {None}
    if slot_of(one.address) == slot_of(other.address) or len(serials) > 1:
        return False
    apart = None not in (one.numa_node, other.numa_node) and one.numa_node != other.numa_node
    split = all(_has_half_its_lanes(system, f.address) for f in (one, other))
    return (apart or split) and bool(names(system, f"{DEVICES}/{one.address}/msi_irqs"))


def _has_half_its_lanes(system: System, function: str) -> bool:
    """Return whether a card's lanes are divided between slots: x8 of x16."""
    now, most = (
        parse_width(read_text(system, f"{DEVICES}/{function}/{kind}_link_width"))
        for kind in ("current", "max")
    )
    return now is not None and most is not None and 2 * now <= most
