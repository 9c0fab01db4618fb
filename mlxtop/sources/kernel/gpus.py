"""GPUs and NUMA nodes of the machine, from sysfs.

Documentation/ABI/testing/sysfs-bus-pci; a GPU is looked for at its driver, so that a thousand
virtual functions cost nothing.
"""

from __future__ import annotations

import re

from mlxtop.model.identity import PCI_ADDRESS
from mlxtop.model.tuning import Gpu
from mlxtop.sources.kernel.sysfs import names, parse_hex, read_count, read_text
from mlxtop.system.door import System

_DRIVERS = ("nvidia", "nouveau", "amdgpu", "habanalabs")
_CLASSES = (0x03, 0x12)
"""Display controllers, and processing accelerators."""
_NODE = re.compile(r"node\d+")


def read_gpus(system: System) -> tuple[Gpu, ...]:
    """Return the GPUs that have a driver, by address."""
    gpus = []
    for driver in _DRIVERS:
        for address in names(system, f"/sys/bus/pci/drivers/{driver}"):
            if PCI_ADDRESS.fullmatch(address) and (gpu := _read(system, address, driver)):
                gpus.append(gpu)
    return tuple(sorted(gpus))


def _read(system: System, address: str, driver: str) -> Gpu | None:
    try:
        place = system.real(f"/sys/bus/pci/devices/{address}")
    except OSError:
        return None
    kind = parse_hex(read_text(system, f"{place}/class"))
    if kind is None or kind >> 16 not in _CLASSES:
        return None
    node = read_count(system, f"{place}/numa_node")
    return Gpu(address, driver, place, None if node is None or node < 0 else node)


def read_nodes(system: System) -> int | None:
    """Return how many NUMA nodes there are; None where the kernel does not show them."""
    return sum(map(bool, map(_NODE.fullmatch, names(system, "/sys/devices/system/node")))) or None
