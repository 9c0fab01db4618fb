"""A load test while it runs: its clock, its rates, its heat and its newest intervals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mlxtop.analysis.limits import gbps
from mlxtop.load.hold import UNDER_C
from mlxtop.load.outcome import LoadStatus, Phase, SensorHeat
from mlxtop.load.request import LoadPlan
from mlxtop.model.load import LoadInterval
from mlxtop.present.load import rate, sensor_name, sensor_text, wrapped
from mlxtop.present.text import Line, Role, Section, fit, labelled, width, wrap
from mlxtop.present.view import bar

_LEVELS = "▁▂▃▄▅▆▇█"
_SPARK_ROWS = 3
_COOL_C, _CLOSE_C = 20.0, 5.0
"""°C at which a thermometer is empty, and below a limit from which it warns."""
_LEAST_BAR = 6
_NEWEST = 4
"""Intervals that are listed."""


def status_sections(plan: LoadPlan, status: LoadStatus, columns: int) -> list[Section]:
    """Return a running test."""
    lines: list[Line] = [_clock(status, columns)]
    if status.stopping:
        lines += wrapped("", [(status.stopping, Role.WARNING)], columns).lines
    if status.aim_bps is not None:
        note = f"up to {UNDER_C:g} K under a limit"
        lines.append(labelled("Rate asked", rate(status.aim_bps), note=note))
    newest = status.intervals[-1] if status.intervals else None
    if newest is not None:
        flows = status.phase is Phase.LOAD
        now = (_both(newest), Role.STRONG) if flows else ("nothing flows any more", Role.DIM)
        lines.append(labelled("Now", *now))
        lines.append(labelled("Mean", rate(status.mean_bps), note=_share(plan, status.mean_bps)))
    lines += _heat_lines(status, columns)
    if newest is not None:
        lines += _details(newest, status)
        bars = spark(status.intervals, plan.expected, columns, _SPARK_ROWS)
        lines += [((bar, Role.TX),) for bar in bars]
    elif status.phase is Phase.LOAD:
        words = "no interval yet" if not plan.request.latency else "no result yet"
        lines.append(((words, Role.DIM),))
    sections = [Section("Load", tuple(lines))]
    if status.intervals:
        rows = [((_row(interval), Role.TEXT),) for interval in status.intervals[-_NEWEST:]]
        sections.append(Section("Newest", tuple(rows)))
    return sections


def _clock(status: LoadStatus, columns: int) -> Line:
    if status.left is None:
        return ((str(status.phase), Role.STRONG),)
    total = status.seconds + status.left
    room = max(4, min(30, columns - 30))
    done = round(room * status.seconds / total) if total else room
    return (
        (f"{status.phase}  ", Role.STRONG),
        ("━" * done, Role.ACCENT),
        ("─" * (room - done), Role.FAINT),
        (f"  {status.left:.0f} s left", Role.TEXT),
    )


def _both(interval: LoadInterval) -> str:
    if interval.reverse_bps is None:
        return rate(interval.bps)
    return f"{rate(interval.bps)} there, {rate(interval.reverse_bps)} back"


def _share(plan: LoadPlan, bps: float | None) -> str:
    if bps is None or not plan.expected:
        return ""
    return f"{100 * bps / plan.expected:.0f} % of {gbps(plan.expected)} expected"


def _details(newest: LoadInterval, status: LoadStatus) -> Iterator[Line]:
    if status.retransmits is not None:
        note = f"{newest.retransmits} in the last interval"
        yield labelled("Retransmits", str(status.retransmits), note=note)
    if newest.rtt is not None:
        yield labelled("Round trip", f"{newest.rtt * 1e3:.2f} ms")
    if newest.lost is not None:
        yield labelled("Lost", f"{newest.lost} of {newest.packets}")
    if status.cpu is not None:
        yield labelled("Busiest core", f"{status.cpu:.0f} %")


def _row(interval: LoadInterval) -> str:
    warm = "  warm-up" if interval.omitted else ""
    more = "" if interval.retransmits is None else f"  {interval.retransmits} retransmits"
    return f"{interval.end:6.1f} s  {_both(interval)}{more}{warm}"


def _heat_lines(status: LoadStatus, columns: int) -> Iterator[Line]:
    """Yield a thermometer a sensor, full at its warning limit, and where it is heading."""
    names = max((width(sensor_name(one)) for one in status.sensors), default=0)
    for sensor in status.sensors:
        if sensor.problem or sensor.last is None:
            yield from (((line, Role.WARNING),) for line in wrap(sensor_text(sensor), columns))
            continue
        role, warning = _heat_role(sensor), sensor.limits.warning
        left = warning - sensor.last
        name, value = fit(sensor_name(sensor), names), f"  {sensor.last:5.1f} °C "
        away = f" {abs(left):.0f} K {'below' if left > 0 else 'above'} {warning:g} °C"
        room = columns - names - width(value) - width(away)
        share = (sensor.last - _COOL_C) / max(1.0, warning - _COOL_C)
        meter = bar(max(0.0, share), room, role) if room >= _LEAST_BAR else ()
        yield (name, Role.DIM), (value, role), *meter, (away, Role.DIM)
        if status.phase is Phase.LOAD and (ahead := _coming(sensor)):
            yield ((f"{'':{names}}  {ahead}", Role.WARNING),)
    if status.blind:
        yield (("no sensor that could stop the load", Role.WARNING),)


def _heat_role(sensor: SensorHeat) -> Role:
    last, limits = sensor.last or 0.0, sensor.limits
    if last >= limits.alarm:
        return Role.CRITICAL
    return Role.WARNING if last >= limits.warning - _CLOSE_C else Role.GOOD


def _coming(sensor: SensorHeat) -> str:
    """Return when a sensor is at its warning limit, or where it settles; empty where unknown."""
    ahead = sensor.forecast.warning if sensor.forecast else None
    if ahead is not None and ahead.seconds is not None:
        return f"there in {max(1.0, ahead.seconds):.0f} s"
    settles = sensor.forecast.settles if sensor.forecast else None
    return f"settles at {settles:.0f} °C" if settles is not None else ""


def spark(
    intervals: Sequence[LoadInterval], expected: float | None, columns: int, rows: int = 1
) -> list[str]:
    """Return the newest intervals as bars of `rows` lines, full at what is expected.

    >>> spark([LoadInterval(0, 1, 5e9), LoadInterval(1, 2, 10e9)], 10e9, 40, 2)
    [' █', '██']
    """
    newest = [interval.bps for interval in intervals[-columns:]]
    top = max([*newest, expected or 0.0, 1.0])
    steps = len(_LEVELS) * rows
    heights = [max(1, min(steps, round(bps / top * steps))) for bps in newest]
    return [
        "".join(_level(height - row * len(_LEVELS)) for height in heights)
        for row in reversed(range(rows))
    ]


def _level(eighths: int) -> str:
    return _LEVELS[min(eighths, len(_LEVELS)) - 1] if eighths > 0 else " "
