"""Finds cards, ports, network and RDMA devices, and what belongs together.

Identity is the PCI address and the port number; every name is an attribute that may change.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from mlxtop.model.identity import Adapter, Function, Host, Port, PortId, PortKind, natural
from mlxtop.model.sample import LinkLayer, Problem
from mlxtop.sampler.functions import FoundFunction, find_functions, group_functions
from mlxtop.sampler.pairing import (
    CardPairs,
    RdmaPort,
    find_multi_pf,
    share_bonded_rdma,
    share_cages,
)
from mlxtop.sources.kernel import families
from mlxtop.sources.kernel.ethtool import read_firmware
from mlxtop.sources.kernel.net import INFINIBAND_TYPE, LOOPBACK_TYPE, NetLink, read_links
from mlxtop.sources.kernel.pci import DEVICES, DeviceInfo, read_devlink
from mlxtop.sources.kernel.proc import read_host
from mlxtop.sources.kernel.rdma import RdmaDevice, read_devices, read_layer
from mlxtop.sources.kernel.sysfs import link_name, parse_hex, read_count, read_text
from mlxtop.system.door import System

REPRESENTOR = re.compile(r"^(c\d+)?pf\d+((vf|sf)\d+)?$")
"""`phys_port_name` of a representor of a function of the host, a VF or a sub-function."""
UPLINK = re.compile(r"^p\d+(s\d+)?$")
"""`phys_port_name` of the wire's port."""


class Inventory(NamedTuple):
    """Everything that there is on a machine."""

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
    functions = find_functions(system, links, rdma, problems)
    vfs = Counter(one.physfn for one in functions.values())
    machine = _Machine(system, functions, {link.index: link for link in links}, vfs)
    adapters, ports = _cards(machine, everything)
    loose = [device for device in rdma if device.function not in functions]
    names = {link.name for link in links}
    for device in loose:
        if device.parent not in names and (everything or device.pci_device):
            card = _bare_adapter(device) if device.pci_device else None
            adapters += [card] if card else []
            ports += (
                machine.port(PortId(device.name, number), None, RdmaPort(device, number))._replace(
                    driver=card.driver if card else None, adapter=card.key if card else None
                )
                for number in device.ports
            )
    if everything:
        taken = {n for p in ports for n in (p.netdev, *p.extra_netdevs, *p.representors) if n}
        others = [k for k in links if k.name not in taken and k.type != LOOPBACK_TYPE]
        ports += _other_ports(machine, others, loose)
    ports.sort(key=lambda port: port.id.order)
    return Inventory(
        host=read_host(system),
        adapters=tuple(sorted(adapters, key=lambda a: natural(a.functions[0].address))),
        ports=tuple(ports),
        links=machine.links,
        layers={port.id: _layer(machine, port) for port in ports},
        problems=tuple(problems),
    )


class _Machine(NamedTuple):
    """Parts that cards and ports are made of: functions by address, netdevs by index."""

    system: System
    functions: Mapping[str, FoundFunction]
    links: Mapping[int, NetLink]
    vfs: Mapping[str | None, int]
    """Virtual functions of each physical one."""

    def port(self, port: PortId, link: NetLink | None, rdma: RdmaPort | None) -> Port:
        """Return a port with what its network and its RDMA device tell."""
        master = self.links.get(link.master) if link and link.master else None
        return Port(
            port,
            PortKind.PHYSICAL,
            netdev=link.name if link else None,
            ifindex=link.index if link else None,
            rdma=rdma.device.name if rdma else None,
            rdma_port=rdma.number if rdma else None,
            bond=master.name if master else None,
            bond_kind=master.kind if master else None,
        )


def _cards(machine: _Machine, everything: bool) -> tuple[list[Adapter], list[Port]]:
    """Return the cards on the PCI bus and their ports.

    Virtual functions of this machine's own cards are counted there, unless `everything` is wanted.
    """
    devlink = read_devlink(machine.system) if machine.functions else {}
    for address, main in find_multi_pf(machine.system, machine.functions, devlink).items():
        machine.functions[address].main = main
    ports: list[Port] = []
    adapters: list[Adapter] = []
    for key, members in group_functions(machine.functions).items():
        pairs = CardPairs(members)
        mine = [
            port
            for one in members
            if one.main is None and (everything or one.physfn not in machine.functions)
            for port in _function_ports(machine, one, key, pairs)
        ]
        mine = share_cages(share_bonded_rdma(mine), machine.links)
        adapters.append(_adapter(machine.system, key, members, mine, devlink))
        ports += mine
    return adapters, ports


def _function_ports(
    machine: _Machine, one: FoundFunction, adapter: str, card: CardPairs
) -> Iterator[Port]:
    """Yield the ports of a function: one on mlx5, as many as there are on mlx4."""
    function = one.function
    representors = tuple(k.name for k in one.netdevs if REPRESENTOR.match(k.port_name or ""))
    own = _wire_first(one, representors)
    mlx4 = function.driver == "mlx4_core"
    by_number: dict[int, NetLink] = {}
    stacked: dict[int | None, list[NetLink]] = defaultdict(list)
    for netdev in own:
        stacked[netdev.link if mlx4 else None].append(netdev)
        if netdev.parent_bus != "auxiliary" and (netdev.kind is None or netdev.link is None):
            number = _port_number(machine.system, netdev.name) if mlx4 else 1
            by_number.setdefault(number, netdev)
    for number in sorted(_port_numbers(machine.system, one) | set(by_number)):
        link = by_number.get(number)
        rdma = card.find_rdma_port(one, number, link)
        below = link.index if link and mlx4 else None
        yield machine.port(PortId(function.address, number), link, rdma)._replace(
            kind=PortKind.VF if one.is_vf else PortKind.PHYSICAL,
            driver=function.driver,
            function=function.address,
            adapter=adapter,
            extra_netdevs=tuple(k.name for k in stacked[below] if k is not link),
            extra_rdma=tuple(device.name for device in one.other_devices),
            extra_functions=tuple(card.secondaries.get(function.address, ())),
            vfs=machine.vfs[function.address],
            representors=representors,
            switchdev=bool(representors),
        )


def _wire_first(one: FoundFunction, representors: tuple[str, ...]) -> list[NetLink]:
    """Return the netdevs of a function without representors, that of the wire first."""
    named = {netdev for device in one.data_devices for netdev in device.netdevs.values()}

    def place(netdev: NetLink) -> tuple[object, ...]:
        wire = UPLINK.match(netdev.port_name or "") is not None
        return not wire, netdev.name not in named, natural(netdev.name)

    return sorted((k for k in one.netdevs if k.name not in representors), key=place)


def _port_numbers(system: System, one: FoundFunction) -> set[int]:
    """Return the ports that a function has even without a network device."""
    address = one.function.address
    if one.function.driver == "mlx5_core":
        return {1}
    if one.function.driver != "mlx4_core":
        return set()
    files = {n: read_text(system, f"{DEVICES}/{address}/mlx4_port{n}") for n in (1, 2)}
    shown = {number for number, text in files.items() if text is not None}
    return shown | {port for device in one.rdma for port in device.ports}


def _port_number(system: System, netdev: str) -> int:
    """Return a port's number from 1: `dev_port`, on kernels before 3.15 `dev_id`."""
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
    infos = [info for m in physical if (info := devlink.get(m.function.address))]
    info = DeviceInfo(*(next(filter(None, each), None) for each in zip(*infos, strict=True)))
    devices = [d for m in physical for d in m.data_devices] or [d for m in physical for d in m.rdma]
    device = next(iter(devices), None)  # all tell the card's PSID and firmware
    answers = (read_firmware(system, port.netdev) for port in ports if port.netdev)
    version, driver_psid = next(filter(any, answers), (None, None))
    psid = info.psid or (device and device.psid) or driver_psid
    running = info.running or (device and device.firmware) or version
    return Adapter(
        key=key,
        family=families.family(first.device, first.revision, first.driver),
        functions=tuple(m.function for m in physical),
        ports=tuple(port.id for port in ports),
        psid=psid or None,
        part=info.part,
        firmware=running or None,
        firmware_stored=info.stored,
        state=_state(first.driver, ports),
        absent=_absent(psid, running, info.stored, first.driver),
    )


def _absent(psid: object, firmware: object, stored: object, driver: str | None) -> dict[str, str]:
    absent = {}
    if not psid:
        absent["psid"] = "neither the RDMA device nor devlink nor the driver tells a PSID"
    if not firmware:
        absent["firmware"] = "no driver that would tell it" if not driver else "not told"
    if stored is None:
        absent["firmware_stored"] = f"driver {driver} does not tell the version in flash"
    return absent


def _state(driver: str | None, ports: list[Port]) -> str | None:
    """Return why a card shows nothing, in words."""
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
    """Return a card of which only the RDMA device is to be seen: captures of the class alone."""
    model = device.pci_device or 0
    driver = "mlx4_core" if model <= 0x1010 else "mlx5_core"  # mlx4 up to ConnectX-3 Pro
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


def _other_ports(machine: _Machine, links: list[NetLink], rdma: list[RdmaDevice]) -> Iterator[Port]:
    """Yield network devices of any other make, and virtual ones."""
    software = {device.parent: device for device in rdma if device.parent}
    used: Counter[str] = Counter()
    for link in links:
        real = link.parent is not None and link.parent_bus not in (None, "netdevsim")
        device = link.parent if real and link.parent else link.name
        used[device] += 1
        driver = f"/sys/class/net/{link.name}/device/driver"
        port, ibdev = PortId(device, used[device]), software.get(link.name)
        yield machine.port(port, link, RdmaPort(ibdev, 1) if ibdev else None)._replace(
            kind=PortKind.PHYSICAL if real else PortKind.VIRTUAL,
            driver=link_name(machine.system, driver) if real else link.kind,
            function=device if link.parent_bus == "pci" else None,
            devtype=link.kind,
        )


def _layer(machine: _Machine, port: Port) -> LinkLayer:
    """Return the link layer: of the RDMA port, else by the netdev's type."""
    layer = None
    if port.rdma and port.rdma_port:
        layer = read_layer(machine.system, port.rdma, port.rdma_port)
    if layer is not None:
        return layer
    link = machine.links.get(port.ifindex or 0)
    infiniband = link is not None and link.type == INFINIBAND_TYPE
    return LinkLayer.INFINIBAND if infiniband else LinkLayer.ETHERNET
