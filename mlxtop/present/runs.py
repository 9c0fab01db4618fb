"""Recorded load tests as lines for people: a table of all, and one with all that it holds."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from operator import itemgetter
from typing import Any

from mlxtop.load.record import Run, number, table
from mlxtop.model.sample import sensor_title
from mlxtop.present.counted import counted_runs
from mlxtop.present.load import rate
from mlxtop.present.plot import run_charts
from mlxtop.present.text import clean, fit, width, wrap

_GROUPS = {
    "card": "card part psid firmware driver",
    "PCIe": "pcie pcie_limit pcie_limited_by mps",
    "link": "link_layer link_bps mtu fec rings_rx rings_tx channels",
    "module": "module_vendor module_part module_serial",
    "host": "host kernel cpu cpus",
    "tool": "tool tool_version",
}
"""Keys of a fingerprint by what they are about."""
_WITH_TIME = 104
"""Columns from which a table has room for the time of a start in words."""
_LATE_S = 3.0
"""Seconds before the end of an interval from which a temperature belongs to it."""


def when(run: Run) -> str:
    """Return the time of the start, `2026-11-20 08:07:15`."""
    with suppress(OverflowError, ValueError, OSError):
        if run.started is not None:
            return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run.started))
    return "–"


def run_table(runs: Sequence[Run], columns: int) -> Iterator[str]:
    """Yield the rows of all runs; those of simulated machines stand apart, below the others."""
    timed = columns >= _WITH_TIME
    started = f"{'STARTED':<21}" if timed else ""
    id_width = max(18, *(len(run.id) + 1 for run in runs)) if runs else 18
    real, simulated = ([run for run in runs if run.demo is demo] for demo in (False, True))
    for title, group in (("NOTE", real), ("DEMO", simulated)):
        if group:
            head = f"{'ID':<{id_width}}{started}{'PORT':<13}{'TO':<14}"
            yield f"{head}{'RATE':>10}  {'PEAK':<14}{title}"
        for run in group:
            yield _row(run, columns, timed, id_width)


def _row(run: Run, columns: int, timed: bool, id_width: int) -> str:
    port, target = (str(run.plan.get(key) or "–") for key in ("port_name", "target"))
    head = fit(run.id, id_width) + (f"{when(run):<21}" if timed else "")
    row = f"{head}{fit(port, 12)} {fit(target, 13)} {rate(run.rate):>10}  {fit(_peak(run), 13)}"
    notes = (run.note, "" if run.ended == "complete" else f"[{run.ended}]")
    note = " ".join(clean(text) for text in notes if text)
    return f"{row} {fit(note, max(5, columns - len(row) - 1))}".rstrip()


def _peak(run: Run) -> str:
    """Return the highest temperature of the sensor that came nearest to its limit."""
    peaks = [
        (number(sensor.get("warning_c")) or 0.0, celsius, name)
        for name, sensor in run.sensors.items()
        if (celsius := number(sensor.get("peak_c"))) is not None
    ]
    if not peaks:
        return "–"
    _, celsius, name = min(peaks, key=lambda peak: peak[0] - peak[1])
    return f"{celsius:.0f} °C {_sensor(name)}"


def _sensor(name: str) -> str:
    return clean(sensor_title(name))


def run_lines(run: Run, columns: int, ascii_only: bool) -> Iterator[str]:
    """Yield a whole run, no line wider than `columns` but for what is to be copied."""
    yield f"{run.id}{' DEMO' if run.demo else ''}  {when(run)}  {clean(run.host or '–')}"
    if run.note:
        yield from wrap(run.note, columns, "note: ")
    for line in run.plan.get("commands") or []:
        yield f"ran: {clean(line)}"
    yield from _fingerprint(run.fingerprint, columns)
    heat = [(t, table(line.get("sensors"))) for line in run.heat if (t := number(line.get("t")))]
    heat.sort(key=itemgetter(0))
    times = [t for t, _ in heat]
    for interval in run.intervals:
        text = _interval(interval, heat, times)
        yield from [text] if width(text) <= columns else wrap(text, columns)
    yield from run_charts(run, ascii_only, columns)
    for name, sensor in run.sensors.items():
        yield from wrap(_heat(sensor), columns, f"{_sensor(name)}: ")
    for text, _ in counted_runs(table(run.end.get("counters")), str(run.plan.get("tool"))):
        yield from wrap(text, columns, "counters: ")
    verdict = run.end.get("verdict")
    yield from wrap(verdict or rate(run.rate), columns, "result: ")
    yield from wrap(run.ended, columns, "ended: ")
    if run.damaged:
        yield f"{run.damaged} lines of the record could not be read"


def _fingerprint(values: Mapping[str, Any], columns: int) -> Iterator[str]:
    """Yield what the run was made on, a paragraph a subject."""
    left = {key: value for key, value in values.items() if value is not None}
    for name, keys in _GROUPS.items():
        facts = [_fact(key, left.pop(key), name) for key in keys.split() if key in left]
        if facts:
            yield from wrap(", ".join(facts), columns, f"{name:<8}")
    if left:
        yield from wrap(", ".join(_fact(*item) for item in left.items()), columns, f"{'more':<8}")


def _fact(key: str, value: Any, subject: str = "") -> str:
    if key == "link_bps":
        return rate(number(value))
    words = f"{key.replace('_', ' ')} ".removeprefix(f"{subject.lower()} ")
    return clean(f"{words}{value}")


def _interval(
    line: Mapping[str, Any],
    heat: Sequence[tuple[float, Mapping[str, Any]]],
    times: Sequence[float],
) -> str:
    """Return an interval with the newest temperatures before its end; `times` are those of heat."""
    end, bps = number(line.get("end")), number(line.get("bps"))
    back, written = number(line.get("reverse_bps")), number(line.get("t")) or 0.0
    place = bisect_right(times, written) - 1
    near = place >= 0 and times[place] >= written - _LATE_S
    parts = (
        f"{'–' if end is None else f'{end:.1f}':>8} s",
        rate(bps),
        "" if back is None else f"back {rate(back)}",
        "warm-up" if line.get("omitted") else "",
        *(_celsius(heat[place][1]) if near else ()),
    )
    return "  ".join(filter(None, parts))


def _celsius(sensors: Mapping[str, Any]) -> Iterable[str]:
    for name, value in sensors.items():
        if (celsius := number(value)) is not None:
            yield f"{_sensor(name)} {celsius:.0f} °C"


def _heat(sensor: Mapping[str, Any]) -> str:
    named = {
        "start_c": "at the start",
        "peak_c": "at most",
        "last_c": "last",
        "settled_c": "after the cool-down",
    }
    values = [(number(sensor.get(key)), words) for key, words in named.items()]
    texts = [f"{value:.1f} °C {words}" for value, words in values if value is not None]
    warning = number(sensor.get("warning_c"))
    limit = f" (warning {warning:g}, {sensor.get('limits_from')})" if warning is not None else ""
    return (", ".join(texts) or "–") + limit
