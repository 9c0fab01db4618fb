"""PCIe: slot, sharing, packet sizes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from mlxtop.analysis.limits import gbps, line_limit
from mlxtop.analysis.verdict import STALLED
from mlxtop.doctor.by_design import (
    has_ordering_erratum,
    is_gb10,
    silent_functions,
    speaks_for,
)
from mlxtop.doctor.check import (
    FAST,
    PCI,
    Case,
    Nothing,
    Outcomes,
    PortCase,
    Subject,
    check,
)
from mlxtop.doctor.slots import MEGA, PcieSlot, slots_of
from mlxtop.model.catalogue import STALLED_RD, STALLED_WR
from mlxtop.model.identity import PortKind
from mlxtop.model.pcie import PcieLink, PciePath, payload

_PCI = "https://docs.kernel.org/PCI/index.html"
_KERNEL = "pcie_print_link_status() in the kernel's drivers/pci/pci.c"
_SEVERAL = 2
_WORTH = 1.05
"""Gain from which larger packets are worth a boot parameter: 128 to 256 bytes, not 256 to 512."""
_SMALL_READ, _LARGE_READ = 512, 4096
"""Bytes of a read request: what kernels leave set, and the most there is."""


def _unseen(case: Case) -> Outcomes:
    """Yield why the PCIe link of a port is not visible."""
    for port in case.each():
        status = case.frame.pcie(port.now.port.id)
        if port.now.port.kind is PortKind.VF:
            yield port.unknown("PCIe", "a virtual function shares its physical one's link")
        elif port.now.port.function and not (status and status.path.available_mbps is not None):
            yield port.unknown("PCIe", "no PCIe link is visible (virtual machine?)")
        elif status and status.is_tunnelled:
            yield port.unknown("PCIe", "a Thunderbolt or USB4 tunnel does not show what it carries")


@check(
    "PCIe slot",
    needs=PCI.whole,
    explains="A card reaches memory over its slot's lanes. One lane carries 4 Gb/s (Gen2), 7.9"
    " (Gen3), 15.8 (Gen4) or 31.5 (Gen5) in each direction, of which packet headers leave about"
    " 91 %. The narrowest hop up to the processor counts, for all ports of the card together.",
    normal="lanes and generation of the card, or at least more than its lines carry. Not judged:"
    " what more traffic than that has disproved, tunnels of Thunderbolt and USB4, and cards that"
    " reach memory through two slots. A speed that was read while idle may be a link that sleeps",
)
def _slot(case: Case) -> Outcomes:
    yield from _unseen(case)
    for slot in slots_of(case):
        hop, line = slot.hop, slot.path.kernel_line()
        demand, usable = slot.demand, slot.usable
        if hop is None or line is None or (demand and usable >= demand):
            continue
        if not slot.has_limit or speaks_for(case, slot.adapter):
            continue
        if second := silent_functions(case, slot.adapter):
            places = ", ".join(function.address for function in second)
            yield slot.unknown("PCIe", f"it may reach memory through {places} as well (multi-PF)")
            continue
        sleeps = slot.idle and slot.awake > usable
        asleep = sleeps and slot.awake >= demand
        at_load = f" ({gbps(slot.awake)} if the idle link speeds up under load)" if sleeps else ""
        yield (slot.note if asleep or not demand else slot.warning)(
            f"{line} (current_link_speed and current_link_width in /sys/bus/pci/devices):"
            f" {hop.text}",
            f"of {gbps(demand)} Gb/s on the line {gbps(usable)} can reach memory, in each"
            f" direction{at_load}"
            if demand
            else f"{gbps(usable)} Gb/s can reach memory{at_load}; the links are down at the moment",
            hop.advice,
            _KERNEL,
        )


@check(
    "PCIe shared by ports",
    needs=PCI.whole,
    explains="All ports of a card share the card's PCIe link.",
    normal="the lines together below PCIe's usable rate, where all are to be full; less by design"
    " in GB10 (DGX Spark)",
)
def _shared(case: Case) -> Outcomes:
    yield from _unseen(case)
    slots = slots_of(case)
    if all(len(slot.ports) == 1 for slot in slots):
        yield Nothing("one port a slot")
    for slot in slots:
        up = [port.name for port in slot.ports if line_limit(port.link)]
        demand, usable = slot.demand, slot.usable
        if not up or not usable or slot.hop is not None or usable >= demand:
            continue
        if not slot.has_limit:
            continue
        if is_gb10(case.frame, slot.adapter.functions[0]):
            yield slot.setting(f"GB10: {gbps(usable)} Gb/s for {', '.join(up)} together, by design")
            continue
        yield slot.note(
            f"{', '.join(up)}: {gbps(demand)} Gb/s of line, {gbps(usable)} usable of"
            f" {gbps((slot.path.available_mbps or 0) * MEGA)} raw PCIe",
            "the slot is as wide as the card, but the line is wider still: in each direction no"
            " more can reach memory",
            "nothing to repair; use another card beside it if all of the line is needed",
            _KERNEL,
        )


@check(
    "PCIe shared by cards",
    needs=PCI.whole,
    explains="Cards behind the same switch or chipset share its link to the processor.",
    normal="each fast card in a slot of its own at the processor",
)
def _switch(case: Case) -> Outcomes:
    yield from _unseen(case)
    slots = slots_of(replace(case, ports=tuple(case.frame.ports)))
    wanted = {card.adapter.key for card in case.cards()}
    if len({slot.adapter.key for slot in slots}) < _SEVERAL:
        yield Nothing("one card")
    for bridges, sharing in _by_link(slots):
        narrow, cards = bridges.limiting, {slot.adapter.key: slot.name for slot in sharing}
        if narrow is None or narrow.mbps is None or wanted.isdisjoint(cards):
            continue
        room, demand = (payload(narrow.mbps, None) or 0) * MEGA, sum(s.demand for s in sharing)
        if len(cards) >= _SEVERAL and demand > room:
            first, *others = cards.values()
            yield Subject(first).warning(
                f"shares the bridge {narrow.device} ({gbps(narrow.mbps * MEGA)} Gb/s raw) with"
                f" {', '.join(others)}",
                f"the lines of {'all' if others[1:] else 'both'} carry {gbps(demand)} Gb/s, the"
                f" bridge {gbps(room)} usable",
                "put one of the cards into a slot of its own at the processor",
                _PCI,
            )


def _by_link(slots: Iterable[PcieSlot]) -> Iterator[tuple[PciePath, list[PcieSlot]]]:
    """Yield the links that the same slots share, with these slots."""
    below: dict[str, list[PcieSlot]] = {}
    links: dict[str, PcieLink] = {}
    for slot in slots:
        for link in slot.path.links:
            below.setdefault(link.device, []).append(slot)
            links.setdefault(link.device, link)
    alike: dict[tuple[int, int], list[str]] = {}
    for device, sharing in below.items():  # PCIe is a tree: first slot and number say which ones
        alike.setdefault((id(sharing[0]), len(sharing)), []).append(device)
    for devices in alike.values():
        yield PciePath(tuple(links[device] for device in devices)), below[devices[0]]


@check(
    "PCIe packet sizes",
    needs=PCI.whole,
    explains="MaxPayload is the largest packet that the card writes to memory, MaxReadReq the"
    " largest piece that it asks to read. Small ones spend more of the link on headers.",
    normal="MaxPayload 256 or 512, MaxReadReq 512 to 4096, relaxed ordering on, except below root"
    " ports whose erratum made the kernel switch it off (Xeon E5 v3 and v4, AMD A1100)",
)
def _packets(case: Case) -> Outcomes:
    yield from _unseen(case)
    for slot in slots_of(case):
        port = slot.ports[0]
        control, above = port.settings.control, port.settings.bridge_control
        if control is None:
            yield port.unread("PCIe packet sizes", "control", "not read")
            continue
        address, demand, usable = port.now.port.function, slot.demand, slot.usable
        best = min(control.mps_supported, above.mps_supported if above else control.mps)
        gain = (slot.path.payload_mbps(best) or 0) * MEGA
        if gain > usable * _WORTH and usable < demand and slot.has_limit:
            yield slot.warning(
                f"MaxPayload {control.mps}, {best} supported by both ends (lspci -vv -s {address})",
                f"{gbps(usable)} Gb/s instead of {gbps(gain)} can reach memory",
                "boot with pci=pcie_bus_perf, or raise it in the BIOS",
                _PCI,
            )
        waiting = (port.frame.total(STALLED_RD) or 0) >= STALLED and control.mrrs < _LARGE_READ
        if demand >= FAST and (control.mrrs < _SMALL_READ or waiting):
            yield slot.note(
                f"MaxReadReq {control.mrrs} (lspci -vv -s {address})",
                "sending at this speed takes many small reads of memory",
                f"setpci -s {address} CAP_EXP+8.w=5000:7000 (4096 bytes; it lasts until the next"
                " start). mlxtop never does it: try it out of hours, and compare",
                _PCI,
            )
        waited = port.frame.total(STALLED_WR) or 0
        erratum = has_ordering_erratum(slot.status)
        if waited >= STALLED and not control.relaxed_ordering and not erratum:
            yield slot.note(
                f"relaxed ordering is off (lspci -vv: RlxdOrd-), writes waited {waited} % of the"
                " last second (outbound_pci_stalled_wr)",
                "a write to memory that waits holds up all that come after it",
                f"setpci -s {address} CAP_EXP+8.w=10:10 until the next start, or mstconfig -d"
                f" {address} set PCI_WR_ORDERING=1; out of hours",
                _PCI,
            )


@check(
    "PCIe read requests",
    needs=PCI,
    explains="To send, a card reads memory in pieces of MaxReadReq at most; 4096 bytes help some"
    " hosts at 100 Gb/s and more. With relaxed ordering a write may overtake another one that"
    " waits. Both lie in the function's Device Control register, which setpci can change"
    " (CAP_EXP+8) until the next start; mlxtop never does.",
    normal="MaxReadReq 512 to 4096, relaxed ordering on; of a virtual function they read as 0",
)
def _requests(port: PortCase) -> Outcomes:
    control = port.settings.control
    if port.now.port.kind is PortKind.VF:
        yield port.unknown("PCIe packet sizes", "those of its physical function count")
    elif control is None:
        yield port.unread("PCIe packet sizes", "control", "not read")
    else:
        ordering = "on" if control.relaxed_ordering else "off"
        if has_ordering_erratum(port.case.frame.pcie(port.now.port.id)):
            ordering += " (the root port has an erratum)"
        text = f"MaxPayload {control.mps}, MaxReadReq {control.mrrs}, relaxed ordering {ordering}"
        yield Subject(port.now.port.function or port.name).setting(text)
