"""All events of a recording, also those that a Watch no longer keeps."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.model.frame import derive
from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.recording import events
from mlxtop.recording.events import EventLog
from mlxtop.watch.event_list import EVENTS
from mlxtop.watch.watch import Watch
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


_INCIDENTS = st.builds(
    Incident,
    kind=st.sampled_from((IncidentKind.QUEUE, IncidentKind.DRIVER)),
    text=st.sampled_from(("one", "two")),
    tick=st.sampled_from((1.0, 2.0, 5.0)),
    key=st.sampled_from(("", "", "k", "other")),
    until=st.sampled_from((None, None, 6.0)),
    source=st.sampled_from(("kernel log", "netlink")),
    times=st.integers(1, 3),
    ifname=st.sampled_from((None, "enp67s0np0")),
)


@given(st.lists(st.lists(_INCIDENTS, max_size=4), max_size=12), st.integers(1, 3))
def test_it_has_what_the_watch_has_whatever_is_told(
    told_at: Sequence[Sequence[Incident]], every: int
) -> None:
    watch, log = Watch(), EventLog()
    for count, incidents in enumerate(told_at, 1):
        watch.note(pacu(float(count)), incidents)
        if count % every == 0:
            log.follow(watch)
    log.follow(watch)
    assert log.events == list(watch.events)


def test_a_key_that_is_found_out_later_is_there() -> None:
    watch, log = Watch(), EventLog()
    told(watch, log, 1.0, incident(1.0, "begins")._replace(source="kernel log"))
    told(watch, log, 2.0, incident(1.0, "begins", "k")._replace(source="netlink"))
    assert [event.incident.key for event in log.events] == ["k"]
    assert log.events[0].until is None


def test_what_changes_when_more_was_told_than_a_watch_keeps_is_there_once() -> None:
    watch, log = Watch(), EventLog()
    for number in range(1, EVENTS + 3):
        told(watch, log, float(number), incident(float(number), f"no {number}"))
    before, tick = texts(log), EVENTS + 3.0
    begin = incident(tick, "begins", "k")
    told(watch, log, tick, begin)
    told(watch, log, tick + 1.0, begin._replace(times=2))
    assert log.events[-1].incident.times == 2
    again = [begin._replace(text="goes on"), begin._replace(text="is over", until=tick + 2.0)]
    told(watch, log, tick + 2.0, *again)
    assert texts(log) == [*before, "is over"]
    assert log.events[-EVENTS:] == list(watch.events)
