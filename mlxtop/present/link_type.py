"""Cards, options, plans and outcomes as text and JSON, alike on the screen and without one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from mlxtop.link_type.card import Card, PortTypes
from mlxtop.link_type.carry_out import Outcome
from mlxtop.link_type.options import Change, methods
from mlxtop.link_type.steps import Option
from mlxtop.link_type.survey import LinkTypeSurvey
from mlxtop.model.identity import PortId
from mlxtop.model.linktype import LinkType
from mlxtop.present.text import Line, Role, Section, clean, fit, wrap

TABLE = ("PORT", "NAME", "NOW", "NEXT BOOT", "DEFAULT", "CHANGED BY")
UNKNOWN = "–"
_WIDTHS = (16, 12, 10, 17, 7)
"""Columns of the first five cells of `TABLE` on the screen."""

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
    runs: list[tuple[str, Role]] = []
    for step in plan.steps:
        runs.append((f"# {step.purpose}", Role.DIM))
        runs += _texts(step.lines(sudo), Role.ACCENT)
    blocks = [
        ("STOP: this cuts off", _texts((h.text for h in change.hazards), Role.CRITICAL)),
        (plan.title, _texts((f"takes effect {plan.takes_effect}", *plan.notes))),
        ("Runs", runs),
        ("Breaks", _texts(plan.breaks, Role.WARNING)),
        ("Undo", _texts(plan.undo_lines(sudo))),
    ]
    return [(title, texts) for title, texts in blocks if texts]


def outcome_blocks(outcome: Outcome, title: str) -> list[Block]:
    """Return the result of a change, and what to do now."""
    role = Role.GOOD if outcome.done else Role.CRITICAL
    blocks = [(title, _texts(outcome.lines, role)), ("What to do now", _texts(outcome.next))]
    return [(title, texts) for title, texts in blocks if texts]


def _texts(texts: Iterable[str], role: Role = Role.TEXT) -> list[tuple[str, Role]]:
    return [(text, role) for text in texts]


def block_lines(blocks: Iterable[Block]) -> list[str]:
    """Return blocks as lines of text: titles, and texts below them with an indent."""
    return [line for title, texts in blocks for line in (title, *(f"  {t}" for t, _ in texts))]


def block_sections(blocks: Iterable[Block], columns: int) -> list[Section]:
    """Return blocks as sections, their texts wrapped with a hanging indent."""
    return [Section(clean(title), tuple(_wrapped(texts, columns))) for title, texts in blocks]


def _wrapped(texts: Iterable[tuple[str, Role]], columns: int) -> list[Line]:
    lines: list[Line] = []
    for text, role in texts:
        for place, part in enumerate(wrap(text, max(8, columns - 2))):
            lines.append((("  " if place else "", role), (part, role)))
    return lines


def option_sections(
    survey: LinkTypeSurvey, port: PortId, options: Sequence[Option], cursor: int, columns: int
) -> list[Section]:
    """Return the ports of a card with their types, and the options with one of them marked."""
    rows = [_cells(TABLE, Role.HEAD)]
    for row in table(survey):
        rows.append(_cells(row, Role.STRONG if row[0] == str(port) else Role.TEXT))
    rows += _wrapped(_texts(reasons(survey), Role.DIM), columns)
    lines: list[Line] = []
    for place, option in enumerate(options):
        mark, role = ("▸ ", Role.STRONG) if place == cursor else ("  ", Role.TEXT)
        lines.append(((mark, Role.ACCENT), (fit(option.text, max(8, columns - 2)), role)))
    nothing: Line = (("nothing can be changed here", Role.WARNING),)
    return [Section("Link types", tuple(rows)), Section("Change to", tuple(lines) or (nothing,))]


def _cells(cells: Sequence[str], role: Role) -> Line:
    return tuple((f"{fit(cell, w)} ", role) for cell, w in zip(cells, _WIDTHS, strict=False))


def copied_text(change: Change | None, outcome: Outcome | None, sudo: bool) -> str:
    """Return the commands to copy: those of the plan, after the change those to run now."""
    lines = (outcome and outcome.next) or (change.plan.lines(sudo) if change else ())
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
