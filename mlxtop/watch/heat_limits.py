"""Judge a temperature: the limits of this module and this chip, and the state by them.

The module's own thresholds count most, then the maker's manual of the chip family, then what the
driver reports, then a cautious guess. A value at a limit does not flicker.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

from mlxtop.analysis.forecast import ENDED_C, Forecast
from mlxtop.model.identity import Adapter
from mlxtop.model.module import Module, Quantity
from mlxtop.model.sample import PortSample, Temperature

CHIP, MODULE = "asic", "module"
"""Names of the two sensors."""


class HeatLimits(NamedTuple):
    """°C from which it is too warm, too hot, and switched off; None where nobody says."""

    warning: float
    alarm: float
    shutdown: float | None
    source: str
    """Who says so, for people."""


_FAMILIES = {
    "ConnectX-4": (105.0, 115.0, 130.0),
    "ConnectX-5": (105.0, 115.0, 130.0),
    "ConnectX-7": (97.0, 102.0, 110.0),
    "ConnectX-8": (97.0, 102.0, 115.0),
}
"""Warning, alarm, shutdown of the chip: NVIDIA's product manuals, chapter Monitoring."""

_GUESS = {
    CHIP: HeatLimits(90.0, 100.0, None, "cautious guess: nobody says"),
    MODULE: HeatLimits(70.0, 75.0, None, "usual for commercial optics"),
}
_MARGIN = 10.0
"""°C below the only reported limit at which to warn."""
_SOON = 600.0
"""Seconds before a limit from which a warm-up is reported."""


def _reported(limit: float | None, part: str) -> HeatLimits:
    """Return the limits of a part by what the driver reports, else a guess."""
    if not limit:
        return _GUESS[part]
    return HeatLimits(limit - _MARGIN, limit, None, "limit reported by the driver")


def chip_limits(family: str | None, reported: float | None = None) -> HeatLimits:
    """Return the limits of a chip by its family; `reported` is the driver's.

    >>> chip_limits("ConnectX-7").alarm, chip_limits("ConnectX-6 Dx", 105.0).warning
    (102.0, 95.0)
    """
    name = re.match(r"ConnectX-\d+", family or "")
    if name is not None and name[0] in _FAMILIES:
        return HeatLimits(*_FAMILIES[name[0]], f"{name[0]} manual")
    return _reported(reported, CHIP)


def module_limits(module: Module | None, reported: float | None = None) -> HeatLimits:
    """Return the limits of a module; `reported` is the driver's.

    >>> module_limits(None, 70.0)
    HeatLimits(warning=60.0, alarm=70.0, shutdown=None, source='limit reported by the driver')
    """
    own = module.thresholds.get(Quantity.TEMPERATURE) if module else None
    if own is not None:
        alarm = own.high_alarm if own.high_alarm is not None else own.high_warning
        if alarm is not None:
            warning = own.high_warning if own.high_warning is not None else alarm - _MARGIN / 2
            return HeatLimits(warning, alarm, None, "module's own thresholds")
    return _reported(reported, MODULE)


def limits_of(sensor: Temperature, port: PortSample, adapter: Adapter | None) -> HeatLimits:
    """Return the limits to judge a port's sensor by; two of its own count most."""
    if sensor.warning is not None and sensor.critical is not None:
        source = sensor.limits_from or "the sensor's own limits"
        return HeatLimits(sensor.warning, sensor.critical, None, source)
    if sensor.name == MODULE:
        return module_limits(port.module, sensor.critical)
    return chip_limits(adapter.family if adapter else None, sensor.critical)


class AlarmState(StrEnum):
    """States from good to bad; of a `stale` one the temperature is unknown: bad as well."""

    OK = "ok"
    WARMING = "warming"
    """Still fine, and on its way to a limit."""
    STALE = "stale"
    WARNING = "warning"
    ALARM = "alarm"
    SHUTDOWN = "shutdown"

    @property
    def level(self) -> int:
        """Return 0 for ok; higher is worse."""
        return _LEVELS[self]


_LEVELS = {state: level for level, state in enumerate(AlarmState)}


class SensorAlarm(NamedTuple):
    """The state of a sensor."""

    state: AlarmState = AlarmState.OK
    since: float | None = None
    """Monotonic second at which the state began, of a limit: at which it was passed and not fallen
    below since; None before the first reading."""
    limit: float | None = None
    """°C of the limit that the state is about."""
    passed: tuple[tuple[AlarmState, float], ...] = ()
    """The lower limits that it is beyond too, and since when."""

    def advance(
        self, temperature: Temperature, limits: HeatLimits, forecast: Forecast | None, now: float
    ) -> SensorAlarm:
        """Return the state after one more reading."""
        state, limit = _state(self.state, temperature, limits, forecast)
        if self.since is None or state.level < AlarmState.WARNING.level:
            since = now if state is not self.state or self.since is None else self.since
            return SensorAlarm(state, since, limit)
        here = ((self.state, self.since),) if self.state.level >= AlarmState.WARNING.level else ()
        held = (*self.passed, *here)
        # What has passed an alarm has been beyond its warning for as long at least.
        since = min((at for one, at in held if one.level >= state.level), default=now)
        lower = tuple((one, at) for one, at in held if one.level < state.level)
        return SensorAlarm(state, since, limit, lower)


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
        if limit is not None and degrees >= limit - (ENDED_C if held else 0.0):
            return state, limit
    ends = [end for end in (forecast.alarm, forecast.warning) if end] if forecast else []
    for crossing in ends:
        if crossing.seconds is not None and crossing.seconds <= _SOON:
            return AlarmState.WARMING, crossing.limit
    if before is AlarmState.WARMING and not all(crossing.never for crossing in ends):
        return before, limits.warning  # a limit may still be reached
    return AlarmState.OK, None
