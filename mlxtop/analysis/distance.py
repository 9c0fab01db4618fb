"""How far two PCI devices are from each other, in the words of `nvidia-smi topo -m`.

From sysfs alone: both paths begin at a host bridge, and what they share is what a transfer between
the two need not leave. https://docs.nvidia.com/deploy/nvidia-smi/ (topo); nvmlGpuTopologyLevel_t
"""

from __future__ import annotations

from enum import StrEnum

from mlxtop.model.identity import PCI_ADDRESS, Function
from mlxtop.model.tuning import Gpu


class Distance(StrEnum):
    """What lies between two devices, the nearest first."""

    PIX = "PIX"
    """One PCIe switch at most."""
    PXB = "PXB"
    """Several PCIe switches, but no host bridge."""
    PHB = "PHB"
    """The host bridge, which is the processor as a rule."""
    NODE = "NODE"
    """Host bridges of one NUMA node, and what connects them."""
    SYS = "SYS"
    """The connection between NUMA nodes."""


WORDS = {
    Distance.PIX: "below the same switch",
    Distance.PXB: "across several switches",
    Distance.PHB: "through the same host bridge",
    Distance.NODE: "through another host bridge of the node",
    Distance.SYS: "across NUMA nodes",
}


def distance(
    one: Function | Gpu, other: Function | Gpu, nodes: int | None = None
) -> Distance | None:
    """Return how far two devices are; `nodes` of NUMA are in the machine.

    None where they have different host bridges and the firmware does not tell their nodes.
    """
    mine, others = _above(one.path), _above(other.path)
    if not mine or not others or mine[0] != others[0]:
        return _across(one.numa_node, other.numa_node, nodes)
    shared = sum(a == b for a, b in zip(mine, others, strict=False))
    ports = shared - 1
    if not ports:
        return Distance.PHB
    # A switch is two ports deep: the one towards the root, and one for each device below.
    return Distance.PIX if max(len(mine), len(others)) - shared <= 1 else Distance.PXB


def _above(path: str) -> list[str]:
    """Return host bridge and PCI ports above a device, from the root down."""
    parts = path.split("/")
    first = next((n for n, part in enumerate(parts) if part.startswith("pci")), None)
    if first is None:
        return []
    return [parts[first], *filter(PCI_ADDRESS.fullmatch, parts[first + 1 : -1])]


def _across(one: int | None, other: int | None, nodes: int | None) -> Distance | None:
    if one is None or other is None:
        return Distance.NODE if nodes == 1 else None
    return Distance.NODE if one == other else Distance.SYS
