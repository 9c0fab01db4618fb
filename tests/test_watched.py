"""Alarms and events of a Watch in the document and as lines."""

from __future__ import annotations

from mlxtop.model.counters import Severity
from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.outputs.document import _alarms, _incidents
from mlxtop.outputs.headless import alarm_lines
from mlxtop.watch.watch import TimedIncident
from tests.watching import DOWN, Machine


def test_alarms_and_events_are_told_in_the_document_and_as_lines() -> None:
    machine = Machine()
    machine.see(50.0)
    machine.see(76.0)
    (told,) = _alarms(machine.alarms())
    assert set(told) == {"port", "kind", "severity", "since", "until", "count", "text"}
    assert (told["port"], told["kind"], told["until"]) == ("enp67s0np0", "warning", None)
    (first, *_) = alarm_lines(machine.alarms(), machine.watch.events)
    assert first.startswith("▲ ")
    assert "enp67s0np0 module at 76.0 °C" in first


def test_an_incident_in_the_document_is_over_at_once() -> None:
    incident = Incident(IncidentKind.AER, "bad", Severity.NOTE, 1.0, "0000:43:00.0")
    (one,) = _incidents([TimedIncident(5.0004, incident)])
    assert (one["port"], one["since"], one["until"], one["count"]) == ("0000:43:00.0", 5.0, 5.0, 1)


def test_a_line_says_how_often_and_how_long() -> None:
    machine = Machine()
    for _ in range(2):
        machine.see(50.0)
        machine.see(50.0, DOWN)
    machine.see(50.0, seconds=7.0)
    (line,) = alarm_lines(machine.alarms(), ())
    assert line.endswith("link down (2 times), over after 7 s")


def test_text_of_devices_is_made_safe_in_lines() -> None:
    incident = Incident(IncidentKind.DRIVER, "\x1b[31mred", Severity.NOTE, 1.0, ifname="p\x1b0")
    (line,) = alarm_lines((), [TimedIncident(5.0, incident)])
    assert "\x1b" not in line
