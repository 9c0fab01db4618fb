"""The pages of a port by the key that opens them; pages 3 and 6, which are about its card."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from mlxtop.analysis.distance import WORDS, Distance, distance
from mlxtop.model.identity import Function, slot_of
from mlxtop.model.pcie import PciePath, link_words
from mlxtop.model.sample import PcieStatus
from mlxtop.passport.card import Passport, of_sample
from mlxtop.present import units
from mlxtop.present.congestion import congestion
from mlxtop.present.counters import errors, rdma
from mlxtop.present.ends import both_ends
from mlxtop.present.fabric_page import fabric
from mlxtop.present.link import link
from mlxtop.present.passport import flash_section
from mlxtop.present.text import Line, Role, Section, clean, headings, row
from mlxtop.present.traffic import traffic
from mlxtop.present.view import View, age, below, fact, prose

ENDS_PAGE = "8"
"""Key of the page that is about two ports."""
_PATH_WIDTHS = (15, 10, 9, 9)


def pcie(view: View) -> list[Section]:
    """Return the sections of page 3: the path between card and processor, what it lets through."""
    status = view.derived.pcie
    if view.adapter is None or status is None or not status.path.links:
        reason = view.why().get("pcie", "a device without a card of its own has no PCIe path")
        return [Section("PCIe", tuple(prose(reason, view.columns))), *_by_card(view)]
    own = (_path(status.path), _limit(view, status), _aer(view, status))
    return [*own, *_by_card(view), *_gpus(view)]


def _path(path: PciePath) -> Section:
    lines: list[Line] = [headings(_PATH_WIDTHS, "  device", "PCIe now", "at most", "Gb/s")]
    for place, hop in enumerate(path.links):
        limits = path.limited and hop == path.limiting
        role = Role.WARNING if limits else Role.TEXT
        what = "the card" if place == 0 else "the root" if place == len(path.links) - 1 else ""
        cells = (
            (f"{'▸' if limits else ' '} {hop.device}", role),
            (_short(hop.running), Role.WARNING if path.limited and place == 0 else role),
            (_short(hop.capability), Role.DIM),
            (units.NONE if hop.mbps is None else f"{hop.mbps / 1000:.3f}", role),
        )
        note = ("  limits", Role.WARNING) if limits else (f"  {what}", Role.DIM)
        lines.append((*row(_PATH_WIDTHS, cells), note))
    return Section("Path from the card to the root", tuple(lines))


def _short(link: tuple[float | None, int | None]) -> str:
    """Return a link in words below a heading that says PCIe: `3.0 x8`."""
    return link_words(link).removeprefix("PCIe ")


def _limit(view: View, status: PcieStatus) -> Section:
    path, why = status.path, view.why()
    capable = f"of {units.gigabits(path.capable_mbps).removesuffix(' Gb/s')} the card can"
    if path.available_mbps == path.capable_mbps:
        capable = "all that the card can"
    role = Role.WARNING if path.limited else Role.GOOD
    lines = [fact("available", units.gigabits(path.available_mbps), role=role, note=capable)]
    narrow = path.limiting
    if path.limited and narrow is not None:
        text = f"{narrow.device} ({link_words(narrow.running, path.links[0].capability)})"
        lines += below("limited by", text, view.columns, Role.WARNING)
    ports = [view.frame.ports[port].now for port in view.frame.beside(view.port)]
    line_rate = sum(port.link.speed or 0 for port in ports)
    shared = f"shared by {len(ports)} ports" if len(ports) > 1 else "of its one port"
    lines.append(fact("line rate", units.rate(line_rate).strip(), note=shared))
    if len(ports) > 1:
        names = ", ".join(port.port.name for port in ports)
        lines += below("ports", names, view.columns, Role.TEXT)
    lines.append(fact("ASPM", status.aspm, why.get("aspm", "not offered by this link")))
    slot = slot_of(view.now.now.port.function or "")
    first = view.adapter.slots.get(slot) if view.adapter else None
    if first is None or first.numa_node is None:
        lines += below("NUMA node", f"{units.NONE}  {why.get('numa_node', '')}", view.columns)
    else:
        lines.append(fact("NUMA node", first.numa_node))
    cpus = first.local_cpus if first else None
    text = cpus.replace(",", ", ") if cpus else f"{units.NONE}  not reported by the kernel"
    lines += below("local CPUs", text, view.columns, Role.TEXT if cpus else Role.DIM)
    available = path.available_mbps
    if available is not None and line_rate > available * 1e6:
        text = (
            f"The path is slower than the links of the card: at most {available / 1000:.1f} Gb/s "
            "in each direction, all ports together, of which about 90 % is data."
        )
        lines += [(), *prose(text, view.columns, Role.WARNING)]
    return Section("What it lets through", tuple(lines))


def _aer(view: View, status: PcieStatus) -> Section:
    lines = [
        fact(error.device, f"{error.name} {units.count(count)}")
        for error, count in sorted(status.aer.items())
    ]
    reason = status.absent.get("aer")
    text = f"{units.NONE}  {reason}" if reason else "none counted, neither here nor above"
    return Section("Errors on the path (AER)", tuple(lines or prose(text, view.columns)))


def _gpus(view: View) -> Iterator[Section]:
    """Yield how far the GPUs are, the nearest first, where there are any."""
    host = view.frame.sample.host_settings.value
    function = view.frame.function(view.port)
    if host is None or function is None or not host.gpus:
        return
    far = [(distance(function, gpu, host.nodes), gpu) for gpu in host.gpus]
    lines: list[Line] = []
    for level in (*Distance, None):
        gpus = [gpu.address for at, gpu in far if at is level]
        if gpus:
            words = WORDS[level] if level else "the firmware does not tell the NUMA nodes"
            lines.append(fact(level or units.NONE, words))
            lines += below("", ", ".join(gpus), view.columns)
    yield Section("Distance to the GPUs (as nvidia-smi topo words it)", tuple(lines))


_COUNTED = {
    "link_downs": "link downs",
    "rx_errors": "bad frames",
    "tx_errors": "bad training",
    "crc_dllp": "bad DLLPs",
    "crc_tlp": "bad TLPs",
    "fec_corrected": "FEC repaired",
    "fec_uncorrected": "FEC lost",
}
"""The card's counters in words; the first three are returns of the link to training."""
_DAMAGE = ("crc_dllp", "crc_tlp", "fec_uncorrected")


def _by_card(view: View) -> Iterator[Section]:
    """Yield what the card itself says of its link, where a tool reads it."""
    report = view.now.now.pcie_report
    if report is None:
        return
    lines: list[Line] = []
    if report.width is not None:
        lines.append(fact("link", link_words(report.running, report.enabled), note="of enabled"))
    for name, count in report.errors.items():
        role = Role.WARNING if count and name in _DAMAGE else Role.TEXT
        lines.append(fact(_COUNTED.get(name, name), units.count(count), role=role))
    if report.lane_errors:
        text = ", ".join(units.count(count) for count in report.lane_errors)
        lines.append(fact("errors by lane", text))
    if report.ber is not None:
        lines.append(fact("bit error rate", f"{report.ber:.0e}" if report.ber > 1e-50 else "0"))
    if report.status:
        lines.append(fact("device status", report.status))
    if report.caveat is not None:
        lines.append(fact("left out", report.caveat, role=Role.DIM))
    lines.append(fact("source", report.source, role=Role.DIM, note=age(view, report.tick)))
    yield Section("By the card itself, since it was powered", tuple(lines))


def identity(view: View) -> list[Section]:
    """Return the sections of page 6: who the port, its card and its functions are."""
    sections = [_port(view)]
    card = view.adapter
    if card is not None:
        lines = [line for function in card.functions for line in _function(function)]
        passport = of_sample(view.frame.sample, card, view.firmware)
        flash = flash_section(passport, view.columns)
        sections += [_card(view, passport), flash, Section("Functions", tuple(lines))]
    lines = []
    for problem in view.frame.sample.problems:
        lines.append(((clean(problem.subject), Role.WARNING),))
        lines += prose(problem.text, view.columns, indent="  ")
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
        ("also RDMA", ", ".join(port.extra_rdma), "planes, or of sub-functions"),
        ("also at", ", ".join(port.extra_functions), "functions of the same network device"),
        ("one cage with", ", ".join(view.derived.same_cage), "the same physical port and module"),
        ("member of", port.bond, port.bond_kind or ""),
        ("VFs", port.vfs or None, ""),
        ("representors", ", ".join(port.representors[:4]), f"and {more} more" if more > 0 else ""),
        ("mode", port.switchdev and "switchdev", "the network device is the uplink"),
        ("type", port.devtype, ""),
    ):
        if value:
            lines.append(fact(label, value, note=note))
    return Section("Port", tuple(lines))


def _card(view: View, passport: Passport) -> Section:
    card, why, stored = passport.adapter, view.why(), passport.stored
    lines = [
        fact("family", card.family),
        fact("part number", passport.part, why.get("part", "")),
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
    """A page of a port, the key that opens it, and its boxes."""

    key: str
    title: str
    sections: Callable[[View], list[Section]]
    short: str
    """Title where there is no room for the whole one."""


PAGES = (
    Page("1", "Traffic", traffic, "Rates"),
    Page("2", "Link & module", link, "Link"),
    Page("3", "PCIe", pcie, "PCIe"),
    Page("4", "Errors", errors, "Errors"),
    Page("5", "RDMA", rdma, "RDMA"),
    Page("6", "Identity", identity, "Card"),
    Page("7", "Congestion", congestion, "Pause"),
    Page(ENDS_PAGE, "Both ends", both_ends, "Ends"),
    Page("9", "Fabric", fabric, "Net"),
)


def summary(view: View) -> list[Section]:
    """Return traffic, link, ceiling, PCIe and errors, for screens with room below the charts."""
    wire, ceiling, *_ = traffic(view)
    return [wire, *link(view), ceiling, *pcie(view), *errors(view)]
