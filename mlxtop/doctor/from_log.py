"""What the kernel log says of a card, as evidence of a finding."""

from __future__ import annotations

from collections.abc import Sequence

from mlxtop.doctor.check import CardCase
from mlxtop.model.counters import Severity
from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.watch.settled import card_of

CARD_KINDS = frozenset(
    {
        IncidentKind.HEALTH,
        IncidentKind.OVERHEAT,
        IncidentKind.DRIVER,
        IncidentKind.AER,
        IncidentKind.COMMAND,
        IncidentKind.IOMMU,
        IncidentKind.RESET,
        IncidentKind.QUEUE,
    }
)
"""Kinds that can say why a card has no port, or is gone."""
_UNKNOWN = "dmesg | grep mlx; power the machine off and on (a reboot alone keeps the card's power)"
_QUOTED = 3
"""Incidents that a card's finding quotes at most."""


def card_incidents(card: CardCase) -> list[Incident]:
    """Return what goes on with a card and can be why it has no port, in the order of the log.

    Of a card in the hands of a virtual machine nothing: that is why it has none.
    """
    if card.adapter.driver == "vfio-pci":
        return []
    frame = card.case.frame
    grave = (
        one
        for one in card.case.incidents
        if one.cause
        and one.until is None
        and one.severity is Severity.CRITICAL
        and one.kind in CARD_KINDS
    )
    return [one for one in grave if card_of(one, frame) is card.adapter][:_QUOTED]


def log_advice(reasons: Sequence[Incident]) -> str:
    """Return what to do about a card: by its firmware's fault, else by why the driver gave up.

    A card that was too hot is off for good: to cool it helps only from its next start on.
    """
    order = (IncidentKind.HEALTH, IncidentKind.OVERHEAT, IncidentKind.AER, IncidentKind.DRIVER)
    ranked = sorted(
        (one for one in reasons if one.advice),
        key=lambda one: (
            one.cause == "heat",
            order.index(one.kind) if one.kind in order else len(order),
        ),
    )
    return ranked[0].advice if ranked else _UNKNOWN


def log_evidence(incident: Incident) -> str:
    """Return an incident's words, with its source, how often it was and when it began."""
    parts = [incident.source]
    if incident.times > 1:
        parts.append(f"{incident.times} times")
    if incident.tick:  # what has no time, or opens a log without times since the start, has 0
        parts.append(f"{incident.tick:.0f} s after the start")
    return f"{incident.text} ({', '.join(parts)})"
