"""Ways that are lost and back: alerts, alarms, events and their past."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

import pytest

from mlxtop.model.history import THINNED
from mlxtop.model.identity import Port, PortId, PortKind
from mlxtop.model.incident import IncidentKind
from mlxtop.model.path import NO_PATHS, PathStatus, PeerStatus, Way, WayState, WayStatus
from mlxtop.present.alarms import alarm_items, alarm_words
from mlxtop.watch.alarms import Alarm
from mlxtop.watch.alert import Alert, AlertKind
from mlxtop.watch.causes import causes
from mlxtop.watch.paths import POINTS, PathWatch
from tests.samples import PACU, ethernet, sample
from tests.watching import Machine

FAST, SLOW = Way("fast0"), Way("slow0", "192.0.2.2", 2)
UP, DOWN, WAITING = WayState.UP, WayState.DOWN, WayState.WAITING


def status(
    fast: WayState, slow: WayState = UP, dead: bool = False, route: Way = FAST
) -> PathStatus:
    """Return a peer with two ways in these states."""
    ways = tuple(
        WayStatus(way, state, "no carrier", last_rtt_s=0.001 if state is UP else None)
        for way, state in ((FAST, fast), (SLOW, slow))
    )
    return PathStatus((PeerStatus("b", "10.0.0.2", ways, route.words, "why", dead),))


def kinds(alerts: list[Alert]) -> list[tuple[str, str]]:
    return [(str(alert.kind), alert.way) for alert in alerts]


def test_a_way_is_lost_once_and_back_once() -> None:
    watch = PathWatch()
    assert watch.observe(status(UP), 1.0, {}) == []
    assert kinds(watch.observe(status(DOWN), 2.0, {})) == [("path-down", "dev fast0")]
    assert watch.observe(status(DOWN), 3.0, {}) == []
    assert watch.observe(status(WAITING), 4.0, {}) == [], "not back yet"
    assert watch.observe(status(DOWN), 5.0, {}) == [], "still the same loss"
    assert watch.is_down("b", "dev fast0")
    assert kinds(watch.observe(status(UP), 6.0, {})) == [("path-up", "dev fast0")]
    assert not watch.is_down("b", "dev fast0")


def test_a_peer_that_answers_by_no_way_is_an_alert_of_its_own() -> None:
    watch = PathWatch()
    alerts = watch.observe(status(DOWN, DOWN, dead=True), 1.0, {})
    assert kinds(alerts) == [
        ("path-down", "dev fast0"),
        ("path-down", "via 192.0.2.2 dev slow0"),
        ("path-down", ""),
    ]
    assert alerts[-1].text == "b answers by no way"
    assert kinds(watch.observe(status(DOWN, WAITING), 2.0, {})) == [("path-up", "")]


def test_a_suggested_peer_that_never_answered_is_not_lost() -> None:
    watch = PathWatch()
    silent = status(DOWN, DOWN, dead=True)._replace(suggested=True)
    assert watch.observe(silent, 1.0, {}) == []
    assert not watch.is_down("b", "dev fast0")
    assert watch.observe(status(UP, DOWN)._replace(suggested=True), 2.0, {}) == [], "nor back"


def test_a_suggested_peer_that_has_answered_is_lost_by_the_ways_that_were_up() -> None:
    watch = PathWatch()
    silent = status(DOWN, DOWN, dead=True)._replace(suggested=True)
    watch.observe(status(UP, DOWN)._replace(suggested=True), 1.0, {})
    assert kinds(watch.observe(silent, 2.0, {})) == [("path-down", "dev fast0"), ("path-down", "")]
    back = watch.observe(status(UP)._replace(suggested=True), 3.0, {})
    assert kinds(back) == [("path-up", "dev fast0"), ("path-up", "")]
    watch.observe(NO_PATHS, 4.0, {})
    assert watch.observe(silent, 5.0, {}) == [], "it begins anew"


def test_alerts_name_the_port_that_a_way_goes_by() -> None:
    port = Port(PortId("0000:43:00.0", 1), PortKind.PHYSICAL, netdev="fast0")
    alerts = PathWatch().observe(status(DOWN, DOWN), 1.0, {"fast0": port})
    assert [str(alert.port.id) for alert in alerts] == ["0000:43:00.0/1", "slow0/1"]
    assert (alerts[0].peer, alerts[0].text) == ("b", "way to b dev fast0 is down: no carrier")


def test_the_past_of_a_way_is_bounded_reaches_an_hour_and_keeps_every_loss() -> None:
    watch = PathWatch()
    for tick in range(2 * 3600):
        watch.observe(status(DOWN if tick % 60 == 7 else UP), float(tick), {})
    past = watch.history["b", "dev fast0"]
    assert past.oldest is not None and past.oldest <= 3600.0
    assert len(past) <= 2 * POINTS + THINNED
    for minute in range(61, 120):
        values = [value for _, value in past.between(minute * 60.0, minute * 60.0 + 60.0)]
        assert -inf in values
        assert max(values) == pytest.approx(1.0)
    watch.observe(NO_PATHS, 1e6, {})
    assert watch.history == {}


def test_a_route_that_goes_another_way_is_an_incident() -> None:
    watch = PathWatch()
    assert watch.changes(status(UP), 1.0) == []
    assert watch.changes(status(UP), 2.0) == []
    (incident,) = watch.changes(status(DOWN, route=SLOW), 3.0)
    assert incident.kind is IncidentKind.PATH
    assert incident.text == "route to b goes via 192.0.2.2 dev slow0, was dev fast0: why"


@dataclass
class Watched:
    """A machine whose frames tell of paths."""

    machine: Machine = field(default_factory=Machine)

    def see(self, paths: PathStatus) -> list[AlertKind]:
        machine = self.machine
        machine.tick += 1.0
        port = ethernet(PACU, machine.tick, 1e9, 1e9)
        return machine.take(sample(machine.tick, port)._replace(paths=paths))

    @property
    def alarm(self) -> Alarm:
        (alarm,) = self.machine.alarms()
        return alarm

    @property
    def words(self) -> str:
        words = alarm_words(self.alarm, self.machine.watch)
        return f"{words.name} {words.what}"


def test_the_alarm_goes_on_until_the_way_is_up_and_is_in_the_ribbon() -> None:
    watched = Watched()
    watched.see(status(UP))
    assert watched.see(status(DOWN)) == [AlertKind.PATH_DOWN]
    assert watched.words == "fast0 way to b down"
    (item,) = alarm_items(watched.machine.watch)
    assert "way to b down" in "".join(text for text, _ in item.line)
    watched.see(status(WAITING))
    assert watched.alarm.until is None
    assert watched.see(status(UP)) == [AlertKind.PATH_UP]
    assert watched.words == "fast0 way to b back after 2 s"
    watched.see(status(DOWN))
    assert watched.alarm.times == 2


def test_the_alarm_is_an_event_that_ends() -> None:
    watched = Watched()
    watched.see(status(UP))
    watched.see(status(DOWN, route=SLOW))
    watched.see(status(UP))
    texts = [(one.incident.text, one.until is None) for one in watched.machine.watch.events]
    assert ("way to b dev fast0 is down: no carrier", False) in texts
    assert any(text.startswith("route to b goes via") for text, _ in texts)
    found = {one.lead.incident.kind: one for one in causes(watched.machine.watch.events)}
    assert found[IncidentKind.ALARM].lead.incident.details == {"way": "dev fast0"}


def test_a_way_that_is_taken_out_of_the_settings_has_no_alarm() -> None:
    watched = Watched()
    watched.see(status(DOWN))
    watched.see(NO_PATHS)
    assert watched.alarm.until is not None
