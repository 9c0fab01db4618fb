"""The charts of the HTML report: what happened when, traffic, and temperatures."""

from __future__ import annotations

from collections.abc import Iterator

from mlxtop.outputs.svg import BOTTOM, TOP, Limit, Mark, Plot, TimeAxis, Trace, picture
from mlxtop.present import units
from mlxtop.present.events import cause_text
from mlxtop.present.report import SENSORS, gap_text, load_text
from mlxtop.present.view import incident_text
from mlxtop.report.values import NumberedCause, PortReport, Report
from mlxtop.watch.causes import subject_of

_ROW = 18
"""Height of a row of what happened when."""
_MOST_ROWS = 24
_TRAFFIC, _HEAT = 220, 170
_SPARE_K = 4.0
"""Degrees above and below the curves."""


def _axis(report: Report) -> TimeAxis:
    return TimeAxis(report.begin, report.end)


def _marks(one: NumberedCause, report: Report) -> list[Mark]:
    """Return when it went on: several times for what came again."""
    cause = one.cause
    name, kind = subject_of(cause.lead.incident), str(cause.lead.incident.severity)
    if cause.times == 1:
        end = report.end if cause.until is None else cause.until
        return [Mark(cause.begin, end, kind, f"{name} {cause_text(cause)}")]
    return [
        Mark(event.wall, report.end if event.until is None else event.until, kind, title)
        for event in (*cause.others, cause.lead)
        if (title := f"{name} {incident_text(event.incident)}")
    ]


def glance(report: Report) -> str:
    """Return what happened when: a row for each incident, and one for loads."""
    rows = [
        (subject_of(one.cause.lead.incident) or "host", _marks(one, report))
        for one in report.incidents[:_MOST_ROWS]
    ]
    if report.loads:
        loads = [Mark(run.begin, run.end, "load", load_text(run)) for run in report.loads]
        rows.append(("loads", loads))
    if not rows:
        return ""
    height = TOP + _ROW * len(rows) + BOTTOM
    axis = _axis(report)

    def parts() -> Iterator[str]:
        yield from axis.grid(height)
        yield from axis.spans(_gaps(report), TOP, height - TOP - BOTTOM)
        for place, (name, marks) in enumerate(rows):
            top = TOP + place * _ROW
            yield from axis.row(name, top + 13)
            yield from axis.spans(marks, top + 4, _ROW - 8)

    return picture(height, "what happened when", parts())


def _gaps(report: Report) -> list[Mark]:
    return [Mark(gap.begin, gap.end, "gap", gap_text(gap)) for gap in report.gaps]


def _behind(port: PortReport, report: Report, height: int) -> Iterator[str]:
    """Yield what lies behind a chart: gaps, times without a link, and when something began."""
    axis = _axis(report)
    downs = [Mark(begin, end, "down", "no link") for begin, end in port.downs]
    yield from axis.spans([*_gaps(report), *downs], TOP, height - TOP - BOTTOM)
    own = (one for one in report.incidents if subject_of(one.cause.lead.incident) == port.name)
    marks = (mark for one in own for mark in _marks(one, report) if mark.begin >= report.begin)
    thin = (mark._replace(end=mark.begin, kind=f"when {mark.kind}") for mark in marks)
    yield from axis.spans(thin, TOP, height - TOP - BOTTOM)


def traffic_chart(port: PortReport, report: Report) -> Iterator[str]:
    """Yield what a port received, upwards, and sent, downwards."""
    rx, tx = port.charts.get("rx"), port.charts.get("tx")
    if rx is None or tx is None or not any((*rx.peak, *tx.peak)):
        return  # it carried nothing
    tops = [
        units.nice(max((value for value in chart.peak if value is not None), default=1.0))
        for chart in (rx, tx)
    ]
    carries = port.capacity
    if carries and max(tops) > 0.5 * carries:
        tops = [units.nice(carries * 1.02) if top > 0.5 * carries else top for top in tops]
    plot = Plot(_axis(report), _TRAFFIC, -tops[1], tops[0])
    ends = [(0.0, 0.0), (tops[0], tops[0]), (-tops[1], tops[1])]
    room = sum(tops) / 6
    scale = [(y, units.rate(value).strip()) for y, value in ends]
    for sign, top in zip((1, -1), tops, strict=True):
        if top / 2 > room:
            scale.append((sign * top / 2, units.rate(top / 2).strip()))
    limits = []
    if carries:
        label = f"{port.capacity_by} {units.rate(carries).strip()}"
        limits = [Limit(carries, label, "warning"), Limit(-carries, label, "warning")]

    def parts() -> Iterator[str]:
        yield from plot.axis.grid(_TRAFFIC)
        yield from plot.scale(scale)
        yield from _behind(port, report, _TRAFFIC)
        yield from plot.limits(limits)
        yield from plot.trace(Trace("rx", rx.mean, rx.peak, is_area=True))
        yield from plot.trace(Trace("tx", tx.mean, tx.peak, is_area=True, down=True))

    yield "<h3>Traffic, RDMA included</h3>"
    yield picture(_TRAFFIC, f"traffic of {port.name}", parts())
    yield _legend((("rx", "received"), ("tx", "sent")))


def heat_chart(port: PortReport, report: Report) -> Iterator[str]:
    """Yield the temperatures of a port's module and chip with their limits."""
    charts = {one.name: port.charts[one.name] for one in port.sensors if one.name in port.charts}
    values = [v for chart in charts.values() for v in (*chart.mean, *chart.peak) if v is not None]
    if not values:
        return
    near = [
        limit
        for one in port.sensors
        for limit in (one.warning, one.alarm)
        if limit <= max(values) + 3 * _SPARE_K
    ]
    low, high = min(values) - _SPARE_K, max([*values, *near]) + _SPARE_K
    plot = Plot(_axis(report), _HEAT, low, high)
    step = next((step for step in (1, 2, 5, 10, 20, 50) if (high - low) / step <= 5), 100)
    first = int(low // step + 1) * step
    scale = [(float(v), f"{v} °C") for v in range(first, int(high) + 1, step)]
    limits = [
        Limit(value, f"{name} {value:.0f} °C", kind)
        for one in port.sensors
        for value, name, kind in (
            (one.warning, _short(one.name), "warning"),
            (one.alarm, _short(one.name), "critical"),
        )
    ]

    def parts() -> Iterator[str]:
        yield from plot.axis.grid(_HEAT)
        yield from plot.scale(scale)
        yield from _behind(port, report, _HEAT)
        yield from plot.limits(limits)
        for name, chart in charts.items():
            yield from plot.trace(Trace(name, chart.mean, chart.peak))

    yield "<h3>Temperature</h3>"
    yield picture(_HEAT, f"temperatures of {port.name}", parts())
    yield _legend(tuple((name, SENSORS.get(name, name)) for name in charts))


def _short(name: str) -> str:
    return "chip" if name == "asic" else name


def _legend(keys: tuple[tuple[str, str], ...]) -> str:
    items = (f'<span><span class="key {kind}"></span>{name}</span>' for kind, name in keys)
    return f'<div class="legend">{"".join(items)}</div>'
