"""What can be done with a port: the choices of the dialog, each a prepared change."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from mlxtop.change.context import ActionContext
from mlxtop.change.privilege import Access, access
from mlxtop.link_type.plan import Change, LinkTypeSurvey, Method, Refused, methods, prepare
from mlxtop.link_type.reset import persist, prepare_reset, read_levels
from mlxtop.link_type.survey import Card
from mlxtop.model.identity import PortId
from mlxtop.model.linktype import LinkType

_WHEN = {Method.NOW: "at once", Method.STORED: "from the next boot on"}


class Further(StrEnum):
    """Choices that have to ask the card or the person first."""

    LEVELS = "levels"
    """Ask which firmware resets there are."""
    SUDO = "sudo"
    """Hand the terminal to sudo, to ask what the card has stored."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One choice: a change, or something that leads to more choices."""

    text: str
    change: Change | None = None
    further: Further | None = None


def offers(hands: ActionContext, scene: LinkTypeSurvey, port: PortId) -> tuple[Offer, ...]:
    """What can be done with a port, the usual first. Raises Refused where it has no card."""
    card = scene.card_of(port)
    both = tuple(types.id for types in card.ports)
    found: list[Offer] = []
    for method in methods(card, both):
        for ports in dict.fromkeys(((port,), both)):
            found += _types(scene, card, ports, method)
    if card.mlx4 and card.switchable:
        with suppress(Refused):
            change = persist(hands.system, scene, card)
            found.append(Offer("keep the present types over a boot", change))
    if card.parameters and not card.mlx4:
        found.append(
            Offer("firmware reset now, so that what is stored takes effect", None, Further.LEVELS)
        )
    if not card.parameters and access(hands.system) is Access.SUDO:
        found.append(Offer("ask the card what it has stored, by sudo", None, Further.SUDO))
    return tuple(found)


def _types(
    scene: LinkTypeSurvey, card: Card, ports: Sequence[PortId], method: Method
) -> list[Offer]:
    found = []
    for kind in LinkType if card.mlx4 else (LinkType.IB, LinkType.ETH):
        try:
            change = prepare(scene, card, dict.fromkeys(ports, kind), method)
        except Refused:
            continue
        who = "this port" if len(ports) == 1 else "all ports of the card"
        found.append(Offer(f"{who}: {kind.words}, {_WHEN[method]}", change))
    return found


def reset_offers(hands: ActionContext, scene: LinkTypeSurvey, port: PortId) -> tuple[Offer, ...]:
    """The firmware resets of a port's card, as its tool reports them.

    Raises Refused, NotAllowed and OSError; takes seconds.
    """
    card = scene.card_of(port)
    tool, levels = read_levels(hands.system, card, access(hands.system))
    return tuple(
        Offer(f"level {level.number}: {level.text}", prepare_reset(scene, card, tool, level))
        for level in levels
        if level.supported
    )
