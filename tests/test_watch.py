"""One Watch a machine: events, what two sources tell of, highs and history."""

from __future__ import annotations

from typing import Any

import pytest

from mlxtop.model.frame import derive
from mlxtop.model.identity import PortId
from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.watch.watch import Watch
from tests.samples import IB, PACU, WALL, pacu, sample, veth
from tests.watching import DOWN, UP, Machine


def test_events_after_a_count_are_the_new_ones() -> None:
    machine = Machine()
    machine.see(50.0)
    before = machine.watch.events.total
    machine.see(50.0, DOWN)
    assert [e.incident.text for e in machine.watch.events.after(before)] == ["link down, was up"]
    assert machine.watch.events.after(machine.watch.events.total) == []


def event(seconds: float, source: str, kind: IncidentKind = IncidentKind.LINK_DOWN) -> Incident:
    return Incident(kind, f"at {seconds}", tick=seconds, ifname="p0", source=source)


@pytest.mark.parametrize(("apart", "events"), [(2.9, 1), (3.0, 2), (-2.9, 1), (-3.0, 2)])
def test_what_two_sources_tell_of_within_three_seconds_is_one_event(
    apart: float, events: int
) -> None:
    watch = Watch()
    watch.note(pacu(20.0), [event(10.0, "kernel log"), event(10.0 + apart, "mlxtop")])
    assert len(watch.events) == events


def test_one_source_may_tell_of_the_same_twice() -> None:
    watch = Watch()
    watch.note(pacu(20.0), [event(10.0, "mlxtop"), event(10.5, "mlxtop")])
    assert len(watch.events) == 2


@pytest.mark.parametrize(("between", "repeated"), [(39, True), (40, False)])
def test_the_forty_newest_events_are_looked_through_for_the_same(
    between: int, repeated: bool
) -> None:
    watch = Watch()
    others = [event(10.0, "kernel log", IncidentKind.AER)] * between
    watch.note(pacu(20.0), [event(10.0, "kernel log"), *others, event(10.0, "mlxtop")])
    assert watch.events.total == 1 + between + (not repeated)


def test_a_thousand_events_are_kept_and_all_are_counted() -> None:
    watch = Watch()
    watch.note(pacu(2000.0), [event(float(n), "kernel log") for n in range(1001)])
    assert (len(watch.events), watch.events.total) == (1000, 1001)
    assert watch.events[0].incident.text == "at 1.0"
    assert len(watch.events.after(0)) == 1000


def test_an_event_without_a_time_happened_now_and_none_in_the_future() -> None:
    watch = Watch()
    now = pacu(20.0)
    watch.note(now, [event(25.0, "kernel log"), event(15.0, "kernel log")._replace(tick=None)])
    assert [one.wall for one in watch.events] == [now.wall, now.wall]


def test_highs_and_history_are_kept_for_physical_ports() -> None:
    machine = Machine()
    for celsius in (50.0, 64.0, 55.0):
        machine.see(celsius)
    assert machine.watch.highs[PACU.id]["module"] == 64.0
    series = machine.watch.history.series(PACU.id, "module")
    assert series is not None
    assert list(series.values) == [50.0, 64.0, 55.0]
    assert machine.watch.history.series(PortId("none", 1), "module") is None


def test_a_virtual_port_has_a_history_from_when_it_is_followed() -> None:
    machine, port = Machine(), veth("veth0", 5, 1.0)
    machine.take(sample(1.0, port))
    assert machine.watch.history.series(port.port.id, "rx") is None
    machine.watch.follow(port.port.id)
    machine.take(sample(2.0, veth("veth0", 5, 2.0)))
    assert machine.watch.history.series(port.port.id, "rx") is not None


def test_highs_begin_anew_when_they_are_reset() -> None:
    machine = Machine()
    machine.see(64.0)
    machine.watch.reset_highs()
    machine.see(50.0)
    assert machine.watch.highs[PACU.id]["module"] == 50.0


def kernel(key: str, **more: Any) -> Incident:
    one = Incident(IncidentKind.HEALTH, "broken", tick=10.0, device="0000:99:00.0", key=key)
    return one._replace(**{"cause": "health", **more})


def test_a_later_report_takes_the_place_of_the_earlier_one() -> None:
    watch = Watch()
    watch.note(pacu(20.0), [kernel("1"), kernel("2")])
    watch.note(pacu(30.0), [kernel("1", times=4)])
    assert [one.incident.times for one in watch.events] == [4, 1]
    assert watch.events.total == 2


def test_who_follows_the_events_is_told_of_the_end() -> None:
    watch = Watch()
    watch.note(pacu(20.0), [kernel("1"), kernel("2")])
    before = watch.events.total
    watch.note(pacu(30.0), [kernel("1", until=25.0)])
    (ended,) = watch.events.after(before)
    assert (ended.incident.key, ended.incident.until) == ("1", 25.0)
    assert ended.until == ended.wall + 15.0
    assert len(watch.events) == 2


def test_what_the_machine_shows_to_be_over_ends_after_some_seconds() -> None:
    machine = Machine()
    machine.see(50.0)
    down = kernel("1", kind=IncidentKind.LINK_DOWN, device=PACU.function, tick=1.0, cause="link")
    machine.watch.note(sample(machine.tick), [down])
    machine.see(50.0, seconds=4.0)
    assert [one.until for one in machine.watch.events] == [None]
    machine.see(50.0, seconds=1.0)
    assert [one.incident.until for one in machine.watch.events] == [machine.tick]


def test_an_event_of_an_alarm_goes_on_as_long_as_that() -> None:
    machine = Machine()
    machine.see(50.0)
    machine.see(50.0, DOWN)
    (down,) = machine.watch.events
    assert (down.incident.text, down.until) == ("link down, was up", None)
    machine.see(50.0, seconds=41.0)
    ended = next(e for e in machine.watch.events if e.incident.kind is IncidentKind.LINK_DOWN)
    assert ended.until == down.wall + 41.0


def test_an_alarm_that_worsens_stays_one_event() -> None:
    machine = Machine()
    for celsius in (50.0, 76.0, 81.0, 60.0):
        machine.see(celsius)
    (one,) = machine.watch.events
    assert "alarm at 80 °C" in one.incident.text
    assert one.until == one.wall + 2.0


def test_an_event_of_an_instant_is_over_at_once_and_one_with_a_key_goes_on() -> None:
    watch = Watch()
    watch.note(pacu(20.0), [event(10.0, "mlxtop"), kernel("1")])
    instant, going_on = watch.events
    assert instant.until == instant.wall
    assert going_on.until is None


def test_the_end_that_one_source_tells_is_that_of_the_other_too() -> None:
    watch = Watch()
    down = event(10.0, "mlxtop")
    told = event(10.5, "kernel log")._replace(key="7", cause="link", text="link down")
    watch.note(pacu(20.0), [down, told])
    watch.note(pacu(30.0), [told._replace(until=22.0)])
    (one,) = watch.events
    assert (one.incident.text, one.incident.until) == ("at 10.0", 22.0)


def test_links_that_went_down_are_counted_until_counting_begins_anew() -> None:
    machine = Machine()
    for link in (UP, DOWN, UP, DOWN, DOWN):
        machine.see(50.0, link)
    assert machine.watch.flaps == {PACU.id: 2}
    machine.watch.reset_highs()
    assert not machine.watch.flaps
    machine.see(50.0, UP)
    machine.see(50.0, DOWN)
    assert machine.watch.flaps == {PACU.id: 1}


@pytest.mark.parametrize(
    ("tick", "kept"), [(0.9, False), (1.0, True), (20.9, True), (21.0, True), (40.9, True)]
)
def test_the_verdicts_on_a_port_that_is_followed_are_kept_every_ten_seconds(
    tick: float, kept: bool
) -> None:
    watch, last = Watch(), None
    watch.follow(PACU.id)
    for second in range(1, 31):
        last = derive(pacu(float(second)), last)
        watch.ingest(last)
    assert (watch.ceiling_at(PACU.id, tick) is not None) is kept
    assert watch.ceiling_at(PACU.id, 41.0) is None, "the last one was kept at second 21"
    assert watch.ceiling_at(IB.id, 1.0) is None


def test_another_limit_is_kept_at_once() -> None:
    watch, last = Watch(), None
    watch.follow(PACU.id)
    for second, rate in ((1, 1e9), (2, 1e9), (3, 33e9), (4, 33e9)):
        last = derive(pacu(float(second), rx=rate), last)
        watch.ingest(last)
    verdicts = [watch.ceiling_at(PACU.id, float(second)) for second in (2, 3)]
    assert all(verdict is not None for verdict in verdicts)
    assert verdicts[0] != verdicts[1]


def test_incidents_are_counted_by_kind_and_device_and_no_report_twice() -> None:
    watch = Watch()
    going_on = event(1.0, "kernel log")._replace(key="k")
    watch.note(pacu(2.0), [going_on, event(9.0, "mlxtop", IncidentKind.AER)])
    watch.note(pacu(3.0), [going_on._replace(times=2), going_on._replace(until=3.0)])
    assert {(one.kind, one.ifname): n for one, n in watch.events.counts.items()} == {
        (IncidentKind.LINK_DOWN, "p0"): 1,
        (IncidentKind.AER, "p0"): 1,
    }


@pytest.mark.parametrize(("devices", "apart"), [(1000, 1000), (1001, 1001), (1003, 1001)])
def test_of_a_thousand_devices_incidents_are_counted_apart_and_of_more_together(
    devices: int, apart: int
) -> None:
    watch = Watch()
    names = (f"p{n}" for n in range(devices))
    watch.note(pacu(2.0), [event(1.0, "mlxtop")._replace(ifname=name) for name in names])
    assert len(watch.events.counts) == apart
    assert sum(watch.events.counts.values()) == devices


def test_the_last_loss_of_a_link_is_that_of_this_port() -> None:
    machine = Machine()
    machine.see(50.0)
    assert machine.watch.last_loss(PACU.id) is None
    machine.see(50.0, DOWN)
    machine.see(50.0, seconds=60.0)
    assert machine.watch.last_loss(PACU.id) == WALL + 2.0
    assert machine.watch.last_loss(PortId("other", 1)) is None
