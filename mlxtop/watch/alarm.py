"""How bad a temperature is, with enough inertia that a value at a limit does not flicker."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from mlxtop.analysis.forecast import Forecast
from mlxtop.model.sample import Temperature
from mlxtop.watch.heat_limits import HeatLimits

CALMER = 2.0
"""°C below a limit at which its state ends."""
SOON = 600.0
"""Seconds before a limit from which a warm-up is told."""


class AlarmState(StrEnum):
    """From good to bad; `stale` tells nothing of the temperature, and that is bad as well."""

    OK = "ok"
    WARMING = "warming"
    """Still fine, and on its way to a limit."""
    STALE = "stale"
    WARNING = "warning"
    ALARM = "alarm"
    SHUTDOWN = "shutdown"

    @property
    def level(self) -> int:
        """0 for ok, higher is worse."""
        return _LEVELS[self]


_LEVELS = {state: level for level, state in enumerate(AlarmState)}


class Alarm(NamedTuple):
    """State of one sensor and since when."""

    state: AlarmState = AlarmState.OK
    since: float | None = None
    """Monotonic second at which the state began; None before the first reading."""
    limit: float | None = None
    """°C of the limit that the state is about."""


def advance(
    alarm: Alarm,
    temperature: Temperature,
    limits: HeatLimits,
    forecast: Forecast | None,
    now: float,
) -> Alarm:
    """The state after one more reading."""
    state, limit = _state(alarm.state, temperature, limits, forecast)
    if state is alarm.state and alarm.since is not None:
        return alarm if limit == alarm.limit else Alarm(state, alarm.since, limit)
    return Alarm(state, now, limit)


def _state(
    before: AlarmState, temperature: Temperature, limits: HeatLimits, forecast: Forecast | None
) -> tuple[AlarmState, float | None]:
    degrees = temperature.celsius
    if temperature.stale or degrees is None:
        return AlarmState.STALE, None
    for state, limit in (
        (AlarmState.SHUTDOWN, limits.shutdown),
        (AlarmState.ALARM, limits.alarm),
        (AlarmState.WARNING, limits.warning),
    ):
        held = before.level >= state.level
        if limit is not None and degrees >= limit - (CALMER if held else 0.0):
            return state, limit
    for crossing in (forecast.alarm, forecast.warning) if forecast else ():
        if crossing is not None and crossing.seconds is not None and crossing.seconds <= SOON:
            return AlarmState.WARMING, crossing.limit
    if before is AlarmState.WARMING and forecast is not None and alarm_possible(forecast):
        return before, limits.warning
    return AlarmState.OK, None


def alarm_possible(forecast: Forecast) -> bool:
    """Whether a forecast still leaves it open that a limit will be reached."""
    ends = (forecast.warning, forecast.alarm)
    return any(crossing is not None and not crossing.never for crossing in ends)
