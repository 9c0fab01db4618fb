"""The temperature that a sensor is heading for, and when it will reach its limits.

Every shape of warm-up that explains the recent readings is asked, each has a say by its
likelihood, and how far they are apart is the uncertainty that is told.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

from mlxtop.analysis import warmup
from mlxtop.analysis.warmup import LEAST, SHARES, STRETCHES, Fit, Points, Sensor, Stretch

USUAL_RISE = 45.0
"""°C that a settling temperature lies above the present one, as a rule, at most."""
BELIEVABLE = 1000.0
"""°C beyond which, and for NaN, a reading is none."""
HORIZON = 3600.0
"""Seconds beyond which no crossing is announced."""
SURE, UNLIKELY = 0.8, 0.2
"""Chance from which a crossing is announced, and up to which it is called off."""
CERTAIN = 0.95
"""Chance from which "never" is beyond a forecast's uncertainty."""
VAGUE = 0.4
"""Share of the time to a crossing that its error may be to be worth telling."""
ROUGH = 0.08
"""Share of the time to a crossing that no model of such simplicity gets better than."""


class Trend(StrEnum):
    """The course of a temperature."""

    UNKNOWN = "not enough yet"
    STABLE = "stable"
    RISING = "rising"
    FALLING = "falling"


class Crossing(NamedTuple):
    """The arrival at a limit: `seconds` from the forecast's tick, give or take `error`.

    None where it will not be or cannot be told; `chance` says which, from 0 to 1.
    """

    limit: float
    chance: float
    seconds: float | None = None
    error: float | None = None

    @property
    def never(self) -> bool:
        return self.chance <= UNLIKELY

    @property
    def certain(self) -> bool:
        """Return whether the uncertainty of the forecast excludes that it will never be."""
        return self.chance >= CERTAIN


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

    def at(self, tick: float) -> float | None:
        """Return °C expected at a later second; None where nothing is expected."""
        if self.now is None or self.settles is None:
            return None
        if self.constant is None:
            return self.settles
        share = math.exp(-max(tick - self.tick, 0.0) / self.constant)
        return self.settles + (self.now - self.settles) * share


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
        return Forecast(now, Trend.STABLE, level, level, error, None, *ends)
    stretch = warmup.longest_stretch(recent, now, sensor)
    if stretch is None:
        return Forecast(now, Trend.UNKNOWN, recent[-1][1])
    return _combine(stretch, now, warning, alarm)


def _stays(level: float, limit: float | None) -> Crossing | None:
    if limit is None:
        return None
    return Crossing(limit, 1.0, 0.0, 0.0) if level >= limit else Crossing(limit, 0.0)


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


class _Vote(NamedTuple):
    """A fit, its share of the likelihood, and °C that it sees now."""

    share: float
    fit: Fit
    present: float


def _votes(stretch: Stretch, now: float) -> tuple[list[_Vote], float]:
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
    return [_Vote(weight / total, fit, present) for weight, fit, present in scored], variance


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
        None if limit is None else _crossing(limit, step, votes, elapsed, variance)
        for limit in (warning, alarm)
    )
    end, spread = (settles, error) if useful else (None, None)
    return Forecast(now, trend, level, end, spread, constant, first, last)


def _crossing(
    limit: float, step: float, votes: Sequence[_Vote], elapsed: float, variance: float
) -> Crossing:
    """Return the second at which the reading shows `limit`, half a step before the body does."""
    height = limit - step / 2
    reaching = [(vote, _reach(vote, height, variance)) for vote in votes]
    chance = sum(reach for _, reach in reaching)
    if chance < SURE:
        return Crossing(limit, chance)
    arrivals: list[tuple[float, float, float]] = []
    for vote, reach in reaching:
        fit = vote.fit
        if vote.present >= height:
            arrivals.append((0.0, reach, 0.0))
        elif reach and fit.settles > height and fit.slope < 0:
            moment = _moment(fit, height, elapsed)
            arrivals.append((moment - elapsed, reach, _late(fit, moment, variance)))
    mass = sum(share for _, share, _ in arrivals)
    if not mass:
        return Crossing(limit, chance)
    mean = sum(seconds * share for seconds, share, _ in arrivals) / mass
    apart = sum(share * (seconds - mean) ** 2 for seconds, share, _ in arrivals) / mass
    within = sum(share * late for _, share, late in arrivals) / mass
    error = math.sqrt(apart + within + (ROUGH * mean) ** 2)
    if mean > HORIZON or error > VAGUE * mean + 10.0:
        return Crossing(limit, chance)
    return Crossing(limit, chance, mean, error)


def _reach(vote: _Vote, height: float, variance: float) -> float:
    """Return a vote's part of the chance that `height` is reached."""
    fit = vote.fit
    if vote.present >= height:
        return vote.share
    if fit.settles <= vote.present:
        return 0.0
    deviation = math.sqrt(fit.spread[0] * variance) + 1e-9
    return vote.share * 0.5 * math.erfc((height - fit.settles) / deviation / math.sqrt(2))


def _moment(fit: Fit, height: float, elapsed: float) -> float:
    """Return the second after the stretch began at which the fit is at `height`; bisected."""
    low, high = elapsed, elapsed + 2 * HORIZON
    if fit.at(high) < height:
        return high
    while high - low > 0.02 * (high - elapsed) + 0.1:
        middle = (low + high) / 2
        low, high = (middle, high) if fit.at(middle) < height else (low, middle)
    return high


def _late(fit: Fit, moment: float, variance: float) -> float:
    """Return the variance of the crossing's time: the curve's there over its steepness squared."""
    x = fit.shape(moment)
    spread = fit.spread[0] + x * x * fit.spread[1] + 2 * x * fit.spread[2]
    steep = max(fit.at(moment + 0.5) - fit.at(moment - 0.5), 1e-4)
    return min(spread * variance / (steep * steep), HORIZON**2)


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
    )


def _telling(level: float | None, trend: Trend, settles: float, error: float) -> bool:
    """Return whether a settling temperature fits the trend and is sure enough to be of use."""
    way = 0.0 if level is None else settles - level
    against = {Trend.RISING: way < 0, Trend.FALLING: way > 0}.get(trend, False)
    return not against and error <= max(4.0, abs(way))


def _steady_crossing(
    before: Forecast, old: Crossing | None, after: Forecast, new: Crossing | None
) -> Crossing | None:
    if old is None or new is None or old.limit != new.limit:
        return new
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
