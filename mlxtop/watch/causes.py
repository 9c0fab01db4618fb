"""Put events together that have one cause, so that a list of them has one line for it.

A change of the link type takes ports away and brings others: some twenty events. A module that is
pulled takes the link with it, and a link the ways over it. A link that comes back is the end of its
loss, and a link that is lost again soon is the same trouble.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from mlxtop.model.identity import slot_of
from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.watch.event_list import TimedIncident
from mlxtop.watch.planned import is_change

TOGETHER_S = 3.0
"""Seconds within which a port's losses have one cause."""
AROUND_S = 30.0
"""Seconds before and after a change of the link type in which ports go and come."""
TAKEN_BACK_S = 180.0
"""Seconds in which another change of the link type on a card belongs to the first."""
AGAIN_S = 600.0
"""Seconds from an end to the next beginning within which it is the same trouble."""

_LOSSES = (
    *(IncidentKind.LINK_TYPE, IncidentKind.REMOVED, IncidentKind.OVERHEAT),
    *(IncidentKind.MODULE_FAULT, IncidentKind.MODULE_DISABLED, IncidentKind.MODULE_UNPLUGGED),
    *(IncidentKind.PORT_CLOSED, IncidentKind.LINK_DOWN),
)
"""What takes a link away; what explains the others comes first."""
_REBIRTH = (
    *(*_LOSSES, IncidentKind.LINK_UP, IncidentKind.ADDED, IncidentKind.RENAMED),
    *(IncidentKind.MODULE_PLUGGED, IncidentKind.DRIVER, IncidentKind.IPOIB, IncidentKind.RDMA),
    *(IncidentKind.BOND, IncidentKind.ENABLED, IncidentKind.ALARM),
)
"""What happens to the ports of a card whose link type is changed."""


class Cause(NamedTuple):
    """Events of one cause."""

    lead: TimedIncident
    """The one that explains the others."""
    others: tuple[TimedIncident, ...]
    """The rest, the oldest first."""
    begin: float
    """Epoch second."""
    until: float | None
    """Epoch second of the end, as `begin` for what is over at once; None while it goes on."""
    times: int = 1
    """How often it happened."""

    @property
    def key(self) -> tuple[float, str, str]:
        """Return what stays the same while more events come."""
        return self.begin, self.lead.incident.kind, subject_of(self.lead.incident)


def subject_of(incident: Incident) -> str:
    """Return the name of what an incident is about."""
    return incident.ifname or incident.device or incident.rdma or ""


def causes(events: Iterable[TimedIncident]) -> list[Cause]:
    """Return events by their cause, the newest first."""
    ordered = sorted(events, key=lambda event: event.wall)
    changes, left = _type_changes(ordered)
    all_causes = [*changes, *_repeated(_with_ends(_with_ways(_losses(left))))]
    return sorted(all_causes, key=lambda cause: cause.begin, reverse=True)


def _type_changes(events: Sequence[TimedIncident]) -> tuple[list[Cause], list[TimedIncident]]:
    """Return changes of the link type with what belongs to them, and all other events."""
    groups: dict[str, list[list[TimedIncident]]] = {}
    for event in events:
        if event.incident.kind is IncidentKind.LINK_TYPE:
            own = groups.setdefault(slot_of(event.incident.device or ""), [])
            again = not is_change(event.incident)
            if own and again and event.wall - own[-1][-1].wall <= TAKEN_BACK_S:
                own[-1].append(event)
            else:
                own.append([event])
    parts: dict[int, list[TimedIncident]] = {}
    left = []
    flat = [(slot, group) for slot, own in groups.items() for group in own]
    for event in events:
        place = next((n for n, one in enumerate(flat) if _belongs(event, *one)), None)
        if place is None:
            left.append(event)
        else:
            parts.setdefault(place, []).append(event)
    return [_type_change(flat[place][1], own) for place, own in parts.items()], left


def _belongs(event: TimedIncident, slot: str, group: Sequence[TimedIncident]) -> bool:
    """Return whether an event is part of a change of the link type of a card."""
    one = event.incident
    if one.kind not in _REBIRTH:
        return False
    if not group[0].wall - AROUND_S <= event.wall <= group[-1].wall + AROUND_S:
        return False
    if one.device or one.functions:
        return slot in {slot_of(device) for device in (one.device or "", *one.functions)}
    names = {name for lead in group for name in _names(lead.incident)}
    return one.ifname in names


def _names(incident: Incident) -> Iterator[str]:
    yield from (incident.ifname or "", incident.details.get("name_before", ""))


def _type_change(group: Sequence[TimedIncident], events: Sequence[TimedIncident]) -> Cause:
    lead = group[0]
    others = tuple(event for event in events if event is not lead)
    until = max(event.wall for event in group)
    return Cause(lead, others, lead.wall, lead.until if is_change(lead.incident) else until)


def _losses(events: Sequence[TimedIncident]) -> list[Cause]:
    """Return what took one link away at one instant as one cause, and all else on its own."""
    groups: list[list[TimedIncident]] = []
    last: dict[str, list[TimedIncident]] = {}
    for event in events:
        subject = subject_of(event.incident)
        before = last.get(subject)
        if event.incident.kind not in _LOSSES:
            groups.append([event])
        elif before is not None and event.wall - before[0].wall <= TOGETHER_S:
            before.append(event)
        else:
            last[subject] = [event]
            groups.append(last[subject])
    return [_cause(group) for group in groups]


def _with_ways(found: Sequence[Cause]) -> list[Cause]:
    """Return causes; ways that are lost with a link belong to its loss, which ends without them.

    That a peer answers by no way at all stays apart.
    """
    losses = [cause for cause in found if cause.lead.incident.kind in _LOSSES]
    lost: dict[int, list[TimedIncident]] = {}
    left = []
    for cause in found:
        taker = next((loss for loss in losses if _took(loss, cause)), None)
        if taker is None:
            left.append(cause)
        else:
            lost.setdefault(id(taker), []).append(cause.lead)
    return [cause._replace(others=(*cause.others, *lost.get(id(cause), ()))) for cause in left]


def _took(loss: Cause, way: Cause) -> bool:
    """Return whether a link took the way of an alarm with it, a moment before or after."""
    one = way.lead.incident
    same = subject_of(loss.lead.incident) == subject_of(one)
    return "way" in one.details and same and abs(way.begin - loss.begin) <= TOGETHER_S


def _cause(group: Sequence[TimedIncident]) -> Cause:
    rank = {kind: place for place, kind in enumerate(_LOSSES)}
    lead = min(group, key=lambda event: rank.get(event.incident.kind, 0))
    others = tuple(event for event in group if event is not lead)
    ends = [event.until for event in group]
    until = None if None in ends else max(end for end in ends if end is not None)
    return Cause(lead, others, group[0].wall, until, lead.incident.times)


def _with_ends(causes: Sequence[Cause]) -> Iterator[Cause]:
    """Yield causes; a link that came up is the end of its loss."""
    taken: dict[int, TimedIncident] = {}
    down: dict[str, int] = {}
    for place, cause in enumerate(causes):
        one = cause.lead.incident
        if one.kind is IncidentKind.LINK_UP:
            begun = down.pop(subject_of(one), None)
            if begun is not None:
                taken[begun] = cause.lead
                taken[place] = cause.lead
        elif one.kind in _LOSSES:
            down[subject_of(one)] = place
    for place, cause in enumerate(causes):
        end = taken.get(place)
        if end is None:
            yield cause
        elif end is not cause.lead:
            until = end.wall if cause.until in (None, cause.begin) else cause.until
            yield cause._replace(others=(*cause.others, end), until=until)


def _repeated(causes: Iterable[Cause]) -> Iterator[Cause]:
    """Yield causes; what came again soon after its end is one with a count."""
    last: dict[tuple[str, str, str], Cause] = {}
    for cause in causes:
        trouble = _trouble(cause.lead.incident)
        before = last.get(trouble)
        if before is not None and _is_again(before, cause):
            last[trouble] = _joined(before, cause)
            continue
        if before is not None:
            yield before
        last[trouble] = cause
    yield from last.values()


def _trouble(incident: Incident) -> tuple[str, str, str]:
    """Return what the same trouble has in common, whoever reported it."""
    what = incident.key.rpartition(" ")[0] or incident.text
    kind = incident.kind
    return subject_of(incident), kind, "" if kind in _LOSSES else what


def _is_again(before: Cause, cause: Cause) -> bool:
    return before.until is not None and cause.begin - before.until <= AGAIN_S


def _joined(before: Cause, again: Cause) -> Cause:
    others = (*before.others, before.lead, *again.others)
    ordered = tuple(sorted(others, key=lambda event: event.wall))
    times = before.times + again.times
    return Cause(again.lead, ordered, before.begin, again.until, times)
