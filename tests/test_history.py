"""Series of bounded length, with gaps that stay gaps."""

from __future__ import annotations

import math
from array import array
from itertools import pairwise

import pytest

from mlxtop.model.history import NEWEST, THIN_S, THINNED, History, Series
from mlxtop.model.identity import PortId

PORT = PortId("0000:43:00.0", 1)


def series(count: int, size: int = 10) -> Series:
    one = Series(size)
    for tick in range(count):
        one.append(float(tick), tick * 2.0)
    return one


@pytest.mark.parametrize(
    ("count", "length", "stored"),
    [(9, 9, 9), (10, 10, 10), (11, 10, 11), (19, 10, 19), (20, 10, 10)],
)
def test_the_newest_points_are_kept_and_old_ones_dropped_in_bulk(
    count: int, length: int, stored: int
) -> None:
    one = series(count)
    assert (len(one), len(one.ticks), len(one.values)) == (length, stored, stored)
    assert (one.ticks[-1], one.values[-1]) == (count - 1.0, 2.0 * (count - 1))


@pytest.mark.parametrize(("since", "first"), [(3.0, 3.0), (3.1, 4.0), (-1.0, 0.0)])
def test_points_since_an_instant_include_that_instant(since: float, first: float) -> None:
    points = list(series(6).since(since))
    assert points[0] == (first, 2 * first)
    assert points[-1] == (5.0, 10.0)


def test_nothing_is_newer_than_the_newest() -> None:
    assert list(series(6).since(5.1)) == []


def test_what_is_unknown_is_a_gap() -> None:
    history = History()
    history.append(PORT, 1.0, {"rx": 5.0, "module": None})
    rx, module = history.series(PORT, "rx"), history.series(PORT, "module")
    assert rx is not None
    assert module is not None
    assert list(rx.values) == [5.0]
    assert math.isnan(module.values[0])


@pytest.mark.parametrize("every", [0.1, 1.0, 5.0, 60.0])
def test_an_hour_is_kept_at_every_interval(every: float) -> None:
    history, count = History(), int(2 * 3600 / every)
    for n in range(count):
        history.append(PORT, n * every, {"rx": float(n % 7)})
    rx, newest = history.series(PORT, "rx"), (count - 1) * every
    assert rx is not None
    assert rx.oldest is not None
    assert newest - rx.oldest >= 3600
    assert history.oldest(PORT) == rx.oldest
    assert len(rx.ticks) <= 2 * NEWEST
    assert len(rx.old_ticks) <= THINNED
    ticks = [tick for tick, _ in rx.since(0.0)]
    assert ticks == sorted(ticks)
    assert max(b - a for a, b in pairwise(ticks)) <= max(2 * THIN_S, every) + 1e-6
    assert history.series(PORT, "tx") is None


@pytest.mark.parametrize("spike", [300.0, -300.0])
def test_a_spike_survives_for_an_hour_at_its_instant(spike: float) -> None:
    one = Series(NEWEST, THINNED)
    for tick in range(4000):
        one.append(float(tick), spike if tick == 1234 else tick % 3 * 1.0)
    assert one.old_ticks[-1] >= 1234.0, "it is among the older ones"
    assert (1234.0, spike) in one.since(0.0)


def test_a_gap_among_older_readings_stays_a_gap() -> None:
    one = Series(NEWEST, THINNED)
    for tick in range(3000):
        one.append(float(tick), None if 100 <= tick < 130 else 1.0)
    old = [value for _, value in one.between(100.0, 130.0)]
    assert len(old) == 30 / THIN_S
    assert all(map(math.isnan, old))


def test_points_between_two_instants_leave_the_later_one_out() -> None:
    one = series(6)
    assert list(one.between(2.0, 4.0)) == [(2.0, 4.0), (3.0, 6.0)]
    assert list(one.between(4.0, 4.0)) == []


@pytest.mark.parametrize(("tick", "point"), [(3.0, (2.0, 4.0)), (3.1, (3.0, 6.0)), (0.0, None)])
def test_the_point_before_an_instant_is_older_than_it(
    tick: float, point: tuple[float, float] | None
) -> None:
    assert series(6).before(tick) == point


def test_what_was_not_thinned_is_not_kept_longer() -> None:
    assert series(30).before(10.0) is None


def test_the_history_begins_with_its_first_point() -> None:
    history = History()
    assert history.first is None
    assert history.oldest(PORT) is None
    for tick in (7.0, 8.0):
        history.append(PORT, tick, {"rx": None, "tx": 1.0})
    assert history.first == history.oldest(PORT) == 7.0


@pytest.mark.parametrize(
    ("start", "end", "highest"),
    [(1.0, 3.0, 9.0), (2.0, 3.0, 4.0), (2.1, 2.9, None), (0.1, 0.9, 9.0), (4.1, 4.9, None)],
)
def test_the_highest_value_of_a_time_is_the_next_one_where_none_falls_into_it(
    start: float, end: float, highest: float | None
) -> None:
    one = Series()
    for tick, value in ((0.0, 1.0), (1.0, 9.0), (2.0, 4.0), (3.0, None), (4.0, 2.0)):
        one.append(tick, value)
    assert one.highest(start, end) == highest


@pytest.mark.parametrize("thinned", [0, THINNED])
def test_points_that_come_together_are_as_those_that_came_one_by_one(thinned: int) -> None:
    ticks = array("d", [number * 1.7 for number in range(500)])
    values = array("d", [float(number * 7 % 11) for number in range(500)])
    alone, together = Series(40, thinned), Series(40, thinned)
    for tick, value in zip(ticks, values, strict=True):
        alone.append(tick, value)
    for start, end in pairwise((0, 1, 1, 39, 80, 81, 250, 500)):
        together.extend(ticks[start:end], values[start:end])
    for name in ("ticks", "values", "old_ticks", "old_values"):
        assert getattr(together, name) == getattr(alone, name)
