"""The report as one HTML file to attach to a ticket: no script, and nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from time import localtime, strftime

from mlxtop import __version__
from mlxtop.outputs.report_charts import glance, heat_chart, traffic_chart
from mlxtop.outputs.report_style import STYLE
from mlxtop.outputs.svg import text
from mlxtop.present import report as words
from mlxtop.present import units
from mlxtop.present.events import cause_text
from mlxtop.report.values import Errors, NumberedCause, PortReport, Report, Spread
from mlxtop.watch.causes import subject_of

MOST_CHARTS = 32
"""Ports with charts at most, those first to which most happened."""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""Browsers load nothing and run nothing, whatever a name in a recording tries."""
_RATES = {**words.RATES, "rx": "received, RDMA included", "tx": "sent, RDMA included"}


def html(report: Report) -> str:
    """Return the page."""
    return "\n".join(_page(report)) + "\n"


def _page(report: Report) -> Iterator[str]:
    title = text(f"What happened on {report.host}")
    yield '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield '<meta name="color-scheme" content="light dark">'
    yield f"<title>{title}, {text(words.span_text(report))}</title>"
    yield f"<style>{STYLE}</style></head><body><main>"
    demo = ' <span class="mark">DEMO</span>' if report.source == "demo" else ""
    yield f"<header><h1>{title}{demo}</h1><p>{text(words.span_text(report))}</p>"
    yield from (f'<p class="dim">{text(line)}</p>' for line in words.about(report))
    yield f'<p class="summary">{text(words.summary(report))}</p></header>'
    yield from _tiles(report)
    yield from _incidents(report)
    charted = _charted(report)
    for port in report.ports:
        yield from _port(port, report, port in charted)
    yield from _rest(report)
    yield from _notes(report, len(charted))
    yield "</main></body></html>"


def _charted(report: Report) -> list[PortReport]:
    def weight(port: PortReport) -> tuple[int, float]:
        busy = max((one.peak for one in port.rates.values() if one), default=0.0)
        return port.flaps + sum(one.above_warning_s > 0 for one in port.sensors), busy

    return sorted(report.ports, key=weight, reverse=True)[:MOST_CHARTS]


def _tiles(report: Report) -> Iterator[str]:
    lost = sum(port.flaps for port in report.ports)
    yield '<div class="tiles">'
    yield _tile(str(len(report.incidents)), "incidents, notes included")
    yield _tile(str(lost), "times that a link was lost", "critical" if lost else "")
    heats = [(one, port) for port in report.ports for one in port.sensors]
    if heats:
        hot, port = max(heats, key=lambda heat: heat[0].spread.peak - heat[0].warning)
        kind = "critical" if hot.above_alarm_s else "warning" if hot.above_warning_s else ""
        name = f"{port.name} {hot.name} at {words.moment(hot.spread.peak_wall, report)}"
        yield _tile(words.degrees(hot.spread.peak), f"nearest to its limit: {name}", kind)
    rates = [
        (one, port, way)
        for port in report.ports
        for way in ("rx", "tx")
        if (one := port.rates.get(way)) is not None
    ]
    if rates:
        spread, port, way = max(rates, key=lambda rate: rate[0].peak)
        name = f"{port.name} {words.RATES[way]} at {words.moment(spread.peak_wall, report)}"
        yield _tile(units.rate(spread.peak).strip(), f"highest rate: {name}")
    yield "</div>"


def _tile(value: str, name: str, kind: str = "") -> str:
    return f'<div class="tile"><b class="{kind}">{text(value)}</b><span>{text(name)}</span></div>'


def _incidents(report: Report) -> Iterator[str]:
    yield "<section><h2>Incidents</h2>"
    yield glance(report)
    if report.incidents:
        yield '<table><tr><th></th><th>Begin</th><th class="n">Lasted</th>'
        yield "<th>Of</th><th>What</th></tr>"
        yield from (_incident(one, report) for one in report.incidents)
        yield "</table>"
    else:
        yield '<p class="dim">None.</p>'
    if report.dropped:
        yield f'<p class="dim">And {report.dropped} older events.</p>'
    yield "</section>"


def _incident(one: NumberedCause, report: Report) -> str:
    cause = one.cause
    incident = cause.lead.incident
    lasted = "goes on" if cause.until is None else words.duration(cause.until - cause.begin)
    lasted = "" if cause.until is not None and cause.until - cause.begin < 0.5 else lasted
    times = f" <small>× {cause.times}</small>" if cause.times > 1 else ""
    advice = f'<div class="dim">{text(incident.advice)}</div>' if incident.advice else ""
    others = words.others_text(one, report)
    more = ""
    if others:
        lines = "<br>".join(map(text, others))
        more = f"<details><summary>{len(cause.others)} more of it</summary>{lines}</details>"
    return (
        f'<tr><td class="n dim">{one.number or ""}</td>'
        f'<td class="t">{text(words.moment(cause.begin, report))}</td>'
        f'<td class="n">{text(lasted)}</td><td>{text(subject_of(incident))}</td>'
        f'<td class="w"><span class="dot {incident.severity}"></span>'
        f'<span class="{incident.severity}">{text(cause_text(cause))}</span>'
        f"{times}{advice}{more}</td></tr>"
    )


def _port(port: PortReport, report: Report, charted: bool) -> Iterator[str]:
    yield f"<section><h2>{text(port.name)}</h2>"
    yield f'<p class="dim">{text(words.port_facts(port))}</p>'
    if charted:
        yield from traffic_chart(port, report)
        yield from heat_chart(port, report)
    yield '<table><tr><th></th><th class="n">Mean</th><th class="n">95 %</th>'
    yield '<th class="n">Peak</th><th class="n">At</th><th class="w">Limits</th></tr>'
    for name, title in _RATES.items():
        spread = port.rates.get(name)
        if spread is not None and (spread.peak > 0 or name in ("rx", "tx")):
            full = port.full_s.get(name, 0.0)
            note = f"≥ 95 % of what it can carry for {words.duration(full)}" if full else ""
            yield _row(title, spread, units.rate, report, (note, "warning"))
    for sensor in port.sensors:
        kind = (
            "critical" if sensor.above_alarm_s else "warning" if sensor.above_warning_s else "dim"
        )
        note = f"{words.limits_text(sensor)} ({sensor.limits_from})"
        title = words.SENSORS.get(sensor.name, sensor.name)
        yield _row(title, sensor.spread, words.degrees, report, (note, kind))
    yield _words("link", words.link_text(port), _link_kind(port))
    for lane in port.lanes:
        note = f"beyond its {lane.bound} for {words.duration(lane.seconds)}"
        yield _words(lane.name, note, "warning")
    yield "</table>"
    if port.errors:
        yield "<h3>Errors by what they mean</h3><table>"
        yield from (_errors(errors, report) for errors in port.errors)
        yield "</table>"
    yield "</section>"


def _link_kind(port: PortReport) -> str:
    return "critical" if port.flaps else "warning" if port.down_s else ""


def _words(title: str, note: str, kind: str) -> str:
    return (
        f'<tr><td class="t">{text(title)}</td><td colspan="4"></td>'
        f'<td class="{kind}">{text(note)}</td></tr>'
    )


def _row(
    title: str, spread: Spread, form: words.Form, report: Report, note: tuple[str, str]
) -> str:
    cells = (form(value).strip() for value in spread[:3])
    numbers = "".join(f'<td class="n">{text(cell)}</td>' for cell in cells)
    when = words.moment(spread.peak_wall, report)
    return (
        f'<tr><td class="t">{text(title)}</td>{numbers}<td class="n dim">{when}</td>'
        f'<td class="{note[1]}">{text(note[0])}</td></tr>'
    )


def _errors(errors: Errors, report: Report) -> str:
    count = (
        f"up to {errors.peak_percent} %" if errors.events is None else units.count(errors.events)
    )
    advice = f'<div class="dim">{text(errors.advice)}</div>' if errors.advice else ""
    return (
        f'<tr><td class="n">{text(count)}</td>'
        f'<td class="w"><span class="dot {errors.severity}"></span>{text(errors.meaning)}'
        f"{advice}</td>"
        f'<td class="c"><code>{text(", ".join(errors.counters))}</code></td>'
        f'<td class="t dim">{text(words.when_text(errors, report))}</td></tr>'
    )


def _rest(report: Report) -> Iterator[str]:
    if report.pcie_errors:
        rows = ((units.count(count), name) for name, count in report.pcie_errors.items())
        yield from _table("PCIe errors", rows, "n")
    if report.loads:
        rows = ((words.moment(run.begin, report), words.load_text(run)) for run in report.loads)
        yield from _table("Loads that ran", rows, "t")
    if report.gaps:
        rows = ((words.moment(gap.begin, report), words.gap_text(gap)) for gap in report.gaps[:100])
        yield from _table("Gaps", rows, "t")


def _table(title: str, rows: Iterable[tuple[str, str]], kind: str) -> Iterator[str]:
    yield f"<section><h2>{title}</h2><table>"
    for first, second in rows:
        yield f'<tr><td class="{kind}">{text(first)}</td><td class="w">{text(second)}</td></tr>'
    yield "</table></section>"


def _notes(report: Report, charted: int) -> Iterator[str]:
    yield "<footer>"
    yield from (f"<p>{text(problem)}</p>" for problem in report.problems)
    if charted < len(report.ports):
        yield f"<p>Charts of {charted} of {len(report.ports)} ports, those with most to see.</p>"
    if report.masked:
        yield f"<p>{words.MASKED}</p>"
    zone = strftime("%Z", localtime(report.end))
    yield f"<p>Times are {text(zone)}. Charts show means, and peaks behind them.</p>"
    yield f"<p>Made by mlxtop {__version__}.</p>"
    yield "</footer>"
