"""Stops a load before a module or chip gets too hot, and keeps what the sensors said.

Fail safe: a sensor that answered at the start and then gives no number, or an old one, stops the
load as well. Without any sensor there is nothing to guard, and that is said.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from math import isnan

from mlxtop.analysis.heat import Forecast, forecast
from mlxtop.analysis.heat_limits import HeatLimits, limits_of
from mlxtop.analysis.load_outcome import SensorHeat
from mlxtop.model.frame import Frame
from mlxtop.model.history import Series
from mlxtop.model.identity import PortId
from mlxtop.model.sample import LinkState, Temperature

AHEAD = 15.0
"""Seconds before a forecast warning limit at which the load is stopped."""
EVERY = 2.0
"""Seconds between forecasts; readings do not come faster."""
SILENCE = 15.0
"""Seconds without any sample after which nothing is known any more."""


@dataclass(slots=True)
class _Watched:
    """A sensor and its readings."""

    heat: SensorHeat
    series: Series = field(default_factory=Series)
    asked: float | None = None
    """Second of the newest forecast."""


class HeatGuard:
    """Watches the sensors of one port; `look` is to be called with every frame."""

    def __init__(
        self,
        port: PortId,
        armed: bool = True,
        sensors: Iterable[str] | None = None,
        ahead: float = AHEAD,
    ) -> None:
        """`sensors`: names (`asic`, `module`) that may stop the load; None for all."""
        self.armed = armed
        self.ahead = ahead
        self.reason: str | None = None
        """Why the load was stopped."""
        self._port = port
        self._chosen = None if sensors is None else frozenset(sensors)
        self._watched: dict[str, _Watched] = {}
        self._seen: float | None = None

    @property
    def sensors(self) -> tuple[SensorHeat, ...]:
        """What every sensor of the port did so far."""
        return tuple(watched.heat for watched in self._watched.values())

    @property
    def blind(self) -> bool:
        """Nothing that may stop the load has answered yet."""
        return not any(self._guards(name) for name in self._watched)

    def look(self, frame: Frame) -> str | None:
        """Take note of a frame; why a load has to stop now, None while all is well."""
        now = frame.sample.tick
        self._seen = now
        port = frame.ports.get(self._port)
        if port is None:
            return self._stop("the port is gone")
        link = port.now.link
        if link.state is LinkState.OVERHEAT:
            return self._stop("the module has switched itself off for heat")
        if link.state is LinkState.LOST:
            return self._stop("the card no longer answers")
        adapter = frame.adapter(self._port)
        said = {temperature.name: temperature for temperature in port.now.temperatures}
        for name, temperature in said.items():
            if name not in self._watched and temperature.celsius is not None:
                limits = limits_of(temperature, port.now, adapter)
                self._watched[name] = _Watched(SensorHeat(name, limits))
        found = [
            self._judge(watched, said.get(name), limits_of(said[name], port.now, adapter), now)
            if name in said
            else f"the {name} sensor is gone"
            for name, watched in self._watched.items()
        ]
        return self._stop(next((reason for reason in found if reason), None))

    def silent(self, now: float) -> str | None:
        """Why a load has to stop when no frame has come for too long."""
        if self.blind or self._seen is None or now - self._seen < SILENCE:
            return None
        return self._stop(f"no reading for {now - self._seen:.0f} s")

    def settle(self) -> None:
        """The cool-down is over: what the sensors say now is what they settled at."""
        for watched in self._watched.values():
            watched.heat = replace(watched.heat, settled=watched.heat.last)

    def points(self, name: str) -> list[tuple[float, float]]:
        """Readings of a sensor by monotonic second, oldest first."""
        watched = self._watched.get(name)
        if watched is None:
            return []
        return [(t, v) for t, v in watched.series.since(float("-inf")) if not isnan(v)]

    def _guards(self, name: str) -> bool:
        return self.armed and (self._chosen is None or name in self._chosen)

    def _stop(self, reason: str | None) -> str | None:
        if reason is None or not self.armed:
            return None
        self.reason = self.reason or reason
        return reason

    def _judge(
        self, watched: _Watched, said: Temperature | None, limits: HeatLimits, now: float
    ) -> str | None:
        """Note what one sensor says; why it is too hot or cannot be trusted."""
        name = watched.heat.name
        if said is None or said.celsius is None or said.stale:
            problem = (said.problem if said else None) or "no number"
            watched.heat = replace(watched.heat, problem=problem, limits=limits)
            stale = said is not None and said.stale
            words = f"the {name} sensor {'is stale' if stale else 'fails'}: {problem}"
            return words if self._guards(name) else None
        self._note(watched, said.celsius, said.tick, limits)
        ahead = self._forecast(watched, now)
        if not self._guards(name):
            return None
        if said.celsius >= limits.warning:
            return f"{name} at {said.celsius:.1f} °C, warning limit {limits.warning:g} °C"
        crossing = ahead.warning if ahead else None
        if crossing is not None and crossing.seconds is not None and ahead is not None:
            left = crossing.seconds - (now - ahead.tick)
            if left <= self.ahead:
                return (
                    f"{name} at {said.celsius:.1f} °C will be at its warning limit of "
                    f"{limits.warning:g} °C in {max(left, 0.0):.0f} s"
                )
        return None

    def _note(self, watched: _Watched, celsius: float, tick: float, limits: HeatLimits) -> None:
        heat, ticks = watched.heat, watched.series.ticks
        if not ticks or tick > ticks[-1]:
            watched.series.append(tick, celsius)
        watched.heat = replace(
            heat,
            limits=limits,
            start=celsius if heat.start is None else heat.start,
            last=celsius,
            peak=celsius if heat.peak is None else max(heat.peak, celsius),
            problem=None,
        )

    def _forecast(self, watched: _Watched, now: float) -> Forecast | None:
        if watched.asked is None or now - watched.asked >= EVERY:
            watched.asked = now
            limits = watched.heat.limits
            points = watched.series.since(float("-inf"))
            ahead = forecast(points, now, limits.warning, limits.alarm)
            watched.heat = replace(watched.heat, forecast=ahead)
        return watched.heat.forecast
