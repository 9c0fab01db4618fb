"""The load dialog's boxes: plan, course and outcome."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mlxtop.load.outcome import LoadStatus, Outcome, Phase, SensorHeat
from mlxtop.load.request import LoadPlan
from mlxtop.model.load import LoadInterval
from mlxtop.present.clean import clean
from mlxtop.present.load import outcome_lines, rate, sensor_text
from mlxtop.present.text import Line, Role, Section, labelled, wrap

_LEVELS = "▁▂▃▄▅▆▇█"
_NEWEST = 4
"""Intervals that are listed."""


def _prose(text: str, columns: int, role: Role = Role.TEXT) -> list[Line]:
    return [((line, role),) for line in wrap(text, columns)]


def plan_sections(plan: LoadPlan, columns: int) -> list[Section]:
    """What is run at both ends, and what is to be known before."""
    lines: list[Line] = []
    for refusal in plan.refusals:
        lines += _prose(f"✗ {refusal}", columns, Role.CRITICAL)
    for warning in plan.warnings:
        lines += _prose(f"▲ {warning}", columns, Role.WARNING)
    for note in plan.notes:
        lines += _prose(note, columns, Role.DIM)
    if plan.expected is not None:
        lines += _prose(f"expected at most {rate(plan.expected)} ({plan.bound_by})", columns)
    found = [Section("Plan", tuple(lines))] if lines else []
    if plan.server:
        far: list[Line] = []
        for line in plan.server:
            far += _prose(line, columns, Role.STRONG)
        found.append(Section("At the far end, before", tuple(far)))
    if plan.commands:
        here: list[Line] = []
        for line in plan.lines:
            here += _prose(line, columns)
        found.append(Section("Here", tuple(here)))
    return found


def status_sections(plan: LoadPlan, status: LoadStatus, columns: int) -> list[Section]:
    """A test that runs."""
    lines: list[Line] = [_clock(status, columns)]
    if status.stopping:
        lines += _prose(status.stopping, columns, Role.WARNING)
    newest = status.intervals[-1] if status.intervals else None
    if newest is not None:
        lines.append(labelled("Now", _both(newest), Role.STRONG))
        lines.append(labelled("Mean", rate(status.mean_bps), note=_share(plan, status.mean_bps)))
        lines += _details(newest, status)
        lines.append(((spark(status.intervals, plan.expected, columns), Role.TX),))
    elif status.phase is Phase.LOAD:
        words = "no interval yet" if plan.commands[0][0] != "ib_send_lat" else "no result yet"
        lines.append(((words, Role.DIM),))
    found = [Section("Load", tuple(lines))]
    heat = _heat(status.sensors, status.blind, columns)
    found.append(Section("Heat", tuple(heat)))
    if status.intervals:
        rows = [((_row(interval), Role.TEXT),) for interval in status.intervals[-_NEWEST:]]
        found.append(Section("Newest", tuple(rows)))
    return found


def _clock(status: LoadStatus, columns: int) -> Line:
    left = "" if status.left is None else f"{status.left:.0f} s left"
    if status.left is None:
        return ((str(status.phase), Role.STRONG),)
    total = status.seconds + status.left
    room = max(4, min(30, columns - 30))
    done = round(room * status.seconds / total) if total else room
    return (
        (f"{status.phase}  ", Role.STRONG),
        ("━" * done, Role.ACCENT),
        ("─" * (room - done), Role.FAINT),
        (f"  {left}", Role.TEXT),
    )


def _both(interval: LoadInterval) -> str:
    if interval.reverse_bps is None:
        return rate(interval.bps)
    return f"{rate(interval.bps)} there, {rate(interval.reverse_bps)} back"


def _share(plan: LoadPlan, bps: float | None) -> str:
    if bps is None or not plan.expected:
        return ""
    return f"{100 * bps / plan.expected:.0f} % of {rate(plan.expected)} expected"


def _details(newest: LoadInterval, status: LoadStatus) -> list[Line]:
    lines: list[Line] = []
    if status.retransmits is not None:
        note = f"{newest.retransmits} in the last interval"
        lines.append(labelled("Retransmits", str(status.retransmits), note=note))
    if newest.rtt is not None:
        lines.append(labelled("Round trip", f"{newest.rtt * 1e3:.2f} ms"))
    if newest.lost is not None:
        lines.append(labelled("Lost", f"{newest.lost} of {newest.packets}"))
    if status.cpu is not None:
        lines.append(labelled("Busiest core", f"{status.cpu:.0f} %"))
    return lines


def _row(interval: LoadInterval) -> str:
    warm = "  warm-up" if interval.omitted else ""
    more = "" if interval.retransmits is None else f"  {interval.retransmits} retransmits"
    return f"{interval.end:6.1f} s  {_both(interval)}{more}{warm}"


def _heat(sensors: Iterable[SensorHeat], blind: bool, columns: int) -> list[Line]:
    lines: list[Line] = []
    for sensor in sensors:
        role = Role.WARNING if sensor.problem else Role.TEXT
        text = f"{sensor_text(sensor)}, warning {sensor.limits.warning:g} °C"
        lines += _prose(text, columns, role)
    if blind:
        lines += _prose("no sensor that could stop the load", columns, Role.WARNING)
    return lines


def spark(intervals: Sequence[LoadInterval], expected: float | None, columns: int) -> str:
    """The newest intervals as bars, full at what is expected.

    >>> spark([LoadInterval(0, 1, 5e9), LoadInterval(1, 2, 10e9)], 10e9, 40)
    '▅█'
    """
    newest = [interval.bps for interval in intervals[-columns:]]
    top = max([*newest, expected or 0.0, 1.0])
    steps = len(_LEVELS) - 1
    return "".join(_LEVELS[min(steps, round(bps / top * steps + 0.49))] for bps in newest)


def outcome_sections(outcome: Outcome, columns: int) -> list[Section]:
    """A test that is over."""
    lines: list[Line] = []
    for place, text in enumerate(outcome_lines(outcome)):
        role = Role.TEXT
        if text == clean(outcome.ended) and text != "complete":
            role = Role.WARNING
        elif place == 0 and not outcome.failed:
            role = Role.STRONG
        lines += _prose(text, columns, role)
    return [Section("Outcome", tuple(lines))]


def server_section(running: int, lines: Sequence[str], columns: int) -> Section:
    """Servers of this host and what they print."""
    title = f"Server here ({running} waiting or serving)" if running else "Server here (ended)"
    rows: list[Line] = []
    for line in lines[-8:]:
        rows += _prose(line, columns, Role.DIM)
    return Section(title, tuple(rows))
