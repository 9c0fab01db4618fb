"""The choices of a person: which ports of a card, which type, and from when on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from mlxtop.link_type.card import Card, Refused
from mlxtop.link_type.options import Change, Method, NothingToDo, methods, prepare
from mlxtop.link_type.persist import decides, persist, settings_file
from mlxtop.link_type.survey import LinkTypeSurvey
from mlxtop.model.identity import PortId
from mlxtop.model.linktype import LinkType
from mlxtop.system.door import System


class When(StrEnum):
    """From when on a port has its new type."""

    NOW = "now"
    BOOT = "at boot"
    BOTH = "now and for good"


class Choice(NamedTuple):
    """One combination of the three choices."""

    every: bool
    """All ports of the card, or the one that was chosen."""
    kind: LinkType
    when: When


Choices: TypeAlias = Mapping[Choice, Change | Refused]
"""What every combination means: a change, or why there is none."""


def kinds_of(card: Card) -> tuple[LinkType, ...]:
    """Return the types that a card may have; only mlx4 senses them."""
    return tuple(LinkType) if card.mlx4 else (LinkType.IB, LinkType.ETH)


def choices_of(
    system: System, survey: LinkTypeSurvey, port: PortId
) -> dict[Choice, Change | Refused]:
    """Return what each choice means for a port; reads settings files. Raises Refused."""
    card = survey.card_of(port)
    every = tuple(types.id for types in card.ports)
    choices: dict[Choice, Change | Refused] = {}
    for whole in (False, True) if len(every) > 1 else (False,):
        for kind in kinds_of(card):
            wanted = dict.fromkeys(every if whole else (port,), kind)
            for when in When:
                choices[Choice(whole, kind, when)] = _outcome(system, survey, card, wanted, when)
    return choices


def _outcome(
    system: System,
    survey: LinkTypeSurvey,
    card: Card,
    wanted: Mapping[PortId, LinkType],
    when: When,
) -> Change | Refused:
    try:
        if when is When.NOW:
            return prepare(survey, card, wanted, Method.NOW)
        if when is When.BOOT:
            return at_boot(system, survey, card, wanted)
        return _for_good(system, survey, card, wanted)
    except Refused as refusal:
        return refusal


def at_boot(
    system: System, survey: LinkTypeSurvey, card: Card, wanted: Mapping[PortId, LinkType]
) -> Change:
    """Return the change that gives ports a type from the next boot on. Raises Refused.

    Where a settings file of the mlx4 driver sets types already, the card is not asked for them:
    then the file is changed.
    """
    stored = Method.STORED in methods(card, wanted)
    if card.mlx4 and (not stored or decides(settings_file(system, card))):
        return persist(system, survey, card, wanted)
    return prepare(survey, card, wanted, Method.STORED)


def _for_good(
    system: System, survey: LinkTypeSurvey, card: Card, wanted: Mapping[PortId, LinkType]
) -> Change:
    """Return the change at once that is stored when it is kept; one of both where that is all."""
    try:
        now = prepare(survey, card, wanted, Method.NOW)
    except NothingToDo:
        return at_boot(system, survey, card, wanted)
    try:
        then = at_boot(system, survey, card, wanted)
    except NothingToDo as nothing:
        note = f"the next boot brings it too: {nothing}"
        return replace(now, plan=replace(now.plan, notes=(note,)))
    notes = ("stored as soon as you keep it, so that the next boot brings it too", *then.plan.notes)
    title = f"{now.plan.title}, {When.BOTH}"
    return replace(now, plan=replace(now.plan, title=title, notes=notes), then=then)
