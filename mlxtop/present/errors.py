"""Page 4: error counters that moved, what they mean, and what to do."""

from __future__ import annotations

from mlxtop.analysis.faults import Fault, faults
from mlxtop.model.counters import Severity, Unit
from mlxtop.present import units
from mlxtop.present.clean import clean, fit
from mlxtop.present.text import Line, Role, Section, wrap
from mlxtop.present.view import View, prose

_ROLE = {
    Severity.NOTE: Role.TEXT,
    Severity.WARNING: Role.WARNING,
    Severity.CRITICAL: Role.CRITICAL,
    None: Role.TEXT,
}


def errors(view: View) -> list[Section]:
    """The sections of the page."""
    found = faults(view.now)
    since = [fault for fault in found if fault.since_start or fault.moving]
    older = [fault for fault in found if not (fault.since_start or fault.moving)]
    sections = [Section("Since start", tuple(_explained(view, since)))]
    if older:
        sections.append(Section("Before that, not moving", tuple(_table(older))))
    return sections


def _explained(view: View, found: list[Fault]) -> list[Line]:
    if not found:
        reason = view.why().get("errors", "")
        lines = prose("No error counter has moved.", view.columns, Role.GOOD)
        return lines + (prose(reason, view.columns) if reason else [])
    lines = [_heading()]
    for fault in found:
        lines.append(_row(fault))
        advice = f" → {fault.counter.advice}" if fault.counter.advice else ""
        text = f"{fault.counter.help}{advice}"
        lines.extend((("    " + line, Role.DIM),) for line in wrap(text, view.columns - 4))
    return lines


def _table(found: list[Fault]) -> list[Line]:
    return [_heading(), *(_row(fault) for fault in found)]


def _heading() -> Line:
    return ((f"  {'counter':30}{'now':>9}{'since start':>13}{'total':>16}", Role.HEAD),)


def _row(fault: Fault) -> Line:
    counter = fault.counter
    role = _ROLE[counter.severity] if fault.moving or fault.since_start else Role.DIM
    mark = "!" if fault.moving and fault.severe else "▸" if fault.moving else " "
    total = units.count(fault.total)
    if counter.gauge and counter.unit is Unit.PERCENT:
        rate, since, total = f"{fault.total} %", "", "of the time"
    else:
        rate = units.events_per_second(fault.rate)
        since = units.count(fault.since_start)
    if fault.stuck:
        total = f"≥{total} full"
    return (
        (f"{mark} ", role),
        (fit(counter.key, 30), role),
        (fit(rate, 9, right=True), role if fault.moving else Role.DIM),
        (fit(since, 13, right=True), role),
        (fit(clean(total), 16, right=True), Role.DIM),
    )
