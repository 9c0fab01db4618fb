"""The health of a link over days and months, for page 2."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isfinite
from time import localtime, strftime

from mlxtop.health.ber_limit import floor_of, limit_of
from mlxtop.health.error_rates import fec_bins
from mlxtop.health.link_health import LinkHealth
from mlxtop.health.observe import running
from mlxtop.health.signs import (
    Outlook,
    flap_days,
    is_stale,
    last_week,
    lost_lately,
    most_symbols,
    outlook,
    worse,
)
from mlxtop.health.trend import DAY_S, median_high
from mlxtop.present import units
from mlxtop.present.text import LABEL_WIDTH, Line, Role, Section
from mlxtop.present.view import View, below, fact

_BARS = "▁▂▃▄▅▆▇█"
_CHART_DAYS = 14.0
_LEAST_SLOPE, _SURE = 0.02, 3.0
"""Decades a day, and standard errors, from which a slope is told."""
_NO_REASON = "nothing told the reason"
_OFF = "as if the peer was off"
_NAMES = ("speed", "lanes", "pcie")


def health(view: View) -> list[Section]:
    """Return the section about the history of a link; none where nothing is remembered."""
    known = view.health
    if known is None:
        return []
    lines = [*_best(view, known)]
    if is_stale(known, view.frame.sample.wall):
        day = strftime("%F", localtime(known.newest))
        lines.append(fact("errors, light", None, f"nothing was seen since {day}"))
    else:
        told = outlook(known, limit_of(view.now.now), floor_of(view.now.now))
        lines += [*_errors(view, known, told), *_symbols(view, known)]
        lines += _light(known, told, view.columns)
    lines += _flaps(view, known)
    if known.module and known.since:
        age = view.frame.sample.wall - known.since
        since = strftime("%F", localtime(known.since))
        lines.append(fact("module since", since, note=units.span(age) if age >= 0 else ""))
    return [Section("Health over time", tuple(lines))]


def report_lines(known: LinkHealth, told: Outlook, columns: int) -> list[Line]:
    """Return what a recording says of the signal of a link over its time."""
    points = (*known.hours, *known.minutes)
    raw = [one.raw for one in points if one.raw is not None]
    lines: list[Line] = []
    if raw:
        low, high = (f"{10**one:.0e}" for one in (min(raw), max(raw)))
        lines.append(fact("bit errors", low if low == high else f"{low} to {high}", note="raw"))
    if told.errors is not None:
        lines += _course(told, columns)
    lines += _light(known, told, columns) if known.new else []
    for one in known.changes:
        when = strftime("%m-%d %H:%M", localtime(one.wall))
        same = ", another serial number" if one.before == one.after else ""
        text = f"{one.before} to {one.after}{same}, {when}"
        lines += below(f"other {one.what}", text, columns, Role.WARNING)
    return lines


def _best(view: View, known: LinkHealth) -> Iterator[Line]:
    best = [known.best[name].words for name in _NAMES if name in known.best]
    yield fact("at its best", ", ".join(best) or None, "nothing was seen yet")
    for one in worse(known, running(view.frame, view.port)):
        if one.name == "pcie_lanes":
            continue
        until = strftime("%F", localtime(one.before.last))
        text = f"{one.now.words}, was {one.before.words} until {until}"
        yield from below("less now", text, view.columns, Role.WARNING)


def _errors(view: View, known: LinkHealth, told: Outlook) -> Iterator[Line]:
    newest = (*known.hours[-24:], *known.minutes)
    raw = next((one.raw for one in reversed(newest) if one.raw is not None), None)
    if raw is None:
        yield fact("bit errors", None, "no counts of them, or none in between yet")
        return
    after = next((one.effective for one in reversed(newest) if one.effective is not None), None)
    limit = limit_of(view.now.now)
    note = "" if limit is None else f"FEC corrects {limit:.0e}"
    text = f"{10**raw:.0e} raw" + ("" if after is None else f", {10**after:.0e} after FEC")
    yield fact("bit errors", text, note=note)
    room = max(8, min(56, view.columns - LABEL_WIDTH - 12))
    values = [(one.wall, one.value) for one in known.series("raw")]
    if len(values) >= 2:
        chart, days = sparkline(values, room, view.frame.sample.wall)
        yield fact("raw, by time", chart, note=f"{days:.0f} days")
    yield from _course(told, view.columns)
    if lost := lost_lately(known, view.frame.sample.wall):
        yield fact("not corrected", f"{units.count(lost)} in the last day", role=Role.WARNING)


def _course(told: Outlook, columns: int) -> Iterator[Line]:
    line, way = told.errors, told.failing
    if line is None:
        yield fact("their course", None, "two days are needed")
        return
    slope = abs(line.slope)
    rising = slope >= _LEAST_SLOPE and slope > _SURE * line.error
    times = f"{10**slope:.2g} times {'more' if line.slope > 0 else 'fewer'} a day"
    warm = "without what temperature does" if line.per_kelvin else ""
    yield fact("their course", times if rising else "level", note=warm)
    if way is not None:
        text = f"FEC fails in about {way.whole_days}"
        yield from below("at this pace", text, columns, Role.WARNING)


def _symbols(view: View, known: LinkHealth) -> Iterator[Line]:
    """Say how near FEC came to what it can correct; nothing where the kernel has no bins of it."""
    wall = view.frame.sample.wall
    most = max((one.high for one in fec_bins(view.now.now)), default=0)
    lately = most_symbols(known, wall - DAY_S, wall)
    if not most or lately is None:
        return
    before = most_symbols(known, wall - 30 * DAY_S, wall - 7 * DAY_S)
    week = "" if before is None else f", {before} more than a week ago"
    text = f"up to {lately} of {most} symbols of a code word in a usual minute{week}"
    yield from below("FEC corrects", text, view.columns)


def sparkline(
    values: Sequence[tuple[float, float]], columns: int, wall: float
) -> tuple[str, float]:
    """Return the last days of a value as bars, the lowest to the highest, and how many days.

    >>> sparkline([(0, 1.0), (86400, 2.0), (172800, 3.0)], 3, 172800)
    ('▁▅█', 2.0)
    """
    begin = max(values[0][0], wall - _CHART_DAYS * DAY_S)
    whole = max(1.0, wall - begin)
    cells: list[list[float]] = [[] for _ in range(columns)]
    for then, value in values:
        if begin <= then <= wall and isfinite(value):
            cells[min(columns - 1, int((then - begin) / whole * columns))].append(value)
    means = [median_high(cell) if cell else None for cell in cells]
    there = [one for one in means if one is not None]
    low, high = min(there, default=0.0), max(there, default=0.0)
    scale = (len(_BARS) - 1) / max(high - low, 0.3)
    text = "".join(" " if one is None else _BARS[int((one - low) * scale + 0.5)] for one in means)
    return text, whole / DAY_S


def _light(known: LinkHealth, told: Outlook, columns: int) -> Iterator[Line]:
    new = known.new
    if new is None or not new.rx_dbm:
        return
    for one in told.faded:
        role = Role.WARNING if one.is_near else Role.TEXT
        text = f"lane {one.lane}: {one.now_dbm:.1f} dBm, {one.new_dbm:.1f} when new"
        note = f"{one.lost_db:.1f} dB lost" + (
            f", too little in about {max(1, round(one.days))} days" if one.days else ""
        )
        yield from below("light", f"{text}; {note}", columns, role)
    if not told.lit:
        yield fact("light", None, "too few readings in the last day")
    elif not told.faded:
        lanes = sum(one is not None for one in new.rx_dbm)
        some = "all lanes" if told.lit == lanes else f"{told.lit} of {lanes} lanes"
        yield fact("light", "as when new", note=f"within 2 dB, {some}")
    for laser in told.aged:
        text = f"lane {laser.lane}: {laser.now_ma:.1f} mA, {laser.new_ma:.1f} when new"
        yield from below("laser", text, columns, Role.WARNING)


def _flaps(view: View, known: LinkHealth) -> Iterator[Line]:
    wall = view.frame.sample.wall
    recent = last_week(known, wall)
    if not recent:
        yield fact("link lost", "not in the last week")
        return
    count = flap_days(known, wall)
    others = len(recent) - count.week
    role = Role.WARNING if count.day else Role.TEXT
    text = f"{count.day} in a day, {count.week} in a week" if count.week else _times(others)
    more = f"{others} more {_OFF}" if count.week else _OFF
    yield from below("link lost", f"{text}; {more}" if others else text, view.columns, role)
    for one in recent[-3:]:
        when = strftime("%m-%d %H:%M", localtime(one.wall))
        away = f" for {units.span(one.down_s)}" if one.down_s else ""
        yield from below("", f"{when}{away}, {one.reason or _NO_REASON}", view.columns)


def _times(number: int) -> str:
    return f"{number} {'time' if number == 1 else 'times'} in a week"
