"""Alarms begin, worsen, end, come back and fade."""

from __future__ import annotations

import pytest

from mlxtop.model.counters import Origin, Schema, Severity
from mlxtop.model.module import Quantity
from mlxtop.model.sample import LinkState, Reading
from mlxtop.watch.alarms import Subject, subject_of
from mlxtop.watch.heat import Alert, AlertKind
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
