"""Cards and changes in lines for people and as JSON, the same on the screen and without one."""

from __future__ import annotations

from mlxtop.link_type.plan import Change, LinkTypeSurvey, methods
from mlxtop.link_type.survey import Card, PortTypes
from mlxtop.model.linktype import LinkType

TABLE = ("PORT", "NAME", "NOW", "NEXT BOOT", "DEFAULT", "CHANGED BY")
UNKNOWN = "–"


def table(scene: LinkTypeSurvey) -> list[tuple[str, ...]]:
    """A row a port, with `TABLE` as the header."""
    pairs = sorted(((c, p) for c in scene.cards for p in c.ports), key=lambda pair: pair[1].id)
    return [_row(card, port) for card, port in pairs]


def _row(card: Card, port: PortTypes) -> tuple[str, ...]:
    ways = ", ".join(methods(card, (port.id,))) or UNKNOWN
    name = port.port.netdev or port.port.rdma or UNKNOWN
    return (
        str(port.id),
        name,
        now(port),
        label(port.next_boot) + (" (pending)" if port.pending else ""),
        label(port.default),
        ways,
    )


def label(kind: LinkType | None) -> str:
    """`ETH(2)`, as the tools say it."""
    return f"{kind.label}({kind.number})" if kind else UNKNOWN


def now(port: PortTypes) -> str:
    """What a port is, and whether it chose so itself."""
    if port.now is None:
        return UNKNOWN if port.configured is None else port.configured.words
    return f"{port.now.label} (auto)" if port.configured is LinkType.AUTO else port.now.label


def reasons(scene: LinkTypeSurvey) -> list[str]:
    """Why a way is not open, a line each."""
    lines = []
    for card in scene.cards:
        lines += [f"{card.device}: {reason}" for reason in card.reasons]
        lines += [f"{port.id}: {port.unclear}" for port in card.ports if port.unclear]
    return lines


def plan_lines(change: Change, sudo: bool) -> list[str]:
    """A change as it is shown before it happens."""
    plan = change.plan
    lines = [plan.title, "", "takes effect: " + plan.takes_effect, "runs:"]
    for step in plan.steps:
        lines.append(f"  # {step.purpose}")
        lines += [f"  {line}" for line in step.lines(sudo)]
    for title, items in (("breaks:", plan.breaks), ("note:", plan.notes)):
        if items:
            lines += [title, *(f"  {item}" for item in items)]
    if plan.undo:
        lines += ["undo:", *(f"  {line}" for line in plan.undo_lines(sudo))]
    if change.hazards:
        lines += ["STOP: this cuts off", *(f"  {hazard.text}" for hazard in change.hazards)]
    return lines


def scene_document(scene: LinkTypeSurvey) -> dict[str, object]:
    """Cards and ports as JSON."""
    ports = [
        {
            "port": str(port.id),
            "netdev": port.port.netdev,
            "rdma": port.port.rdma,
            "card": card.adapter.key,
            "family": card.adapter.family,
            "now": port.now,
            "configured": port.configured,
            "next_boot": port.next_boot,
            "current": port.current,
            "default": port.default,
            "pending": port.pending,
            "parameter": f"LINK_TYPE_P{port.parameter}" if port.parameter else None,
            "unclear": port.unclear,
            "methods": list(methods(card, (port.id,))),
        }
        for card in scene.cards
        for port in card.ports
    ]
    return {"ports": ports, "reasons": {c.device: list(c.reasons) for c in scene.cards}}


def change_document(change: Change, sudo: bool) -> dict[str, object]:
    """A plan as JSON."""
    plan = change.plan
    return {
        "title": plan.title,
        "method": change.method,
        "ports": {str(port): kind for port, kind in change.wanted.items()},
        "affected": [str(port) for port in change.affected],
        "commands": list(plan.lines(sudo)),
        "breaks": list(plan.breaks),
        "notes": list(plan.notes),
        "undo": list(plan.undo_lines(sudo)),
        "takes_effect": plan.takes_effect,
        "hazards": [
            {
                "danger": hazard.danger,
                "text": hazard.text,
                "ports": None if hazard.ports is None else sorted(map(str, hazard.ports)),
            }
            for hazard in change.hazards
        ],
        "names_to_type": [str(port) for port in change.endangered],
    }
