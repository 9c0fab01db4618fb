"""Alarms in a few words, as items, as a title and as a notification."""

from __future__ import annotations

from math import exp

import pytest

from mlxtop.model.counters import Origin, Schema
from mlxtop.model.frame import derive
from mlxtop.model.sample import LinkState, PortSample, Reading
from mlxtop.present.alarms import alarm_items, alarm_words, alert_text, headline, urgency
from mlxtop.present.ribbon import Urgency, ribbon
from mlxtop.present.text import Role, line_width, plain
from mlxtop.watch.alert import Alert, AlertKind
from mlxtop.watch.watch import Watch
from tests.samples import IB, PACU, ethernet, mlx5_port, sample
from tests.watching import DOWN, UP, Machine

NAME = "enp67s0np0"


def told(machine: Machine) -> list[str]:
    """The items of a machine in the order of the ribbon."""
    items = sorted(alarm_items(machine.watch), key=lambda item: item.urgency)
    return [plain(item.line) for item in items]


def test_nothing_is_told_while_all_is_well() -> None:
    machine = Machine()
    machine.see(50.0)
    assert told(machine) == []
    assert headline(machine.watch) is None


def test_a_link_that_is_down_tells_how_long_and_how_often() -> None:
    machine = Machine()
    machine.see(50.0)
    machine.see(50.0, DOWN)
    machine.see(50.0, DOWN, seconds=36.0)
    assert told(machine) == [f"! {NAME} down 36 s"]
    assert headline(machine.watch) == f"! {NAME} down"
    machine.see(50.0)
    assert told(machine) == [f"● {NAME} back after 37 s"]
    machine.see(50.0, UP._replace(state=LinkState.NO_MODULE))
    assert told(machine)[0] == f"! {NAME} no module 0 s · 2nd today"


@pytest.mark.parametrize(
    ("age", "role"), [(59.0, Role.GOOD), (60.0, Role.DIM), (299.0, Role.DIM), (300.0, Role.FAINT)]
)
def test_what_has_ended_fades(age: float, role: Role) -> None:
    machine = Machine()
    for link in (UP, DOWN, UP):
        machine.see(50.0, link)
    machine.see(50.0, seconds=age)
    (item,) = alarm_items(machine.watch)
    assert item.line[0][1] is role
    assert item.urgency is Urgency.ENDED
    assert headline(machine.watch) is None


def test_a_limit_that_will_be_passed_counts_down_and_is_urgent_when_it_is_near() -> None:
    machine = Machine()
    for celsius in range(50, 70):
        machine.see(float(celsius))
    (text,) = told(machine)
    assert text.startswith(f"▲ {NAME} module 69 → 75 °C in ")
    (alarm,) = machine.alarms()
    assert urgency(alarm, machine.watch) is Urgency.WARNING
    first = int(text.split()[-2])
    machine.see(69.0, seconds=1.0)
    assert told(machine) == [f"▲ {NAME} module 69 → 75 °C in {first - 1} s"]


def test_a_limit_that_is_far_is_not_yet_urgent() -> None:
    machine = Machine()
    for second in range(90):
        machine.see(95.0 - 45.0 * exp(-second / 300.0))
    (alarm,) = machine.alarms()
    assert alarm.kind is AlertKind.WARMING
    assert urgency(alarm, machine.watch) is Urgency.COMING


def test_a_limit_that_is_passed_tells_reading_limit_and_time() -> None:
    machine = Machine()
    machine.see(50.0)
    machine.see(76.4)
    machine.see(76.4, seconds=9.0)
    assert told(machine) == [f"▲ {NAME} module 76 °C, warning 75 °C, 9 s"]
    machine.see(81.0)
    assert told(machine) == [f"! {NAME} module 81 °C, alarm 80 °C, 0 s"]
    assert headline(machine.watch) == f"! {NAME} module 81 °C"
    machine.see(81.0, seconds=7.0)
    assert told(machine) == [f"! {NAME} module 81 °C, alarm 80 °C, 7 s"]
    machine.see(77.0)
    assert told(machine) == [f"▲ {NAME} module 77 °C, warning 75 °C, 18 s"]
    machine.see(60.0)
    assert told(machine) == [f"● {NAME} module cool again after 19 s"]


def test_errors_tell_their_number_and_at_the_end_their_sum() -> None:
    machine = Machine()
    for tick, errors in ((1.0, 0), (2.0, 189), (3.0, 200)):
        machine.tick = tick
        machine.take(sample(tick, ethernet(PACU, tick, 1e9, 1e9, module=50.0, errors=errors)))
    assert told(machine) == [f"! {NAME} 200 CRC in 10 s, 1 s"]
    assert headline(machine.watch) == f"! {NAME} CRC"
    machine.tick = 20.0
    machine.take(sample(20.0, ethernet(PACU, 20.0, 1e9, 1e9, module=50.0, errors=200)))
    assert told(machine) == [f"● {NAME} 200 CRC, over after 1 s"]


def test_a_link_lost_between_two_frames_and_a_port_that_is_gone() -> None:
    machine = Machine()
    machine.see(50.0, UP._replace(carrier_changes=2))
    machine.see(50.0, UP._replace(carrier_changes=4))
    assert told(machine) == [f"● {NAME} lost its link for a moment"]
    machine.lose_the_port()
    assert told(machine)[0] == f"! {NAME} gone 0 s"


def test_a_complaint_of_a_module_without_a_sensor_is_heat() -> None:
    machine = Machine()
    for tick in (1.0, 2.0):
        table = {Origin.DRIVER: Reading(tick, Schema(("module_high_temp",)), (int(tick),))}
        machine.tick = tick
        machine.take(sample(tick, PortSample(PACU, UP, table)))
    assert told(machine) == [f"! {NAME} module too hot 0 s"]


def test_what_is_acknowledged_is_told_no_more_until_it_changes() -> None:
    machine = Machine()
    machine.see(76.0)
    (item,) = alarm_items(machine.watch)
    machine.watch.alarms.acknowledge(item.key)
    assert told(machine) == []
    assert headline(machine.watch) is None
    machine.see(81.0)
    assert len(told(machine)) == 1


def test_an_item_goes_to_its_cause_and_does_without_the_name_beside_another_of_its_port() -> None:
    machine = Machine()
    machine.see(50.0)
    machine.see(81.0, DOWN)
    line = plain(ribbon(alarm_items(machine.watch), 80).line).rstrip()
    assert line == f" ! {NAME} module 81 °C, alarm 80 °C, 0 s  ! down 0 s"
    (alarm, _) = machine.alarms()
    assert f"app.cause({alarm.key!r})" in {item.action for item in alarm_items(machine.watch)}


def test_two_hundred_alarms_and_long_names_are_one_line() -> None:
    ports = [mlx5_port(f"0000:{n:02x}:00.0", f"enp{n}" + "x" * 60, "m") for n in range(200)]
    watch, last = Watch(), None
    for tick, link in ((1.0, UP), (2.0, DOWN)):
        last = derive(sample(tick, *(PortSample(port, link) for port in ports)), last)
        watch.ingest(last)
    items = alarm_items(watch)
    assert len(items) == 200
    for columns in (1, 5, 20, 80, 200):
        assert line_width(ribbon(items, columns).line) == columns
    assert plain(ribbon(items, 80).line).rstrip().endswith("+198")
    assert "xx… down" in plain(items[0].line)


def test_words_of_an_alarm_are_clean() -> None:
    machine = Machine()
    for tick, link in ((1.0, UP), (2.0, DOWN)):
        machine.tick = tick
        machine.take(sample(tick, PortSample(PACU._replace(netdev="p\x1b0"), link)))
    (alarm,) = machine.alarms()
    assert "\x1b" not in plain(alarm_words(alarm, machine.watch).line)


def test_alerts_of_a_moment_are_one_notification_with_the_worst_first() -> None:
    down = Alert(AlertKind.LINK_DOWN, IB, "link down", 1.0)
    hot = Alert(AlertKind.ALARM, PACU, "module at 81.0 °C", 1.0)
    assert alert_text([down]) == "ibp67s0f1 link down"
    assert alert_text([down, hot, down]) == f"{NAME} module at 81.0 °C, and 2 more"
