"""What follows a change on probation: it is kept and stored, or taken back; and its one event."""

from __future__ import annotations

from threading import Event
from typing import NamedTuple

from mlxtop.change.pending import PendingChange
from mlxtop.change.plan import Switch
from mlxtop.change.port_types import TRIES
from mlxtop.change.privilege import Access, ActionContext
from mlxtop.link_type.card import Refused
from mlxtop.link_type.carry_out import Tell, carry_out
from mlxtop.link_type.choices import at_boot
from mlxtop.link_type.options import Change, Method
from mlxtop.link_type.restore import PortBefore, settled
from mlxtop.link_type.survey import look
from mlxtop.model.counters import Severity
from mlxtop.model.identity import PortId
from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.model.linktype import LinkType, parse_port_type
from mlxtop.sources.kernel.pci import DEVICES
from mlxtop.sources.kernel.sysfs import read_text
from mlxtop.system.door import System

TAKE_BACK_S = TRIES + 5.0
"""Seconds after which the program that takes back has done what it can."""
_LATE = "too late, or it could not be taken back: mlxtop log has the result"


class Answer(NamedTuple):
    """What became of a change on probation."""

    kept: bool
    done: bool
    """It went as it was wished, storing included."""
    text: str
    event: str
    """The end of the event: `kept`, `taken back`."""
    lines: tuple[str, ...] = ()


def keep_it(
    context: ActionContext,
    change: Change,
    pending: PendingChange,
    rights: Access,
    *,
    typed: tuple[PortId, ...],
    tell: Tell,
) -> Answer:
    """Keep a change, and then store it where that was planned. Nothing is stored before."""
    tell("keeping it")
    if not pending.keep():
        text = "it could not be kept: taken back" if pending.take_back() else _LATE
        return Answer(False, False, text, "not kept")
    then = change.then
    if then is None:
        return Answer(True, True, "", "kept")
    tell("storing it")
    try:
        lines, stored = _store(context, change, then, rights, typed=typed, tell=tell)
    except (Refused, OSError) as error:
        lines, stored = (str(error.args[-1] if error.args else error),), False
    end = "kept and stored" if stored else "kept, not stored"
    mark = "kept ✓" if stored else "kept ✓, but not stored for the next boot ✗"
    return Answer(True, stored, "", end, (mark, *lines))


def _store(
    context: ActionContext,
    change: Change,
    then: Change,
    rights: Access,
    *,
    typed: tuple[PortId, ...],
    tell: Tell,
) -> tuple[tuple[str, ...], bool]:
    """Store what is kept. Raises Refused where that is not what the plan showed, and OSError."""
    system = context.system
    survey = look(system, rights, rights is Access.SUDO, [change.card.adapter.key])
    card = survey.card_of(next(iter(change.wanted)))
    now = at_boot(system, survey, card, change.wanted)
    if now.plan.steps != then.plan.steps:
        raise Refused("what would be stored is not what the plan showed; look again")
    outcome = carry_out(system, survey, now, rights, context.log, typed=typed, tell=tell)
    return outcome.lines, outcome.done


def take_back(
    context: ActionContext,
    change: Change,
    pending: PendingChange,
    before: tuple[PortBefore, ...],
    tell: Tell,
) -> Answer:
    """Take a change back because a person wishes it."""
    tell("writing the old types")
    if not pending.take_back():
        return Answer(False, False, _LATE, "perhaps not taken back")
    tell("waiting for the network devices to come back")
    settled(context.system, [old.port.id for old in before])
    return Answer(False, True, "as you wished", "taken back", _types_now(context.system, change))


def expired(context: ActionContext, change: Change, before: tuple[PortBefore, ...]) -> Answer:
    """Return what became of a change that nobody confirmed in time; its old types are read back."""
    system = context.system
    deadline = system.now() + TAKE_BACK_S
    never = Event()
    while not _is_back(system, change) and system.now() < deadline:
        system.wait(0.2, never)
    if not _is_back(system, change):
        text = "not confirmed in time, but the old types are not back: mlxtop log has the result"
        return Answer(False, False, text, "not confirmed, and perhaps not taken back")
    settled(system, [old.port.id for old in before])
    lines = _types_now(system, change)
    return Answer(False, True, "not confirmed in time", "not confirmed, taken back", lines)


def _switches(change: Change) -> list[Switch]:
    return [step for step in change.plan.steps if isinstance(step, Switch)]


def _is_back(system: System, change: Change) -> bool:
    for step in _switches(change):
        for number, kind in step.before:
            now = parse_port_type(read_text(system, f"{DEVICES}/{step.device}/mlx4_port{number}"))
            if now is None or now.configured is not kind:
                return False
    return True


def _types_now(system: System, change: Change) -> tuple[str, ...]:
    lines = []
    for step in _switches(change):
        for number, _ in step.before:
            path = f"{DEVICES}/{step.device}/mlx4_port{number}"
            now = parse_port_type(read_text(system, path))
            words = now.configured.words if now else "unknown"
            lines.append(f"{step.device}/{number} is {words} again")
    return tuple(lines)


def event_of(change: Change, how: str, began: float, now: float) -> Incident:
    """Return the event of a change as far as it is; a later one takes the place of the earlier.

    What a change at once brings about on its card until it is over belongs to this event.
    """
    types = [port for port in change.card.ports if port.id in change.wanted]
    goes_on = how in ("at work", "on probation")
    what = change.plan.title
    if types:
        was = " and ".join(
            dict.fromkeys((t.configured or t.now or LinkType.AUTO).label for t in types)
        )
        kinds = " and ".join(dict.fromkeys(change.wanted[t.id].label for t in types))
        names = f" of {' and '.join(t.port.name for t in types)}" if len(types) > 1 else ""
        what = f"link type{names} {was} → {kinds}"
    boot = change.method in (Method.STORED, Method.PERSIST)
    when = " from the next boot on" if boot else ""
    failed = how.startswith(("failed", "not", "perhaps"))
    return Incident(
        IncidentKind.LINK_TYPE,
        f"{what}{when}, {how}, by mlxtop",
        Severity.WARNING if failed else Severity.NOTE,
        began,
        change.card.device,
        (types or change.card.ports)[0].port.name,
        source="mlxtop",
        until=None if goes_on else now,
        key=f"link type {change.card.device} {began:.3f}",
    )
