"""Follow every sensor and module from frame to frame: forecasts, states, and alerts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from math import inf
from typing import NamedTuple, Protocol

from mlxtop.analysis.forecast import Forecast, Trend, forecast, steadied
from mlxtop.analysis.warmup import STRETCHES
from mlxtop.model.frame import Frame
from mlxtop.model.history import Series
from mlxtop.model.identity import Adapter, Port, PortId
from mlxtop.model.module import Bound, Module, Quantity, Thresholds
from mlxtop.model.sample import LinkState, PortSample, Temperature
from mlxtop.watch.alert import Alert, AlertKind
from mlxtop.watch.heat_limits import CHIP, MODULE, AlarmState, HeatLimits, SensorAlarm, limits_of


class Pace(NamedTuple):
    """Seconds between forecasts of a sensor."""

    every: float = 3.0
    calm: float = 20.0
    """The same for a sensor that will not come within `NEAR` of its warning limit."""
    steady: bool = True
    """For people: a forecast follows the one before it, and one that was wrong is dropped."""


NO_FORECASTS = Pace(inf, inf)
"""Where nobody looks at them: they are most of what following a machine costs, and no alert but
`WARMING` depends on them."""
NEAR = 15.0
"""°C below a warning limit from which a sensor is no longer calm."""
SURPRISE = 2.0
"""°C beyond its error by which a forecast may be wrong before it is dropped at once."""
_EASED = (0.95, 1.05, 0.95, 1.05)
"""Factors of `Thresholds`: a lane's alarm ends a twentieth inside its limit."""

UNITS = {
    Quantity.RX_POWER: "mW",
    Quantity.TX_POWER: "mW",
    Quantity.BIAS: "mA",
    Quantity.VOLTAGE: "V",
}


KINDS = {
    AlarmState.WARNING: AlertKind.WARNING,
    AlarmState.ALARM: AlertKind.ALARM,
    AlarmState.SHUTDOWN: AlertKind.ALARM,
    AlarmState.STALE: AlertKind.STALE,
}
"""Alerts by the state of a sensor that is bad."""


class SensorHeat(NamedTuple):
    """A temperature with what is derived from it."""

    sensor: Temperature
    limits: HeatLimits
    forecast: Forecast | None
    alarm: SensorAlarm


Key = tuple[str, str]
"""Owner of a sensor, the card for the chip, else the port; and the sensor's name."""


class SensorTrack:
    """One sensor over time: its readings, limits, forecast and state."""

    def __init__(self, pace: Pace = Pace(), size: int = int(STRETCHES[-1])) -> None:  # noqa: B008
        """`size`: readings that are kept."""
        self.heat: SensorHeat | None = None
        """The newest state; None before the first number."""
        self.series = Series(size)
        self._pace = pace

    def copy(self, size: int) -> SensorTrack:
        """Return another track that goes on from here, and keeps `size` readings."""
        other = SensorTrack(self._pace, size)
        for tick, value in self.series.since(float("-inf")):
            other.series.append(tick, value)
        other.heat = self.heat
        return other

    def take(
        self, sensor: Temperature, port: PortSample, adapter: Adapter | None, now: float
    ) -> bool:
        """Take a reading in; return whether anything is new."""
        old = self.heat
        if old is None and (sensor.celsius is None or sensor.stale):
            return False  # a sensor that never gave a number has not become stale
        same = old is not None and (sensor is old.sensor or sensor == old.sensor)
        if old is not None and same and not self._due(old, now):
            return False
        limits = limits_of(sensor, port, adapter)
        fresh = not sensor.stale and sensor.celsius is not None
        if old is not None and old.sensor.source != sensor.source:
            self.series = Series(self.series.size)  # another sensor has other steps and errors
        if fresh and (old is None or sensor.tick != old.sensor.tick):
            self.series.append(sensor.tick, sensor.celsius)
        future = self._forecast(sensor, limits, now) if fresh else None
        alarm = old.alarm if old else SensorAlarm()
        alarm = alarm.advance(sensor, limits, future, now)
        self.heat = SensorHeat(sensor, limits, future, alarm)
        return True

    def _forecast(self, sensor: Temperature, limits: HeatLimits, now: float) -> Forecast:
        last = self.heat.forecast if self.heat else None
        if last is not None and self._pace.steady and _surprised(last, sensor):
            return Forecast(now, Trend.UNKNOWN, sensor.celsius)
        if last is not None and self.heat is not None and not self._due(self.heat, now):
            return last
        points = self.series.since(now - STRETCHES[-1])
        future = forecast(points, now, limits.warning, limits.alarm)
        return steadied(last, future) if self._pace.steady else future

    def _due(self, heat: SensorHeat, now: float) -> bool:
        """Return whether it is time for a forecast: calm sensors wait longer."""
        last = heat.forecast
        if last is None:
            return True
        pause = self._pace.every
        if last.now is not None and last.now <= heat.limits.warning - NEAR:
            ends = (last.warning, last.alarm)
            if all(crossing is not None and crossing.never for crossing in ends):
                pause = self._pace.calm
        return now - last.tick >= pause


class HeatStates(Protocol):
    """The states of the sensors of a machine at one instant."""

    def of(self, port: PortId, sensor: str) -> SensorHeat | None:
        """Return the state of a port's sensor; None before its first reading."""
        ...


def worst(states: HeatStates, port: PortId) -> SensorHeat | None:
    """Return the sensor of a port in the worst state; None where it has none."""
    heats = filter(None, (states.of(port, name) for name in (MODULE, CHIP)))
    return max(heats, key=lambda heat: heat.alarm.state.level, default=None)


class HeatThen:
    """The states of all sensors as they were."""

    __slots__ = ("_states",)

    def __init__(self, states: Mapping[tuple[PortId, str], SensorHeat | None]) -> None:
        self._states = states

    def of(self, port: PortId, sensor: str) -> SensorHeat | None:
        return self._states.get((port, sensor))


class HeatWatch:
    """The state of every sensor; `observe` takes one frame after the other."""

    def __init__(self, pace: Pace = Pace()) -> None:  # noqa: B008
        self._pace = pace
        self._tracks: dict[Key, SensorTrack] = {}
        self._keys: dict[tuple[PortId, str], Key] = {}
        self._optics: dict[tuple[PortId, Quantity, int], Bound] = {}
        self._light: dict[PortId, tuple[Module, LinkState]] = {}
        """What was looked at last."""
        self._ports: frozenset[PortId] = frozenset()

    def of(self, port: PortId, sensor: str) -> SensorHeat | None:
        """Return the state of a port's sensor; None before its first reading."""
        key = self._keys.get((port, sensor))
        return self._tracks[key].heat if key in self._tracks else None

    def copies(self, size: int) -> dict[tuple[PortId, str], SensorTrack]:
        """Return copies of all tracks by port and sensor: who follows the same frames from here
        on has the same forecasts."""
        tracks = ((place, self._tracks.get(key)) for place, key in self._keys.items())
        return {place: track.copy(size) for place, track in tracks if track is not None}

    def then(self) -> HeatThen:
        """Return the states of now, to be kept."""
        tracks = self._tracks
        return HeatThen({place: tracks[key].heat for place, key in self._keys.items()})

    def crossings(self, port: PortId) -> dict[tuple[Quantity, int], Bound]:
        """Return the limits of the module that its lanes (from 1, 0 for all of it) are beyond."""
        bounds = self._optics.items()
        return {key[1:]: bound for key, bound in bounds if key[0] == port}

    def observe(self, frame: Frame) -> list[Alert]:
        """Take a frame in; return what has become too hot, silent, dark or bright since."""
        alerts: list[Alert] = []
        done: set[Key] = set()
        for port_id, one in frame.ports.items():
            now = one.now
            for sensor in now.temperatures:
                owner = now.port.adapter if sensor.name == CHIP else None
                key = (owner or _name_of(port_id), sensor.name)
                self._keys[port_id, sensor.name] = key
                if key not in done:
                    done.add(key)
                    alerts.extend(self._sensor(key, sensor, now, frame))
            module, state = now.module, now.link.state
            if module is not None and self._light.get(port_id) != (module, state):
                self._light[port_id] = module, state
                alerts.extend(self._lanes(port_id, now, module))
        self._forget(frozenset(frame.ports))
        return alerts

    def _sensor(
        self, key: Key, sensor: Temperature, port: PortSample, frame: Frame
    ) -> Iterator[Alert]:
        track = self._tracks.get(key)
        if track is None:
            track = self._tracks[key] = SensorTrack(self._pace)
        before = track.heat.alarm if track.heat else SensorAlarm()
        now = frame.sample.tick
        if not track.take(sensor, port, frame.adapter(port.port.id), now) or track.heat is None:
            return
        state = track.heat.alarm.state
        kind = KINDS.get(state)
        worse = state.level > before.state.level
        if kind and (worse or (kind is AlertKind.STALE and state is not before.state)):
            yield _alert(kind, port.port, track.heat, now)

    def _lanes(self, port_id: PortId, port: PortSample, module: Module) -> Iterator[Alert]:
        """Compare power, bias and voltage with the module's limits, while the link is up."""
        up = port.link.state is LinkState.UP
        for quantity in UNITS:
            limits = module.thresholds.get(quantity)
            for place, value in enumerate(module.values(quantity), 1):
                lane = 0 if quantity is Quantity.VOLTAGE else place
                key = (port_id, quantity, lane)
                before = self._optics.get(key)
                # A lane without any light is not in use, else the link would be down.
                bound = _bound(limits, value, before) if up and limits and value else None
                if bound is None:
                    self._optics.pop(key, None)
                    continue
                self._optics[key] = bound
                if before is None or (bound.is_alarm and not before.is_alarm):
                    yield _lane_alert(port.port, module, quantity, lane, bound)

    def _forget(self, ports: frozenset[PortId]) -> None:
        """Drop what belongs to ports that are gone."""
        gone = not self._ports <= ports
        self._ports = ports
        if not gone:
            return
        self._keys = {place: key for place, key in self._keys.items() if place[0] in ports}
        keys = set(self._keys.values())
        self._tracks = {key: track for key, track in self._tracks.items() if key in keys}
        self._optics = {key: bound for key, bound in self._optics.items() if key[0] in ports}
        self._light = {port: light for port, light in self._light.items() if port in ports}


_name_of = lru_cache(4096)(str)


def _alert(kind: AlertKind, port: Port, heat: SensorHeat, now: float) -> Alert:
    sensor, limit = heat.sensor, heat.alarm.limit
    if kind is AlertKind.STALE:
        text = f"{sensor.title} sensor no longer answers: {sensor.problem or 'no number'}"
    else:
        text = f"{sensor.title} at {sensor.celsius:.1f} °C, {kind} at {limit:.0f} °C"
    return Alert(kind, port, text, now, sensor.name, sensor.celsius, "°C", limit, heat.forecast)


def _lane_alert(port: Port, module: Module, quantity: Quantity, lane: int, bound: Bound) -> Alert:
    kind = AlertKind.ALARM if bound.is_alarm else AlertKind.WARNING
    name = f"{quantity} lane {lane}" if lane else str(quantity)
    value = module.values(quantity)[max(lane - 1, 0)] or 0.0
    limit: float = getattr(module.thresholds[quantity], bound.name.lower())
    unit = UNITS[quantity]
    text = f"{name} {value:.3g} {unit}: beyond the module's {bound} of {limit:.3g} {unit}"
    where = (quantity, lane)
    return Alert(kind, port, text, module.tick, name, value, unit, limit, lane=where)


def _surprised(future: Forecast, sensor: Temperature) -> bool:
    """Return whether a reading is far from what was expected: load or fans have changed."""
    expected = future.at(sensor.tick)
    if expected is None or sensor.celsius is None:
        return False
    return abs(sensor.celsius - expected) > SURPRISE + (future.error or 0.0)


def _bound(limits: Thresholds, value: float, before: Bound | None) -> Bound | None:
    """Return the limit that a value is beyond; the one before holds until it is well inside."""
    now = limits.crossed(value)
    if before is None or (now is not None and now.is_alarm):
        return now
    pairs = zip(limits, _EASED, strict=True)
    closer = [None if limit is None else limit * factor for limit, factor in pairs]
    eased = Thresholds(*closer).crossed(value)
    return eased if before.is_alarm else now or (before if eased else None)
