"""The report as a JSON document: numbers are numbers, unknown is null, times are UTC seconds."""

from __future__ import annotations

from typing import Any

from mlxtop import __version__
from mlxtop.health.signs import outlook
from mlxtop.outputs.health_document import health_document
from mlxtop.present.events import cause_text
from mlxtop.report.values import (
    Errors,
    LoadRun,
    NumberedCause,
    PortReport,
    Report,
    SensorTimes,
    Spread,
)
from mlxtop.watch.causes import subject_of

SCHEMA = 1
"""Raised when a key changes its meaning or goes; new keys may come at any time."""

Json = dict[str, Any]


def document(report: Report) -> Json:
    """Return the whole report."""
    return {
        "schema": SCHEMA,
        "mlxtop": __version__,
        "host": report.host,
        "kernel": report.kernel,
        "source": report.source,
        "recorded_by": report.program,
        "cards": list(report.cards),
        "since": round(report.begin, 3),
        "until": round(report.end, 3),
        "recorded_s": round(report.seconds, 3),
        "samples": report.samples,
        "masked": report.masked,
        "incidents": [_incident(one) for one in report.incidents],
        "incidents_dropped": report.dropped,
        "ports": [_port(port, report.end) for port in report.ports],
        "pcie_errors": dict(report.pcie_errors),
        "loads": [_load(run) for run in report.loads],
        "gaps": [_rounded(gap._asdict()) for gap in report.gaps],
        "problems": list(report.problems),
    }


def _rounded(values: Json) -> Json:
    return {
        key: round(value, 3) if isinstance(value, float) else value for key, value in values.items()
    }


def _incident(one: NumberedCause) -> Json:
    cause = one.cause
    lead = cause.lead.incident
    begin = round(cause.begin, 3)
    return {
        "number": one.number,
        "kind": lead.kind,
        "severity": lead.severity,
        "subject": subject_of(lead) or None,
        "since": begin,
        "until": None if cause.until is None else round(cause.until, 3),
        "count": cause.times,
        "text": cause_text(cause),
        "advice": lead.advice or None,
        "events": [
            {
                "time": round(event.wall, 3),
                "until": None if event.until is None else round(event.until, 3),
                "kind": event.incident.kind,
                "subject": subject_of(event.incident) or None,
                "text": event.incident.text,
                "told_by": event.incident.source,
            }
            for event in sorted((cause.lead, *cause.others), key=lambda event: event.wall)
        ],
    }


def _port(port: PortReport, wall: float) -> Json:
    return {
        "id": str(port.id),
        "name": port.name,
        "card": port.card,
        "link_layer": port.layer,
        "speed_bps": port.speed,
        "capacity_bps": port.capacity,
        "capacity_by": port.capacity_by or None,
        "seen_s": round(port.seconds, 3),
        **{f"{name}_bps": _spread(spread) for name, spread in port.rates.items()},
        "full_s": _rounded(dict(port.full_s)),
        "link": {
            "state": port.state,
            "lost": port.flaps,
            "down_s": round(port.down_s, 3),
            "down": [[round(begin, 3), round(end, 3)] for begin, end in port.downs],
        },
        "gone": port.gone,
        "sensors": [_sensor(sensor) for sensor in port.sensors],
        "lanes": [_rounded(lane._asdict()) for lane in port.lanes],
        "errors": [_errors(errors) for errors in port.errors],
        "history": _history(port, wall),
    }


def _history(port: PortReport, wall: float) -> Json | None:
    if port.health is None:
        return None
    told = outlook(port.health, port.ber_limit, port.light_floor)
    return health_document(port.health, told, port.ber_limit, wall)


def _spread(spread: Spread | None) -> Json | None:
    return None if spread is None else _rounded(spread._asdict())


def _sensor(sensor: SensorTimes) -> Json:
    return {**_rounded(sensor._asdict()), "spread": _spread(sensor.spread)}


def _errors(errors: Errors) -> Json:
    return {**_rounded(errors._asdict()), "counters": list(errors.counters)}


def _load(run: LoadRun) -> Json:
    return _rounded(run._asdict())
