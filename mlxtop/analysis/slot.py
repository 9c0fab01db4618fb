"""Which hop of a PCIe path is the narrow one, and what that means for the hands.

Lanes and speed are agreed between the two ends of a link, so that both ends show the same; what
each could do at most tells which of them, or what lies between them, is the reason.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from mlxtop.model.pcie import PcieLink, PciePath, link_words, version


class Reason(StrEnum):
    """Why a hop is narrower than the card."""

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
    """The generation is lower."""
    text: str
    advice: str


def find_hop(path: PciePath) -> Hop | None:
    """The hop that gives less than the card is capable of; None where the path is wide enough."""
    hop = path.limiting
    if hop is None or not path.limited:
        return None
    card = path.links[0]
    place = path.links.index(hop)
    if place >= 2:
        return Hop(
            hop,
            Reason.UPLINK,
            width=_less(hop.width, card.max_width),
            speed=_less(hop.speed, card.max_speed),
            text=f"the uplink above the slot, at {hop.device}, runs at {link_words(hop.running)}:"
            " a switch or the chipset, shared with what else is behind it",
            advice="use a slot that is wired to the processor",
        )
    above = path.links[1] if len(path.links) > 1 else None
    return _slot(hop, card, above)


def _less(value: float | None, most: float | None) -> bool:
    return value is not None and most is not None and value < most


def _slot(hop: PcieLink, card: PcieLink, above: PcieLink | None) -> Hop:
    """The link between the card and the port above it."""
    offered = above or card
    width, speed = _less(card.width, card.max_width), _less(card.speed, card.max_speed)
    narrow, slow = _less(card.width, offered.max_width), _less(card.speed, offered.max_speed)
    texts: list[tuple[str, str]] = []
    if width:
        texts.append(_few_lanes(card, offered) if narrow else _narrow_slot(card))
    if speed:
        texts.append(_slow_link(card, offered) if slow else _old_slot(card))
    return Hop(
        hop,
        Reason.TRAINING if (width and narrow) or (speed and slow) else Reason.SLOT,
        width,
        speed,
        "; ".join(text for text, _ in texts)
        or f"the link above the card runs at {link_words(hop.running)}",
        "; ".join(advice for _, advice in texts) or "compare with another slot",
    )


def _narrow_slot(card: PcieLink) -> tuple[str, str]:
    return (
        f"the slot gives x{card.width} to a card of x{card.max_width}",
        "move the card to a slot with more lanes, or give it the lanes in the BIOS (bifurcation)",
    )


def _few_lanes(card: PcieLink, offered: PcieLink) -> tuple[str, str]:
    most = min(card.max_width or 0, offered.max_width or 0)
    return (
        f"card and slot could both do x{most} but run at x{card.width}",
        "reseat the card, leave out the riser, and look whether the slot is wired for all lanes",
    )


def _old_slot(card: PcieLink) -> tuple[str, str]:
    return (
        f"the slot is PCIe {version(card.speed)}, the card PCIe {version(card.max_speed)}",
        "use a newer slot, or raise the slot's speed in the BIOS",
    )


def _slow_link(card: PcieLink, offered: PcieLink) -> tuple[str, str]:
    most = min(card.max_speed or 0.0, offered.max_speed or 0.0)
    return (
        f"card and slot could both do PCIe {version(most)} but run at {version(card.speed)}",
        "look again under load, as idle links may slow down; then leave out the riser, clean the"
        " contacts, and look for a speed limit in the BIOS",
    )
