"""Alarms begin, worsen, end, come back and fade."""

from __future__ import annotations

import pytest

from mlxtop.model.counters import Origin, Schema, Severity
from mlxtop.model.frame import derive
from mlxtop.model.module import Quantity
from mlxtop.model.sample import Link, LinkLayer, LinkState, Reading
from mlxtop.watch.alarms import Subject, subject_of
from mlxtop.watch.alert import Alert, AlertKind
from tests.samples import PACU, WALL, ethernet, sample
from tests.watching import DOWN, OFF, UP, Machine


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
    machine.see(50.0, seconds=600.0)
    assert len(machine.alarms()) == 1
    machine.see(50.0, seconds=1.0)
    assert machine.alarms() == []


def test_a_port_that_never_had_a_link_or_was_switched_off_is_no_alarm() -> None:
    machine = Machine()
    machine.see(50.0, DOWN)
    machine.see(50.0, DOWN)
    assert machine.alarms() == []
    machine.see(50.0)
    machine.see(50.0, OFF)
    assert machine.alarms() == []


def test_a_port_that_is_gone_is_the_one_alarm_about_it() -> None:
    machine = Machine()
    machine.see(50.0)
    machine.see(50.0, DOWN)
    assert machine.lose_the_port() == [AlertKind.PORT_GONE]
    going_on = [alarm for alarm in machine.alarms() if alarm.until is None]
    assert [alarm.kind for alarm in going_on] == [AlertKind.PORT_GONE]
    machine.see(50.0)
    assert all(alarm.until is not None for alarm in machine.alarms())


def complain(machine: Machine, times: int, seconds: float) -> list[AlertKind]:
    """Let time pass, after which the driver has counted so many complaints of a hot module."""
    machine.tick += seconds
    counted = Reading(machine.tick, Schema(("module_high_temp",)), (times,))
    port = ethernet(PACU, machine.tick, 1e9, 1e9, module=50.0, link=UP)
    return machine.take(
        sample(machine.tick, port._replace(readings={Origin.DRIVER: counted}, temperatures=()))
    )


@pytest.mark.parametrize(("seconds", "ended"), [(59.9, False), (60.0, True)])
def test_a_modules_complaint_ends_a_minute_after_the_last_one(seconds: float, ended: bool) -> None:
    machine = Machine()
    complain(machine, 1, 1.0)
    assert complain(machine, 2, 1.0) == [AlertKind.ALARM]
    assert complain(machine, 3, 50.0) == [AlertKind.ALARM]
    complain(machine, 3, seconds)
    (alarm,) = machine.alarms()
    assert (alarm.until is not None, alarm.times) == (ended, 1)


def test_an_empty_cage_is_an_alarm_until_a_module_is_there() -> None:
    machine = Machine()
    machine.see(50.0)
    empty = UP._replace(state=LinkState.NO_MODULE)
    assert machine.see(50.0, empty) == [AlertKind.LINK_DOWN, AlertKind.MODULE_OUT]
    machine.see(50.0, empty)
    assert [alarm.until for alarm in machine.alarms()] == [None, None]
    machine.see(50.0)
    assert all(alarm.until == WALL + machine.tick for alarm in machine.alarms())


def test_alarms_that_go_on_come_first_then_the_severe_then_the_new() -> None:
    machine = Machine()
    machine.see(50.0)
    machine.see(50.0, DOWN)
    machine.see(50.0)
    machine.see(76.0)
    machine.see(76.0, DOWN)
    machine.see(81.0, DOWN)
    listed = [(alarm.kind, alarm.until is None) for alarm in machine.alarms()]
    assert listed == [(AlertKind.ALARM, True), (AlertKind.LINK_DOWN, True)]
    machine.see(81.0)
    assert [alarm.kind for alarm in machine.alarms()] == [AlertKind.ALARM, AlertKind.LINK_DOWN]


def flap(machine: Machine) -> None:
    machine.see(50.0)
    machine.see(50.0, DOWN)


def test_beginnings_are_counted_from_midnight_on() -> None:
    machine = Machine()
    flap(machine)
    flap(machine)
    assert [(alarm.times, alarm.today) for alarm in machine.alarms()] == [(2, 2)]
    machine.tick += 86400.0
    flap(machine)
    assert [(alarm.times, alarm.today) for alarm in machine.alarms()] == [(3, 1)]


def test_a_clock_that_is_set_changes_no_duration_and_no_end() -> None:
    machine = Machine()
    flap(machine)
    for tick, wall in ((10.0, -86400.0), (20.0, 86400.0)):
        port = ethernet(PACU, tick, 1e9, 1e9, module=50.0, link=DOWN)
        machine.tick = tick
        now = derive(sample(tick, port)._replace(wall=WALL + wall), machine.watch.frame)
        machine.watch.ingest(now)
        (alarm,) = machine.alarms()
        assert (alarm.end_tick, alarm.seconds(tick)) == (None, tick - 2.0)
    machine.see(50.0)
    (alarm,) = machine.alarms()
    assert alarm.seconds(999.0) == 19.0


def test_an_acknowledged_alarm_stays_so_until_it_changes() -> None:
    machine = Machine()
    machine.see(76.0)
    (alarm,) = machine.alarms()
    assert not machine.watch.alarms.acknowledge("another")
    assert machine.watch.alarms.acknowledge(alarm.key)
    machine.see(77.0)
    assert [alarm.acknowledged for alarm in machine.alarms()] == [True]
    machine.see(81.0)
    (worse,) = machine.alarms()
    assert (worse.acknowledged, worse.key) == (False, alarm.key)
    machine.watch.alarms.acknowledge(worse.key)
    machine.see(60.0)
    (ended,) = machine.alarms()
    assert (ended.acknowledged, ended.until) == (False, WALL + machine.tick)
    machine.see(76.0)
    assert [again.key == alarm.key for again in machine.alarms()] == [False]


def test_a_link_that_was_lost_and_regained_between_two_frames_is_an_alarm_that_has_ended() -> None:
    machine = Machine()
    machine.see(50.0, UP._replace(carrier_changes=2))
    machine.see(50.0, UP._replace(carrier_changes=4))
    (alarm,) = machine.alarms()
    assert (alarm.kind, alarm.until) == (AlertKind.LINK_DOWN, WALL + machine.tick)


def test_a_change_of_link_type_is_no_alarm_and_its_incidents_are_over() -> None:
    machine = Machine()
    machine.see(50.0)
    machine.see(50.0, Link(None, LinkState.NO_DEVICE))
    assert len(machine.alarms()) == 1
    machine.see(50.0, Link(LinkLayer.INFINIBAND, LinkState.POLLING))
    assert machine.alarms() == []
    assert [event.until for event in machine.watch.events if event.until is None] == []


def test_a_port_that_was_down_long_before_its_link_type_changed_is_an_alarm_that_has_ended() -> (
    None
):
    machine = Machine()
    machine.see(50.0)
    machine.see(50.0, DOWN)
    machine.see(50.0, Link(LinkLayer.INFINIBAND, LinkState.POLLING), seconds=61.0)
    assert [alarm.until for alarm in machine.alarms()] == [WALL + machine.tick]


def test_the_other_port_of_a_card_whose_link_type_is_changed_leaves_no_trace() -> None:
    machine = Machine()
    other = PACU._replace(id=PACU.id._replace(number=2), netdev="enp67s0np1")
    infiniband = Link(LinkLayer.INFINIBAND, LinkState.POLLING)
    for first, second in ((UP, UP), (DOWN, DOWN), (infiniband, DOWN), (infiniband, UP)):
        machine.tick += 1.0
        tick = machine.tick
        ports = (
            ethernet(port, tick, 0, 0, module=50.0, link=link)
            for port, link in ((PACU, first), (other, second))
        )
        machine.take(sample(tick, *ports))
        assert len(machine.alarms()) == [0, 2, 1, 1][round(tick) - 1]
    machine.tick += 1.0
    machine.take(sample(machine.tick, ethernet(other, machine.tick, 0, 0, module=50.0)))
    assert AlertKind.LINK_DOWN not in {alarm.kind for alarm in machine.alarms()}


def warm(machine: Machine, seconds: int) -> None:
    for celsius in range(50, 50 + seconds):
        machine.see(float(celsius))


def test_a_limit_that_will_be_passed_is_an_alarm_without_a_count_or_a_trace() -> None:
    machine = Machine()
    warm(machine, 20)
    (alarm,) = machine.alarms()
    assert (alarm.kind, alarm.severity) == (AlertKind.WARMING, Severity.NOTE)
    assert alarm.text == "module at 69.0 °C, will be at 80 °C"
    machine.watch.alarms.acknowledge(alarm.key)
    machine.see(70.0)
    assert [alarm.acknowledged for alarm in machine.alarms()] == [True]
    machine.see(76.0)
    (alarm,) = machine.alarms()
    assert (alarm.kind, alarm.times, alarm.acknowledged) == (AlertKind.WARNING, 1, False)


def storm(machine: Machine, errors: int, seconds: float = 1.0) -> list[AlertKind]:
    """Let time pass, after which so many frames have been bad."""
    machine.tick += seconds
    return machine.take(
        sample(machine.tick, ethernet(PACU, machine.tick, 1e9, 1e9, module=50.0, errors=errors))
    )


def test_a_storm_of_errors_is_an_alarm_that_ends_with_the_last_of_them() -> None:
    machine = Machine()
    storm(machine, 0)
    assert storm(machine, 189) == [AlertKind.ERRORS]
    begun = machine.tick
    storm(machine, 200)
    (alarm,) = machine.alarms()
    assert (alarm.severity, alarm.text) == (Severity.WARNING, "200 CRC in 10 s")
    storm(machine, 200, seconds=10.0)
    (alarm,) = machine.alarms()
    assert alarm.seconds(machine.tick) == 1.0
    assert alarm.until == WALL + begun + 1.0
    (event,) = machine.watch.events
    assert (event.incident.text, event.until) == ("200 CRC in all", WALL + begun + 1.0)


@pytest.mark.parametrize(
    ("alert", "subject"),
    [
        (Alert(AlertKind.PORT_GONE, PACU, "", 0.0), Subject(PACU.id, part="port")),
        (Alert(AlertKind.LINK_DOWN, PACU, "", 0.0), Subject(PACU.id, part="link")),
        (Alert(AlertKind.MODULE_OUT, PACU, "", 0.0), Subject(PACU.id, part="module")),
        (Alert(AlertKind.ALARM, PACU, "", 0.0, "module"), Subject(PACU.id, part="heat")),
        (Alert(AlertKind.ALARM, PACU, "", 0.0, "asic", 90.0), Subject(PACU.id, sensor="asic")),
        (
            Alert(AlertKind.WARNING, PACU, "", 0.0, "rx", 1.0, lane=(Quantity.RX_POWER, 2)),
            Subject(PACU.id, lane=(Quantity.RX_POWER, 2)),
        ),
    ],
)
def test_an_alert_is_about_one_part_of_a_port(alert: Alert, subject: Subject) -> None:
    assert subject_of(alert) == subject
