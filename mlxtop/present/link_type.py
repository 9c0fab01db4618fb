"""Cards, options, plans and outcomes as text and JSON, alike on the screen and without one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from mlxtop.change.plan import Plan
from mlxtop.link_type.card import Card, PortTypes
from mlxtop.link_type.options import Change, methods
from mlxtop.link_type.survey import LinkTypeSurvey
from mlxtop.model.linktype import LinkType
from mlxtop.present.text import Line, Role, Section, clean, wrap

TABLE = ("PORT", "NAME", "NOW", "NEXT BOOT", "DEFAULT", "CHANGED BY")
UNKNOWN = "–"
Block: TypeAlias = tuple[str, list[tuple[str, Role]]]
"""A title, and texts with their roles."""


def table(survey: LinkTypeSurvey) -> list[tuple[str, ...]]:
    """Return a row a port; `TABLE` is the header."""
    pairs = sorted(((c, p) for c in survey.cards for p in c.ports), key=lambda pair: pair[1].id)
    return [_row(card, port) for card, port in pairs]


def _row(card: Card, port: PortTypes) -> tuple[str, ...]:
    name = port.port.netdev or port.port.rdma or UNKNOWN
    coming = label(port.next_boot) + (" (pending)" if port.pending else "")
    changed_by = ", ".join(methods(card, (port.id,))) or UNKNOWN
    return str(port.id), name, now(port), coming, label(port.default), changed_by


def label(kind: LinkType | None) -> str:
    """Return a type as the tools write it: `ETH(2)`."""
    return f"{kind.label}({kind.number})" if kind else UNKNOWN


def now(port: PortTypes) -> str:
    """Return the present type of a port, marked where auto-sensing chose it."""
    if port.now is None:
        return UNKNOWN if port.configured is None else port.configured.words
    return f"{port.now.label} (auto)" if port.configured is LinkType.AUTO else port.now.label


def words_now(port: PortTypes) -> str:
    """Return the present type of a port in words, with what auto-sensing chose."""
    if port.configured is LinkType.AUTO:
        return f"{port.configured.words}{f': {port.now.words}' if port.now else ''}"
    return port.now.words if port.now is not None else UNKNOWN


def reasons(survey: LinkTypeSurvey) -> list[str]:
    """Return why a method cannot be used, a line each."""
    lines = []
    for card in survey.cards:
        lines += [f"{card.device}: {reason}" for reason in card.reasons]
        lines += [f"{port.id}: {port.unclear}" for port in card.ports if port.unclear]
    return lines


def plan_blocks(change: Change, sudo: bool) -> list[Block]:
    """Return a change as it is shown before it happens; what it cuts off comes first."""
    plan = change.plan
    then = change.then.plan if change.then is not None else None
    undo = (*plan.undo_lines(sudo), *(then.undo_lines(sudo) if then else ()))
    blocks = [
        ("STOP: this cuts off", _texts((h.text for h in change.hazards), Role.CRITICAL)),
        (plan.title, _texts((f"takes effect {plan.takes_effect}", *plan.notes))),
        ("Runs", _runs(plan, sudo)),
        ("Runs when you keep it", _runs(then, sudo) if then else []),
        ("Breaks", _texts(plan.breaks, Role.WARNING)),
        ("Undo", _texts(undo)),
    ]
    return [(title, texts) for title, texts in blocks if texts]


def _runs(plan: Plan, sudo: bool) -> list[tuple[str, Role]]:
    """Return the commands of a plan, each below what it is for."""
    runs: list[tuple[str, Role]] = []
    for step in plan.steps:
        runs.append((f"# {step.purpose}", Role.DIM))
        runs += _texts(step.lines(sudo), Role.ACCENT)
    return runs


def _texts(texts: Iterable[str], role: Role = Role.TEXT) -> list[tuple[str, Role]]:
    return [(text, role) for text in texts]


def block_lines(blocks: Iterable[Block]) -> list[str]:
    """Return blocks as lines of text: titles, and texts below them with an indent."""
    return [line for title, texts in blocks for line in (title, *(f"  {t}" for t, _ in texts))]


def block_sections(blocks: Iterable[Block], columns: int) -> list[Section]:
    """Return blocks as sections, their texts wrapped with a hanging indent."""
    return [Section(clean(title), tuple(wrapped(texts, columns))) for title, texts in blocks]


def wrapped(texts: Iterable[tuple[str, Role]], columns: int) -> list[Line]:
    """Return texts as lines of at most `columns` columns, with a hanging indent."""
    lines: list[Line] = []
    for text, role in texts:
        for place, part in enumerate(wrap(text, max(8, columns - 2))):
            lines.append((("  " if place else "", role), (part, role)))
    return lines


def copied_text(change: Change | None, after: Sequence[str], sudo: bool) -> str:
    """Return the commands to copy: those of the plan, `after` the change those to run now."""
    plans = (change.plan, change.then.plan) if change and change.then else (change and change.plan,)
    lines = after or [line for plan in plans if plan for line in plan.lines(sudo)]
    return "\n".join(map(clean, lines))


def survey_document(survey: LinkTypeSurvey) -> dict[str, object]:
    """Return the ports and their types as a JSON document."""
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
        for card in survey.cards
        for port in card.ports
    ]
    return {"ports": ports, "reasons": {c.device: list(c.reasons) for c in survey.cards}}


def change_document(change: Change, sudo: bool) -> dict[str, object]:
    """Return a plan as a JSON document."""
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
