"""Which cards, ports, network and RDMA devices there are, and what belongs together.

Identity is the PCI address and the port number; every name is an attribute that may change.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import NamedTuple

from mlxtop.model.identity import Adapter, Function, Host, Port, PortId, PortKind, natural
from mlxtop.model.sample import LinkLayer, Problem
from mlxtop.sampler.functions import FoundFunction, find_functions, group_functions
from mlxtop.sources.kernel import families
from mlxtop.sources.kernel.ethtool import read_firmware
from mlxtop.sources.kernel.net import INFINIBAND_TYPE, LOOPBACK_TYPE, NetLink, read_links
from mlxtop.sources.kernel.pci import DEVICES, DeviceInfo, read_devlink
from mlxtop.sources.kernel.proc import read_host
from mlxtop.sources.kernel.rdma import RdmaDevice, read_devices, read_layer
from mlxtop.sources.kernel.sysfs import link_name, parse_hex, read_count, read_text
from mlxtop.system.door import System

REPRESENTOR = re.compile(r"^(c\d+)?pf\d+(vf|sf)\d+$")
"""`phys_port_name` of a representor of a VF or sub-function."""


class Inventory(NamedTuple):
    """What discovery found."""

    host: Host
    adapters: tuple[Adapter, ...]
    ports: tuple[Port, ...]
    links: Mapping[int, NetLink]
    """Every network device, by ifindex."""
    layers: Mapping[PortId, LinkLayer]
    problems: tuple[Problem, ...] = ()


def discover(system: System, everything: bool = False) -> Inventory:
    """Look at the whole machine; with `everything` also at devices that are no ConnectX.

    Reads no firmware but what drivers keep in memory; costs some milliseconds.
    """
    problems: list[Problem] = []
    links = read_links(system)
    rdma = read_devices(system)
    found = find_functions(system, links, rdma, problems)
    seen = _Seen(
        found,
        {link.index: link for link in links},
        {link.name for link in links},
        Counter(one.physfn for one in found.values()),
    )
    adapters, ports = _cards(system, seen, everything)
    loose = [device for device in rdma if device.function not in found]
    for device in loose:
        if device.parent not in seen.names and (everything or device.pci_device):
            card = _bare_adapter(device) if device.pci_device else None
            ports += _bare_ports(device, card)
            adapters += [card] if card else []
    if everything:
        taken = {n for p in ports for n in (p.netdev, *p.extra_netdevs, *p.representors) if n}
        others = [k for k in links if k.name not in taken and k.type != LOOPBACK_TYPE]
        ports += _other_ports(system, others, seen, loose)
    ports.sort(key=lambda port: port.id.order)
    return Inventory(
        host=read_host(system),
        adapters=tuple(sorted(adapters, key=lambda a: natural(a.functions[0].address))),
        ports=tuple(ports),
        links=seen.links,
        layers={port.id: _layer(system, port, seen) for port in ports},
        problems=tuple(problems),
    )


class _Seen(NamedTuple):
    """What discovery has seen so far: functions by address, network devices by index and name."""

    found: Mapping[str, FoundFunction]
    links: Mapping[int, NetLink]
    names: set[str]
    vfs: Mapping[str | None, int]
    """Virtual functions of each physical one."""

    def master(self, link: NetLink | None) -> NetLink | None:
        """The device that a network device is enslaved to."""
        return self.links.get(link.master) if link and link.master else None


def _cards(system: System, seen: _Seen, everything: bool) -> tuple[list[Adapter], list[Port]]:
    """The cards on the PCI bus and their ports; VFs of this machine only with `everything`."""
    devlink = read_devlink(system) if seen.found else {}
    ports: list[Port] = []
    adapters: list[Adapter] = []
    for key, members in group_functions(seen.found).items():
        mine = [port for one in members for port in _function_ports(system, one, key, seen)]
        if not everything:
            mine = [port for port in mine if not _owned(port, seen.found)]
        adapters.append(_adapter(system, key, members, mine, devlink))
        ports += mine
    return adapters, ports


def _owned(port: Port, found: Mapping[str, FoundFunction]) -> bool:
    """A VF whose physical function is on this machine, so that it is counted there."""
    physfn = found[port.function].physfn if port.function else None
    return physfn is not None and physfn in found


def _function_ports(system: System, one: FoundFunction, adapter: str, seen: _Seen) -> list[Port]:
    """The ports of a function: one on mlx5, as many as there are on mlx4."""
    function = one.function
    own = [k for k in one.netdevs if not REPRESENTOR.match(k.port_name or "")]
    representors = tuple(k.name for k in one.netdevs if REPRESENTOR.match(k.port_name or ""))
    mlx4 = function.driver == "mlx4_core"
    by_number: dict[int, NetLink] = {}
    for netdev in own:
        if netdev.parent_bus != "auxiliary" and (netdev.kind is None or netdev.link is None):
            by_number.setdefault(_port_number(system, netdev.name) if mlx4 else 1, netdev)
    device = one.rdma[0] if one.rdma else None
    ports = []
    stacked: dict[int | None, list[NetLink]] = {}
    for netdev in own:
        stacked.setdefault(netdev.link if mlx4 else None, []).append(netdev)
    for number in sorted(_port_numbers(system, one) | set(by_number)):
        link = by_number.get(number)
        master = seen.master(link)
        below = link.index if link else None
        extra = [k.name for k in stacked.get(below if mlx4 else None, ()) if k is not link]
        rdma = device if device and number in device.ports else None
        ports.append(
            Port(
                id=PortId(function.address, number),
                kind=PortKind.VF if one.is_vf else PortKind.PHYSICAL,
                driver=function.driver,
                function=function.address,
                adapter=adapter,
                netdev=link.name if link else None,
                ifindex=below,
                extra_netdevs=tuple(extra),
                rdma=rdma.name if rdma else None,
                rdma_port=number if rdma else None,
                bond=master.name if master else None,
                bond_kind=master.kind if master else None,
                vfs=seen.vfs[function.address],
                representors=representors,
                switchdev=bool(representors),
            )
        )
    return ports


def _port_numbers(system: System, one: FoundFunction) -> set[int]:
    """Ports that a function has even without a network device."""
    address = one.function.address
    if one.function.driver == "mlx5_core":
        return {1}
    if one.function.driver != "mlx4_core":
        return set()
    told = {n for n in (1, 2) if read_text(system, f"{DEVICES}/{address}/mlx4_port{n}") is not None}
    return told | {port for device in one.rdma for port in device.ports}


def _port_number(system: System, netdev: str) -> int:
    """Port number from 1: `dev_port`, on kernels before 3.15 `dev_id`."""
    number = read_count(system, f"/sys/class/net/{netdev}/dev_port")
    if number is None:
        number = parse_hex(read_text(system, f"/sys/class/net/{netdev}/dev_id"))
    return (number or 0) + 1


def _adapter(
    system: System,
    key: str,
    members: list[FoundFunction],
    ports: list[Port],
    devlink: Mapping[str, DeviceInfo],
) -> Adapter:
    physical = [m for m in members if not m.is_vf] or members
    first = physical[0].function
    info = next(
        (devlink[m.function.address] for m in physical if m.function.address in devlink), None
    )
    device = next((d for m in physical for d in m.rdma), None)
    netdev = next((k.name for m in physical for k in m.netdevs), None)
    version, driver_psid = read_firmware(system, netdev) if netdev else (None, None)
    psid = (info and info.psid) or (device and device.psid) or driver_psid
    running = (info and info.running) or (device and device.firmware) or version
    return Adapter(
        key=key,
        family=families.family(first.device, first.revision, first.driver),
        functions=tuple(m.function for m in physical),
        ports=tuple(port.id for port in ports),
        psid=psid or None,
        part=info.part if info else None,
        firmware=running or None,
        firmware_stored=info.stored if info else None,
        state=_state(physical, ports),
        absent=_absent(psid, running, info, first.driver),
    )


def _absent(
    psid: object, firmware: object, info: DeviceInfo | None, driver: str | None
) -> dict[str, str]:
    absent = {}
    if not psid:
        absent["psid"] = "neither the RDMA device nor devlink nor the driver tells a PSID"
    if not firmware:
        absent["firmware"] = "no driver that would tell it" if not driver else "not told"
    if info is None or info.stored is None:
        absent["firmware_stored"] = f"driver {driver} does not tell the version in flash"
    return absent


def _state(members: list[FoundFunction], ports: list[Port]) -> str | None:
    """Why a card shows nothing, in words."""
    driver = members[0].function.driver
    if driver is None:
        return "no driver is bound to it: is mlx4_core or mlx5_core loaded?"
    if driver == "vfio-pci":
        return "passed through to a virtual machine (vfio-pci)"
    if driver not in families.DRIVERS:
        return f"bound to {driver}, which is no ConnectX driver"
    if not any(port.netdev or port.rdma for port in ports):
        return "no network or RDMA device: InfiniBand without mlx_ib, or in another namespace"
    return None


def _bare_adapter(device: RdmaDevice) -> Adapter:
    """A card of which only the RDMA device is to be seen: captures of the class alone."""
    model = device.pci_device or 0
    driver = _driver_of(device)
    function = Function(device.name, families.MELLANOX, model, 0, driver=driver)
    return Adapter(
        key=device.system_guid or device.name,
        family=families.family(model, driver=driver),
        functions=(function,),
        ports=tuple(PortId(device.name, number) for number in device.ports),
        psid=device.psid,
        firmware=device.firmware,
        absent=_absent(device.psid, device.firmware, None, driver),
    )


def _bare_ports(device: RdmaDevice, card: Adapter | None) -> list[Port]:
    """The ports of an RDMA device without a PCI function: named by the device itself."""
    return [
        Port(
            id=PortId(device.name, number),
            kind=PortKind.PHYSICAL,
            driver=card.driver if card else None,
            adapter=card.key if card else None,
            rdma=device.name,
            rdma_port=number,
        )
        for number in device.ports
    ]


def _driver_of(device: RdmaDevice) -> str:
    """The driver that an `hca_type` belongs to: mlx4 up to ConnectX-3 Pro."""
    return "mlx4_core" if (device.pci_device or 0) <= 0x1010 else "mlx5_core"


def _other_ports(
    system: System,
    links: list[NetLink],
    seen: _Seen,
    rdma: list[RdmaDevice],
) -> list[Port]:
    """Network devices of any other make, and virtual ones."""
    software = {device.parent: device for device in rdma if device.parent}
    used: dict[str, int] = defaultdict(int)
    ports = []
    for link in links:
        real = link.parent is not None and link.parent_bus not in (None, "netdevsim")
        device = link.parent if real and link.parent else link.name
        used[device] += 1
        master = seen.master(link)
        ibdev = software.get(link.name)
        base = f"/sys/class/net/{link.name}/device"
        ports.append(
            Port(
                id=PortId(device, used[device]),
                kind=PortKind.PHYSICAL if real else PortKind.VIRTUAL,
                driver=link_name(system, f"{base}/driver") if real else link.kind,
                function=device if link.parent_bus == "pci" else None,
                netdev=link.name,
                ifindex=link.index,
                rdma=ibdev.name if ibdev else None,
                rdma_port=1 if ibdev else None,
                bond=master.name if master else None,
                bond_kind=master.kind if master else None,
                devtype=link.kind,
            )
        )
    return ports


def _layer(system: System, port: Port, seen: _Seen) -> LinkLayer:
    """The link layer: of the RDMA port, else by the netdev's type."""
    if port.rdma and port.rdma_port:
        layer = read_layer(system, port.rdma, port.rdma_port)
        if layer is not None:
            return layer
    link = seen.links.get(port.ifindex or 0)
    if link is not None and link.type == INFINIBAND_TYPE:
        return LinkLayer.INFINIBAND
    return LinkLayer.ETHERNET
