"""All events of a recording, also those that a Watch no longer keeps."""

from __future__ import annotations

import pytest

from mlxtop.model.frame import derive
from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.recording import events
from mlxtop.recording.events import EventLog
from mlxtop.watch.watch import EVENTS, Watch
from tests.samples import pacu


def told(watch: Watch, log: EventLog, tick: float, *incidents: Incident) -> None:
    watch.ingest(derive(pacu(tick)._replace(incidents=incidents), watch.frame))
    log.follow(watch)


def incident(tick: float, text: str, key: str = "", until: float | None = None) -> Incident:
    return Incident(IncidentKind.QUEUE, text, tick=tick, key=key, until=until)


def texts(log: EventLog) -> list[str]:
    return [event.incident.text for event in log.events]


def test_what_is_told_again_is_there_once_with_its_end() -> None:
    watch, log = Watch(), EventLog()
    told(watch, log, 1.0, incident(1.0, "begins", "k"))
    told(watch, log, 2.0, incident(2.0, "other"))
    told(watch, log, 3.0, incident(1.0, "begins", "k", until=3.0))
    assert texts(log) == ["other", "begins"]
    assert log.events[-1].until is not None


def test_keys_of_another_start_are_other_events() -> None:
    log = EventLog()
    for _ in range(2):
        told(Watch(), log, 1.0, incident(1.0, "begins", "k"))
    assert texts(log) == ["begins", "begins"]


def test_more_than_a_watch_keeps_is_there_and_the_oldest_of_very_many_is_dropped() -> None:
    watch, log = Watch(), EventLog()
    for tick in range(1, EVENTS + 201):
        told(watch, log, float(tick), incident(float(tick), f"no {tick}"))
    assert len(watch.events) == EVENTS
    assert texts(log) == [f"no {tick}" for tick in range(1, EVENTS + 201)]
    assert log.dropped == 0


def test_the_oldest_of_very_many_are_counted_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MOST_EVENTS", 5)
    watch, log = Watch(), EventLog()
    for tick in range(1, 9):
        told(watch, log, float(tick), incident(float(tick), f"no {tick}"))
    assert texts(log) == [f"no {tick}" for tick in range(4, 9)]
    assert log.dropped == 3
