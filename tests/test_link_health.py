"""What is remembered of a link: bounded, in hours and days, and through its text in a file."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.health.link_health import (
    DAYS,
    FLAPS,
    HOUR_S,
    HOURS,
    MINUTES,
    NEW_HOURS,
    Best,
    Change,
    Flap,
    LinkHealth,
    Point,
    added,
    joined,
    merged,
)
from mlxtop.health.link_health_text import from_text, to_text

BEGIN = 480_000 * HOUR_S


def point(minutes: float, raw: float = -8.0, **more: object) -> Point:
    return Point(BEGIN + minutes * 60, raw, **more)  # type: ignore[arg-type]


def filled(minutes: range, health: LinkHealth | None = None) -> LinkHealth:
    health = health or LinkHealth()
    for minute in minutes:
        health = added(health, point(minute))
    return health


def test_minutes_become_hours_when_the_hour_is_over() -> None:
    health = filled(range(60))
    assert (len(health.minutes), len(health.hours)) == (60, 0)
    health = added(health, point(60))
    assert (len(health.minutes), len(health.hours)) == (1, 1)
    assert health.hours[0].wall == BEGIN + HOUR_S / 2
    assert health.hours[0].readings == 60


def test_a_single_bad_reading_of_an_hour_has_no_say() -> None:
    found = merged([point(0), point(1, -1.0), point(2, -8.2)], BEGIN)
    assert found.raw == -8.0
    lanes = [
        point(n, rx_dbm=light) for n, light in enumerate([(-2.0, -3.0), (-30.0, None), (-2.2,)])
    ]
    assert merged(lanes, BEGIN).rx_dbm == (-2.2, -3.0)


def test_hours_become_days_and_all_is_bounded() -> None:
    hours = [point(hour * 60, rx_dbm=(-2.13,) * 8) for hour in range(-HOURS, 0)]
    days = [point(-60 * 24 * day, rx_dbm=(-2.13,) * 8) for day in range(DAYS + 20, 20, -1)]
    health = LinkHealth(hours=tuple(hours), days=tuple(days))
    for hour in range(24 * 3):
        health = added(health, point(hour * 60))
    assert len(health.hours) == HOURS
    assert len(health.days) == DAYS
    assert len(health.minutes) <= MINUTES
    assert len(to_text(health)) < 100_000
    assert health.new is not None
    assert health.new.readings == NEW_HOURS
    assert health.days[-1].wall > BEGIN


def test_the_series_is_days_then_hours_in_the_order_of_time() -> None:
    health = LinkHealth()
    for hour in range(24 * 20):
        health = added(health, point(hour * 60, celsius=40.0))
    walls = [one.wall for one in health.series("raw")]
    assert walls == sorted(walls)
    assert HOURS < len(walls) < HOURS + 6
    assert health.series("rx_dbm", 0) == []


def test_a_clock_that_is_set_back_adds_nothing() -> None:
    health = filled(range(10))
    assert added(health, point(5)) is health


WHOLE = LinkHealth(
    name="p1",
    since=BEGIN,
    module="0123456789abcdef",
    part="ACME X",
    suspect="fedcba9876543210",
    slot="0000:41:00.0",
    best={"speed": Best(1e11, "100 Gb/s", BEGIN, 7), "pcie": Best(1.0, "x", BEGIN)},
    new=Point(BEGIN, -8.5, None, 40.0, 0, 60, (-2.0, None), (-1.0, -1.1), (7.0, 7.1), 4),
    minutes=(Point(BEGIN + 60, -8.0, -14.0, 41.5, 3, 1),),
    hours=(Point(BEGIN, -8.0),),
    days=(Point(BEGIN - 86400, -8.0),),
    flaps=(Flap(BEGIN, "no signal", 2.5), Flap(BEGIN + 1)),
    changes=(Change(BEGIN, "module", "A", "B"),),
)


def test_a_history_is_the_same_after_its_file() -> None:
    assert from_text(to_text(WHOLE)) == WHOLE
    assert from_text(to_text(LinkHealth())) == LinkHealth()


@pytest.mark.parametrize("text", ["", "[]", "{", '{"schema": 2}', '{"schema": 1', "\0", "NaN"])
def test_what_is_no_history_is_none(text: str) -> None:
    assert from_text(text) is None


@given(st.integers(0, 400), st.integers(0, 400))
def test_a_damaged_file_gives_what_is_whole_or_nothing(start: int, end: int) -> None:
    text = to_text(WHOLE)
    from_text(text[:start] + text[end:])


BAD: tuple[object, ...] = (
    None,
    True,
    -1,
    1e300,
    "text",
    [],
    [[]],
    [["x"]],
    [[1, 2, 3]],
    [[None] * 9],
    {},
    {"a": 1},
)


@pytest.mark.parametrize("name", sorted(json.loads(to_text(WHOLE))))
def test_whatever_stands_in_a_file_is_taken_or_left_out(name: str) -> None:
    whole = json.loads(to_text(WHOLE))
    for bad in BAD:
        found = from_text(json.dumps({**whole, name: bad}))
        assert found is None or from_text(to_text(found)) is not None
        assert (found is None) == (name == "schema" and bad is not True)


def test_two_programs_know_together_what_each_knows() -> None:
    one = filled(range(0, 200, 2))._replace(
        module="a" * 16, best={"speed": Best(1e10, "10", 5.0)}, flaps=(Flap(1.0, "x"),)
    )
    two = filled(range(1, 200, 2))._replace(
        module="a" * 16, best={"speed": Best(1e11, "100", 4.0)}, flaps=(Flap(9.0),)
    )
    both = joined(one, two)
    assert both.best["speed"].value == 1e11
    assert [flap.wall for flap in both.flaps] == [1.0, 9.0]
    walls = [minute.wall for minute in both.minutes]
    assert walls == sorted({minute.wall for minute in (*one.minutes, *two.minutes)})


def test_an_hour_that_two_programs_saw_is_the_one_of_more_readings() -> None:
    few, many = Point(BEGIN, -7.0, readings=2), Point(BEGIN, -8.0, readings=50)
    for one, two in ((few, many), (many, few)):
        found = joined(LinkHealth(hours=(one,)), LinkHealth(hours=(two,)))
        assert found.hours == (many,)


def test_minutes_of_an_hour_that_is_there_are_not_kept() -> None:
    old = LinkHealth(minutes=(Point(BEGIN + 60), Point(BEGIN + HOUR_S + 60)))
    found = joined(old, LinkHealth(hours=(Point(BEGIN + HOUR_S / 2),)))
    assert [one.wall for one in found.minutes] == [BEGIN + HOUR_S + 60]


def test_a_loss_that_two_programs_saw_is_one() -> None:
    old = LinkHealth(flaps=(Flap(100.0), Flap(100.001, "", 7.0)))
    new = LinkHealth(flaps=(Flap(100.001, "no signal"), Flap(102.9), Flap(104.0)))
    found = joined(old, new).flaps
    assert found == (Flap(100.0), Flap(100.001, "no signal", 7.0), Flap(104.0))


def test_the_program_that_saw_the_link_come_back_tells_how_long_it_was_away() -> None:
    (found,) = joined(
        LinkHealth(flaps=(Flap(100.0),)), LinkHealth(flaps=(Flap(101.2, "x", 600.0),))
    ).flaps
    assert found == Flap(100.0, "x", 600.0)


def test_of_two_modules_the_later_one_counts_and_losses_stay() -> None:
    old = WHOLE._replace(since=1.0)
    new = LinkHealth(module="b" * 16, since=2.0, flaps=(Flap(9.0),), minutes=(Point(5.0),))
    for found in (joined(old, new), joined(new, old)):
        assert found.module == "b" * 16
        assert found.minutes == new.minutes
        assert [flap.wall for flap in found.flaps] == [9.0, BEGIN, BEGIN + 1]


def test_flaps_are_bounded() -> None:
    one = LinkHealth(flaps=tuple(Flap(float(n)) for n in range(FLAPS)))
    two = LinkHealth(flaps=tuple(Flap(float(n) + 0.5) for n in range(FLAPS)))
    assert len(joined(one, two).flaps) == FLAPS


def test_a_single_deep_bin_has_no_say_in_an_hour() -> None:
    points = [Point(BEGIN + 60.0 * n, symbols=7 if n == 3 else 2) for n in range(20)]
    assert merged([*points, Point(BEGIN)], BEGIN).symbols == 2
    assert merged([Point(BEGIN)], BEGIN).symbols is None
