"""The PCI functions of ConnectX adapters, and the devices that hang below each.

Documentation/ABI/testing/sysfs-bus-pci
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
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
    """A PCI function and its devices, while discovery puts them together."""

    function: Function
    physfn: str | None
    netdevs: list[NetLink] = field(default_factory=list)
    rdma: list[RdmaDevice] = field(default_factory=list)
    main: str | None = None
    """PCI address of the function that has its netdev (multi-PF netdev): it is silent itself."""

    @property
    def data_devices(self) -> list[RdmaDevice]:
        """Return its own RDMA devices: no planes, and none of sub-functions."""
        return [device for device in self.rdma if not device.planes and not device.subfunction]

    @property
    def other_devices(self) -> list[RdmaDevice]:
        """Return its RDMA devices that are planes, or of sub-functions."""
        return [device for device in self.rdma if device.planes or device.subfunction]

    @property
    def is_vf(self) -> bool:
        """Return whether it is a virtual function, of this machine or of the one around it."""
        return self.physfn is not None or families.is_vf(self.function.device)


def find_functions(
    system: System,
    links: Sequence[NetLink],
    rdma: Sequence[RdmaDevice],
    problems: list[Problem],
) -> dict[str, FoundFunction]:
    """Return functions of ConnectX adapters by PCI address, with network and RDMA devices."""
    functions = {f.function.address: f for f in _functions(system, problems)}
    by_name = {link.name: link for link in links}
    for one in functions.values():
        here = names(system, f"{DEVICES}/{one.function.address}/net")
        one.netdevs = [by_name[name] for name in sorted(here, key=natural) if name in by_name]
    for link in links:
        if link.parent_bus == "auxiliary":  # of a sub-function, below a device of its function
            with suppress(OSError):
                address = pci_address(system.real(f"/sys/class/net/{link.name}/device"))
                if address in functions:
                    functions[address].netdevs.append(link)
    for device in rdma:
        if device.function in functions:
            functions[device.function].rdma.append(device)
    return functions


def _functions(system: System, problems: list[Problem]) -> Iterable[FoundFunction]:
    """Yield the functions of ConnectX adapters on the PCI bus."""
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
    path = base
    with suppress(OSError):
        path = system.real(base)
    vendor, model = (read_text(system, f"{base}/subsystem_{kind}") for kind in ("vendor", "device"))
    sensors = sorted(names(system, f"{base}/hwmon"), key=natural)
    sensors.sort(key=lambda name: read_text(system, f"{base}/hwmon/{name}/name") != "mlx5")
    return Function(
        address=address,
        vendor=families.MELLANOX,
        device=device,
        pci_class=pci_class,
        revision=parse_hex(read_text(system, f"{base}/revision")) or 0,
        subsystem=f"{vendor[2:]}:{model[2:]}" if vendor and model else None,
        driver=driver,
        numa_node=counted(read_count(system, f"{base}/numa_node")),
        local_cpus=read_text(system, f"{base}/local_cpulist"),
        total_vfs=counted(read_count(system, f"{base}/sriov_numvfs")) or 0,
        hwmon=f"{base}/hwmon/{sensors[0]}" if sensors else None,
        path=path,
    )


def group_functions(functions: Mapping[str, FoundFunction]) -> dict[str, list[FoundFunction]]:
    """Return functions by card: of one `sys_image_guid`, else of one slot.

    Virtual functions and those of a multi-PF netdev are with the one that they belong to.
    """
    guid_of_slot: dict[str, str] = {}
    for address, one in functions.items():
        own = (*one.data_devices, *one.other_devices)
        guid = next((device.system_guid for device in own if device.system_guid), None)
        if guid:
            guid_of_slot.setdefault(slot_of(address), guid)
    groups: dict[str, list[FoundFunction]] = defaultdict(list)
    for address, one in functions.items():
        other = one.main or one.physfn
        slot = slot_of(other if other and other in functions else address)
        groups[guid_of_slot.get(slot, slot)].append(one)
    for members in groups.values():  # what a card is called by comes first: a function with a port
        members.sort(key=lambda one: one.main is not None)
    return groups
