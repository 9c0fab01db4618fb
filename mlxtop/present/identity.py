"""Page 6: who the port, its card and its functions are."""

from __future__ import annotations

from mlxtop.model.identity import Adapter, Function, Port
from mlxtop.present.clean import clean
from mlxtop.present.text import Line, Role, Section, wrap
from mlxtop.present.view import View, fact


def identity(view: View) -> list[Section]:
    """The sections of the page."""
    sections = [_port(view)]
    card = view.adapter
    if card is not None:
        sections.append(_card(view, card))
        sections.append(Section("Functions", tuple(_functions(card))))
    return [*sections, _problems(view)]


def _port(view: View) -> Section:
    port, why = view.now.now.port, view.why()
    index = f"index {port.ifindex}" if port.ifindex is not None else ""
    rdma = f"{port.rdma} port {port.rdma_port}" if port.rdma else None
    lines = [
        fact("port", port.id, note=str(port.kind)),
        fact("network device", port.netdev, why.get("netdev", ""), note=index),
        fact("RDMA device", rdma, why.get("rdma", "")),
        fact("driver", port.driver, why.get("driver", "")),
    ]
    lines.extend(_company(port))
    return Section("Port", tuple(lines))


def _company(port: Port) -> list[Line]:
    lines = []
    if port.extra_netdevs:
        lines.append(fact("also", ", ".join(port.extra_netdevs)))
    if port.bond:
        lines.append(fact("member of", port.bond, note=port.bond_kind or ""))
    if port.vfs:
        lines.append(fact("VFs", port.vfs))
    if port.representors:
        shown = ", ".join(port.representors[:4])
        more = len(port.representors) - 4
        lines.append(fact("representors", shown, note=f"and {more} more" if more > 0 else ""))
    if port.switchdev:
        lines.append(fact("mode", "switchdev", note="the network device is the uplink"))
    if port.devtype:
        lines.append(fact("type", port.devtype))
    return lines


def _card(view: View, card: Adapter) -> Section:
    why = view.why()
    stored = card.firmware_stored
    differs = stored is not None and stored != card.firmware
    lines = [
        fact("family", card.family),
        fact("part number", card.part, why.get("part", "")),
        fact("PSID", card.psid, why.get("psid", "")),
        fact("firmware", card.firmware, why.get("firmware", "")),
    ]
    if differs:
        lines.append(
            fact("firmware stored", stored, role=Role.WARNING, note="active after a reset")
        )
    lines.append(fact("card", card.key))
    if card.state:
        lines.append(fact("state", card.state, role=Role.WARNING))
    return Section("Card", tuple(lines))


def _functions(card: Adapter) -> list[Line]:
    lines: list[Line] = []
    for function in card.functions:
        lines.append(fact(function.address, f"{function.vendor:04x}:{function.device:04x}"))
        lines.extend(_function(function))
    return lines


def _function(function: Function) -> list[Line]:
    lines = [
        fact("  driver", function.driver, "no driver is bound"),
        fact("  class", f"{function.pci_class:06x}", note=f"revision {function.revision:02x}"),
        fact("  subsystem", function.subsystem, "not told"),
        fact("  NUMA node", function.numa_node, "one node, or the firmware does not say"),
        fact("  local CPUs", function.local_cpus, "not told by the kernel"),
    ]
    if function.total_vfs:
        lines.append(fact("  VFs at most", function.total_vfs))
    return lines


def _problems(view: View) -> Section:
    lines: list[Line] = []
    for problem in view.frame.sample.problems:
        lines.append(((clean(problem.subject), Role.WARNING),))
        lines.extend((("  " + text, Role.DIM),) for text in wrap(problem.text, view.columns - 2))
    if not lines:
        lines.append((("none", Role.GOOD),))
    return Section("Problems while reading", tuple(lines))
