"""The PCI functions of ConnectX adapters, and the devices that hang below each.

Documentation/ABI/testing/sysfs-bus-pci
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mlxtop.model.identity import Function, natural, pci_address, slot_of
from mlxtop.model.sample import Problem
from mlxtop.sources.kernel import families
from mlxtop.sources.kernel.net import NetLink
from mlxtop.sources.kernel.pci import DEVICES
from mlxtop.sources.kernel.rdma import RdmaDevice
from mlxtop.sources.kernel.sysfs import link_name, names, parse_hex, read_count, read_text
from mlxtop.system.answers import counted
from mlxtop.system.door import System


@dataclass(slots=True)
class FoundFunction:
    """What belongs to one PCI function while discovery puts it together."""

    function: Function
    physfn: str | None
    netdevs: list[NetLink] = field(default_factory=list)
    rdma: list[RdmaDevice] = field(default_factory=list)

    @property
    def is_vf(self) -> bool:
        """A virtual function, of this machine or, inside a virtual one, of its host."""
        return self.physfn is not None or families.is_vf(self.function.device)


def find_functions(
    system: System,
    links: Sequence[NetLink],
    rdma: Sequence[RdmaDevice],
    problems: list[Problem],
) -> dict[str, FoundFunction]:
    """Functions of ConnectX adapters by PCI address, with their network and RDMA devices."""
    found = {f.function.address: f for f in _functions(system, problems)}
    by_name = {link.name: link for link in links}
    for one in found.values():
        here = names(system, f"{DEVICES}/{one.function.address}/net")
        one.netdevs = [by_name[name] for name in sorted(here, key=natural) if name in by_name]
    for link in links:
        _adopt_subfunction(system, link, found)
    for device in rdma:
        if device.function in found:
            found[device.function].rdma.append(device)
    return found


def _functions(system: System, problems: list[Problem]) -> Iterable[FoundFunction]:
    """The functions of ConnectX adapters on the PCI bus."""
    try:
        addresses = system.list(DEVICES)
    except FileNotFoundError:
        return
    except OSError as error:
        problems.append(Problem("PCI", f"{DEVICES}: {error.strerror}"))
        return
    classes: dict[str, int] = {}
    for address in sorted(addresses, key=natural):  # a physical function before its virtual ones
        base = f"{DEVICES}/{address}"
        if parse_hex(read_text(system, f"{base}/vendor")) != families.MELLANOX:
            continue
        device = parse_hex(read_text(system, f"{base}/device")) or 0
        driver = link_name(system, f"{base}/driver")
        physfn = link_name(system, f"{base}/physfn")
        pci_class = classes.get(physfn or "")
        if pci_class is not None:  # all that is told of a card is told of its physical functions
            function = Function(address, families.MELLANOX, device, pci_class, driver=driver)
        else:
            pci_class = parse_hex(read_text(system, f"{base}/class")) or 0
            if not families.is_adapter(families.MELLANOX, device, pci_class, driver):
                continue
            classes[address] = pci_class
            function = _function(system, address, device, pci_class, driver)
        yield FoundFunction(function, physfn)


def _function(
    system: System, address: str, device: int, pci_class: int, driver: str | None
) -> Function:
    base = f"{DEVICES}/{address}"
    try:
        path = system.real(base)
    except OSError:
        path = base
    node = read_count(system, f"{base}/numa_node")
    vendor, model = (read_text(system, f"{base}/subsystem_{kind}") for kind in ("vendor", "device"))
    sensors = names(system, f"{base}/hwmon")
    return Function(
        address=address,
        vendor=families.MELLANOX,
        device=device,
        pci_class=pci_class,
        revision=parse_hex(read_text(system, f"{base}/revision")) or 0,
        subsystem=f"{vendor[2:]}:{model[2:]}" if vendor and model else None,
        driver=driver,
        numa_node=node if node is not None and node >= 0 else None,
        local_cpus=read_text(system, f"{base}/local_cpulist"),
        total_vfs=counted(read_count(system, f"{base}/sriov_numvfs")) or 0,
        hwmon=f"{base}/hwmon/{min(sensors, key=natural)}" if sensors else None,
        path=path,
    )


def _adopt_subfunction(system: System, link: NetLink, found: Mapping[str, FoundFunction]) -> None:
    """Netdevs of sub-functions hang below an auxiliary device of their function."""
    if link.parent_bus != "auxiliary":
        return
    try:
        address = pci_address(system.real(f"/sys/class/net/{link.name}/device"))
    except OSError:
        return
    if address is not None and address in found:
        found[address].netdevs.append(link)


def group_functions(found: Mapping[str, FoundFunction]) -> dict[str, list[FoundFunction]]:
    """Functions by card: the same `sys_image_guid`, else the same slot; VFs with their PF."""
    guid_of_slot: dict[str, str] = {}
    for address, one in found.items():
        guid = next((d.system_guid for d in one.rdma if d.system_guid), None)
        if guid:
            guid_of_slot.setdefault(slot_of(address), guid)
    groups: dict[str, list[FoundFunction]] = defaultdict(list)
    for address, one in found.items():
        slot = slot_of(one.physfn if one.physfn and one.physfn in found else address)
        groups[guid_of_slot.get(slot, slot)].append(one)
    return groups
