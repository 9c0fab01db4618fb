"""What is known of a port at one instant of the past, in two lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mlxtop.analysis.port_view import Ceiling
from mlxtop.model.counters import Severity
from mlxtop.model.incident import Incident
from mlxtop.present import units
from mlxtop.present.heat import TITLES, Clock
from mlxtop.present.text import Line, Role, Run, clean, line_width
from mlxtop.present.view import SEVERITY_ROLES, incident_text
from mlxtop.watch.watch import ASIC, MODULE, RX, TX

_WORST = tuple(Severity)
_ROLES = {RX: Role.RX, TX: Role.TX, MODULE: Role.MODULE, ASIC: Role.ASIC}


class Instant(NamedTuple):
    """A port at an instant; a value that is not known is None."""

    tick: float
    clock: Clock
    """The newest instant."""
    values: Mapping[str, float | None]
    """Of the series of the history: bit/s and °C."""
    ceiling: Ceiling | str = "no verdict"
    """What limited the port, or the reason why that is not known."""
    events: Sequence[Incident] = ()
    """What happened at the instant, the oldest first."""
    bits: bool = True


def instant_lines(instant: Instant, columns: int) -> list[Line]:
    """Return every value of the instant, then its events and its verdict."""
    return [_values(instant, columns), _happened(instant, columns)]


def _values(instant: Instant, columns: int) -> Line:
    parts: list[Line] = []
    for name, role in _ROLES.items():
        value, rate = instant.values.get(name), name in (RX, TX)
        text = units.rate(value, instant.bits) if rate else units.celsius(value)
        title = TITLES.get(name, name.upper())
        strong: Run = (text.strip(), Role.DIM if value is None else Role.STRONG)
        parts.append(((f"  {title} ", role), strong))
    return at_instant(instant.clock, instant.tick, parts, columns)


def at_instant(clock: Clock, tick: float, parts: Sequence[Line], columns: int) -> Line:
    """Return the time of an instant, how long ago it is where there is room, and what was then."""
    line: Line = ((f"{clock.time(tick)} ", Role.STRONG),)
    since: Line = ((f" {units.duration(round(max(0.0, clock.tick - tick)))} ago ", Role.DIM),)
    if sum(map(line_width, (line, since, *parts))) <= columns:
        line += since
    return (*line, *(run for part in parts for run in part))


def _happened(instant: Instant, columns: int) -> Line:
    """Return the events, the worst first, and what limited the port."""
    line = events_line(instant.events)
    if isinstance(instant.ceiling, str):
        return (*line, (f"{units.NONE} {instant.ceiling}", Role.DIM))
    room = columns - line_width(line) - 2
    text = clean(instant.ceiling.verdict.fitting(room))
    return (*line, ("→ ", Role.ACCENT), (text, Role.TEXT))


def events_line(events: Sequence[Incident]) -> Line:
    """Return the worst of some events, and how many more there are; nothing without any."""
    if not events:
        return ()
    worst = max(reversed(events), key=lambda event: _WORST.index(event.severity))
    more = f" and {len(events) - 1} more" if len(events) > 1 else ""
    return ((f"▲ {clean(incident_text(worst))}{more}  ", SEVERITY_ROLES[worst.severity]),)
