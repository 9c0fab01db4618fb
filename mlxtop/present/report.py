"""What happened in a recording, in words: the text report, and what it shares with the page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from time import localtime, strftime

from mlxtop.health.signs import outlook
from mlxtop.model.counters import Severity
from mlxtop.present import units
from mlxtop.present.events import cause_lines
from mlxtop.present.health import report_lines
from mlxtop.present.text import Line, Role, Section, clean, labelled, row, wrap
from mlxtop.present.view import SEVERITY_ROLES, incident_text
from mlxtop.report.values import (
    Errors,
    Gap,
    LoadRun,
    NumberedCause,
    PortReport,
    Report,
    SensorTimes,
    Spread,
)
from mlxtop.watch.causes import subject_of

Form = Callable[[float | None], str]
"""Writes a value with its unit."""
RATES = {
    "rx": "received",
    "tx": "sent",
    "rdma_rx": "RDMA received",
    "rdma_tx": "RDMA sent",
}
"""Names of rates; the first two have RDMA in them."""
_TITLES = {"module": "module", "asic": "chip"}
SENSORS = {"module": "module or cable", "asic": "chip"}
"""Names of sensors where there is room."""
_WIDTHS = (16, 12, 12, 12, 12)
MOST_OTHERS = 6
"""Events that are told beside the one that explains them."""


def moment(wall: float, report: Report) -> str:
    """Return a time, with its date where the report spans more than a day."""
    then = localtime(wall)
    same = strftime("%F", then) == strftime("%F", localtime(report.end))
    same = same and strftime("%F", then) == strftime("%F", localtime(report.begin))
    return strftime("%H:%M:%S" if same else "%m-%d %H:%M:%S", then)


def span_text(report: Report) -> str:
    """Return from when to when, and how long that is."""
    begin, end = localtime(report.begin), localtime(report.end)
    same = strftime("%F", begin) == strftime("%F", end)
    until = strftime("%H:%M:%S" if same else "%F %H:%M:%S", end)
    whole = duration(report.end - report.begin)
    return f"{strftime('%F %H:%M:%S', begin)} to {until} {strftime('%Z', end)} ({whole})"


def duration(seconds: float) -> str:
    """Return a span of time; what is shorter than a second and not nothing is told as such."""
    return "less than 1 s" if 0 < seconds < 0.5 else units.duration(round(seconds))


def about(report: Report) -> list[str]:
    """Return what was recorded, on what, and how much of it is there."""
    machine = [", ".join(report.cards), f"Linux {report.kernel}" if report.kernel else ""]
    missing = report.end - report.begin - report.seconds
    lines = [
        ", ".join(filter(None, machine)),
        f"{report.samples:,} samples of {duration(report.seconds)}, recorded by {report.program}",
    ]
    if missing > max(5.0, 0.01 * (report.end - report.begin)):
        lines[1] += f"; nothing is known of {duration(missing)}"
    if report.source == "demo":
        lines.append("DEMO: a simulated machine")
    return [clean(line) for line in lines if line]


def summary(report: Report) -> str:
    """Return in a sentence what matters most."""
    kinds = [one.cause.lead.incident.severity for one in report.incidents]
    flaps = sum(port.flaps for port in report.ports)
    hot = sum(one.above_warning_s > 0 for port in report.ports for one in port.sensors)
    parts = [
        _number(kinds.count(Severity.CRITICAL), "critical incident"),
        _number(kinds.count(Severity.WARNING), "warning"),
        _number(flaps, "lost link"),
        _number(hot, "sensor", "above a limit"),
        *(
            f"{port.name} {event_count(one)}"
            for port in report.ports
            for one in port.errors[:1]
            if one.severity is not Severity.NOTE
        ),
    ]
    told = [part for part in parts if part]
    if not told:
        return "No warning, no lost link, no errors."
    return clean("; ".join([*told[:5], *(["and more"] if len(told) > 5 else [])]) + ".")


def _number(count: int, noun: str, more: str = "") -> str:
    return f"{count} {noun}{'s' if count != 1 else ''} {more}".strip() if count else ""


def port_facts(port: PortReport) -> str:
    """Return what a port is, in a line."""
    speed = units.speed(port.speed) if port.speed else ""
    parts = [
        port.card or "",
        f"{port.layer or ''} {speed}".strip(),
        str(port.id),
        f"can carry {units.rate(port.capacity).strip()} ({port.capacity_by})"
        if port.capacity and port.capacity_by != "link"
        else "",
        "gone at the end" if port.gone else "",
    ]
    return clean(", ".join(part for part in parts if part))


def link_text(port: PortReport) -> str:
    """Return how the link is and was."""
    parts = [port.state]
    if port.flaps:
        parts.append("lost once" if port.flaps == 1 else f"lost {port.flaps} times")
    if port.down_s > 0:
        whole = port.down_s >= port.seconds * 0.999
        parts.append("all the time" if whole else f"without a link for {duration(port.down_s)}")
    return ", ".join(parts)


def full_text(port: PortReport) -> str:
    """Return how long the port was as good as full; empty where it never was."""
    names = {"rx": "receiving", "tx": "sending"}
    told = [f"{names[way]} for {duration(s)}" for way, s in port.full_s.items() if s > 0]
    return f"≥ 95 % of what it can carry: {', '.join(told)}" if told else ""


def limits_text(sensor: SensorTimes) -> str:
    """Return how long a sensor was above its limits."""
    limits = (sensor.warning, sensor.above_warning_s), (sensor.alarm, sensor.above_alarm_s)
    told = [f"≥ {limit:.0f} °C for {duration(s)}" for limit, s in limits if s > 0]
    return ", ".join(told) or f"below its limit of {sensor.warning:.0f} °C"


def event_count(errors: Errors) -> str:
    """Return how many errors of what: `12 × Frame check sequence wrong`."""
    if errors.events is None:
        return f"up to {errors.peak_percent} %: {errors.meaning}"
    return f"{units.count(errors.events)} × {errors.meaning}"


def others_text(one: NumberedCause, report: Report) -> list[str]:
    """Return the events that belong to another one, each with its time."""
    others = one.cause.others
    told = [
        f"{moment(wall, report)} {subject_of(incident)} {incident_text(incident)}"
        for wall, incident in others[:MOST_OTHERS]
    ]
    more = len(others) - MOST_OTHERS
    return [clean(text) for text in [*told, *([f"and {more} more"] if more > 0 else [])]]


def load_text(run: LoadRun) -> str:
    """Return a load in words, without its time."""
    rate = units.rate(run.bps).strip() if run.bps is not None else "no result"
    ended = "" if run.ended == "complete" else f", {run.ended}"
    note = f" ({run.note})" if run.note else ""
    return clean(f"{run.tool} on {run.port} to {run.target}: {rate}{ended}{note}")


def gap_text(gap: Gap) -> str:
    """Return why nothing is known, and for how long."""
    return clean(f"nothing known for {duration(max(0.0, gap.end - gap.begin))}: {gap.why}")


MASKED = "Addresses, serial numbers and the names of hosts and processes are replaced."


def sections(report: Report, columns: int) -> list[Section]:
    """Return the whole report."""
    head = [
        *wrap(span_text(report), columns),
        *(t for s in about(report) for t in wrap(s, columns)),
    ]
    parts = [Section(clean(f"What happened on {report.host}"), _plain(head))]
    parts.append(Section(summary(report), tuple(_incidents(report, columns))))
    parts += [_port(port, report, columns) for port in report.ports]
    if report.pcie_errors:
        errors = (f"{count:,} × {name}" for name, count in report.pcie_errors.items())
        parts.append(Section("PCIe errors", _plain(clean(error) for error in errors)))
    if report.loads:
        loads = (f"{moment(run.begin, report)}  {load_text(run)}" for run in report.loads)
        parts.append(Section("Loads that ran", _plain(loads)))
    notes = [
        *(f"{moment(gap.begin, report)}  {gap_text(gap)}" for gap in report.gaps[:20]),
        *([f"and {len(report.gaps) - 20} more gaps"] if len(report.gaps) > 20 else []),
        *report.problems,
        *([MASKED] if report.masked else []),
    ]
    if notes:
        lines = (text for note in notes for text in wrap(clean(note), columns))
        parts.append(Section("Notes", _plain(lines)))
    return parts


def _plain(lines: Iterable[str]) -> tuple[Line, ...]:
    return tuple(((line, Role.TEXT),) for line in lines)


def _incidents(report: Report, columns: int) -> Iterator[Line]:
    if not report.incidents:
        yield (("no incidents", Role.DIM),)
    lines = cause_lines([one.cause for one in report.incidents], report.end)
    digits = len(str(max((one.number or 0 for one in report.incidents), default=0)))
    for one, line in zip(report.incidents, lines, strict=True):
        number = f"#{one.number}" if one.number else ""
        yield ((f"{number:<{digits + 2}}", Role.DIM), *line)
        indent = " " * (digits + 4)
        for text in others_text(one, report):
            yield from (((part, Role.DIM),) for part in wrap(text, columns, indent))
    if report.dropped:
        yield ((f"and {report.dropped} older events", Role.DIM),)


def _port(port: PortReport, report: Report, columns: int) -> Section:
    lines: list[Line] = _plain_list(wrap(port_facts(port), columns))
    titles = ("", "mean", "95 %", "peak", "at")
    lines.append(row(_WIDTHS, ((title, Role.HEAD) for title in titles)))
    for name, title in RATES.items():
        spread = port.rates.get(name)
        if spread is not None and (spread.peak > 0 or name in ("rx", "tx")):
            lines.append(_spread(title, spread, units.rate, report))
    for sensor in port.sensors:
        line = _spread(_TITLES.get(sensor.name, sensor.name), sensor.spread, degrees, report)
        hot = Role.WARNING if sensor.above_warning_s > 0 else Role.DIM
        lines.append((*line, (f"  {limits_text(sensor)}", hot)))
    lines.append(labelled("link", link_text(port)))
    if full := full_text(port):
        lines.append(labelled("full", full, Role.WARNING))
    for lane in port.lanes:
        text = f"beyond its {lane.bound} for {duration(lane.seconds)}"
        lines.append(labelled(lane.name, text, Role.WARNING))
    if port.health is not None:
        told = outlook(port.health, port.ber_limit, port.light_floor)
        lines += report_lines(port.health, told, columns)
    for place, error in enumerate(port.errors):
        lines += _error("" if place else "errors", error, report, columns)
    return Section(clean(port.name), tuple(lines))


def _plain_list(lines: Iterable[str]) -> list[Line]:
    return [((line, Role.DIM),) for line in lines]


def degrees(celsius: float | None) -> str:
    """Return a temperature with a decimal: `69.3 °C`."""
    return units.NONE if celsius is None else f"{celsius:.1f} °C"


def _spread(title: str, spread: Spread, text: Form, report: Report) -> Line:
    values = (text(spread.mean), text(spread.p95), text(spread.peak))
    cells = (title, *(str(value).strip() for value in values), moment(spread.peak_wall, report))
    return row(
        _WIDTHS, ((cell, Role.DIM if n in (0, 4) else Role.TEXT) for n, cell in enumerate(cells))
    )


def when_text(errors: Errors, report: Report) -> str:
    """Return when errors were seen first and last."""
    first, last = moment(errors.first, report), moment(errors.last, report)
    return first if first == last else f"{first} to {last}"


def _error(label: str, errors: Errors, report: Report, columns: int) -> Iterator[Line]:
    role = SEVERITY_ROLES[errors.severity]
    yield labelled(label, event_count(errors), role, when_text(errors, report))
    advice = f" → {errors.advice}" if errors.advice else ""
    for text in wrap(f"{', '.join(errors.counters)}{advice}", columns, " " * 19):
        yield ((text, Role.DIM),)
