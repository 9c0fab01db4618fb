"""Follows every sensor and module from frame to frame: forecasts, states, and alerts."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from mlxtop.analysis.forecast import Forecast, Trend, forecast, steadied
from mlxtop.analysis.warmup import STRETCHES
from mlxtop.model.catalogue import CATALOGUE
from mlxtop.model.counters import Origin
from mlxtop.model.frame import Frame, PortFrame
from mlxtop.model.history import Series
from mlxtop.model.identity import Adapter, Port, PortId
from mlxtop.model.module import Bound, Module, Quantity, Thresholds
from mlxtop.model.sample import LinkState, PortSample, Temperature
from mlxtop.watch.alarm import Alarm, AlarmState, advance
from mlxtop.watch.heat_limits import HeatLimits, limits_of


class Pace(NamedTuple):
    """How often a sensor's forecast is made anew, seconds."""

    every: float = 3.0
    calm: float = 20.0
    """The same for a sensor that will not come within `NEAR` of its warning limit."""
    steady: bool = True
    """For people: a forecast follows the one before it, and one that was wrong is dropped."""


NEAR = 15.0
"""°C below a warning limit from which a sensor is no longer calm."""
SURPRISE = 2.0
"""°C beyond its error by which a forecast may be wrong before it is dropped at once."""
EASE = 0.05
"""Share of a limit by which a lane must be inside it before its alarm ends."""

UNITS = {
    Quantity.RX_POWER: "mW",
    Quantity.TX_POWER: "mW",
    Quantity.BIAS: "mA",
    Quantity.VOLTAGE: "V",
}
_WATCHED = tuple(UNITS)

HIGH_TEMPERATURE = CATALOGUE[Origin.DRIVER, "module_high_temp"]
"""The driver's count of a module's complaints: the one hint at heat that needs no root."""


class AlertKind(StrEnum):
    """What a user's script can be run for; the names are those of the settings file."""

    WARNING = "warning"
    ALARM = "alarm"
    STALE = "stale"
    LINK_DOWN = "link-down"
    MODULE_OUT = "module-out"
    PORT_GONE = "port-gone"


class Alert(NamedTuple):
    """Something a person should know of at once."""

    kind: AlertKind
    port: Port
    text: str
    tick: float
    sensor: str | None = None
    """`asic`, `module`, `rx power lane 2` …; None for links and ports."""
    value: float | None = None
    unit: str = ""
    limit: float | None = None
    forecast: Forecast | None = None
    lane: tuple[Quantity, int] | None = None
    """What of which lane (from 1, 0 for the whole module) is beyond its limit."""


class SensorHeat(NamedTuple):
    """A temperature with all that is made of it."""

    sensor: Temperature
    limits: HeatLimits
    forecast: Forecast | None
    alarm: Alarm


Key = tuple[str, str]
"""Whose sensor: the card's for the chip, else the port's; and its name."""
_NO_KEY: Key = ("", "")


class SensorTrack:
    """One sensor over time: its readings, limits, forecast and state."""

    def __init__(self, pace: Pace = Pace(), size: int = int(STRETCHES[-1])) -> None:  # noqa: B008
        """`size`: readings that are kept."""
        self.heat: SensorHeat | None = None
        """The newest state; None before the first number."""
        self.series = Series(size)
        self._pace = pace

    def take(
        self, sensor: Temperature, port: PortSample, adapter: Adapter | None, now: float
    ) -> bool:
        """Take a reading in; return whether anything is new."""
        old = self.heat
        if old is None and (sensor.celsius is None or sensor.stale):
            return False  # a sensor that never gave a number has not become stale
        if old is not None and sensor is old.sensor and not self._due(old, now):
            return False
        limits = limits_of(sensor, port, adapter)
        fresh = not sensor.stale and sensor.celsius is not None
        if old is not None and old.sensor.source != sensor.source:
            self.series = Series(self.series.size)  # another sensor has other steps and errors
        if fresh and (old is None or sensor.tick != old.sensor.tick):
            self.series.append(sensor.tick, sensor.celsius)
        future = self._forecast(sensor, limits, now) if fresh else None
        state = advance(old.alarm if old else Alarm(), sensor, limits, future, now)
        self.heat = SensorHeat(sensor, limits, future, state)
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
        """Return whether it is time for a forecast: the more there is to be told, the sooner."""
        last = heat.forecast
        if last is None:
            return True
        pause = self._pace.every
        if last.now is not None and last.now <= heat.limits.warning - NEAR:
            ends = (last.warning, last.alarm)
            if all(crossing is not None and crossing.never for crossing in ends):
                pause = self._pace.calm
        return now - last.tick >= pause


class HeatWatch:
    """The state of every sensor; `observe` takes one frame after the other."""

    def __init__(self) -> None:
        self._tracks: dict[Key, SensorTrack] = {}
        self._keys: dict[tuple[PortId, str], Key] = {}
        self._optics: dict[tuple[PortId, Quantity, int], Bound] = {}
        self._light: dict[PortId, tuple[Module, LinkState]] = {}
        """What was looked at last."""
        self._last: Frame | None = None

    def of(self, port: PortId, sensor: str) -> SensorHeat | None:
        """What is known of a port's sensor; None before its first reading."""
        track = self._tracks.get(self._keys.get((port, sensor), _NO_KEY))
        return None if track is None else track.heat

    def worst(self, port: PortId) -> SensorHeat | None:
        """The sensor of a port in the worst state; None where it has none."""
        found = (self.of(port, name) for name in ("module", "asic"))
        known = [heat for heat in found if heat is not None]
        return max(known, key=lambda heat: heat.alarm.state.level, default=None)

    def hottest(self) -> tuple[PortId, SensorHeat] | None:
        """The sensor in the worst state on the whole machine, unless all are well."""
        found: tuple[PortId, SensorHeat] | None = None
        for port, sensor in self._keys:
            heat = self.of(port, sensor)
            if heat is not None and heat.alarm.state is not AlarmState.OK:
                level = heat.alarm.state.level
                if found is None or level > found[1].alarm.state.level:
                    found = port, heat
        return found

    def crossings(self, port: PortId) -> dict[tuple[Quantity, int], Bound]:
        """Limits of the module that its lanes (from 1, 0 for the module) are beyond."""
        mine = self._optics.items()
        return {(what, lane): bound for (owner, what, lane), bound in mine if owner == port}

    def observe(self, frame: Frame) -> list[Alert]:
        """Take a frame in; what has become bad since the one before."""
        alerts: list[Alert] = []
        done: set[Key] = set()
        for port_id, one in frame.ports.items():
            now = one.now
            for sensor in now.temperatures:
                owner = now.port.adapter if sensor.name == "asic" else None
                key = (owner or str(port_id), sensor.name)
                self._keys[port_id, sensor.name] = key
                if key not in done:
                    done.add(key)
                    alerts.extend(self._sensor(key, sensor, now, frame))
            module, state = now.module, now.link.state
            if module is not None and self._light.get(port_id) != (module, state):
                self._light[port_id] = module, state
                alerts.extend(self._lanes(port_id, now, module))
        alerts.extend(_gone(self._last, frame))
        self._forget(frame)
        self._last = frame
        return alerts

    def _sensor(
        self, key: Key, sensor: Temperature, port: PortSample, frame: Frame
    ) -> Iterator[Alert]:
        track = self._tracks.setdefault(key, SensorTrack())
        before = track.heat.alarm if track.heat else Alarm()
        now = frame.sample.tick
        if not track.take(sensor, port, frame.adapter(port.port.id), now) or track.heat is None:
            return
        heat = track.heat
        kind = _KINDS.get(heat.alarm.state)
        if heat.alarm.state is not before.state and kind is not None:
            worse = heat.alarm.state.level > before.state.level
            if worse or kind is AlertKind.STALE:
                yield _alert(kind, port.port, heat, now)

    def _lanes(self, port_id: PortId, port: PortSample, module: Module) -> Iterator[Alert]:
        """Power, bias and voltage against the module's own limits, while the link is up."""
        up = port.link.state is LinkState.UP
        for quantity in _WATCHED:
            limits = module.thresholds.get(quantity)
            whole = quantity is Quantity.VOLTAGE
            for place, value in enumerate(module.values(quantity)):
                lane = 0 if whole else place + 1
                key = (port_id, quantity, lane)
                before = self._optics.get(key)
                # A lane without any light is not in use, else the link would be down.
                if not up or limits is None or not value:
                    self._optics.pop(key, None)
                    continue
                bound = _bound(limits, value, before)
                if bound is None:
                    self._optics.pop(key, None)
                    continue
                self._optics[key] = bound
                if before is None or (bound.is_alarm and not before.is_alarm):
                    yield _lane_alert(port.port, module, quantity, lane, bound)

    def _forget(self, frame: Frame) -> None:
        """Drop what belongs to ports that are gone."""
        if self._last is None or self._last.ports.keys() <= frame.ports.keys():
            return
        self._keys = {place: key for place, key in self._keys.items() if place[0] in frame.ports}
        kept = set(self._keys.values())
        self._tracks = {key: track for key, track in self._tracks.items() if key in kept}
        self._optics = {key: b for key, b in self._optics.items() if key[0] in frame.ports}
        self._light = {port: light for port, light in self._light.items() if port in frame.ports}


_KINDS = {
    AlarmState.WARNING: AlertKind.WARNING,
    AlarmState.ALARM: AlertKind.ALARM,
    AlarmState.SHUTDOWN: AlertKind.ALARM,
    AlarmState.STALE: AlertKind.STALE,
}


def _alert(kind: AlertKind, port: Port, heat: SensorHeat, now: float) -> Alert:
    sensor, limit = heat.sensor, heat.alarm.limit
    if kind is AlertKind.STALE:
        text = f"{sensor.name} sensor no longer answers: {sensor.problem or 'no number'}"
    else:
        text = f"{sensor.name} at {sensor.celsius:.1f} °C, {kind} at {limit:.0f} °C"
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
    """Whether a reading is far from what was expected: the load or the fans have changed."""
    expected = future.at(sensor.tick)
    if expected is None or sensor.celsius is None:
        return False
    return abs(sensor.celsius - expected) > SURPRISE + (future.error or 0.0)


def _bound(limits: Thresholds, value: float, before: Bound | None) -> Bound | None:
    """Return the limit that a value is beyond; the one before holds until it is well inside."""
    now = limits.crossed(value)
    if before is None or (now is not None and now.is_alarm):
        return now
    eased = _eased(limits).crossed(value)
    return eased if before.is_alarm else now or (before if eased else None)


def _eased(limits: Thresholds) -> Thresholds:
    """Limits that are a little closer: an alarm ends only well inside of the real ones."""
    return Thresholds(
        high_alarm=_scaled(limits.high_alarm, 1 - EASE),
        low_alarm=_scaled(limits.low_alarm, 1 + EASE),
        high_warning=_scaled(limits.high_warning, 1 - EASE),
        low_warning=_scaled(limits.low_warning, 1 + EASE),
    )


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _gone(before: Frame | None, now: Frame) -> Iterator[Alert]:
    """Ports, links and modules that were there in the frame before."""
    tick = now.sample.tick
    for port_id, one in before.ports.items() if before else ():
        old = one.now
        frame = now.ports.get(port_id)
        if frame is None:
            yield Alert(AlertKind.PORT_GONE, old.port, "the port is gone", tick)
            continue
        new = frame.now
        same = new.link is old.link and new.module is old.module
        if same and HIGH_TEMPERATURE.origin not in new.readings:
            continue  # nothing of what is asked below can have changed: virtual ports mostly
        state = new.link.state
        if old.link.state is LinkState.UP and state not in (LinkState.UP, LinkState.ADMIN_DOWN):
            text = f"link {state}" + (f": {new.link.detail}" if new.link.detail else "")
            yield Alert(AlertKind.LINK_DOWN, new.port, text, tick)
        hint = _heat_hint(one, frame)
        if hint is not None:
            yield Alert(AlertKind.ALARM, new.port, hint, tick, "module")
        empty = state is LinkState.NO_MODULE and old.link.state is not LinkState.NO_MODULE
        if empty or (old.module is not None and new.module is None):
            yield Alert(AlertKind.MODULE_OUT, new.port, "the module is gone", tick)


def _heat_hint(old: PortFrame, new: PortFrame) -> str | None:
    """What tells of a hot module without root and without any sensor: link state and counter."""
    if new.now.link.state is LinkState.OVERHEAT and old.now.link.state is not LinkState.OVERHEAT:
        return "the module was switched off because of heat"
    before, now = old.total(HIGH_TEMPERATURE), new.total(HIGH_TEMPERATURE)
    if before is not None and now is not None and now > before:
        return "the module reported high temperature"
    return None
