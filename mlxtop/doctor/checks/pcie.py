"""PCIe: slot, sharing, packet sizes, errors, power saving, IOMMU."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from shlex import quote

from mlxtop.analysis.limits import gbps, line_limit
from mlxtop.analysis.port_view import port_view
from mlxtop.analysis.slot import Reason, find_hop
from mlxtop.analysis.verdict import STALLED
from mlxtop.doctor.check import (
    Case,
    CouldNotTell,
    Finding,
    Nothing,
    Outcome,
    card_name,
)
from mlxtop.doctor.checks.needs import FAST, needs_card, needs_fast, needs_pci
from mlxtop.model.catalogue import STALLED_RD, STALLED_WR
from mlxtop.model.counters import Severity
from mlxtop.model.frame import Frame, PortFrame
from mlxtop.model.identity import Adapter, PortId, PortKind, slot_of
from mlxtop.model.pcie import PcieLink, PciePath, payload
from mlxtop.model.sample import AerError, PcieStatus
from mlxtop.model.tuning import PortTuning

_PCI = "https://docs.kernel.org/PCI/index.html"
_KERNEL = "pcie_print_link_status() in the kernel's drivers/pci/pci.c"
_AER = "https://docs.kernel.org/PCI/pcieaer-howto.html"
_IOMMU = "https://docs.kernel.org/admin-guide/kernel-parameters.html (iommu=)"
_MEGA = 1_000_000
_IDLE = 0.02
_SEVERAL = 2
_WORTH = 1.05
"""Gain from which larger packets are worth a boot parameter: 128 to 256 bytes, not 256 to 512."""
_SMALL_READ, _LARGE_READ = 512, 4096
"""Bytes of a read request: what kernels leave set, and the most there is."""
_FEW_ERRORS = 10
"""Corrected errors that starting and retraining a link may leave behind."""


class _Slot:
    """The ports behind one PCIe link."""

    def __init__(self, frame: Frame, adapter: Adapter, path: PciePath) -> None:
        self.frame = frame
        self.adapter = adapter
        self.path = path
        self.frames: list[tuple[str, PortFrame, PortTuning]] = []

    @property
    def demand(self) -> int:
        """What the lines of its ports that are up carry together, bit/s."""
        limits = [line_limit(frame.now.link) for _, frame, _ in self.frames]
        return sum(limit.usable for limit in limits if limit is not None)

    @property
    def idle(self) -> bool:
        """Next to no traffic: links may have slowed down to save power."""
        measured = [port_view(self.frame, frame.id).measured for _, frame, _ in self.frames]
        rates = [rate.rate for rate in measured if rate is not None]
        return not rates or sum(rates) < _IDLE * max(self.demand, 1)

    def usable(self) -> int:
        """Bit/s of data between card and memory."""
        control = next((t.control for _, _, t in self.frames if t.control), None)
        return (self.path.payload_mbps(control.mps if control else None) or 0) * _MEGA


def _slots(case: Case) -> Iterator[_Slot]:
    """The PCIe links of the ports to judge, each with all the ports that share it."""
    wanted = {
        slot_of(frame.now.port.function) for _, frame, _ in case.each() if frame.now.port.function
    }
    found: dict[str, _Slot] = {}
    for port, frame in case.frame.ports.items():
        function = frame.now.port.function
        adapter = case.frame.adapter(port)
        if function is None or adapter is None or slot_of(function) not in wanted:
            continue
        status = case.frame.pcie(port)
        if status is None:
            continue
        slot = found.setdefault(slot_of(function), _Slot(case.frame, adapter, status.path))
        settings = case.tuning.ports.get(port, PortTuning())
        slot.frames.append((quote(frame.now.port.name), frame, settings))
    yield from found.values()


def _unseen(case: Case) -> Iterator[CouldNotTell]:
    for name, frame, _ in case.each():
        port = frame.now.port
        if port.kind is PortKind.VF:
            yield CouldNotTell(f"{name}: PCIe", "a virtual function shares its physical one's link")
        elif port.function is not None:
            status = case.frame.pcie(port.id)
            if status is None or status.path.available_mbps is None:
                yield CouldNotTell(f"{name}: PCIe", "no PCIe link is visible (virtual machine?)")


@needs_pci
def check_slot(case: Case) -> Iterator[Outcome]:
    """The slot does not hold up the card's ports."""
    yield from _unseen(case)
    for slot in _slots(case):
        hop, line = find_hop(slot.path), slot.path.kernel_line()
        demand, usable = slot.demand, slot.usable()
        if hop is None or line is None or (demand and usable >= demand):
            continue
        asleep = hop.reason is Reason.TRAINING and not hop.width and slot.idle
        severity = Severity.NOTE if asleep or not demand else Severity.WARNING
        yield Finding(
            severity,
            card_name(slot.adapter),
            f"{line} (current_link_speed and current_link_width in /sys/bus/pci/devices):"
            f" {hop.text}",
            f"of {gbps(demand)} Gb/s on the line {gbps(usable)} can reach memory, in each direction"
            if demand
            else f"{gbps(usable)} Gb/s can reach memory; the links are down at the moment",
            hop.advice,
            _KERNEL,
        )


@needs_pci
def check_shared(case: Case) -> Iterator[Outcome]:
    """The ports of a card fit through its slot together."""
    yield from _unseen(case)
    slots = list(_slots(case))
    if all(len(slot.frames) == 1 for slot in slots):
        yield Nothing("one port a slot")
    for slot in slots:
        up = [name for name, frame, _ in slot.frames if line_limit(frame.now.link)]
        demand, usable = slot.demand, slot.usable()
        if not up or not usable or find_hop(slot.path) is not None or usable >= demand:
            continue
        yield Finding(
            Severity.NOTE,
            card_name(slot.adapter),
            f"{', '.join(up)}: {gbps(demand)} Gb/s of line, {gbps(usable)} usable of"
            f" {gbps((slot.path.available_mbps or 0) * _MEGA)} raw PCIe",
            "the slot is as wide as the card, but the line is wider still: in each direction no"
            " more can reach memory",
            "nothing to repair; use another card beside it if all of the line is needed",
            _KERNEL,
        )


@needs_pci
def check_switch(case: Case) -> Iterator[Outcome]:
    """Cards do not share a bridge that is too narrow for both."""
    yield from _unseen(case)
    everything = Case(case.frame, case.tuning, tuple(case.frame.ports))
    wanted = {adapter.key for adapter in case.adapters()}
    if len({slot.adapter.key for slot in _slots(everything)}) < _SEVERAL:
        yield Nothing("one card")
    for bridges, slots in _shared(_slots(everything)):
        narrow, cards = bridges.limiting, {slot.adapter.key: slot.adapter for slot in slots}
        if narrow is None or narrow.mbps is None or wanted.isdisjoint(cards):
            continue
        room, demand = (payload(narrow.mbps, None) or 0) * _MEGA, sum(s.demand for s in slots)
        if len(cards) >= _SEVERAL and demand > room:
            first, *others = map(card_name, cards.values())
            yield Finding(
                Severity.WARNING,
                first,
                f"shares the bridge {narrow.device} ({gbps(narrow.mbps * _MEGA)} Gb/s raw) with"
                f" {', '.join(others)}",
                f"the lines of {'all' if others[1:] else 'both'} carry {gbps(demand)} Gb/s, the"
                f" bridge {gbps(room)} usable",
                "put one of the cards into a slot of its own at the processor",
                _PCI,
            )


def _shared(slots: Iterable[_Slot]) -> Iterator[tuple[PciePath, list[_Slot]]]:
    """Yield the links that the same slots share, with these slots."""
    below: dict[str, list[_Slot]] = {}
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


@needs_pci
def check_packets(case: Case) -> Iterator[Outcome]:
    """PCIe packets are not small for no reason, nor reads where the card waits for them."""
    yield from _unseen(case)
    for slot in _slots(case):
        name, frame, settings = slot.frames[0]
        control, above = settings.control, settings.bridge_control
        if control is None:
            reason = settings.absent.get("control", "not read")
            yield CouldNotTell(f"{name}: PCIe packet sizes", reason)
            continue
        address, demand = frame.now.port.function, slot.demand
        best = min(control.mps_supported, above.mps_supported if above else control.mps)
        gain = (slot.path.payload_mbps(best) or 0) * _MEGA
        if gain > slot.usable() * _WORTH and slot.usable() < demand:
            yield Finding(
                Severity.WARNING,
                card_name(slot.adapter),
                f"MaxPayload {control.mps}, {best} supported by both ends (lspci -vv -s {address})",
                f"{gbps(slot.usable())} Gb/s instead of {gbps(gain)} can reach memory",
                "boot with pci=pcie_bus_perf, or raise it in the BIOS",
                _PCI,
            )
        waiting = (frame.total(STALLED_RD) or 0) >= STALLED and control.mrrs < _LARGE_READ
        if demand >= FAST and (control.mrrs < _SMALL_READ or waiting):
            yield Finding(
                Severity.NOTE,
                card_name(slot.adapter),
                f"MaxReadReq {control.mrrs} (lspci -vv -s {address})",
                "sending at this speed takes many small reads of memory",
                f"setpci -s {address} CAP_EXP+8.w=5000:7000 (4096 bytes; it lasts until the next"
                " start). mlxtop never does it: try it out of hours, and compare",
                _PCI,
            )
        yield from _unordered(slot)


def _unordered(slot: _Slot) -> Iterator[Finding]:
    """Without relaxed ordering a write that waits holds up all that come after it."""
    _, frame, settings = slot.frames[0]
    address = frame.now.port.function
    control, waited = settings.control, frame.total(STALLED_WR) or 0
    if control is None or control.relaxed_ordering or waited < STALLED:
        return
    yield Finding(
        Severity.NOTE,
        card_name(slot.adapter),
        f"relaxed ordering is off (lspci -vv: RlxdOrd-), writes waited {waited} % of the last"
        " second (outbound_pci_stalled_wr)",
        "a write to memory that waits holds up all that come after it",
        f"setpci -s {address} CAP_EXP+8.w=10:10 until the next start, or mstconfig -d {address}"
        " set PCI_WR_ORDERING=1; out of hours",
        _PCI,
    )


def _by_name(aer: Mapping[AerError, int]) -> list[tuple[AerError, int]]:
    """Return errors by name; the root port's totals count the same ones and stand in for none."""
    named = {error: count for error, count in aer.items() if not error.is_total}
    return sorted((named or aer).items())


def _slot_states(case: Case) -> Iterator[tuple[str, str, PcieStatus | None]]:
    """Yield name of the card, slot and PCIe of every slot that has one; None: it was not read."""
    for adapter in case.adapters():
        for number, slot in enumerate(adapter.slots):
            name = card_name(adapter) + (f", slot {slot}" if number else "")
            yield name, slot, case.frame.sample.pcie.get(slot)


@needs_card
def check_bus_errors(case: Case) -> Iterator[Outcome]:
    """PCIe counts no errors."""
    for name, slot, status in _slot_states(case):
        if status is None or "aer" in status.absent:
            reason = status.absent["aer"] if status else "PCIe of this card was not read"
            yield CouldNotTell(f"{name}: PCIe errors", reason)
            continue
        before = case.pcie_before.get(slot)
        for error, count in _by_name(status.aer):
            grown = count - before.aer.get(error, 0) if before else 0
            severe = any(word in error.name.lower() for word in ("fatal", "cmplt", "malf", "ecrc"))
            if grown <= 0 and not severe and count < _FEW_ERRORS:
                continue
            yield Finding(
                Severity.WARNING if grown > 0 or severe else Severity.NOTE,
                name,
                f"{error}: {count}{f', {grown} more just now' if grown > 0 else ''}"
                " (aer_dev_* in /sys/bus/pci/devices)",
                "errors on the PCIe link cost repetitions, and in the end the card",
                "reseat the card, leave out the riser, try another slot or a lower generation",
                _AER,
            )


@needs_card
def check_aspm(case: Case) -> Iterator[Outcome]:
    """The card's PCIe link does not go to sleep between packets."""
    policy = case.tuning.host.aspm_policy
    for name, _, status in _slot_states(case):
        states = status.aspm if status else None
        if status is None or (states is None and policy is None):
            yield CouldNotTell(f"{name}: ASPM", "the kernel shows no state of it")
        elif states and states != "off":
            yield Finding(
                Severity.NOTE,
                name,
                f"ASPM {states} is on (/sys/bus/pci/devices/*/link), policy {policy or 'unknown'}",
                "waking the link up costs microseconds at every pause of the traffic",
                "echo performance > /sys/module/pcie_aspm/parameters/policy, or boot with"
                " pcie_aspm.policy=performance",
                _PCI,
            )


@needs_fast
def check_iommu(case: Case) -> Iterator[Outcome]:
    """The IOMMU does not translate every packet's address."""
    seen: set[PortId] = set()
    for name, frame, settings in case.each():
        speed = frame.now.link.speed or 0
        port = frame.now.port
        if port.function is None or port.id in seen or speed < FAST:
            continue
        seen.add(port.id)
        if settings.iommu is None:
            yield CouldNotTell(f"{name}: IOMMU", settings.absent.get("iommu", "not read"))
        elif settings.iommu not in ("none", "identity"):
            yield Finding(
                Severity.NOTE,
                name,
                f"IOMMU domain {settings.iommu} (/sys/bus/pci/devices/{port.function}/iommu_group"
                "/type)",
                "every buffer is mapped and unmapped, which costs the processor time",
                "boot with iommu=pt; virtual machines keep their protection",
                _IOMMU,
            )
