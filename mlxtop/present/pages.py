"""The pages of a port by the key that opens them, page 6, and the most of all of them in short."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from mlxtop.model.identity import Adapter, Function
from mlxtop.present.counters import errors, rdma, traffic
from mlxtop.present.link import link
from mlxtop.present.pcie import pcie
from mlxtop.present.text import Line, Role, Section, clean, wrap
from mlxtop.present.view import View, fact


def identity(view: View) -> list[Section]:
    """Return the sections of page 6: who the port, its card and its functions are."""
    sections = [_port(view)]
    card = view.adapter
    if card is not None:
        lines = [line for function in card.functions for line in _function(function)]
        sections += [_card(view, card), Section("Functions", tuple(lines))]
    lines = []
    for problem in view.frame.sample.problems:
        lines.append(((clean(problem.subject), Role.WARNING),))
        lines += [((text, Role.DIM),) for text in wrap(problem.text, view.columns, "  ")]
    nothing: Line = (("none", Role.GOOD),)
    return [*sections, Section("Problems while reading", tuple(lines or [nothing]))]


def _port(view: View) -> Section:
    port, why = view.now.now.port, view.why()
    index = f"index {port.ifindex}" if port.ifindex is not None else ""
    device = f"{port.rdma} port {port.rdma_port}" if port.rdma else None
    lines = [
        fact("port", port.id, note=str(port.kind)),
        fact("network device", port.netdev, why.get("netdev", ""), note=index),
        fact("RDMA device", device, why.get("rdma", "")),
        fact("driver", port.driver, why.get("driver", "")),
    ]
    more = len(port.representors) - 4
    for label, value, note in (
        ("also", ", ".join(port.extra_netdevs), ""),
        ("member of", port.bond, port.bond_kind or ""),
        ("VFs", port.vfs or None, ""),
        ("representors", ", ".join(port.representors[:4]), f"and {more} more" if more > 0 else ""),
        ("mode", port.switchdev and "switchdev", "the network device is the uplink"),
        ("type", port.devtype, ""),
    ):
        if value:
            lines.append(fact(label, value, note=note))
    return Section("Port", tuple(lines))


def _card(view: View, card: Adapter) -> Section:
    why, stored = view.why(), card.firmware_stored
    lines = [
        fact("family", card.family),
        fact("part number", card.part, why.get("part", "")),
        fact("PSID", card.psid, why.get("psid", "")),
        fact("firmware", card.firmware, why.get("firmware", "")),
    ]
    if stored is not None and stored != card.firmware:
        note = "active after a reset"
        lines.append(fact("firmware stored", stored, role=Role.WARNING, note=note))
    lines.append(fact("card", card.key))
    if card.state:
        lines.append(fact("state", card.state, role=Role.WARNING))
    return Section("Card", tuple(lines))


def _function(function: Function) -> list[Line]:
    lines = [
        fact(function.address, f"{function.vendor:04x}:{function.device:04x}"),
        fact("  driver", function.driver, "no driver is bound"),
        fact("  class", f"{function.pci_class:06x}", note=f"revision {function.revision:02x}"),
        fact("  subsystem", function.subsystem, "not reported"),
        fact("  NUMA node", function.numa_node, "one node, or the firmware does not say"),
        fact("  local CPUs", function.local_cpus, "not reported by the kernel"),
    ]
    if function.total_vfs:
        lines.append(fact("  VFs at most", function.total_vfs))
    return lines


class Page(NamedTuple):
    """A page of a port."""

    key: str
    title: str
    sections: Callable[[View], list[Section]]


PAGES = (
    Page("1", "Traffic", traffic),
    Page("2", "Link & module", link),
    Page("3", "PCIe", pcie),
    Page("4", "Errors", errors),
    Page("5", "RDMA", rdma),
    Page("6", "Identity", identity),
)


def summary(view: View) -> list[Section]:
    """Return traffic, link, ceiling, PCIe and errors, for screens with room below the charts."""
    wire, ceiling, *_ = traffic(view)
    return [wire, *link(view), ceiling, *pcie(view), *errors(view)]
