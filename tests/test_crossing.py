"""The arrival of a temperature at a limit."""

from __future__ import annotations

import math

import pytest

from mlxtop.analysis.crossing import Crossing, Vote, crossing
from mlxtop.analysis.warmup import Fit, Shape


@pytest.mark.parametrize(("chance", "never"), [(0.2, True), (0.21, False)])
def test_a_crossing_is_called_off_at_a_chance_of_a_fifth(chance: float, never: bool) -> None:
    assert Crossing(75.0, chance).never is never


def vote(share: float, seconds: float, settles: float = 70.0, half: float = 10.0) -> Vote:
    """A curve that is certain of itself, `half` °C below 60 now and there after some seconds."""
    present = 60.0 - half
    fit = Fit(Shape(seconds / math.log(2)), settles, present - settles, 0.0, (0.0, 0.0, 0.0))
    return Vote(share, fit, present)


def arrival(*votes: Vote) -> Crossing:
    return crossing(60.0, 0.0, votes, 0.0, 1.0)


@pytest.mark.parametrize(("chance", "told"), [(0.8, True), (0.79, False)])
def test_a_crossing_is_announced_from_a_chance_of_four_fifths(chance: float, told: bool) -> None:
    reaching = arrival(vote(chance, 100.0), vote(1.0 - chance, 100.0, 55.0))
    assert reaching.chance == pytest.approx(chance)
    assert (reaching.seconds is not None) is told


@pytest.mark.parametrize(("seconds", "told"), [(3400.0, True), (3700.0, False)])
def test_no_crossing_is_announced_that_is_more_than_an_hour_away(
    seconds: float, told: bool
) -> None:
    assert (arrival(vote(1.0, seconds)).seconds is not None) is told


@pytest.mark.parametrize(("apart", "told"), [(380.0, True), (430.0, False)])
def test_a_crossing_is_told_where_curves_agree_on_it_to_four_tenths(
    apart: float, told: bool
) -> None:
    reaching = arrival(vote(0.5, 1000.0 - apart), vote(0.5, 1000.0 + apart))
    assert (reaching.seconds is not None) is told


def test_a_crossing_close_by_may_be_off_by_ten_seconds_more() -> None:
    assert arrival(vote(0.5, 8.0), vote(0.5, 32.0)).seconds == pytest.approx(20.0, rel=0.05)
    assert arrival(vote(0.5, 0.5), vote(0.5, 45.0)).seconds is None


def test_no_crossing_is_told_more_closely_than_to_eight_hundredths() -> None:
    reaching = arrival(vote(1.0, 100.0))
    assert reaching.seconds == pytest.approx(100.0, rel=0.03)
    assert reaching.error == pytest.approx(0.08 * (reaching.seconds or 0.0))


@pytest.mark.parametrize(("half", "told"), [(35.0, True), (36.5, False)])
def test_a_crossing_is_told_where_curves_are_five_degrees_apart_at_most(
    half: float, told: bool
) -> None:
    early, late = (vote(0.5, seconds, 60.0 + half, half) for seconds in (80.0, 120.0))
    assert (arrival(early, late).seconds is not None) is told


def test_a_fit_that_is_unsure_of_itself_foretells_nothing() -> None:
    one = vote(1.0, 100.0)
    for spread, told in (((24.0, 0.0, 0.0), True), ((26.0, 0.0, 0.0), False)):
        unsure = one._replace(fit=one.fit._replace(settles=90.0, slope=-60.0, spread=spread))
        arrived = crossing(60.0, 0.0, [unsure._replace(present=30.0)], 0.0, 1.0)
        assert (arrived.seconds is not None) is told


def test_the_way_down_is_the_way_up_mirrored() -> None:
    one = vote(1.0, 100.0)
    down = one._replace(fit=one.fit._replace(settles=50.0, slope=20.0), present=70.0)
    fallen = crossing(-60.0, 0.0, [down.mirrored()], 0.0, 1.0)
    assert fallen.seconds == pytest.approx(arrival(one).seconds)
    assert down.mirrored().mirrored() == down
