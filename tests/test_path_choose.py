"""One way is chosen of those that are up, and none where nothing is known."""

from __future__ import annotations

import pytest

from mlxtop.model.path import Way, WayState
from mlxtop.path.choose import Candidate, choose

FAST, THIRD, SLOW = Way("fast0"), Way("fast1", "10.0.0.3", 2), Way("slow0", "192.0.2.2", 3)


def ways(*states: WayState | Candidate) -> list[Candidate]:
    every = (FAST, THIRD, SLOW)
    return [
        state
        if isinstance(state, Candidate)
        else Candidate(way, state, own_answers=way is not THIRD)
        for way, state in zip(every, states, strict=True)
    ]


UP, DOWN, WAITING = WayState.UP, WayState.DOWN, WayState.WAITING
UNKNOWN, UNPROVEN = WayState.UNKNOWN, WayState.UNPROVEN


@pytest.mark.parametrize(
    ("states", "current", "way"),
    [
        ((UP, UP, UP), SLOW, FAST),
        ((DOWN, UP, UP), FAST, THIRD),
        ((DOWN, DOWN, UP), FAST, SLOW),
        ((WAITING, DOWN, UP), SLOW, SLOW),
        ((WAITING, DOWN, DOWN), SLOW, FAST),
        ((WAITING, WAITING, DOWN), THIRD, THIRD),
        ((UNKNOWN, UP, UP), FAST, None),
        ((DOWN, UNKNOWN, DOWN), FAST, None),
        ((DOWN, UNPROVEN, UP), FAST, SLOW),
        ((DOWN, DOWN, DOWN), FAST, None),
    ],
)
def test_the_most_preferred_way_that_is_up_is_chosen(
    states: tuple[WayState, ...], current: Way, way: Way | None
) -> None:
    choice = choose(ways(*states), current)
    assert choice.way == way
    assert choice.dead == (states == (DOWN, DOWN, DOWN))


def test_a_way_on_trust_is_taken_only_where_no_other_can_tell() -> None:
    ring = ways(DOWN, UNPROVEN, DOWN)[:2]
    assert choose(ring, FAST).way == THIRD
    assert choose(ring, FAST, allow_unproven=False) == (
        None,
        "no way is proven, and none is tried on trust",
        True,
    )
    assert choose(ways(DOWN, UNPROVEN, DOWN), FAST).dead, "the slow network would have answered"


def test_a_hot_way_is_left_while_another_is_up_and_kept_where_none_is() -> None:
    hot = Candidate(FAST, UP, True, "its module will be too hot")
    assert choose(ways(hot, UP, UP), FAST).way == THIRD
    only = choose(ways(hot, DOWN, DOWN), FAST)
    assert (only.way, only.why) == (FAST, "its module will be too hot")


def test_a_way_whose_newest_probe_is_lost_is_not_changed_to() -> None:
    doubtful = Candidate(THIRD, UP, False, doubtful=True)
    assert choose(ways(DOWN, doubtful, UP), FAST).way == SLOW
    assert choose(ways(DOWN, doubtful, UP), THIRD).way == THIRD, "nor left for that"


@pytest.mark.parametrize(("heard_at", "way"), [(100.09, None), (100.1, SLOW)])
def test_a_way_that_may_have_died_together_is_not_taken(heard_at: float, way: Way | None) -> None:
    """A dead peer takes all its ways with it, and each is judged a moment after the other."""
    silent = Candidate(FAST, DOWN, True, silent_since=100.0)
    late = Candidate(SLOW, UP, True, heard_at=heard_at)
    assert choose([silent, late], FAST).way == way
    assert choose([silent, late], SLOW).way == SLOW, "the one that is used stays"
