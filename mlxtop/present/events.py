"""The list of events: one line for one cause with begin, length and count, and its details."""

from __future__ import annotations

from collections.abc import Sequence
from time import localtime, strftime

from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.present import units
from mlxtop.present.text import LABEL_WIDTH, Line, Role, Section, clean, fit, width
from mlxtop.present.view import SEVERITY_ROLES, below, fact, incident_text, prose
from mlxtop.watch.causes import Cause, subject_of
from mlxtop.watch.planned import is_change

_TODAY, _OTHER_DAY = "%H:%M:%S", "%m-%d %H:%M:%S"
_LASTS = 8
"""Columns of `119 min …`."""
_TIMES = 4
"""Columns of `×21`."""
_MOST_NAME = 18
_PAGES = {
    IncidentKind.AER: "3",
    IncidentKind.PCIE: "3",
    IncidentKind.POWER: "3",
    IncidentKind.QUEUE: "4",
    IncidentKind.RDMA: "5",
    IncidentKind.IPOIB: "5",
    IncidentKind.FIRMWARE: "6",
    IncidentKind.DRIVER: "6",
}
_TYPES = {"InfiniBand": "IB", "Ethernet": "ETH"}


def page_of(cause: Cause) -> str:
    """Return the key of the page of a port that explains a cause."""
    part = cause.lead.incident.key.partition(" ")[2]
    if part.startswith("errors"):
        return "4"
    if part.startswith("pause"):
        return "7"
    return _PAGES.get(cause.lead.incident.kind, "2")


def cause_lines(causes: Sequence[Cause], now: float) -> list[Line]:
    """Return a line a cause: begin, how long, how often, of what, and what; `now` is for today."""
    today = strftime("%F", localtime(now))
    begins = [localtime(cause.begin) for cause in causes]
    moments = [strftime(_TODAY if strftime("%F", t) == today else _OTHER_DAY, t) for t in begins]
    columns = max(map(len, moments), default=0)
    names = max((width(clean(_subject(cause))) for cause in causes), default=0)
    lasting = any(_lasts(cause, now)[0] for cause in causes)
    often = any(cause.times > 1 for cause in causes)
    widths = _LASTS * lasting, _TIMES * often, min(_MOST_NAME, names)
    return [
        ((when.rjust(columns), Role.DIM), *_line(cause, now, widths))
        for cause, when in zip(causes, moments, strict=True)
    ]


def _line(cause: Cause, now: float, widths: tuple[int, int, int]) -> Line:
    """Return length, count, subject and text, each in its columns; of 0 columns it is left out."""
    one = cause.lead.incident
    lasts, role = _lasts(cause, now)
    times = f"×{cause.times}" if cause.times > 1 else ""
    lasting, often, names = widths
    return (
        (f"  {fit(lasts, lasting, right=True)}" if lasting else " ", role),
        (f" {fit(times, often)}" if often else " ", Role.STRONG),
        (f"{fit(_subject(cause), names)}  ", Role.STRONG),
        (clean(cause_text(cause)), SEVERITY_ROLES[one.severity]),
    )


def _subject(cause: Cause) -> str:
    one = cause.lead.incident
    return one.details.get("name_before") or subject_of(one)


def _lasts(cause: Cause, now: float) -> tuple[str, Role]:
    """Return how long it lasted or has lasted; nothing for what was over at once."""
    if cause.until is None:
        return f"{units.span(now - cause.begin)} …", Role.WARNING
    seconds = cause.until - cause.begin
    return (f"{units.span(seconds)}  " if seconds >= 0.5 else ""), Role.DIM


def cause_text(cause: Cause) -> str:
    """Return what happened, in a few words."""
    one = cause.lead.incident
    if one.kind is IncidentKind.LINK_TYPE:
        return _type_text(cause)
    return one.text


def _type_text(cause: Cause) -> str:
    """Return `link type ETH → IB, taken back after 60 s, ibs2 meanwhile`, or what mlxtop did."""
    if is_change(cause.lead.incident):
        return cause.lead.incident.text
    events = (cause.lead, *cause.others)
    retyped = [event for event in events if event.incident.kind is IncidentKind.LINK_TYPE]
    ports = {event.incident.device: event for event in retyped}
    last = max(retyped, key=lambda event: event.wall)
    before, after = (_type(cause.lead.incident, name) for name in ("before", "type"))
    text = f"link type {before} → {after}"
    name, now = cause.lead.incident.details.get("name_before"), cause.lead.incident.ifname
    back = _type(last.incident, "type") == before
    text += f", taken back after {units.duration(round(last.wall - cause.begin))}" if back else ""
    if now and now != name:
        text += f", {now} meanwhile" if back else f", now {now}"
    return f"{text}, and {len(ports) - 1} more" if len(ports) > 1 else text


def _type(incident: Incident, name: str) -> str:
    layer = incident.details.get(name, "")
    return _TYPES.get(layer, layer)


def cause_section(cause: Cause, now: float, columns: int) -> Section:
    """Return everything about a cause, with the events that belong to it."""
    one = cause.lead.incident
    lasts, role = _lasts(cause, now)
    end = "goes on" if cause.until is None else _moment(cause.until)
    lines: list[Line] = [
        *prose(cause_text(cause), columns, SEVERITY_ROLES[one.severity]),
        fact("begin", _moment(cause.begin)),
    ]
    if lasts:
        lines.append(fact("end", end, role=role, note=_exactly(cause, now)))
    if cause.times > 1:
        lines.append(fact("how often", f"{cause.times} times"))
    for label, value in (("function", one.device), ("told by", one.source)):
        if value:
            lines.append(fact(label, value))
    if one.advice:
        lines += below("do", one.advice, columns, Role.STRONG)
    for place, (wall, incident) in enumerate(cause.others):
        label = "with it" if place == 0 else ""
        when = strftime(_TODAY, localtime(wall))
        text = f"{when} {subject_of(incident)} {incident_text(incident)}"
        lines += below(label, text, max(columns, LABEL_WIDTH + 20), Role.DIM)
    return Section(clean(_subject(cause)) or "Event", tuple(lines))


def _exactly(cause: Cause, now: float) -> str:
    return units.duration(
        round(max(0.0, (now if cause.until is None else cause.until) - cause.begin))
    )


def _moment(wall: float) -> str:
    return strftime("%F %H:%M:%S", localtime(wall))
