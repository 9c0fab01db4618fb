"""What happened, as lines: the instant, the device, and what it was."""

from __future__ import annotations

from time import localtime, strftime

from mlxtop.model.counters import Severity
from mlxtop.model.incident import Incident
from mlxtop.present.clean import clean, fit
from mlxtop.present.text import Line, Role, Section
from mlxtop.present.view import View

ROLES = {
    Severity.NOTE: Role.TEXT,
    Severity.WARNING: Role.WARNING,
    Severity.CRITICAL: Role.CRITICAL,
}
SHOWN = 8
"""Events on the page of a port."""


def event_line(wall: float, incident: Incident, now: float, subject: bool = True) -> Line:
    """One event: its time today, else with its date; `subject` names the device."""
    then = localtime(wall)
    today = strftime("%F", then) == strftime("%F", localtime(now))
    when = strftime("%H:%M:%S" if today else "%F %H:%M", then)
    name = fit(incident.ifname or incident.device or "", 18) + "  " if subject else ""
    return (
        (fit(when, 16) + "  ", Role.DIM),
        (name, Role.STRONG),
        (clean(incident.text), ROLES[incident.severity]),
        (f"  {incident.source}", Role.FAINT),
    )


def port_events(view: View) -> list[Section]:
    """The last events of a port, the newest first; nothing where there were none."""
    if not view.events:
        return []
    now = view.frame.sample.wall
    newest = list(reversed(view.events))[:SHOWN]
    return [
        Section(
            "Events",
            tuple(event_line(wall, incident, now, subject=False) for wall, incident in newest),
        )
    ]
