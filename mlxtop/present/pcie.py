"""Page 3: the PCIe path between card and processor, and what it lets through."""

from __future__ import annotations

from collections.abc import Iterator

from mlxtop.model.identity import slot_of
from mlxtop.model.pcie import PciePath, link_words
from mlxtop.model.sample import PcieStatus
from mlxtop.present import units
from mlxtop.present.text import Line, Role, Section, headings, row
from mlxtop.present.view import View, age, fact, prose

_WIDTHS = (16, 16, 16, 10)
_AER = "Errors on the path (AER)"


def pcie(view: View) -> list[Section]:
    """Return the sections of the page."""
    status = view.derived.pcie
    if view.adapter is None or status is None or not status.path.links:
        reason = view.why().get("pcie", "a device without a card of its own has no PCIe path")
        return [Section("PCIe", tuple(prose(reason, view.columns))), *_card_side(view)]
    return [_path(status.path), _limit(view, status), _errors(view, status), *_card_side(view)]


def _path(path: PciePath) -> Section:
    lines: list[Line] = [headings(_WIDTHS, "  device", "now", "at most", "Gb/s")]
    for place, link in enumerate(path.links):
        limits = path.limited and link is path.limiting
        role = Role.WARNING if limits else Role.TEXT
        what = "the card" if place == 0 else "the root" if place == len(path.links) - 1 else ""
        cells = (
            (f"{'▸' if limits else ' '} {link.device}", role),
            (link_words(link.running), Role.WARNING if path.limited and place == 0 else role),
            (link_words(link.capability), Role.DIM),
            (units.NONE if link.mbps is None else f"{link.mbps / 1000:.3f}", role),
        )
        note = ("  limits", Role.WARNING) if limits else (f"  {what}", Role.DIM)
        lines.append((*row(_WIDTHS, cells), note))
    return Section("Path from the card to the root", tuple(lines))


def _limit(view: View, status: PcieStatus) -> Section:
    path, why = status.path, view.why()
    capable = f"of {units.gigabits(path.capable_mbps)} that the card is capable of"
    role = Role.WARNING if path.limited else Role.GOOD
    lines = [fact("available", units.gigabits(path.available_mbps), role=role, note=capable)]
    narrow = path.limiting
    if path.limited and narrow is not None:
        text = f"{narrow.device} ({link_words(narrow.running, path.links[0].capability)})"
        lines.append(fact("limited by", text, role=Role.WARNING))
    ports = [view.frame.ports[port].now for port in view.frame.beside(view.port)]
    line_rate = sum(port.link.speed or 0 for port in ports)
    shared = f"shared by {len(ports)} ports" if len(ports) > 1 else "of its one port"
    lines.append(fact("line rate", units.bits_per_second(line_rate).strip(), note=shared))
    if len(ports) > 1:
        lines.append(fact("ports", ", ".join(port.port.name for port in ports)))
    lines.append(fact("ASPM", status.aspm, why.get("aspm", "not offered by this link")))
    slot = slot_of(view.now.now.port.function or "")
    first = view.adapter.slots.get(slot) if view.adapter else None
    lines.append(fact("NUMA node", first and first.numa_node, why.get("numa_node", "")))
    lines.append(fact("local CPUs", first and first.local_cpus, "not reported by the kernel"))
    available = path.available_mbps
    if available is not None and line_rate > available * 1e6:
        text = (
            "The path is slower than the links of the card: at most "
            f"{available / 1000:.1f} Gb/s raw in each direction, all ports together, and "
            "about 90 % of it as payload."
        )
        lines += [(), *prose(text, view.columns, Role.WARNING)]
    return Section("What it lets through", tuple(lines))


def _errors(view: View, status: PcieStatus) -> Section:
    if not status.aer:
        reason = status.absent.get("aer")
        text = f"{units.NONE}  {reason}" if reason else "none counted, neither here nor above"
        return Section(_AER, tuple(prose(text, view.columns)))
    counts = sorted(status.aer.items())
    lines = (fact(error.device, f"{error.name} {units.count(count)}") for error, count in counts)
    return Section(_AER, tuple(lines))


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


def _card_side(view: View) -> Iterator[Section]:
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
