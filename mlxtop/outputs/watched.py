"""Alarms and events of a Watch, as parts of the JSON document and as lines of text."""

from __future__ import annotations

from collections.abc import Iterable
from time import localtime, strftime
from typing import Any

from mlxtop.model.counters import Severity
from mlxtop.present.clean import clean
from mlxtop.watch.alarms import Alarm
from mlxtop.watch.watch import Event

Json = dict[str, Any]

_MARK = {Severity.CRITICAL: "!", Severity.WARNING: "▲", Severity.NOTE: "·"}


def alarms_json(alarms: Iterable[Alarm]) -> list[Json]:
    """Return alarms that go on or ended a short while ago, the most urgent first."""
    return [
        {
            "port": alarm.port.name,
            "kind": alarm.kind,
            "severity": alarm.severity,
            "since": round(alarm.since, 3),
            "until": None if alarm.until is None else round(alarm.until, 3),
            "count": alarm.times,
            "text": alarm.text,
        }
        for alarm in alarms
    ]


def incidents_json(events: Iterable[Event]) -> list[Json]:
    """Return what happened, the oldest first; an incident is over at once."""
    return [
        {
            "port": event.incident.ifname or event.incident.device,
            "kind": event.incident.kind,
            "severity": event.incident.severity,
            "since": round(event.wall, 3),
            "until": round(event.wall, 3),
            "count": 1,
            "text": event.incident.text,
        }
        for event in events
    ]


def lines(alarms: Iterable[Alarm], events: Iterable[Event]) -> list[str]:
    """Return alarms and new events, a line each."""
    texts = [_alarm(alarm) for alarm in alarms]
    for wall, incident in events:
        subject = incident.ifname or incident.device or ""
        texts.append(_line(incident.severity, wall, subject, incident.text))
    return texts


def _alarm(alarm: Alarm) -> str:
    text = alarm.text if alarm.times == 1 else f"{alarm.text} ({alarm.times} times)"
    if alarm.until is not None:
        text += f", over after {alarm.until - alarm.since:.0f} s"
    return _line(alarm.severity, alarm.since, alarm.port.name, text)


def _line(severity: Severity, wall: float, subject: str, text: str) -> str:
    when = strftime("%H:%M:%S", localtime(wall))
    return f"{_MARK[severity]} {when} {clean(subject)} {clean(text)}".rstrip()
