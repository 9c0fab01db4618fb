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
    clock = instant.clock
    ago = units.duration(round(max(0.0, clock.tick - instant.tick)))
    line: Line = ((f"{clock.time(instant.tick)} ", Role.STRONG),)
    since: Line = ((f" {ago} ago ", Role.DIM),)
    parts: list[Line] = []
    for name, role in _ROLES.items():
        value, rate = instant.values.get(name), name in (RX, TX)
        text = units.rate(value, instant.bits) if rate else units.celsius(value)
        title = TITLES.get(name, name.upper())
        strong: Run = (text.strip(), Role.DIM if value is None else Role.STRONG)
        parts.append(((f"  {title} ", role), strong))
    room = columns - line_width(line) - sum(map(line_width, parts))
    if line_width(since) <= room:
        line += since
    return (*line, *(run for part in parts for run in part))


def _happened(instant: Instant, columns: int) -> Line:
    """Return the events, the worst first, and what limited the port."""
    events = sorted(instant.events, key=lambda event: _WORST.index(event.severity), reverse=True)
    line: Line = ()
    if events:
        more = f" and {len(events) - 1} more" if len(events) > 1 else ""
        text = f"▲ {clean(incident_text(events[0]))}{more}  "
        line = ((text, SEVERITY_ROLES[events[0].severity]),)
    if isinstance(instant.ceiling, str):
        return (*line, (f"{units.NONE} {instant.ceiling}", Role.DIM))
    room = columns - line_width(line) - 2
    text = clean(instant.ceiling.verdict.fitting(room))
    return (*line, ("→ ", Role.ACCENT), (text, Role.TEXT))
