"""What the doctor says of a link's history, on both sides of each threshold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mlxtop.doctor.check import CouldNotTell, Finding
from mlxtop.health.link_health import Best, Change, Flap, LinkHealth, Point
from mlxtop.health.observe import module_of
from mlxtop.health.trend import DAY_S
from mlxtop.model.identity import PortId
from mlxtop.model.module import Identity, LinkReport, Module
from tests.cases import CARD, GOOD_PORT, MODULE, NOTE, WARNING, ask, case, judged, only, unknown
from tests.link_ages import Aging

PORT: PortId = CARD.ports[0]
WALL = case().frame.sample.wall
FEC = LinkReport(fec="Standard RS-FEC - RS(528,514)")


def said(check: str, health: LinkHealth, **more: Any) -> list[Finding | CouldNotTell]:
    return judged(ask(check, case(health={PORT: health}, **more)))


def points(hours: int, slope: float = 0.0, end: float = -6.0, **more: Any) -> list[Point]:
    """Hours up to now; errors rise by `slope` decades a day."""
    return [
        Point(WALL - n * 3600, end - slope * n / 24 + 0.02 * (n % 3), None, 45.0, **more)
        for n in range(hours, 0, -1)
    ]


def aging(found: list[Point]) -> LinkHealth:
    return Aging(found).after(len(found))


def best(name: str, value: float, days: float, times: int = 60) -> LinkHealth:
    words = {"speed": f"{value / 1e9:g} Gb/s"}.get(name, f"{value:g} lanes")
    return LinkHealth(best={name: Best(value, words, WALL - days * DAY_S, times)})


CHECKS = ("link as it was", "errors over days", "light over months", "flaps a day")


@pytest.mark.parametrize("name", [*CHECKS, "module and slot as they were"])
def test_without_a_history_there_is_nothing_to_look_at(name: str) -> None:
    assert judged(ask(name, case())) == []
    assert said(name, LinkHealth()) == []


def test_a_link_that_was_faster_this_week_is_a_warning_and_then_a_note() -> None:
    finding = only(said("link as it was", best("speed", 200e9, 6.9)))
    assert finding.severity is WARNING
    assert "100 Gb/s now, 200 Gb/s until" in finding.evidence
    assert only(said("link as it was", best("speed", 200e9, 7.1))).severity is NOTE
    assert only(said("link as it was", best("speed", 200e9, 29.9))).severity is NOTE
    assert said("link as it was", best("speed", 200e9, 30.1)) == []


def test_a_speed_of_some_moments_or_no_higher_one_is_nothing() -> None:
    assert said("link as it was", best("speed", 200e9, 1, times=4)) == []
    assert len(said("link as it was", best("speed", 200e9, 1, times=5))) == 1
    assert said("link as it was", best("speed", 100e9, 1)) == []


def test_a_pcie_link_with_fewer_lanes_is_a_warning_and_a_slower_one_may_sleep() -> None:
    lanes = only(said("link as it was", best("pcie_lanes", 32, 1)))
    assert (lanes.severity, "fewer lanes" in lanes.why) == (WARNING, True)
    slower = only(said("link as it was", best("pcie", 300_000, 1)))
    assert (slower.severity, "may sleep" in slower.why) == (NOTE, True)
    both = best("pcie", 300_000, 1)._replace(
        best={**best("pcie", 300_000, 1).best, **best("pcie_lanes", 32, 1).best}
    )
    assert len(said("link as it was", both)) == 1


def test_errors_that_rise_towards_the_end_of_fec_are_a_warning_with_their_days() -> None:
    finding = only(said("errors over days", aging(points(24 * 9, 0.2)), report=FEC))
    assert finding.severity is WARNING
    assert "rise 1.6 times a day, for 9 days; 1e-06 now" in finding.evidence
    assert "FEC corrects up to 5e-05: at this pace that is reached in 9 days (8 to 9)" in (
        finding.why
    )


def test_errors_that_are_level_or_without_a_known_fec_are_nothing() -> None:
    assert said("errors over days", aging(points(24 * 9, 0.0)), report=FEC) == []
    no_fec = replace(GOOD_PORT, fec=None)
    assert said("errors over days", aging(points(24 * 9, 0.2)), port=no_fec) == []


def test_a_history_that_ended_days_ago_says_nothing_of_now() -> None:
    old = [
        one._replace(wall=one.wall - 2.1 * DAY_S) for one in points(24 * 9, 0.2, rx_dbm=(-30.0,))
    ]
    assert (
        "nothing was seen since" in unknown(said("errors over days", aging(old), report=FEC)).reason
    )
    assert said("light over months", aging(old)) == []


def dimmed(db: float) -> LinkHealth:
    found = points(24 * 6, rx_dbm=(-2.0, -2.0))
    found[-40:] = [one._replace(rx_dbm=(-2.0, -2.0 - db)) for one in found[-40:]]
    return aging(found)


def test_less_light_is_a_note_and_near_the_modules_limit_a_warning() -> None:
    assert said("light over months", dimmed(1.9)) == []
    finding = only(said("light over months", dimmed(2.1)))
    assert finding.severity is NOTE
    assert "lane 2: -4.1 dBm arrive, -2.0 on" in finding.evidence
    assert "the module's limit is -13.0 dBm" in finding.evidence
    assert only(said("light over months", dimmed(9.8))).severity is NOTE
    assert only(said("light over months", dimmed(10.1))).severity is WARNING


def test_a_laser_that_takes_more_current_is_a_note() -> None:
    found = points(24 * 6, bias_ma=(7.0,))
    found[-40:] = [one._replace(bias_ma=(9.2,)) for one in found[-40:]]
    finding = only(said("light over months", aging(found)))
    assert (finding.severity, "9.2 mA, 7.0 on" in finding.evidence) == (NOTE, True)


@pytest.mark.parametrize(
    ("days", "told"),
    [
        ((0.1, 0.2, 0.3, 0.4), False),
        ((0.1, 0.2, 0.3, 0.4, 0.5), True),
        ((0.1, 1.1), False),
        ((0.1, 1.1, 5.1), True),
        ((0.1, 1.1, 7.1), False),
    ],
)
def test_flaps_are_bad_when_often_in_a_day_or_on_three_days(
    days: tuple[float, ...], told: bool
) -> None:
    flaps = tuple(Flap(WALL - ago * DAY_S, "no signal", 3.0) for ago in reversed(days))
    found = said("flaps a day", LinkHealth(flaps=flaps))
    assert bool(found) is told
    if told:
        assert "; no signal (" in only(found).evidence


def test_another_module_is_named_at_once_and_for_a_week() -> None:
    new = Module(Identity("QSFP28", vendor="ACME", part="X2", serial="S2"))
    health = LinkHealth(module="0" * 16, part="OTHER X1")
    finding = only(said("module and slot as they were", health, module=new))
    assert finding.severity is NOTE
    assert "another module since" in finding.evidence
    assert "ACME X2, before OTHER X1" in finding.evidence
    known = LinkHealth(module=module_of(new)[0], part="ACME X2")
    assert said("module and slot as they were", known, module=new) == []
    for days, count in ((6.9, 1), (7.1, 0)):
        changes = (Change(WALL - days * DAY_S, "module", "ACME X2", "ACME X2"),)
        found = said("module and slot as they were", known._replace(changes=changes), module=new)
        assert len(found) == count
        assert not found or "another serial number" in only(found).evidence


def test_a_module_without_a_serial_number_is_not_another_one() -> None:
    health = LinkHealth(module="0" * 16, part="OTHER X1")
    assert said("module and slot as they were", health, module=MODULE) == []
