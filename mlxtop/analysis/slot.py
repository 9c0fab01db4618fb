"""The narrow hop of a PCIe path, and what that means for the hands.

Lanes and speed are agreed between the two ends of a link, so that both ends show the same; what
each could do at most tells which of them, or what lies between them, is the reason.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from mlxtop.model.pcie import PcieLink, PciePath, link_words, version


class Reason(StrEnum):
    """The reason for which a hop is narrower than the card."""

    SLOT = "slot"
    """The port above the card offers no more."""
    TRAINING = "training"
    """Both ends could do more than they agreed on."""
    UPLINK = "uplink"
    """A link further up, between a switch or the chipset and the processor."""


class Hop(NamedTuple):
    """The hop that limits a card below its capability."""

    link: PcieLink
    reason: Reason
    width: bool
    """Lanes are missing."""
    speed: bool
    text: str
    advice: str


def find_hop(path: PciePath) -> Hop | None:
    """Return the hop that gives less than the card is capable of; None where there is none."""
    hop = path.limiting
    if hop is None or not path.limited:
        return None
    card, *above = path.links
    if hop in above[1:]:
        return Hop(
            hop,
            Reason.UPLINK,
            width=_less(hop.width, card.max_width),
            speed=_less(hop.speed, card.max_speed),
            text=f"the uplink above the slot, at {hop.device}, runs at {link_words(hop.running)}:"
            " a switch or the chipset, shared with what else is behind it",
            advice="use a slot that is wired to the processor",
        )
    return _slot(hop, card, above[0] if above else card)


def _less(value: float | None, most: float | None) -> bool:
    return value is not None and most is not None and value < most


def _slot(hop: PcieLink, card: PcieLink, offered: PcieLink) -> Hop:
    """Return the link between the card and the port above it, which offers so much."""
    width, speed = _less(card.width, card.max_width), _less(card.speed, card.max_speed)
    narrow = width and _less(card.width, offered.max_width)
    slow = speed and _less(card.speed, offered.max_speed)
    causes: dict[str, str] = {}
    if narrow:
        lanes = min(card.max_width or 0, offered.max_width or 0)
        causes[f"card and slot could both do x{lanes} but run at x{card.width}"] = (
            "reseat the card, leave out the riser, and look whether the slot is wired for all lanes"
        )
    elif width:
        causes[f"the slot gives x{card.width} to a card of x{card.max_width}"] = (
            "move the card to a slot with more lanes,"
            " or give it the lanes in the BIOS (bifurcation)"
        )
    if slow:
        most = version(min(card.max_speed or 0.0, offered.max_speed or 0.0))
        causes[f"card and slot could both do PCIe {most} but run at {version(card.speed)}"] = (
            "look again under load, as idle links may slow down; then leave out the riser,"
            " clean the contacts, and look for a speed limit in the BIOS"
        )
    elif speed:
        newer = version(card.max_speed)
        causes[f"the slot is PCIe {version(card.speed)}, the card PCIe {newer}"] = (
            "use a newer slot, or raise the slot's speed in the BIOS"
        )
    return Hop(
        hop,
        Reason.TRAINING if narrow or slow else Reason.SLOT,
        width,
        speed,
        "; ".join(causes) or f"the link above the card runs at {link_words(hop.running)}",
        "; ".join(causes.values()) or "compare with another slot",
    )
