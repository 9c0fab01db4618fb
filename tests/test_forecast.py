"""Forecasts against curves whose future is known."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable
from functools import cache

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mlxtop.analysis.crossing import Crossing
from mlxtop.analysis.forecast import Forecast, Trend, forecast, steadied
from tests.heat_curves import Body, Sensor, readings, truth

Points = list[tuple[float, float]]
SECONDS = 1500.0


def one_body(dice: random.Random) -> tuple[Body, float]:
    return Body(dice.uniform(15, 50), dice.uniform(15, 200), start=dice.uniform(30, 50)), 0.0


def two_bodies(dice: random.Random) -> tuple[Body, float]:
    share, slow = dice.uniform(0.2, 0.5), dice.uniform(3, 8)
    start = dice.uniform(30, 50)
    return Body(dice.uniform(15, 50), dice.uniform(15, 100), share, slow, start), 0.0


def load_step(dice: random.Random) -> tuple[Body, float]:
    moment = dice.uniform(60, 200)
    rise, constant = dice.uniform(15, 50), dice.uniform(15, 200)
    return Body(rise, constant, power=lambda t: 0.2 if t < moment else 1.0), moment


def drifting_room(dice: random.Random) -> tuple[Body, float]:
    rise, constant = dice.uniform(15, 50), dice.uniform(15, 150)
    return Body(rise, constant, drift=dice.uniform(-0.003, 0.003)), 0.0


def fan_step(dice: random.Random) -> tuple[Body, float]:
    moment = dice.uniform(100, 300)
    rise, constant = dice.uniform(25, 50), dice.uniform(15, 100)
    return Body(rise, constant, cooling=lambda t: 1.8 if t < moment else 1.0), moment


FAMILIES = (one_body, two_bodies, load_step, drifting_room, fan_step)
FEW_AND_MANY = (range(1), pytest.param(range(12), marks=pytest.mark.slow))
"""Curves of a family: few among the quick tests."""


def a_sensor(dice: random.Random) -> Sensor:
    step = dice.choice([0.125, 0.25, 0.5, 1.0])
    return Sensor(step, dice.choice([0.0, 0.0, 0.1, 0.3]), dice.choice([1.0, 2.0, 2.0, 3.0]))


@cache
def curve(family: Callable[[random.Random], tuple[Body, float]], seed: int) -> tuple[Points, float]:
    """Readings, and the second at which the warm-up began."""
    dice = random.Random(seed)
    body, moment = family(dice)
    return readings(body, a_sensor(dice), SECONDS, seed), moment


def seen(points: Points, now: float) -> Points:
    return [point for point in points if point[0] <= now]


@cache
def errors(family: Callable[[random.Random], tuple[Body, float]]) -> tuple[float, ...]:
    """Relative errors of the time to the alarm once half the rise is seen; inf where untold."""
    found = []
    for seed in range(20):
        points, moment = curve(family, seed)
        base = next(v for t, v in points if t >= moment)
        top = max(v for _, v in points)
        dice = random.Random(seed)
        limit = round(base + (top - base) * dice.uniform(0.62, 0.9))
        reached = next(t for t, v in points if v >= limit)
        half = next(t for t, v in points if v >= base + (top - base) / 2)
        for part in (0.0, 0.3, 0.6):
            now = half + (reached - half) * part
            if reached - now < 6:
                continue
            crossing = forecast(seen(points, now), now, limit - 5, limit).alarm
            left = reached - now
            told = None if crossing is None else crossing.seconds
            found.append(math.inf if told is None else abs(told - left) / left)
    return tuple(found)


def test_half_a_warm_up_tells_the_time_to_the_alarm_within_a_fifth() -> None:
    assert statistics.median(error for family in FAMILIES for error in errors(family)) < 0.2


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_told_of_any_kind_of_curve_is_within_a_quarter(
    family: Callable[[random.Random], tuple[Body, float]],
) -> None:
    told = [error for error in errors(family) if error < math.inf]
    assert len(told) > 20
    assert statistics.median(told) < 0.25


@pytest.mark.parametrize("seeds", FEW_AND_MANY, ids=len)
@pytest.mark.parametrize("family", [one_body, two_bodies, drifting_room])
def test_a_settled_curve_raises_no_alarm(
    family: Callable[[random.Random], tuple[Body, float]], seeds: range
) -> None:
    for seed in seeds:
        points, _ = curve(family, seed)
        top = max(v for _, v in points)
        limit = top + random.Random(seed).uniform(2, 10)
        for now in range(0, int(SECONDS), 45):
            if top - next(v for t, v in points if t >= now) > 2.0:
                continue
            future = forecast(seen(points, now), float(now), limit - 1, limit)
            assert future.alarm is None or future.alarm.seconds is None, (seed, now)


@pytest.mark.parametrize("seeds", FEW_AND_MANY, ids=len)
@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_jumps_by_more_than_its_stated_error(
    family: Callable[[random.Random], tuple[Body, float]], seeds: range
) -> None:
    for seed in seeds:
        points, moment = curve(family, seed)
        top = max(v for _, v in points)
        before: Forecast | None = None
        now = moment + 20.0
        while now < moment + 300.0:
            new = steadied(before, forecast(seen(points, now), now, top - 8, top - 3))
            if before is not None:
                check_steady(before, new)
            before, now = new, now + 5.0


def check_steady(before: Forecast, new: Forecast) -> None:
    if before.settles is not None and new.settles is not None and before.error is not None:
        assert abs(new.settles - before.settles) <= before.error + 1e-6
    for old, after in ((before.warning, new.warning), (before.alarm, new.alarm)):
        if old is None or after is None or not old.seconds or not after.seconds:
            continue
        left = old.seconds - (new.tick - before.tick)
        if left > 0:
            assert old.error is not None
            assert abs(after.seconds - left) <= old.error + 1e-6


def test_a_warm_up_is_told_with_where_it_settles() -> None:
    points = readings(Body(40, 80), Sensor(0.125), 160)
    future = forecast(points, 160.0, 75, 90)
    assert future.trend is Trend.RISING
    assert future.settles == pytest.approx(80, abs=1.5)
    assert future.warning is not None
    assert future.warning.seconds == pytest.approx(80 * math.log(8) - 160, rel=0.3, abs=3)
    assert future.alarm is not None
    assert future.alarm.never
    assert future.at(160.0 + 80) == pytest.approx(80 - 40 * math.exp(-3), abs=1.5)


def test_cooling_down_reaches_no_limit() -> None:
    points = readings(Body(-30, 60, start=80), Sensor(0.5), 120)
    future = forecast(points, 120.0, 85, 90)
    assert future.trend is Trend.FALLING
    assert future.alarm is not None
    assert future.alarm.never


def test_too_few_readings_say_not_enough_yet() -> None:
    assert forecast([], 0.0, 70, 75) == Forecast(0.0, Trend.UNKNOWN)
    assert forecast([(t, 50.0) for t in range(0, 12, 3)], 12.0).trend is Trend.UNKNOWN


def test_a_sensor_between_two_steps_is_stable() -> None:
    points = [(float(t), 60.0 + (t // 2 % 2)) for t in range(0, 300, 2)]
    future = forecast(points, 300.0, 70, 75)
    assert future.trend is Trend.STABLE
    assert future.alarm == Crossing(75, 0.0)


def test_a_value_over_its_limit_has_arrived() -> None:
    future = forecast([(float(t), 80.0) for t in range(0, 120, 2)], 120.0, 70, 75)
    assert future.alarm == Crossing(75, 1.0, 0.0, 0.0)


def test_gaps_are_left_out() -> None:
    points = [(t, math.nan if 40 < t < 60 else v) for t, v in readings(Body(30, 60), Sensor(), 100)]
    assert forecast(points, 100.0, 65, 90).trend is Trend.RISING


def test_curves_of_two_masses_are_no_single_exponential() -> None:
    values = truth(Body(40, 30, 0.4, 6), 600)
    early, late = values[480] - values[0], values[-1] - values[480]
    assert early > late > 5


@given(
    st.lists(
        st.tuples(st.floats(0, 1e4), st.floats(allow_nan=True, allow_infinity=True)), max_size=40
    ),
    st.floats(0, 1e4),
)
@example([(float(t), 1e154) for t in range(0, 100, 2)], 100.0)
def test_no_readings_make_the_forecast_raise(points: Points, now: float) -> None:
    future = forecast(sorted(points, key=lambda p: p[0]), now, 70.0, 75.0)
    assert future.trend in Trend


def rest(celsius: float, seconds: float, every: float = 2.0) -> Points:
    """A sensor that says the same for so many seconds, up to second 0."""
    return [(-every * n, celsius) for n in range(int(seconds / every), -1, -1)]


@pytest.mark.parametrize(
    ("points", "trend"),
    [
        (rest(50.0, 15.0, 3.0), Trend.STABLE),  # six readings
        (rest(50.0, 14.0, 3.5), Trend.UNKNOWN),  # five
        ([(t * 12.8 / 7 - 12.8, 50.0) for t in range(8)], Trend.STABLE),
        ([(t * 12.7 / 7 - 12.7, 50.0) for t in range(8)], Trend.UNKNOWN),
    ],
)
def test_a_forecast_needs_six_readings_of_13_seconds(points: Points, trend: Trend) -> None:
    assert forecast(points, 0.0).trend is trend


@pytest.mark.parametrize(("celsius", "trend"), [(999.9, Trend.STABLE), (1000.0, Trend.UNKNOWN)])
def test_a_thousand_degrees_are_no_reading(celsius: float, trend: Trend) -> None:
    assert forecast(rest(celsius, 30.0), 0.0).trend is trend


@pytest.mark.parametrize(("now", "celsius"), [(586.0, 50.0), (586.1, None)])
def test_readings_of_more_than_ten_minutes_ago_do_not_count(
    now: float, celsius: float | None
) -> None:
    told = forecast(rest(50.0, 14.0), now).now
    assert told == (None if celsius is None else pytest.approx(celsius))


@pytest.mark.parametrize(("celsius", "arrived"), [(75.0, True), (74.875, False)])
def test_a_level_has_reached_a_limit_from_the_limit_on(celsius: float, arrived: bool) -> None:
    alarm = forecast(rest(celsius, 60.0), 0.0, 70.0, 75.0).alarm
    assert alarm == (Crossing(75.0, 1.0, 0.0, 0.0) if arrived else Crossing(75.0, 0.0))


def rising(settles: float | None, error: float | None, **parts: object) -> Forecast:
    future = Forecast(0.0, Trend.RISING, 60.0, settles, error)
    return future._replace(**parts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settles", "told"),
    [
        (82.0, (82.0, 3.0)),  # just as far as the first one said it might be off
        (82.5, (82.0, 3.0)),
        (85.0, (82.0, 3.0)),  # just as far as both errors together allow
        (85.1, (None, None)),
        (78.0, (78.0, 3.0)),
        (75.0, (78.0, 3.0)),
        (74.9, (None, None)),
    ],
)
def test_a_forecast_moves_as_far_as_the_one_before_said_it_might_be_off(
    settles: float, told: tuple[float | None, float | None]
) -> None:
    new = steadied(rising(80.0, 2.0), rising(settles, 3.0))
    assert (new.settles, new.error) == told


@pytest.mark.parametrize(
    ("settles", "error", "told"),
    [
        (62.0, 4.0, True),  # up to four degrees are always of use
        (62.0, 4.1, False),
        (64.5, 4.5, True),  # else no more than the way that is left
        (64.5, 4.6, False),
        (70.0, 5.0, True),  # and never more than five
        (70.0, 5.1, False),
        (60.0, 1.0, True),
        (59.9, 1.0, False),  # falls, while the temperature rises
    ],
)
def test_a_settling_temperature_is_told_where_its_error_leaves_it_of_use(
    settles: float, error: float, told: bool
) -> None:
    new = steadied(rising(settles, error), rising(settles, error))
    assert (new.settles is not None) is told


@pytest.mark.parametrize(
    ("seconds", "told"), [(95.0, 95.0), (105.0, 100.0), (110.0, 100.0), (110.1, None)]
)
def test_the_time_to_a_crossing_runs_down_and_moves_within_its_error(
    seconds: float, told: float | None
) -> None:
    before = rising(80.0, 2.0, warning=Crossing(70.0, 1.0, 100.0, 10.0))
    after = rising(80.0, 2.0, tick=10.0, warning=Crossing(70.0, 1.0, seconds, 10.0))
    warning = steadied(before, after).warning
    assert warning is not None
    assert warning.seconds == told


@pytest.mark.parametrize(("settles", "told"), [(20.0, True), (19.9, False)])
def test_nothing_that_is_warm_settles_below_room_temperature(settles: float, told: bool) -> None:
    future = Forecast(0.0, Trend.FALLING, 40.0, settles, 3.0)
    assert (steadied(future, future).settles is not None) is told


def test_a_sensor_in_a_cold_room_may_settle_there() -> None:
    for now, told in ((19.9, 12.0), (20.0, None)):
        future = Forecast(0.0, Trend.FALLING, now, 12.0, 3.0)
        assert steadied(future, future).settles == told


@pytest.mark.parametrize(("chance", "told"), [(0.2, None), (0.21, 9.0)])
def test_a_crossing_that_was_called_off_needs_to_be_foretold_twice(
    chance: float, told: float | None
) -> None:
    before = rising(80.0, 2.0, warning=Crossing(70.0, chance))
    after = rising(80.0, 2.0, tick=3.0, warning=Crossing(70.0, 0.9, 9.0, 2.0))
    first = steadied(before, after)
    assert first.warning is not None
    assert first.warning.seconds == told
    again = steadied(first, after._replace(tick=6.0)).warning
    assert again is not None
    assert again.seconds is not None


def test_a_limit_that_is_passed_is_not_waited_for() -> None:
    before = rising(80.0, 2.0, warning=Crossing(70.0, 0.0))
    after = rising(80.0, 2.0, tick=3.0, warning=Crossing(70.0, 1.0, 0.0, 0.0))
    assert steadied(before, after).warning == after.warning


@pytest.mark.parametrize(("seed", "every"), [(1, 1.0), (2, 2.0), (3, 3.0)])
def test_the_way_back_below_a_warning_is_told_while_it_cools(seed: int, every: float) -> None:
    points = readings(Body(-35, 60, start=85), Sensor(0.5, 0.1, every), 120, seed)
    over = next(t for t, _ in points if 85 - 35 * (1 - math.exp(-t / 60)) <= 70 - 2)
    back = forecast(seen(points, 21.0), 21.0, 70, 80).back
    assert back is not None
    assert back.limit == 70
    assert back.seconds is not None
    assert back.seconds == pytest.approx(over - 21.0, rel=0.4, abs=4.0)
    assert forecast(points, 120.0, 70, 80).back is None, "it is below"


def test_what_stays_above_its_warning_limit_does_not_come_back() -> None:
    back = forecast(rest(70.0, 60.0), 0.0, 70.0, 80.0).back
    assert back is not None
    assert back.never


def test_without_an_end_it_goes_straight_from_limit_to_limit() -> None:
    warning, alarm = Crossing(75.0, 1.0, 10.0, 1.0), Crossing(80.0, 1.0, 30.0, 2.0)
    future = Forecast(100.0, Trend.RISING, 70.0, warning=warning, alarm=alarm)
    expected = [future.at(100.0 + seconds) for seconds in (0, 5, 10, 20, 30, 31)]
    assert expected == [70.0, 72.5, 75.0, 77.5, 80.0, None]
    assert future._replace(warning=None).at(115.0) == 75.0
    assert future._replace(warning=None, alarm=None).at(100.0) is None


@pytest.mark.parametrize(("celsius", "back"), [(68.0, True), (67.875, False)])
def test_a_warning_is_over_two_degrees_below_its_limit(celsius: float, back: bool) -> None:
    assert (forecast(rest(celsius, 60.0), 0.0, 70.0, 80.0).back is not None) is back


def test_the_time_to_a_limit_that_was_moved_is_told_anew() -> None:
    before = rising(80.0, 2.0, warning=Crossing(70.0, 1.0, 100.0, 1.0))
    after = rising(80.0, 2.0, tick=10.0, warning=Crossing(65.0, 1.0, 40.0, 1.0))
    assert steadied(before, after).warning == after.warning
