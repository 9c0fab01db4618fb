"""Page 3: the PCIe path between card and processor, and what it lets through."""

from __future__ import annotations

from mlxtop.model.identity import slot_of
from mlxtop.model.pcie import GENERATION, PcieLink, PciePath
from mlxtop.model.sample import PcieStatus
from mlxtop.present import units
from mlxtop.present.clean import fit
from mlxtop.present.text import Line, Role, Section
from mlxtop.present.view import View, fact, prose


def pcie(view: View) -> list[Section]:
    """The sections of the page."""
    card = view.adapter
    status = view.derived.pcie
    if card is None or status is None or not status.path.links:
        reason = view.why().get("pcie", "a device without a card of its own has no PCIe path")
        return [Section("PCIe", tuple(prose(reason, view.columns)))]
    return [_path(status.path), _limit(view, status), _errors(view, status)]


def _path(path: PciePath) -> Section:
    head = f"  {'device':14}{'now':>16}{'at most':>16}{'Gb/s':>10}"
    lines: list[Line] = [((head, Role.HEAD),)]
    limiting = path.limiting
    for place, link in enumerate(path.links):
        limits = path.limited and link is limiting
        what = "the card" if place == 0 else "the root" if place == len(path.links) - 1 else ""
        lines.append(_hop(link, limits, what, below=place == 0 and path.limited))
    return Section("Path from the card to the root", tuple(lines))


def _hop(link: PcieLink, limits: bool, what: str, below: bool) -> Line:
    mbps = units.NONE if link.mbps is None else f"{link.mbps / 1000:.3f}"
    role = Role.WARNING if limits else Role.TEXT
    return (
        ("▸ " if limits else "  ", role),
        (fit(link.device, 14), role),
        (fit(_words(link.speed, link.width), 16, right=True), Role.WARNING if below else role),
        (fit(_words(link.max_speed, link.max_width), 16, right=True), Role.DIM),
        (fit(mbps, 10, right=True), role),
        (f"  {'limits' if limits else what}", Role.WARNING if limits else Role.DIM),
    )


def _words(speed: float | None, width: int | None) -> str:
    if speed is None and width is None:
        return units.NONE
    rate = units.NONE if speed is None else f"{speed:.1f} GT/s"
    return f"{rate} x{width if width is not None else units.NONE}"


def _limit(view: View, status: PcieStatus) -> Section:
    path = status.path
    card = view.adapter
    lines = [
        fact(
            "available",
            units.gigabits(path.available_mbps),
            role=Role.WARNING if path.limited else Role.GOOD,
            note=f"of {units.gigabits(path.capable_mbps)} that the card is capable of",
        )
    ]
    limiting = path.limiting
    if path.limited and limiting is not None:
        generation = GENERATION.get(limiting.speed or 0.0)
        text = f"PCIe {generation}.0 x{limiting.width}" if generation else f"x{limiting.width}"
        lines.append(fact("limited by", f"{limiting.device} ({text})", role=Role.WARNING))
    ports = [view.frame.ports[port].now for port in view.frame.beside(view.port)]
    line_rate = sum(p.link.speed or 0 for p in ports)
    names = ", ".join(p.port.name for p in ports)
    shared = f"shared by {len(ports)} ports" if len(ports) > 1 else "of its one port"
    lines.append(fact("line rate", units.bits_per_second(line_rate).strip(), note=shared))
    if len(ports) > 1:
        lines.append(fact("ports", names))
    lines.append(fact("ASPM", status.aspm, view.why().get("aspm", "not offered by this link")))
    first = card.slots.get(slot_of(view.now.now.port.function or "")) if card else None
    lines.append(
        fact("NUMA node", first.numa_node if first else None, view.why().get("numa_node", ""))
    )
    lines.append(fact("local CPUs", first.local_cpus if first else None, "not told by the kernel"))
    available = path.available_mbps
    if available is not None and line_rate > available * 1e6:
        lines.append(())
        lines.extend(
            prose(
                "The path is slower than the links of the card: at most "
                f"{available / 1000:.1f} Gb/s raw in each direction, all ports together, and "
                "about 90 % of it as payload.",
                view.columns,
                Role.WARNING,
            )
        )
    return Section("What it lets through", tuple(lines))


def _errors(view: View, status: PcieStatus) -> Section:
    if not status.aer:
        reason = status.absent.get("aer")
        text = f"{units.NONE}  {reason}" if reason else "none counted, neither here nor above"
        return Section("Errors on the path (AER)", tuple(prose(text, view.columns)))
    lines = [
        fact(error.device, f"{error.name} {units.count(count)}")
        for error, count in sorted(status.aer.items())
    ]
    return Section("Errors on the path (AER)", tuple(lines))
