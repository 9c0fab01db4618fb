"""What the rate is regulated by: settling temperatures, limits, and time."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from mlxtop.load.hold import (
    COLD_HOLD_S,
    FIRST_SHARE,
    HOLD_S,
    MOST_GROWTH,
    STEP_S,
    Hold,
    HoldController,
    Watched,
)

MOST = 50e9
WARNING = 75.0


class Slot:
    """A sensor that settles in proportion to the rate, °C for each Gb/s."""

    def __init__(self, slope: float, idle: float = 50.0, constant: float = 30.0) -> None:
        self.slope, self.idle, self.constant = slope, idle, constant
        self.celsius, self.now = idle, 0.0
        self.points: list[tuple[float, float]] = []
        self.rates: list[float] = []

    def step(self, bps: float) -> list[Watched]:
        top = self.idle + self.slope * bps / 1e9
        self.celsius = top + (self.celsius - top) * math.exp(-2.0 / self.constant)
        self.now += 2.0
        self.points.append((self.now, self.celsius))
        return [Watched("module", WARNING, self.points)]

    def run(self, seconds: float = 3000.0) -> tuple[HoldController, Hold]:
        controller = HoldController(MOST)
        controller.begin(0.0)
        self.rates.append(controller.rate)
        while self.now < seconds and not controller.done(self.now):
            carried = min(controller.rate, MOST)
            watched = self.step(carried)
            rate = controller.decide(self.now, carried, watched)
            if rate is not None:
                self.rates.append(rate)
        return controller, controller.result(self.now, self.step(controller.rate))


@pytest.mark.parametrize("slope", [0.6, 1.0, 2.0])
def test_the_hottest_sensor_settles_two_degrees_under_its_limit(slope: float) -> None:
    slot = Slot(slope)
    _, hold = slot.run()
    assert hold.bps is not None and not hold.full
    assert hold.bps == pytest.approx(23e9 / slope, rel=0.03)
    assert hold.settles == pytest.approx(73.0, abs=0.5)
    assert max(celsius for _, celsius in slot.points) < WARNING
    assert hold.verdict.startswith(f"this slot cools {hold.bps / 1e9:.1f} Gb/s for ever and 50.0 ")
    idle_to_limit = 30.0 * math.log(slope * 50 / (slope * 50 - 25))
    assert hold.burst_s == pytest.approx(idle_to_limit, rel=0.15)


def test_a_slot_that_cools_everything_carries_everything() -> None:
    slot = Slot(0.1)
    controller, hold = slot.run()
    assert controller.full and hold.full and hold.bps == MOST
    assert "all that the port carries, 50.0 Gb/s (module settles at 55 °C)" in hold.verdict
    assert slot.rates[0] == FIRST_SHARE * MOST
    assert all(b <= MOST_GROWTH * a * 1.031 for a, b in pairwise(slot.rates))
    assert hold.held_s == pytest.approx(COLD_HOLD_S, abs=4)


def test_a_rate_is_believed_when_it_was_held_long_enough() -> None:
    slot = Slot(1.0)
    controller, hold = slot.run(seconds=500.0)
    assert controller.holding_since is not None
    assert hold.bps is None and f"{HOLD_S:.0f} s" in hold.verdict
    assert not controller.done(controller.holding_since + HOLD_S - 0.1)
    assert controller.done(controller.holding_since + HOLD_S)


@pytest.mark.parametrize(("celsius", "cut"), [(74.0, False), (74.1, True)])
def test_a_rate_is_cut_at_once_a_degree_under_the_limit(celsius: float, cut: bool) -> None:
    controller = HoldController(MOST)
    controller.begin(0.0)
    rate = controller.decide(1.0, 10e9, [Watched("module", WARNING, [(1.0, celsius)])])
    assert (rate is not None) is cut
    if rate is not None:
        assert rate == pytest.approx(8.5e9)


def test_one_reading_cuts_the_rate_once() -> None:
    controller = HoldController(MOST)
    controller.begin(0.0)
    points = [(1.0, 74.5)]
    polls = [1.5 + 0.5 * n for n in range(8)]
    rates = [controller.decide(at, 10e9, [Watched("module", WARNING, points)]) for at in polls]
    assert [rate for rate in rates if rate is not None] == [pytest.approx(8.5e9)]
    points.append((6.0, 74.5))
    assert controller.decide(6.5, 8.5e9, [Watched("module", WARNING, points)]) is not None


@pytest.mark.parametrize(("age", "decides"), [(STEP_S - 1, False), (STEP_S, True)])
def test_a_step_is_evaluated_when_it_is_old_enough(age: float, decides: bool) -> None:
    controller = HoldController(MOST)
    controller.begin(0.0)
    points = [(t * 1.0, 60 - 8 * math.exp(-t / 10)) for t in range(int(age) + 1)]
    rate = controller.decide(age, 12e9, [Watched("module", WARNING, points)])
    assert (rate is not None) is decides


def test_a_tool_that_has_reported_nothing_decides_nothing() -> None:
    controller = HoldController(MOST)
    controller.begin(0.0)
    points = [(t * 1.0, 50.0) for t in range(100)]
    assert controller.decide(100.0, None, [Watched("module", WARNING, points)]) is None
