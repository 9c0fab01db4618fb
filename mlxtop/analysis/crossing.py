"""The arrival of a temperature at a limit: when, how sure, and that it will not be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from mlxtop.analysis.warmup import Fit

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
DOUBT_C = 5.0
"""°C of uncertainty beyond which nothing is foretold: no settling temperature, no crossing."""


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


class Vote(NamedTuple):
    """A fit, its share of the likelihood, and °C that it sees now."""

    share: float
    fit: Fit
    present: float

    def mirrored(self) -> Vote:
        """Return the same upside down, so that a way down is a way up."""
        fit = self.fit._replace(settles=-self.fit.settles, slope=-self.fit.slope)
        return self._replace(fit=fit, present=-self.present)


def crossing(
    limit: float, step: float, votes: Sequence[Vote], elapsed: float, variance: float
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
    vague = error > VAGUE * mean + 10.0 or _doubt(votes, elapsed + mean, variance) > DOUBT_C
    if mean > HORIZON or vague:
        return Crossing(limit, chance)
    return Crossing(limit, chance, mean, error)


def _doubt(votes: Sequence[Vote], moment: float, variance: float) -> float:
    """Return °C that the temperature at a second after the stretch began may be off."""
    levels = [(vote.share, vote.fit.at(moment)) for vote in votes]
    mean = sum(share * level for share, level in levels)
    apart = sum(share * (level - mean) ** 2 for share, level in levels)
    within = sum(vote.share * _spread(vote.fit, moment) for vote in votes)
    return math.sqrt(apart + within * variance)


def _reach(vote: Vote, height: float, variance: float) -> float:
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
    steep = max(fit.at(moment + 0.5) - fit.at(moment - 0.5), 1e-4)
    return min(_spread(fit, moment) * variance / (steep * steep), HORIZON**2)


def _spread(fit: Fit, moment: float) -> float:
    """Return the variance of a fit at a second, for a residual variance of 1."""
    x = fit.shape(moment)
    return max(fit.spread[0] + x * x * fit.spread[1] + 2 * x * fit.spread[2], 0.0)
