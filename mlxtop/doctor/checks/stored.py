"""Values of cards and their PCIe that are shown for comparison: none is a fault by itself."""

from __future__ import annotations

from collections.abc import Iterator

from mlxtop.doctor.check import Case, CouldNotTell, Nothing, Outcome, Setting, card_name
from mlxtop.doctor.checks.needs import needs_pci


def check_stored(case: Case) -> Iterator[Outcome]:
    """What a card's stored configuration says about speed."""
    looked = False
    for adapter in case.adapters():
        values = case.stored.get(adapter.key)
        if values:
            looked = True
            yield Setting(
                card_name(adapter),
                ", ".join(f"{name} {value}" for name, value in values.items()) + " (mstconfig)",
            )
        elif reason := case.unanswered.get(adapter.key):
            yield CouldNotTell(f"{card_name(adapter)}: stored performance settings", reason)
    if not looked:
        yield Nothing("no card that stores such settings")


@needs_pci
def check_requests(case: Case) -> Iterator[Outcome]:
    """What each card asks to read at a time, and whether its writes may overtake each other."""
    for name, frame, settings in case.each():
        control, address = settings.control, frame.now.port.function
        if address is None:
            continue
        if control is None:
            reason = settings.absent.get("control", "not read")
            yield CouldNotTell(f"{name}: PCIe packet sizes", reason)
        else:
            ordering = "on" if control.relaxed_ordering else "off"
            yield Setting(
                address,
                f"MaxPayload {control.mps}, MaxReadReq {control.mrrs}, relaxed ordering {ordering}",
            )
