"""A card's bus beside its width: stored settings, errors, power saving, address translation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mlxtop.doctor.check import CARD, FAST_LINK, CardCase, Need, Outcomes, PortCase, Subject, check
from mlxtop.model.identity import slot_of
from mlxtop.model.pcie import PcieReport, link_words
from mlxtop.model.sample import AerError, PcieStatus

_PCI = "https://docs.kernel.org/PCI/index.html"
_AER = "https://docs.kernel.org/PCI/pcieaer-howto.html"
_MLXLINK = "https://docs.nvidia.com/networking/display/mftv4300/mlxlink+utility"
_IOMMU = "https://docs.kernel.org/admin-guide/kernel-parameters.html (iommu=)"
_FEW_ERRORS = 10
"""Corrected errors from which starting and retraining a link are no excuse."""
_SEVERE = ("fatal", "cmplt", "malf", "ecrc")
"""Parts of the names of errors of which one is too many."""
_ADVISORY = "NonFatalErr"
"""A correctable error in spite of its name: somebody asked for what the device does not have."""


@check(
    "stored performance settings",
    needs=Need(
        "no card that stores such settings",
        lambda case: (c for c in case.cards() if c.stored.speed or c.stored.unanswered),
    ),
    explains="CQE_COMPRESSION packs the card's completion entries and saves PCIe for small packets"
    " (AGGRESSIVE costs latency where PCIe is free). MAX_ACC_OUT_READ bounds the reads of"
    " memory on their way, 0 leaves it to the firmware. PCI_WR_ORDERING force_relax lets"
    " writes overtake each other, which helps hosts with many processor dies. Firmware that"
    " has one of them not at all leaves it out.",
    normal="BALANCED(0), 0, per_mkey(0): what cards come with",
)
def _stored(card: CardCase) -> Outcomes:
    stored = card.stored
    if stored.speed:
        settings = ", ".join(f"{name} {value}" for name, value in stored.speed.items())
        yield card.setting(f"{settings} (mstconfig)")
    elif stored.unanswered:
        yield card.unknown("stored performance settings", stored.unanswered)


def _by_name(aer: Mapping[AerError, int]) -> list[tuple[AerError, int]]:
    """Return errors by name; the root port's totals count the same ones and stand in for none."""
    named = {error: count for error, count in aer.items() if not error.is_total}
    return sorted((named or aer).items())


def _slot_states(card: CardCase) -> Iterator[tuple[Subject, str, PcieStatus | None]]:
    """Yield the subject, slot and PCIe of a card's slots; None: it was not read."""
    for number, slot in enumerate(card.adapter.slots):
        subject = Subject(card.name + (f", slot {slot}" if number else ""))
        yield subject, slot, card.case.frame.sample.pcie.get(slot)


@check(
    "PCIe errors",
    needs=CARD,
    explains="PCIe counts packets that arrived damaged (AER) and repeats them. Those on the card's"
    " link are often counted at the port above it.",
    normal="0; a few from starting the machine do no harm, nor do advisory ones (NonFatalErr)",
)
def _errors(card: CardCase) -> Outcomes:
    for subject, slot, status in _slot_states(card):
        if status is None or "aer" in status.absent:
            reason = status.absent["aer"] if status else "PCIe of this card was not read"
            yield subject.unknown("PCIe errors", reason)
            continue
        before = card.case.pcie_before.get(slot)
        for error, count in _by_name(status.aer):
            grown = count - before.aer.get(error, 0) if before else 0
            advisory = error.name == _ADVISORY
            severe = not advisory and any(word in error.name.lower() for word in _SEVERE)
            if grown <= 0 and not severe and (advisory or count < _FEW_ERRORS):
                continue
            yield (subject.warning if grown > 0 or severe else subject.note)(
                f"{error}: {count}{f', {grown} more just now' if grown > 0 else ''}"
                " (aer_dev_* in /sys/bus/pci/devices)",
                "errors on the PCIe link cost repetitions, and in the end the card",
                "reseat the card, leave out the riser, try another slot or a lower generation",
                _AER,
            )


@check(
    "PCIe as the card has it",
    needs=Need(
        "no card whose PCIe page a tool reads",
        lambda case: (card for card in case.cards() if any(_by_card(card))),
    ),
    explains="The card counts by itself what of its PCIe link arrived damaged, also where the"
    " kernel counts nothing (AER is off) or sees no link at all (virtual machines).",
    normal="0; a few from starting the machine do no harm",
)
def _card_side(card: CardCase) -> Outcomes:
    for subject, status, report in _by_card(card):
        counts = ", ".join(f"{name} {count}" for name, count in report.errors.items() if count)
        lanes = ", ".join(map(str, report.lane_errors))
        where = f"; by lane {lanes}" if any(report.lane_errors) else ""
        tool = f"({report.source} --port_type PCIE -c)"
        if report.damaged >= _FEW_ERRORS:
            yield subject.note(
                f"{counts} since the card was powered{where} {tool}",
                "packets that arrive damaged are sent again, which costs time, and in the end the"
                " card",
                "read it again: where it grows, reseat the card, leave out the riser, try another"
                " slot or a lower generation",
                _MLXLINK,
            )
        running, enabled = report.running, report.enabled
        hidden = status is None or status.path.available_mbps is None
        if hidden and link_words(running, enabled) != link_words(running):
            yield subject.note(
                f"{link_words(running, enabled)} {tool}",
                "the kernel shows no PCIe link here; the card's own runs below what is enabled",
                "look at it under load, when no link saves power; then reseat the card, and look"
                " whether the slot is wired for all lanes",
                _MLXLINK,
            )


def _by_card(card: CardCase) -> Iterator[tuple[Subject, PcieStatus | None, PcieReport]]:
    """Yield the PCIe pages of a card, one a slot, with what the kernel knows of it."""
    frames = map(card.case.frame.ports.get, card.adapter.ports)
    ports = [frame.now for frame in frames if frame]
    reports = {
        slot_of(p.port.function or ""): p.pcie_report for p in reversed(ports) if p.pcie_report
    }
    for subject, slot, status in _slot_states(card):
        report = reports.get(slot)
        if report is not None and (report.errors or report.width):
            yield subject, status, report


@check(
    "PCIe power saving",
    needs=CARD,
    explains="With ASPM a PCIe link sleeps while nothing is sent and takes microseconds to wake"
    " up.",
    normal="off on links of network cards",
)
def _aspm(card: CardCase) -> Outcomes:
    policy = card.case.host.aspm_policy
    for subject, _, status in _slot_states(card):
        states = status.aspm if status else None
        if status is None or (states is None and policy is None):
            yield subject.unknown("ASPM", "the kernel shows no state of it")
        elif states and states != "off":
            yield subject.note(
                f"ASPM {states} is on (/sys/bus/pci/devices/*/link), policy {policy or 'unknown'}",
                "waking the link up costs microseconds at every pause of the traffic",
                "echo performance > /sys/module/pcie_aspm/parameters/policy, or boot with"
                " pcie_aspm.policy=performance",
                _PCI,
            )


@check(
    "IOMMU",
    needs=FAST_LINK,
    explains="The IOMMU translates addresses that cards use. In passthrough mode the host's own"
    " cards are spared the cost of it; virtual machines stay protected.",
    normal="identity (boot option iommu=pt), or no IOMMU",
)
def _iommu(port: PortCase) -> Outcomes:
    function, domain = port.now.port.function, port.settings.iommu
    if function is None:
        return
    if domain is None:
        yield port.unread("IOMMU", "iommu", "not read")
    elif domain not in ("none", "identity"):
        yield port.note(
            f"IOMMU domain {domain} (/sys/bus/pci/devices/{function}/iommu_group/type)",
            "every buffer is mapped and unmapped, which costs the processor time",
            "boot with iommu=pt; virtual machines keep their protection",
            _IOMMU,
        )
