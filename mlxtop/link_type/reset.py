"""Prepare a firmware reset, so that stored types take effect."""

from __future__ import annotations

from collections.abc import Sequence

from mlxtop.change.plan import Command, Plan
from mlxtop.change.privilege import Access
from mlxtop.link_type.card import REBOOT, Card, Refused, claimed
from mlxtop.link_type.options import Change, Method, breaks_of
from mlxtop.link_type.survey import LinkTypeSurvey
from mlxtop.sources.tools import mstfwreset
from mlxtop.sources.tools.card_tool import explain, failure, installed
from mlxtop.sources.tools.mstfwreset import PCI_RESET, WARM_REBOOT, Level, parse_levels
from mlxtop.system.door import System


def read_levels(
    system: System, card: Card, rights: Access, ask: bool = False
) -> tuple[str, tuple[Level, ...]]:
    """Return the tool for firmware resets, and the levels that reload this card's configuration.

    Raises Refused, NotAllowed and OSError.
    """
    tool = installed(system, mstfwreset.TOOLS)
    if tool is None:
        raise Refused("neither mstfwreset (package mstflint) nor mlxfwreset (MFT) is installed")
    with claimed(system, card, rights, ask) as root:
        finished = root.query((tool, "-d", card.device, "query"))
    offered = parse_levels(finished.stdout)
    useful = (PCI_RESET,) if card.adapter.is_dpu else (PCI_RESET, WARM_REBOOT)
    levels = tuple(x for n in useful for x in offered if x.number == n)
    if not levels:
        why = explain(system, failure(finished) or "it names no reset level")
        raise Refused(f"{tool}: {why}; {card.restart}")
    return tool, levels


def choose_level(levels: Sequence[Level], number: int | None, restart: str = REBOOT) -> Level:
    """Return the level of that number, else the gentlest that is supported. Raises Refused."""
    wanted = [level for level in levels if number in (None, level.number)]
    level = next((level for level in wanted if level.supported), None)
    if level is None:
        each = ", ".join(f"{x.number} ({x.text}): {'yes' if x.supported else 'no'}" for x in levels)
        raise Refused(f"this reset level is not supported now; {each}; {restart}")
    return level


def prepare_reset(survey: LinkTypeSurvey, card: Card, tool: str, level: Level) -> Change:
    """Return the firmware reset with which stored types take effect now. Raises Refused.

    Never on a card with a hazard, whatever anybody types.
    """
    affected = tuple(port.id for port in card.ports)
    hazards = survey.uses.of(affected)
    if hazards:
        raise Refused("no firmware reset: " + "; ".join(hazard.text for hazard in hazards))
    if not level.supported:
        raise Refused(f"reset level {level.number} ({level.text}) is not supported here")
    step = Command((tool, "-d", card.device, "-l", str(level.number), "-y", "reset"), level.text)
    breaks = ("the whole machine reboots",) if level.number == WARM_REBOOT else ()
    plan = Plan(
        f"firmware reset of {card.adapter.family} {card.device}, level {level.number}",
        (step,),
        (*breaks, *breaks_of(survey, card, affected, {})),
        takes_effect="at once: the machine reboots" if breaks else "at once, after 10 to 60 s",
        notes=("there is no way back but to store the old types and reset again",),
    )
    return Change(plan, card, Method.RESET, {}, affected)


def reset_of(
    system: System,
    survey: LinkTypeSurvey,
    card: Card,
    rights: Access,
    level: int | None,
    *,
    ask: bool = False,
) -> Change:
    """Return the firmware reset of that level, the gentlest for None. Raises as `read_levels`."""
    tool, levels = read_levels(system, card, rights, ask)
    return prepare_reset(survey, card, tool, choose_level(levels, level, card.restart))


def resets(
    system: System, survey: LinkTypeSurvey, card: Card, rights: Access
) -> list[tuple[str, Change]]:
    """Return every firmware reset that is supported now, with its level in words."""
    tool, levels = read_levels(system, card, rights)
    usable = [level for level in levels if level.supported]
    changes = [prepare_reset(survey, card, tool, level) for level in usable]
    return [(f"level {n.number}: {n.text}", c) for n, c in zip(usable, changes, strict=True)]
