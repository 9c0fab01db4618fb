"""Series of bounded length, with gaps that stay gaps."""

from __future__ import annotations

import math

import pytest

from mlxtop.model.history import History, Series
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


def test_an_hour_of_seconds_is_kept() -> None:
    history = History()
    for tick in range(3601):
        history.append(PORT, float(tick), {"rx": 1.0})
    rx = history.series(PORT, "rx")
    assert rx is not None
    assert len(rx) == 3600
    assert history.series(PORT, "tx") is None
