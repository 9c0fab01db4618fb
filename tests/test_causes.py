"""Events of one cause are one line."""

from __future__ import annotations

from typing import Any

import pytest

from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.watch.causes import AGAIN_S, AROUND_S, TAKEN_BACK_S, TOGETHER_S, Cause, causes
from mlxtop.watch.event_list import TimedIncident

CARD = "0000:05:00.0"


def event(
    wall: float, kind: IncidentKind, name: str = "ens2", until: float | None = None, **more: Any
) -> TimedIncident:
    """An event of a port of one card; `until` seconds after its begin."""
    one = Incident(kind, more.pop("text", str(kind)), tick=wall, device=CARD, ifname=name)
    if until is not None:
        one = one._replace(until=wall + until)
    return TimedIncident(wall, one._replace(**more))


def retyped(wall: float, kind: str, before: str, **more: Any) -> TimedIncident:
    details = {"type": kind, "before": before, "name_before": "ens2"}
    return event(wall, IncidentKind.LINK_TYPE, details=details, **more)


def only(*events: TimedIncident) -> Cause:
    (one,) = causes(events)
    return one


def test_what_has_nothing_in_common_stays_apart_the_newest_first() -> None:
    found = causes([event(1.0, IncidentKind.AER), event(9.0, IncidentKind.HEALTH)])
    assert [cause.lead.incident.kind for cause in found] == [IncidentKind.HEALTH, IncidentKind.AER]
    assert all(cause.until == cause.begin for cause in found)


def test_a_change_of_the_link_type_is_one_line_with_all_that_goes_and_comes() -> None:
    others = [
        event(100.0, IncidentKind.LINK_DOWN),
        event(101.0, IncidentKind.LINK_DOWN, "ens2d1"),
        event(103.0, IncidentKind.RENAMED, "ibs2"),
        event(104.0, IncidentKind.ADDED, "ibs2d1"),
        event(105.0, IncidentKind.DRIVER, "", device=None, functions=("0000:05:00.0",)),
        event(106.0, IncidentKind.IPOIB, "ibs2", device=None),
    ]
    change = retyped(102.0, "InfiniBand", "Ethernet", ifname="ibs2")
    cause = only(change, *others)
    assert cause.lead is change
    assert len(cause.others) == len(others)
    elsewhere = event(103.0, IncidentKind.LINK_DOWN, "enp9s0", device="0000:09:00.0")
    unknown = event(103.0, IncidentKind.LINK_DOWN, "enp9s0", device=None)
    broken = event(103.0, IncidentKind.HEALTH)
    assert len(causes([change, *others, elsewhere, broken])) == 3
    assert len(causes([change, *others, unknown])) == 2


@pytest.mark.parametrize(("seconds", "lines"), [(AROUND_S, 1), (AROUND_S + 0.1, 2)])
def test_what_is_far_from_the_change_does_not_belong_to_it(seconds: float, lines: int) -> None:
    for side in (-1, 1):
        loss = event(500.0 + side * seconds, IncidentKind.RENAMED)
        assert len(causes([retyped(500.0, "InfiniBand", "Ethernet"), loss])) == lines


@pytest.mark.parametrize(
    ("seconds", "lines"), [(-TOGETHER_S, 1), (TOGETHER_S, 1), (TOGETHER_S + 0.1, 2)]
)
def test_ways_that_a_lost_link_takes_with_it_are_one_line(seconds: float, lines: int) -> None:
    loss = event(100.0, IncidentKind.LINK_DOWN, until=41.0, key="port link 1")
    way = event(100.0 + seconds, IncidentKind.ALARM, text="way", details={"way": "dev ens2"})
    found = causes([loss, way])
    assert len(found) == lines
    if lines == 1:
        (cause,) = found
        assert (cause.lead, cause.others, cause.until) == (loss, (way,), 141.0)
    elsewhere = way._replace(incident=way.incident._replace(ifname="ens3"))
    assert len(causes([loss, elsewhere])) == 2
    alone = event(100.0, IncidentKind.ALARM, text="b answers by no way")
    assert len(causes([loss, alone])) == 2


@pytest.mark.parametrize(("seconds", "lines"), [(TAKEN_BACK_S, 1), (TAKEN_BACK_S + 0.1, 2)])
def test_a_change_that_is_taken_back_soon_is_the_same_line(seconds: float, lines: int) -> None:
    there = retyped(500.0, "InfiniBand", "Ethernet")
    back = retyped(500.0 + seconds, "Ethernet", "InfiniBand")
    found = causes([there, back])
    assert len(found) == lines
    assert found[0].until == back.wall


@pytest.mark.parametrize(("seconds", "lines"), [(TOGETHER_S, 1), (TOGETHER_S + 0.1, 2)])
def test_a_module_that_is_pulled_takes_the_link_with_it(seconds: float, lines: int) -> None:
    loss = event(10.0, IncidentKind.LINK_DOWN, key="link 1")
    pulled = event(10.0 + seconds, IncidentKind.MODULE_UNPLUGGED)
    found = causes([loss, pulled])
    assert len(found) == lines
    kinds = {cause.lead.incident.kind for cause in found}
    assert IncidentKind.MODULE_UNPLUGGED in kinds
    assert len(causes([loss, event(10.0, IncidentKind.MODULE_UNPLUGGED, "ens2d1")])) == 2


def test_a_link_that_comes_back_is_the_end_of_its_loss() -> None:
    cause = only(event(10.0, IncidentKind.LINK_DOWN), event(51.0, IncidentKind.LINK_UP))
    assert (cause.begin, cause.until, cause.times) == (10.0, 51.0, 1)
    assert [other.incident.kind for other in cause.others] == [IncidentKind.LINK_UP]
    other = event(51.0, IncidentKind.LINK_UP, "ens2d1")
    assert len(causes([event(10.0, IncidentKind.LINK_DOWN), other])) == 2


def test_an_end_that_is_known_is_not_that_of_the_link_that_came_up() -> None:
    loss = event(10.0, IncidentKind.LINK_DOWN, until=40.0, key="link 1")
    assert only(loss, event(51.0, IncidentKind.LINK_UP)).until == 50.0


@pytest.mark.parametrize(("pause", "lines"), [(AGAIN_S, 1), (AGAIN_S + 0.1, 2)])
def test_the_same_trouble_soon_after_its_end_has_a_count(pause: float, lines: int) -> None:
    first = event(10.0, IncidentKind.ALARM, until=5.0, key="p errors 1", text="50 CRC")
    again = event(15.0 + pause, IncidentKind.ALARM, until=7.0, key="p errors 2", text="90 CRC")
    found = causes([first, again])
    assert len(found) == lines
    assert found[0].times == 3 - lines
    assert found[0].until == again.wall + 7.0
    other = event(16.0, IncidentKind.ALARM, until=7.0, key="p module 1")
    assert len(causes([first, other])) == 2


def test_trouble_that_goes_on_is_not_joined_with_what_comes_after_it() -> None:
    first = event(10.0, IncidentKind.ALARM, key="p module 1", text="hot")
    again = event(20.0, IncidentKind.ALARM, key="p module 2", text="hot")
    assert [cause.until for cause in causes([first, again])] == [None, None]


def test_the_key_stays_while_more_events_come() -> None:
    first = event(10.0, IncidentKind.LINK_DOWN)
    before = only(first).key
    assert only(first, event(51.0, IncidentKind.LINK_UP)).key == before
