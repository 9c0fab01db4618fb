"""What memory holds of the past."""

from __future__ import annotations

import pytest

from mlxtop.model.history import HELD_S
from mlxtop.watch.heat import HeatThen
from mlxtop.watch.past import FRAMES, RecentFrames
from mlxtop.watch.watch import Watch
from tests.samples import PACU, ethernet, frame, pacu, sample

NO_HEAT = HeatThen({})


def held(*ticks: float) -> RecentFrames:
    recent = RecentFrames()
    for tick in ticks:
        recent.add(frame(pacu(tick)), NO_HEAT)
    return recent


def tick_at(recent: RecentFrames, tick: float) -> float | None:
    moment = recent.moment(tick)
    return moment.frame.sample.tick if moment else None


@pytest.mark.parametrize(
    ("tick", "found"),
    [(9.9, None), (10.0, 10.0), (11.9, 10.0), (12.0, 12.0), (12.0 + HELD_S, 12.0)],
)
def test_the_newest_frame_up_to_an_instant_is_found(tick: float, found: float | None) -> None:
    assert tick_at(held(10.0, 12.0), tick) == found


def test_nothing_is_held_of_a_long_pause() -> None:
    assert tick_at(held(10.0, 500.0), 10.0 + HELD_S + 0.1) is None
    assert tick_at(held(), 10.0) is None
    assert held().reach_s() == 0.0


def test_memory_is_bounded_and_tells_its_reach() -> None:
    recent = held(*map(float, range(1, FRAMES + 3)))
    assert tick_at(recent, 2.0) is None
    assert tick_at(recent, 3.0) == 3.0
    assert recent.reach_s() == FRAMES - 1


@pytest.mark.parametrize(("second", "found"), [(1.89, 1.0), (1.91, 1.91)])
def test_fast_frames_are_not_all_held(second: float, found: float) -> None:
    assert tick_at(held(1.0, second), 1.95) == found


def test_a_tick_that_goes_back_begins_anew() -> None:
    recent = held(100.0, 101.0, 5.0)
    assert tick_at(recent, 101.0) is None
    assert tick_at(recent, 5.5) == 5.0


def test_a_watch_holds_the_state_of_the_sensors_with_each_frame() -> None:
    watch = Watch()
    for tick, celsius in ((1.0, 50.0), (2.0, 82.0)):
        watch.ingest(frame(sample(tick, ethernet(PACU, tick, 1e9, 1e9, module=celsius))))
    states = []
    for tick in (1.0, 2.0):
        moment = watch.past.moment(tick)
        heat = moment.heat.of(PACU.id, "module") if moment else None
        states.append(heat.alarm.state if heat else None)
    assert states == ["ok", "alarm"]
