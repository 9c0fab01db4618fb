"""Light that is lost between two modules."""

from __future__ import annotations

import pytest

from mlxtop.ends.budget import budget
from mlxtop.model.module import Lane, Module
from tests.cases import MODULE


def module(*lanes: Lane) -> Module:
    """A module with these lanes."""
    return MODULE._replace(lanes=lanes)


def sending(*milliwatts: float) -> Module:
    return module(*(Lane(0.5, mw, 7.0) for mw in milliwatts))


def receiving(*milliwatts: float | None) -> Module:
    return module(*(Lane(mw, 1.0, 7.0) for mw in milliwatts))


def test_a_lanes_loss_is_what_is_sent_minus_what_arrives_in_db() -> None:
    told = budget(sending(1.0, 1.0, 2.0, 1.0), receiving(0.5, 0.5, 0.5, 0.5))
    assert [round(lane.loss_db or 0.0, 1) for lane in told.lanes] == [3.0, 3.0, 6.0, 3.0]
    assert [lane.number for lane in told.lanes if lane.is_weak] == [3]


@pytest.mark.parametrize(("received", "weak"), [(0.51, False), (0.49, True)])
def test_an_outlier_loses_three_db_more_than_the_others(received: float, weak: bool) -> None:
    told = budget(sending(1.0, 1.0, 1.0, 1.0), receiving(received, 1.0, 1.0, 1.0))
    assert told.lanes[0].is_weak is weak
    assert [lane.is_weak for lane in told.lanes[1:]] == [False] * 3


def test_of_two_lanes_none_is_an_outlier() -> None:
    told = budget(sending(1.0, 1.0), receiving(1.0, 0.1))
    assert [lane.is_weak for lane in told.lanes] == [False, False]


def test_a_lane_that_is_lit_and_arrives_dark_is_weak_and_one_that_is_off_is_not() -> None:
    lanes = Lane(0.5, 1.0, 7.0), Lane(0.5, 0.0, 0.0)
    told = budget(module(*lanes), receiving(0.0, 0.0))
    assert [(lane.is_dark, lane.is_weak) for lane in told.lanes] == [(True, True), (False, False)]


def test_what_cannot_be_compared_says_why() -> None:
    good = sending(1.0, 1.0, 1.0, 1.0)
    assert budget(None, good).absent == "a module was not read"
    copper = MODULE._replace(identity=MODULE.identity._replace(passive=True))
    assert budget(copper, good).absent == "copper: no light"
    assert "no light" in budget(module(), good).absent
    assert "4 and 2 lanes" in budget(good, receiving(1.0, 1.0)).absent
    assert "does not measure" in budget(module(Lane(1.0), Lane(1.0)), receiving(1.0, 1.0)).absent
    assert "lasers are off" in budget(sending(0.0, 0.0), receiving(1.0, 1.0)).absent


def test_light_that_arrives_as_modulation_amplitude_has_a_caveat() -> None:
    oma = receiving(1.0, 1.0)._replace(rx_power_type="OMA")
    assert "OMA" in budget(sending(1.0, 1.0), oma).caveat
    assert budget(sending(1.0, 1.0), receiving(1.0, 1.0)).caveat == ""
