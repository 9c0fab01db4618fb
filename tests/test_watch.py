"""One Watch a machine: events, highs, and alarms that begin, worsen, end and fade."""

from __future__ import annotations

from collections.abc import Iterator

from mlxtop.model.counters import Severity
from mlxtop.model.frame import Frame, derive
from mlxtop.model.identity import PortId
from mlxtop.model.sample import Link, LinkLayer, LinkState
from mlxtop.outputs.watched import alarms_json, lines
from mlxtop.watch.alarms import FADE_S, Alarm
from mlxtop.watch.heat import AlertKind
from mlxtop.watch.watch import Watch
from tests.samples import PACU, WALL, G, ethernet, sample

UP = Link(LinkLayer.ETHERNET, LinkState.UP, speed=100 * G)
DOWN = UP._replace(state=LinkState.DOWN, speed=None)
OFF = UP._replace(state=LinkState.ADMIN_DOWN, speed=None)


class Machine:
    """Frames of one port, a second apart unless told, taken in by a Watch."""

    def __init__(self) -> None:
        self.watch = Watch()
        self.tick = 0.0
        self._last: Frame | None = None

    def see(self, module: float = 50.0, link: Link = UP, seconds: float = 1.0) -> list[AlertKind]:
        self.tick += seconds
        port = ethernet(PACU, self.tick, 1e9, 1e9, module=module, link=link)
        return self._take(sample(self.tick, port)._replace(wall=WALL + self.tick))

    def lose_the_port(self) -> list[AlertKind]:
        self.tick += 1.0
        return self._take(sample(self.tick))

    def _take(self, seen: object) -> list[AlertKind]:
        self._last = derive(seen, self._last)  # type: ignore[arg-type]
        return [alert.kind for alert in self.watch.ingest(self._last)]

    def alarms(self) -> Iterator[Alarm]:
        yield from self.watch.alarms.all()


def test_a_hot_module_is_one_alarm_that_worsens_and_ends() -> None:
    machine = Machine()
    machine.see(50.0)
    assert machine.see(76.0) == [AlertKind.WARNING]
    (alarm,) = machine.alarms()
    assert (alarm.kind, alarm.severity) == (AlertKind.WARNING, Severity.WARNING)
    assert (alarm.since, alarm.until, alarm.times) == (WALL + 2, None, 1)
    assert machine.see(81.0) == [AlertKind.ALARM]
    (alarm,) = machine.alarms()
    assert (alarm.kind, alarm.severity, alarm.since) == (
        AlertKind.ALARM,
        Severity.CRITICAL,
        WALL + 2,
    )
    machine.see(77.0)
    (alarm,) = machine.alarms()
    assert (alarm.kind, alarm.until) == (AlertKind.WARNING, None)
    machine.see(60.0)
    (alarm,) = machine.alarms()
    assert alarm.until == WALL + 5


def test_an_alarm_that_comes_back_is_counted_and_one_that_ended_fades() -> None:
    machine = Machine()
    for _ in range(3):
        machine.see(50.0)
        machine.see(50.0, DOWN)
    (alarm,) = machine.alarms()
    assert (alarm.kind, alarm.times, alarm.until) == (AlertKind.LINK_DOWN, 3, None)
    machine.see(50.0)
    (alarm,) = machine.alarms()
    assert alarm.until == WALL + machine.tick
    machine.see(50.0, seconds=FADE_S)
    assert len(list(machine.alarms())) == 1
    machine.see(50.0, seconds=1.0)
    assert list(machine.alarms()) == []


def test_a_port_that_never_had_a_link_or_was_switched_off_is_no_alarm() -> None:
    machine = Machine()
    machine.see(50.0, DOWN)
    machine.see(50.0, DOWN)
    assert list(machine.alarms()) == []
    machine.see(50.0)
    machine.see(50.0, OFF)
    assert list(machine.alarms()) == []


def test_a_port_that_is_gone_is_the_one_alarm_about_it() -> None:
    machine = Machine()
    machine.see(50.0)
    machine.see(50.0, DOWN)
    assert machine.lose_the_port() == [AlertKind.PORT_GONE]
    going_on = [alarm for alarm in machine.alarms() if alarm.until is None]
    assert [alarm.kind for alarm in going_on] == [AlertKind.PORT_GONE]
    machine.see(50.0)
    assert all(alarm.until is not None for alarm in machine.alarms())


def test_alarms_and_events_are_told_in_the_document_and_as_lines() -> None:
    machine = Machine()
    machine.see(50.0)
    machine.see(76.0)
    (told,) = alarms_json(machine.alarms())
    assert set(told) == {"port", "kind", "severity", "since", "until", "count", "text"}
    assert (told["port"], told["kind"], told["until"]) == ("enp67s0np0", "warning", None)
    (first, *_) = lines(machine.alarms(), machine.watch.events)
    assert first.startswith("▲ ")
    assert "enp67s0np0 module at 76.0 °C" in first


def test_events_after_a_count_are_the_new_ones() -> None:
    machine = Machine()
    machine.see(50.0)
    before = machine.watch.event_count
    machine.see(50.0, DOWN)
    assert [e.incident.text for e in machine.watch.events_after(before)] == ["link down, was up"]
    assert machine.watch.events_after(machine.watch.event_count) == []


def test_highs_and_history_are_kept_for_physical_ports() -> None:
    machine = Machine()
    for celsius in (50.0, 64.0, 55.0):
        machine.see(celsius)
    assert machine.watch.highs[PACU.id]["module"] == 64.0
    series = machine.watch.history.series(PACU.id, "module")
    assert series is not None
    assert list(series.values) == [50.0, 64.0, 55.0]
    assert machine.watch.history.series(PortId("none", 1), "module") is None
