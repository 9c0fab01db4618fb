"""The dialog of link types in boxes of lines."""

from __future__ import annotations

from collections.abc import Sequence

from mlxtop.link_type.carry_out import Outcome
from mlxtop.link_type.options import Offer
from mlxtop.link_type.plan import Change, LinkTypeSurvey
from mlxtop.model.identity import PortId
from mlxtop.present import link_type as describe
from mlxtop.present.clean import clean, fit
from mlxtop.present.text import Line, Role, Section, wrap

_WIDTHS = (16, 12, 10, 17, 7)


def paragraph(texts: Sequence[str], columns: int, role: Role = Role.TEXT) -> list[Line]:
    """Texts one below the other, each wrapped, with a hanging indent."""
    lines: list[Line] = []
    for text in texts:
        for place, part in enumerate(wrap(text, max(8, columns - 2))):
            lines.append((("  " if place else "", role), (part, role)))
    return lines


def types_section(scene: LinkTypeSurvey, card: str, selected: PortId, columns: int) -> Section:
    """The ports of the card with their types, and why a way is not open."""
    lines: list[Line] = [
        tuple(
            (fit(title, w) + " ", Role.HEAD)
            for title, w in zip(describe.TABLE, _WIDTHS, strict=False)
        )
    ]
    chosen = [one for one in scene.cards if one.adapter.key == card]
    only = LinkTypeSurvey(scene.inventory, tuple(chosen), scene.uses)
    for row in describe.table(only):
        role = Role.STRONG if row[0] == str(selected) else Role.TEXT
        lines.append(
            tuple((fit(cell, w) + " ", role) for cell, w in zip(row, _WIDTHS, strict=False))
        )
    lines += paragraph(describe.reasons(only), columns, Role.DIM)
    return Section("Link types", tuple(lines))


def _row(cells: Sequence[str], role: Role) -> Line:
    return tuple((f"{fit(c, w)} ", role) for c, w in zip(cells, _WIDTHS, strict=False))


def offers_section(offers: Sequence[Offer], cursor: int, columns: int) -> Section:
    """The choices, one of them marked."""
    lines: list[Line] = []
    for place, offer in enumerate(offers):
        here = place == cursor
        text = fit(offer.text, max(8, columns - 2))
        lines.append(
            (("▸ " if here else "  ", Role.ACCENT), (text, Role.STRONG if here else Role.TEXT))
        )
    nothing = ((("nothing can be changed here", Role.WARNING),),)
    return Section("Change to", tuple(lines) or nothing)


def plan_sections(change: Change, sudo: bool, columns: int) -> list[Section]:
    """Everything about a change before it happens; what it cuts off comes first."""
    plan = change.plan
    sections = []
    if change.hazards:
        texts = [hazard.text for hazard in change.hazards]
        sections.append(
            Section("STOP: this cuts off", tuple(paragraph(texts, columns, Role.CRITICAL)))
        )
    effect = [f"takes effect {plan.takes_effect}", *plan.notes]
    sections.append(Section(clean(plan.title), tuple(paragraph(effect, columns))))
    runs: list[Line] = []
    for step in plan.steps:
        runs += paragraph([f"# {step.purpose}"], columns, Role.DIM)
        runs += paragraph(step.lines(sudo), columns, Role.ACCENT)
    sections.append(Section("Runs", tuple(runs)))
    if plan.breaks:
        sections.append(Section("Breaks", tuple(paragraph(plan.breaks, columns, Role.WARNING))))
    if plan.undo:
        sections.append(Section("Undo", tuple(paragraph(plan.undo_lines(sudo), columns))))
    return sections


def outcome_sections(outcome: Outcome, columns: int, state: str) -> list[Section]:
    """What came of a change, and what to do now."""
    role = Role.GOOD if outcome.done else Role.CRITICAL
    sections = [Section(state, tuple(paragraph(outcome.said, columns, role)))]
    if outcome.next:
        sections.append(Section("What to do now", tuple(paragraph(outcome.next, columns))))
    return sections


def copied_text(change: Change | None, outcome: Outcome | None, sudo: bool) -> str:
    """What `c` copies: the commands of the plan, afterwards those for what to do now."""
    if outcome is not None and outcome.next:
        return "\n".join(clean(line) for line in outcome.next)
    return "\n".join(clean(line) for line in change.plan.lines(sudo)) if change else ""
