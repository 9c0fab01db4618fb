"""The dialog of link types and the item of the ribbon: three choices, and a change on probation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mlxtop.link_type.card import Card, PortTypes, Refused
from mlxtop.link_type.choices import Choice, Choices, When, kinds_of
from mlxtop.link_type.options import Change
from mlxtop.link_type.restore import Evidence
from mlxtop.link_type.session import LinkTypeSession
from mlxtop.link_type.steps import Stage
from mlxtop.model.identity import PortId
from mlxtop.model.linktype import LinkType
from mlxtop.present import link_type as describe
from mlxtop.present.link_type import Block
from mlxtop.present.ribbon import Label, RibbonItem, Urgency
from mlxtop.present.text import Line, Role, Section, clean, fit, line_width, wrap

LABELS = ("Port", "Type", "When")
_LABEL = 6
_WIDTHS = (16, 24, 24)
"""Columns of a port's name, of its type now, and of that at the next boot."""
MARKS = {True: ("✓", Role.GOOD), False: ("✗", Role.WARNING)}


@dataclass(frozen=True, slots=True)
class Form:
    """What is chosen, and which row the cursor is on: a choice, or one of the other options."""

    card: Card
    port: PortId
    choice: Choice
    row: int = 0

    def values(self, row: int) -> tuple[bool | LinkType | When, ...]:
        """Return what can be chosen in a row."""
        every = (False, True) if len(self.card.ports) > 1 else (False,)
        return (every, kinds_of(self.card), tuple(When))[row]

    def turned(self, steps: int) -> Form:
        """Return the form with the next value of its row; the last is followed by none."""
        if self.row >= len(LABELS):
            return self
        values = self.values(self.row)
        place = values.index(self.choice[self.row]) + steps
        return self.with_value(self.row, max(0, min(place, len(values) - 1)))

    def with_value(self, row: int, place: int) -> Form:
        """Return the form with another value of a row, by its place."""
        parts = list(self.choice)
        parts[row] = self.values(row)[place]
        return replace(self, choice=Choice(*parts), row=row)  # type: ignore[arg-type]

    def moved(self, steps: int, options: int) -> Form:
        """Return the form with the cursor on another row; below the choices are options."""
        return replace(self, row=max(0, min(self.row + steps, len(LABELS) + options - 1)))


def first_form(card: Card, port: PortId, choices: Choices) -> Form:
    """Return the form as it opens: the port's other type, now where that is possible."""
    types = card.port(port)
    kind = LinkType.ETH if types is not None and types.now is LinkType.IB else LinkType.IB
    now = [Choice(False, kind, when) for when in (When.NOW, When.BOOT)]
    usable = (choice for choice in now if isinstance(choices.get(choice), Change))
    return Form(card, port, next(usable, now[0]))


def _value_words(form: Form, row: int, value: bool | LinkType | When) -> str:
    if isinstance(value, bool):
        types = form.card.port(form.port)
        both = "both ports" if len(form.card.ports) == 2 else f"all {len(form.card.ports)} ports"
        return both if value else f"this port, {types.port.name if types else form.port}"
    return value.words if isinstance(value, LinkType) else str(value)


def choice_lines(form: Form, choices: Choices, columns: int) -> list[Line]:
    """Return the rows of the three choices, a line each where they fit.

    What leads to no change, as the other rows are, is dim.
    """
    lines: list[Line] = []
    for row, label in enumerate(LABELS):
        here = row == form.row
        line: list[tuple[str, Role]] = [("▸ " if here else "  ", Role.ACCENT)]
        line.append((fit(label, _LABEL), Role.STRONG if here else Role.DIM))
        for value in form.values(row):
            chosen = value == form.choice[row]
            left, right = ("‹ ", " ›") if chosen else ("  ", "  ")
            parts = (*form.choice[:row], value, *form.choice[row + 1 :])
            usable = isinstance(choices.get(Choice(*parts)), Change)  # type: ignore[arg-type]
            role = Role.STRONG if chosen else Role.TEXT if usable else Role.DIM
            words = clean(_value_words(form, row, value))
            line += [(left, Role.ACCENT), (words, role), (right, Role.ACCENT)]
        lines += _folded(tuple(line), columns)
    return lines


def value_at(form: Form, text: str, column: int) -> tuple[int, int] | None:
    """Return row and place of the value that stands at a column of a drawn line."""
    hits = []
    for row in range(len(LABELS)):
        for place, value in enumerate(form.values(row)):
            words = clean(_value_words(form, row, value))
            start = text.find(f"  {words}  ") if f"  {words}  " in text else text.find(f" {words} ")
            if start >= 0 and start <= column < start + len(words) + 4:
                hits.append((len(words), row, place))
    return max(hits)[1:] if hits else None


def _folded(line: Line, columns: int) -> list[Line]:
    """Return a row in as many lines as it takes: values that do not fit go below the first."""
    lines: list[Line] = []
    part: list[tuple[str, Role]] = list(line[:2])
    for place in range(2, len(line), 3):
        value = line[place : place + 3]
        if line_width((*part, *value)) > columns and len(part) > 2:
            lines.append(tuple(part))
            part = [(" " * (_LABEL + 2), Role.TEXT)]
        part += value
    return [*lines, tuple(part)]


def preview(meaning: Change | Refused | None, columns: int) -> list[Line]:
    """Return what Enter would show, or why there is nothing to be shown."""
    role, text = Role.WARNING, str(meaning or "nothing can be changed here")
    if isinstance(meaning, Change):
        role, text = Role.DIM, f"Enter shows the plan; it takes effect {meaning.plan.takes_effect}"
    return [((part, role),) for part in wrap(text, max(8, columns))]


def form_sections(form: Form, session: LinkTypeSession, columns: int) -> list[Section]:
    """Return the ports of the card with their types, the choices and what else can be done."""
    rows: list[Line] = [_row(("PORT", "NOW", "AT THE NEXT BOOT"), Role.HEAD, columns)]
    for types in form.card.ports:
        cells = types.port.name, describe.words_now(types), _next_words(types)
        rows.append(_row(cells, Role.STRONG if types.id == form.port else Role.TEXT, columns))
    why = [(text, Role.DIM) for text in describe.reasons(session.survey)]
    rows += describe.wrapped(why, columns)
    lines = choice_lines(form, session.choices, columns) if session.choices else []
    for row, option in enumerate(session.options, len(LABELS)):
        mark, role = ("▸ ", Role.STRONG) if row == form.row else ("  ", Role.TEXT)
        lines.append(((mark, Role.ACCENT), (fit(option.text, max(8, columns - 2)), role)))
    if session.choices and form.row < len(LABELS):
        lines += [(), *preview(session.choices.get(form.choice), columns)]
    return [Section("Link types", tuple(rows)), Section("Change to", tuple(lines))]


def _row(cells: Sequence[str], role: Role, columns: int) -> Line:
    room = [min(wanted, max(4, columns // 3 - 1)) for wanted in _WIDTHS]
    return tuple((f"{fit(cell, w)} ", role) for cell, w in zip(cells, room, strict=True))


def _next_words(types: PortTypes) -> str:
    """Return the type that the card stores for the next boot."""
    if types.next_boot is None:
        return describe.UNKNOWN
    return types.next_boot.words + (" (pending)" if types.pending else "")


# Work, probation, and what came of it


def work_blocks(session: LinkTypeSession) -> list[Block]:
    """Return the work under way: what was done and is done now, with its seconds."""
    texts = [(f"✓ {text}", Role.DIM) for text in session.steps[:-1]]
    texts += [(f"▸ {text} …", Role.TEXT) for text in session.steps[-1:]]
    return [(f"{session.text}   {session.seconds:.0f} s", texts or [("beginning", Role.DIM)])]


def after_blocks(session: LinkTypeSession) -> list[Block]:
    """Return what came of a change: the answer that is due, evidence, and what to do now."""
    outcome = session.outcome
    if outcome is None:
        return []
    title, role = _heading(session)
    blocks: list[Block] = [(title, [(line, role) for line in outcome.lines])]
    if session.text:
        blocks[0][1].insert(0, (session.text, role))
    blocks += evidence_blocks(session)
    offered = {line for step in session.recovery.missing for line in step.lines(session.sudo)}
    left = [(line, Role.TEXT) for line in session.next if line not in offered]
    blocks.append(("What to do now" if not offered else "And then", left))
    return [(title, texts) for title, texts in blocks if texts]


def _heading(session: LinkTypeSession) -> tuple[str, Role]:
    outcome, change = session.outcome, session.change
    if session.stage is Stage.KEEP:
        return f"ON PROBATION: taken back in {session.left:.0f} s unless you keep it", Role.GOOD
    if session.stage is Stage.BACK:
        return "Taken back", Role.TEXT
    if outcome is None or not outcome.done:
        kept = outcome is not None and outcome.pending is not None
        return ("Kept, but not stored" if kept else "Not done"), Role.CRITICAL
    if outcome.pending is not None:
        stored = change is not None and change.then is not None
        return ("Kept and stored" if stored else "Kept"), Role.GOOD
    return "Done", Role.GOOD


def evidence_blocks(session: LinkTypeSession) -> list[Block]:
    """Return what speaks for the change and against it, and the step that is offered."""
    recovery = session.recovery
    if not recovery.before:
        return []
    evidence = recovery.evidence
    if evidence is None:
        looking = "bringing back what is missing …" if recovery.restoring else "looking …"
        return [("Evidence", [(looking, Role.DIM)])]
    texts: list[tuple[str, Role]] = []
    for check in evidence.checks:
        mark, role = MARKS[check.good]
        texts.append((f"{mark} {check.text}", role))
    blocks: list[Block] = [("Evidence", texts or [("the ports had nothing", Role.DIM)])]
    if recovery.missing:
        offer = [(line, Role.ACCENT) for c in recovery.missing for line in c.lines(session.sudo)]
        blocks.append(("A brings it back as it was", offer))
    if recovery.failures:
        blocks.append(("Not brought back", [(line, Role.CRITICAL) for line in recovery.failures]))
    return blocks


def probation_item(left: float, evidence: Evidence | None, keys: tuple[str, str]) -> RibbonItem:
    """Return the item of the ribbon for a change on probation; `keys` keep and take back."""
    line: list[tuple[str, Role]] = [(f"ON PROBATION {left:.0f} s", Role.BADGE)]
    for name, good in summary(evidence).items():
        mark, role = MARKS[good]
        line += [(f"  {name} ", Role.DIM), (mark, role)]
    labels = (
        Label(((keys[0], Role.ACCENT), (" keep", Role.TEXT)), "app.keep"),
        Label(((keys[1], Role.ACCENT), (" take back", Role.TEXT)), "app.take_back"),
    )
    return RibbonItem("probation", Urgency.PROBATION, tuple(line), "app.link_type", labels)


def summary(evidence: Evidence | None) -> dict[str, bool]:
    """Return for each kind of evidence whether all of it speaks for the change."""
    kinds: dict[str, bool] = {}
    for check in evidence.checks if evidence else ():
        kinds[check.name] = kinds.get(check.name, True) and check.good
    return kinds
