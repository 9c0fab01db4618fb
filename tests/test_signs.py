"""What is foretold of links: of those that fail days ahead, of healthy ones nothing."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import pytest

from mlxtop.health.link_health import Best, Flap, LinkHealth, Point
from mlxtop.health.observe import Running
from mlxtop.health.signs import (
    NEAR_S,
    OUTAGE_S,
    aged,
    faded,
    failing,
    flap_days,
    last_point,
    lost_lately,
    outlook,
    worse,
)
from mlxtop.health.trend import DAY_S
from tests.link_ages import BEGIN, FLOOR, LIMIT, Aging, errors, light

RATE = 10**LIMIT
SLOPES = (0.06, 0.1, 0.15, 0.2, 0.3, 0.5, 0.8)
"""Decades a day: what fails in two months, and what fails in days."""
FALLS = (0.15, 0.3, 0.6, 1.0, 1.5)
"""dB a day."""
AHEAD = 2 * 24
"""Hours before the failure by which an alarm is early enough."""


def alarms(seed: int) -> bool:
    """Whether anything is foretold of a healthy link in a month."""
    link = Aging(errors(seed, 24 * 32))
    return any(failing(link.after(hours), RATE) for hours in range(48, 24 * 32, 29))


def dims(seed: int) -> bool:
    """Whether light is said to fall that does not, in a month."""
    link = Aging(light(seed, 24 * 32))
    return any(faded(link.after(24 * day), FLOOR) for day in range(2, 33, 5))


def _middle(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def foretold(seed: int, slopes: Sequence[float] = SLOPES) -> bool:
    """Whether the failure of a link is told two days ahead."""
    random = Random(seed * 7 + 1)
    slope, begin = random.choice(slopes), random.choice((0, 0, 72, 240))
    link = Aging(errors(seed, begin + 24 * round(5.5 / slope + 7), slope, begin))
    raw = [one.raw or 0.0 for one in link.points]
    end = next(n for n in range(24, len(raw)) if _middle(raw[n - 24 : n]) >= LIMIT)
    return any(failing(link.after(hours), RATE) for hours in range(48, end - AHEAD, 24))


def dimming_foretold(seed: int, falls: Sequence[float] = FALLS) -> bool:
    """Whether light that falls to its limit is told two days ahead."""
    random = Random(seed)
    slope, begin = random.choice(falls), random.choice((24, 72, 240))
    link = Aging(light(seed, begin + 24 * round(14 / slope + 7), slope, begin))
    dbm = [one.rx_dbm[1] or 0.0 for one in link.points]
    end = next(n for n in range(24, len(dbm)) if _middle(dbm[n - 24 : n]) <= FLOOR)
    hours = range(48, end - AHEAD, 24)
    return any(one.is_near for n in hours for one in faded(link.after(n), FLOOR))


def test_nothing_is_foretold_of_some_healthy_links() -> None:
    assert not any(alarms(seed) for seed in range(2000, 2004))
    assert not any(dims(seed) for seed in range(2000, 2002))


def test_some_failures_are_foretold_days_ahead() -> None:
    assert all(foretold(seed, (0.3, 0.5)) for seed in range(1000, 1003))
    assert dimming_foretold(1001, (1.0,))


@pytest.mark.slow
def test_nothing_is_foretold_of_a_thousand_healthy_links() -> None:
    assert [seed for seed in range(1000) if alarms(seed)] == []
    assert [seed for seed in range(100) if dims(seed)] == []


@pytest.mark.slow
def test_nineteen_of_twenty_failures_are_foretold_days_ahead() -> None:
    assert sum(foretold(seed) for seed in range(60)) >= 57
    assert sum(dimming_foretold(seed) for seed in range(20)) >= 19


def rising(hours: int, slope: float = 0.2, spike: float = 0.0) -> LinkHealth:
    """A clean link whose errors rise, the last hour by a spike more."""
    points = [Point(BEGIN + n * 3600, -7 + slope * n / 24, None, 45.0) for n in range(hours)]
    random = Random(1)
    points = [one._replace(raw=(one.raw or 0) + random.gauss(0, 0.05)) for one in points]
    points[-1] = points[-1]._replace(raw=(points[-1].raw or 0) + spike)
    return Aging(points).after(hours)


def test_the_days_that_are_left_are_told_with_their_uncertainty() -> None:
    way = failing(rising(24 * 9), RATE)
    assert way is not None
    left = (LIMIT - (-7 + 0.2 * 9)) / 0.2
    assert way.days == pytest.approx(left, abs=0.5)
    assert 0 < way.earliest <= way.days <= way.latest < way.days + 2


def test_nothing_is_told_from_a_day_or_from_one_reading() -> None:
    assert failing(rising(24, slope=1.5), RATE) is None
    assert failing(rising(24 * 9, slope=0.0, spike=2.6), RATE) is None


def test_without_a_known_fec_nothing_is_foretold() -> None:
    assert failing(rising(24 * 9), None) is None


def test_a_step_is_no_course() -> None:
    random = Random(2)
    for at in (60, 120, 200, 260):
        points = [
            Point(BEGIN + n * 3600, -7 + (1.5 if n > at else 0) + random.gauss(0, 0.05))
            for n in range(24 * 13)
        ]
        assert failing(Aging(points).after(24 * 13), RATE) is None, at


def lanes(now: float, celsius: float = 45.0) -> LinkHealth:
    """A link of two lanes, of which the second gets other light in the last two days."""
    points = [
        Point(BEGIN + n * 3600, None, None, celsius, 0, 1, (-2.0, -2.0), (-1.0, -1.0), (7.0, 7.0))
        for n in range(24 * 6)
    ]
    points[-48:] = [one._replace(rx_dbm=(-2.0, now)) for one in points[-48:]]
    return Aging(points).after(len(points))


def test_light_that_is_two_decibels_less_is_told_and_a_little_less_is_not() -> None:
    assert faded(lanes(-3.9), FLOOR) == []
    (found,) = faded(lanes(-4.1), FLOOR)
    assert (found.lane, found.new_dbm, found.now_dbm) == (2, -2.0, -4.1)
    assert not found.is_near


def test_light_near_the_limit_is_near_whatever_its_course() -> None:
    assert [one.is_near for one in faded(lanes(-10.9), FLOOR)] == [False]
    assert [one.is_near for one in faded(lanes(-11.1), FLOOR)] == [True]
    assert [one.is_near for one in faded(lanes(-11.1), None)] == [False]


def test_a_laser_that_needs_more_current_has_aged_but_not_a_warm_one() -> None:
    def bias(factor: float, heat: float) -> LinkHealth:
        points = []
        for n in range(24 * 8):
            old = n >= 24 * 6
            swing = 4.0 * (n % 24 < 12)
            ma = 7.0 * (1 + 0.01 * swing) * (factor if old else 1.0) * (1 + heat * old)
            points.append(
                Point(BEGIN + n * 3600, celsius=45 + swing + 100 * heat * old, bias_ma=(ma,))
            )
        return Aging(points).after(len(points))

    assert [one.lane for one in aged(bias(1.32, 0.0))] == [1]
    assert aged(bias(1.25, 0.0)) == []


def test_flaps_are_counted_by_day() -> None:
    now = BEGIN + 10 * DAY_S
    ago = (0.1, 0.2, 1.5, 1.6, 3.2, 6.9, 7.1)
    health = LinkHealth(flaps=tuple(Flap(now - days * DAY_S, "", 3.0) for days in reversed(ago)))
    assert flap_days(health, now) == (2, 6, 4)
    assert flap_days(LinkHealth(), now) == (0, 0, 0)


def test_a_link_whose_other_end_was_off_did_not_flap() -> None:
    now = BEGIN + 10 * DAY_S
    nights = [
        (Flap(then - 20, "", 4.0), Flap(then, "", 8 * 3600.0), Flap(then + 8 * 3600 + 90, "", 12.0))
        for then in (now - days * DAY_S for days in (5.2, 4.2, 3.2, 2.2, 1.2))
    ]
    health = LinkHealth(flaps=tuple(one for night in nights for one in night))
    assert flap_days(health, now) == (0, 0, 0)
    alone = Flap(now - 3600, "", OUTAGE_S - 1)
    longer = health._replace(flaps=(*health.flaps, alone))
    assert flap_days(longer, now) == (1, 1, 1)
    away = longer._replace(flaps=(*longer.flaps, Flap(now - 3600 + NEAR_S, "")))
    assert flap_days(away, now - 3600 + NEAR_S + OUTAGE_S - 1) == (1, 1, 1)
    assert flap_days(away, now) == (0, 0, 0)


def test_a_loss_whose_end_nobody_saw_hides_none_of_later_days() -> None:
    now = BEGIN + 10 * DAY_S
    unseen = Flap(now - 4.5 * DAY_S)
    later = tuple(Flap(now - days * DAY_S, "", 3.0) for days in (2.5, 1.5, 0.5))
    assert flap_days(LinkHealth(flaps=(unseen, *later)), now) == (1, 3, 3)
    soon = Flap(unseen.wall + OUTAGE_S - 1, "", 3.0)
    assert flap_days(LinkHealth(flaps=(unseen, soon)), now) == (0, 2, 1)
    late = soon._replace(wall=unseen.wall + OUTAGE_S)
    assert flap_days(LinkHealth(flaps=(unseen, late)), now) == (0, 0, 0)


def test_what_was_better_for_some_minutes_is_told_and_a_moment_is_not() -> None:
    now = {"speed": Running(25e9, "25 Gb/s")}
    before = Best(100e9, "100 Gb/s", BEGIN, 5)
    (found,) = worse(LinkHealth(best={"speed": before}), now)
    assert (found.name, found.before, found.now) == ("speed", before, now["speed"])
    assert worse(LinkHealth(best={"speed": before._replace(times=4)}), now) == []
    assert worse(LinkHealth(best={"speed": before._replace(value=25e9)}), now) == []
    assert worse(LinkHealth(best={"lanes": before}), now) == []


def test_an_outlook_is_worked_out_once_for_each_history() -> None:
    health = rising(24 * 9)
    first = outlook(health, RATE, FLOOR)
    assert outlook(health, RATE, FLOOR) is first
    assert outlook(health, None, FLOOR) is not first
    assert first.failing == failing(health, RATE)


def test_what_fec_could_not_correct_is_counted_for_a_day() -> None:
    now = BEGIN + 10 * DAY_S
    hours = tuple(Point(now - ago * DAY_S, lost=lost) for ago, lost in ((1.1, 5), (0.9, 3)))
    health = LinkHealth(hours=hours, minutes=(Point(now - 60, lost=4),))
    assert lost_lately(health, now) == 7
    assert lost_lately(LinkHealth(), now) == 0


def test_the_newest_point_is_an_hour_or_else_a_minute() -> None:
    one, other = Point(1.0), Point(2.0)
    assert last_point(LinkHealth(hours=(one,), minutes=(other,))) == one
    assert last_point(LinkHealth(minutes=(other,))) == other
    assert last_point(LinkHealth()) is None
