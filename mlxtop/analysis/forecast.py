"""The temperature that a sensor is heading for, and when it will reach its limits.

Every shape of warm-up that explains the recent readings is asked, each has a say by its
likelihood, and how far they are apart is the uncertainty that is told.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

from mlxtop.analysis import warmup
from mlxtop.analysis.crossing import DOUBT_C, Crossing, Vote, crossing
from mlxtop.analysis.warmup import LEAST, SHARES, STRETCHES, Points, Sensor, Stretch

USUAL_RISE = 45.0
"""°C that a settling temperature lies above the present one, as a rule, at most."""
BELIEVABLE = 1000.0
"""°C beyond which, and for NaN, a reading is none."""
ROOM_C = 20.0
"""°C below which nothing settles that was warmer: no room with a running machine is colder."""
ENDED_C = 2.0
"""°C below a limit at which what it was passed for is over."""


class Trend(StrEnum):
    """The course of a temperature."""

    UNKNOWN = "not enough yet"
    STABLE = "stable"
    RISING = "rising"
    FALLING = "falling"


class Forecast(NamedTuple):
    """The future of a temperature as of `tick`."""

    tick: float
    trend: Trend
    now: float | None = None
    """°C of the fit at `tick`: the sensor's reading without its steps."""
    settles: float | None = None
    """°C that it will settle at if nothing changes; None where it cannot be told."""
    error: float | None = None
    """Uncertainty of `settles`, °C."""
    constant: float | None = None
    """Time constant of the approach, s."""
    warning: Crossing | None = None
    alarm: Crossing | None = None
    back: Crossing | None = None
    """The way down to `ENDED_C` below the warning limit; None for what is not above that."""

    def at(self, tick: float) -> float | None:
        """Return °C expected at a later second; None where nothing is expected.

        Where it cannot be told what it settles at, it goes straight from limit to limit.
        """
        if self.now is None:
            return None
        if self.settles is None:
            return self._between_limits(tick - self.tick)
        if self.constant is None:
            return self.settles
        share = math.exp(-max(tick - self.tick, 0.0) / self.constant)
        return self.settles + (self.now - self.settles) * share

    def _between_limits(self, seconds: float) -> float | None:
        """Return °C between the passing of one limit and that of the next one."""
        ends = (self.warning, self.alarm)
        passed = [(end.seconds, end.limit) for end in ends if end is not None and end.seconds]
        for (first, low), (last, high) in pairwise([(0.0, self.now or 0.0), *passed]):
            if first <= seconds <= last and first < last:
                return low + (high - low) * (seconds - first) / (last - first)
        return None


def forecast(
    points: Iterable[tuple[float, float]],
    now: float,
    warning: float | None = None,
    alarm: float | None = None,
) -> Forecast:
    """Return the forecast at `now` from the readings up to then; gaps (NaN) are left out."""
    recent = [(t, v) for t, v in points if now - STRETCHES[-1] <= t <= now and abs(v) < BELIEVABLE]
    if len(recent) < LEAST or recent[-1][0] - recent[0][0] < STRETCHES[0] * 0.8:
        return Forecast(now, Trend.UNKNOWN)
    sensor = warmup.sensor_of(recent)
    if (level := _level(recent, now, sensor)) is not None:
        error = max(sensor.step, 2 * sensor.noise)
        ends = (_stays(level, warning), _stays(level, alarm))
        back = None if _is_below(level, warning) else Crossing(warning or 0.0, 0.0)
        return Forecast(now, Trend.STABLE, level, level, error, None, *ends, back)
    stretch = warmup.longest_stretch(recent, now, sensor)
    if stretch is None:
        return Forecast(now, Trend.UNKNOWN, recent[-1][1])
    return _combine(stretch, now, warning, alarm)


def _stays(level: float, limit: float | None) -> Crossing | None:
    if limit is None:
        return None
    return Crossing(limit, 1.0, 0.0, 0.0) if level >= limit else Crossing(limit, 0.0)


def _is_below(level: float, warning: float | None) -> bool:
    """Return whether a level is below what ends a warning; so it is without a limit."""
    return warning is None or level < warning - ENDED_C


def _level(points: Points, now: float, sensor: Sensor) -> float | None:
    """Return the mean of the last two minutes where nothing in them tells of a change."""
    tail = [v for t, v in points if t >= now - 120.0]
    if len(tail) < LEAST:
        return None
    swing, mean = max(tail) - min(tail), sum(tail) / len(tail)
    if swing <= 1e-9:
        return mean
    half = len(tail) // 2
    drift = sum(tail[half:]) / (len(tail) - half) - sum(tail[:half]) / half
    turns = sum(v != w for v, w in pairwise(tail))
    calm = swing <= 1.5 * sensor.step + 5 * sensor.noise
    still = abs(drift) <= 0.3 * sensor.step + sensor.noise / math.sqrt(half)
    # One step in two minutes is a body at rest between two steps, or one on its way: wait.
    return mean if calm and still and turns > 1 else None


def _votes(stretch: Stretch, now: float) -> tuple[list[Vote], float]:
    """Return every fit with its say, and the variance to measure residuals by, °C²."""
    fits = [fit for share in SHARES for fit in stretch.fits.fine(share)]
    best = min((fit.squares for fit in fits), default=0.0)
    # Where nothing fits, as right after a step of load, the misfit itself is the uncertainty.
    variance = max(stretch.variance, best / (len(stretch.points) - 3))
    elapsed = now - stretch.start
    scored = []
    for fit in fits:
        present = fit.at(elapsed)
        rest = (fit.settles - present) / USUAL_RISE
        score = (fit.squares - best) / variance + rest * rest
        if score < 14.0 and -60.0 < fit.settles < 400.0:
            scored.append((math.exp(-score / 2) * SHARES[fit.shape.share], fit, present))
    total = sum(weight for weight, _, _ in scored)
    return [Vote(weight / total, fit, present) for weight, fit, present in scored], variance


def _combine(stretch: Stretch, now: float, warning: float | None, alarm: float | None) -> Forecast:
    votes, variance = _votes(stretch, now)
    if not votes:
        return Forecast(now, Trend.UNKNOWN, stretch.points[-1][1])
    step, elapsed = stretch.sensor.step, now - stretch.start
    level = sum(vote.share * vote.present for vote in votes)
    settles = sum(vote.share * vote.fit.settles for vote in votes)
    apart = sum(vote.share * (vote.fit.settles - settles) ** 2 for vote in votes)
    within = sum(vote.share * vote.fit.spread[0] for vote in votes) * variance
    error = math.sqrt(apart + within) + step / 4
    constant = math.exp(sum(vote.share * math.log(vote.fit.shape.constant) for vote in votes))
    trend = Trend.RISING if settles > level else Trend.FALLING
    if abs(settles - level) <= max(step, error) / 2:
        trend = Trend.STABLE
    useful = _telling(level, trend, settles, error)
    first, last = (
        None if limit is None else crossing(limit, step, votes, elapsed, variance)
        for limit in (warning, alarm)
    )
    back = None
    if warning is not None and not _is_below(level, warning):
        down = [vote.mirrored() for vote in votes]
        back = crossing(ENDED_C - warning, step, down, elapsed, variance)._replace(limit=warning)
    end, spread = (settles, error) if useful else (None, None)
    return Forecast(now, trend, level, end, spread, constant, first, last, back)


def steadied(before: Forecast | None, new: Forecast) -> Forecast:
    """Return the new forecast, moved from the one before by no more than that one's error.

    Where the two cannot both be true, the world has changed: then nothing is said this once.
    """
    if before is None:
        return new
    settles, error = _moved(before.settles, before.error, new.settles, new.error)
    if settles is None or error is None or not _telling(new.now, new.trend, settles, error):
        settles = error = None
    return new._replace(
        settles=settles,
        error=error,
        warning=_steady_crossing(before, before.warning, new, new.warning),
        alarm=_steady_crossing(before, before.alarm, new, new.alarm),
        back=_steady_crossing(before, before.back, new, new.back),
    )


def _telling(level: float | None, trend: Trend, settles: float, error: float) -> bool:
    """Return whether a settling temperature fits the trend and is sure enough to be of use.

    What was warmer than a room and is said to end below that has no answer either.
    """
    way = 0.0 if level is None else settles - level
    against = {Trend.RISING: way < 0, Trend.FALLING: way > 0}.get(trend, False)
    absurd = settles < ROOM_C <= (ROOM_C if level is None else level)
    return not against and not absurd and error <= min(DOUBT_C, max(4.0, abs(way)))


def _steady_crossing(
    before: Forecast, old: Crossing | None, after: Forecast, new: Crossing | None
) -> Crossing | None:
    if old is None or new is None or old.limit != new.limit:
        return new
    if old.never and new.seconds:
        return new._replace(seconds=None, error=None)  # called off a moment ago: wait for one more
    last = (old.seconds or 0.0) - (after.tick - before.tick)
    if last <= 0 or not new.seconds:
        return new
    seconds, error = _moved(last, old.error, new.seconds, new.error)
    return new._replace(seconds=seconds, error=error)


def _moved(
    old: float | None, old_error: float | None, new: float | None, new_error: float | None
) -> tuple[float | None, float | None]:
    """Return a value and its error, moved as far as the old error allows; None beyond that."""
    if old is None or new is None or old_error is None or new_error is None:
        return new, new_error
    apart = new - old
    if abs(apart) <= old_error:
        return new, new_error
    if abs(apart) > old_error + new_error:
        return None, None
    moved = old + math.copysign(old_error, apart)
    return moved, max(new_error, abs(new - moved))
