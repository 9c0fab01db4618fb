"""Stops a load before a module or chip gets too hot, and keeps the readings of the sensors.

Fail safe: a sensor that answered at the start and then gives no number, or an old one, stops the
load as well. Without any sensor there is nothing to guard, and the guard is `blind`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isnan
from types import MappingProxyType
from typing import Any

from mlxtop.load.outcome import SensorHeat
from mlxtop.load.request import GuardOptions, LoadPlan
from mlxtop.model.frame import Frame
from mlxtop.model.identity import PortId
from mlxtop.model.sample import LinkState, Temperature, sensor_title
from mlxtop.watch.heat import SensorTrack
from mlxtop.watch.heat_limits import limits_of

READINGS = 7200
"""Readings of a sensor that are kept: four hours of a soak."""
SILENCE_S = 15.0
"""Seconds without any sample after which the load is stopped."""


def guard_promise(options: GuardOptions, guarding: Sequence[SensorHeat]) -> str:
    """Return at what temperatures the heat guard stops a load, and how long before them."""
    if not options.armed:
        return "off, nothing stops the load when it gets hot"
    if not guarding:
        return "no sensor that could stop the load"
    limits = ", ".join(f"{sensor_title(one.name)} {one.limits.warning:g} °C" for one in guarding)
    early = f", or {options.ahead:g} s before" if options.ahead else ""
    return f"stops at {limits}{early}"


@dataclass(slots=True)
class _Watched:
    """A sensor and its readings."""

    kind: str
    """`asic`, `module`."""
    heat: SensorHeat
    track: SensorTrack = field(default_factory=lambda: SensorTrack(size=READINGS))


class HeatGuard:
    """Follows the sensors of ports; call `look` with every frame."""

    def __init__(
        self,
        ports: Iterable[PortId],
        options: GuardOptions,
        *,
        masters: Collection[str] = (),
        tracks: Mapping[tuple[PortId, str], SensorTrack] = MappingProxyType({}),
        starts: Mapping[str, float] = MappingProxyType({}),
        host: str = "",
    ) -> None:
        """Guard ports, and those that join `masters` (bonds and the like) on the way.

        `tracks` are what the screen has followed so far, so that both forecast the same; `starts`
        are temperatures by a sensor's name that count as those at the start. `host`: the machine,
        where it is another one.
        """
        self.far: HeatGuard | None = None
        """The guard of the far end, where that is read too."""
        self.host = host
        self.options = options
        self.reason: str | None = None
        """Why the load was stopped."""
        self.joined: list[PortId] = []
        """The ports that became members on the way."""
        self._ports = list(ports)
        self._single = len(self._ports) == 1 and not masters
        self._masters = frozenset(masters)
        self._tracks = tracks
        self._starts = starts
        self._watched: dict[tuple[PortId, str], _Watched] = {}
        self._names: dict[PortId, str] = {}
        self._last_tick: float | None = None

    @classmethod
    def of(cls, plan: LoadPlan, options: GuardOptions, **more: Any) -> HeatGuard:
        """Return the guard of a test, for every port that its traffic can take."""
        ports = [member.port for member in plan.members]
        return cls(ports, options, masters=plan.masters, **more)

    @property
    def ports(self) -> tuple[PortId, ...]:
        """Return the ports that are guarded."""
        return tuple(self._ports)

    @property
    def sensors(self) -> tuple[SensorHeat, ...]:
        return (*self.own_sensors, *(self.far.sensors if self.far else ()))

    @property
    def own_sensors(self) -> tuple[SensorHeat, ...]:
        """Return the sensors of this end."""
        return tuple(watched.heat for watched in self._watched.values())

    @property
    def guarding(self) -> tuple[SensorHeat, ...]:
        """Return the sensors that may stop the load."""
        own = (one.heat for one in self._watched.values() if self._guards(one))
        return (*own, *(self.far.guarding if self.far else ()))

    @property
    def blind(self) -> bool:
        """Return whether no sensor that may stop the load has answered yet."""
        return not self.guarding

    @property
    def promise(self) -> str:
        """Return what it will do, in one line."""
        return guard_promise(self.options, self.guarding)

    def look(self, frame: Frame) -> str | None:
        """Take a frame in; return why the load has to stop now, None while all is well."""
        self._last_tick = frame.sample.tick
        for port, one in frame.ports.items():
            if one.now.port.bond in self._masters and port not in self._ports:
                self._ports.append(port)
                self.joined.append(port)
        reasons = [self._look_at(port, frame) for port in self._ports]
        return self._stop(next(filter(None, reasons), None))

    def _look_at(self, port: PortId, frame: Frame) -> str | None:
        """Take one port in; return why the load has to stop now."""
        one = frame.ports.get(port)
        if one is None:
            return f"{self._names.get(port, 'the port')} is gone"
        now, name = one.now, one.now.port.name
        if self.host:
            name = self.host if self._single else f"{self.host}'s {name}"
        named = not self._single or self.host != ""
        self._names[port] = name if named else "the port"
        of = f" of {name}" if named else ""
        if now.link.state is LinkState.OVERHEAT:
            return f"the module{of} has switched itself off for heat"
        if now.link.state is LinkState.LOST:
            return f"the card{of} no longer answers"
        adapter = frame.adapter(port)
        readings = {temperature.name: temperature for temperature in now.temperatures}
        for kind, reading in readings.items():
            if (port, kind) not in self._watched and reading.celsius is not None:
                label = f"{name} {kind}" if named else kind
                limits = limits_of(reading, now, adapter)
                track = self._tracks.get((port, kind)) or SensorTrack(size=READINGS)
                start = self._starts.get(label)
                heat = SensorHeat(label, limits, port, start=start)
                self._watched[port, kind] = _Watched(kind, heat, track)
        idle = not self._single and now.link.state is not LinkState.UP
        reasons = []
        for (owner, kind), watched in self._watched.items():
            if owner == port:
                new = readings.get(kind)
                if new is not None:
                    watched.track.take(new, now, adapter, frame.sample.tick)
                reasons.append(self._judge(watched, new, frame.sample.tick, idle))
        return next(filter(None, reasons), None)

    def lost(self, names: Iterable[str]) -> str | None:
        """Return which of some sensors is no longer there to stop a load; None where all are."""
        armed, chosen, _ = self.options
        present = {sensor.name for sensor in self.sensors}
        for name in names:
            counts = armed and (chosen is None or name.rpartition(" ")[2] in chosen)
            if counts and name not in present:
                return f"the {sensor_title(name)} sensor gives no number any more"
        return None

    def silent(self, now: float) -> str | None:
        """Return why the load has to stop, when no frame has come for too long."""
        if self.blind or self._last_tick is None or now - self._last_tick < SILENCE_S:
            return None
        return self._stop(f"no reading for {now - self._last_tick:.0f} s")

    def settle(self) -> None:
        """End the cool-down: the newest readings are those that the sensors settled at."""
        for watched in self._watched.values():
            watched.heat = watched.heat._replace(settled=watched.heat.last)
        if self.far is not None:
            self.far.settle()

    def points(self, name: str) -> list[tuple[float, float]]:
        """Return the readings of a sensor by its own monotonic second, oldest first."""
        if self.far is not None and all(name != one.name for one in self.own_sensors):
            return self.far.points(name)
        series = (one.track.series for one in self._watched.values() if one.heat.name == name)
        points = next(series).since(float("-inf"))
        return [(tick, celsius) for tick, celsius in points if not isnan(celsius)]

    def _guards(self, watched: _Watched) -> bool:
        armed, chosen, _ = self.options
        return armed and (chosen is None or watched.kind in chosen)

    def _stop(self, reason: str | None) -> str | None:
        if reason is None or not self.options.armed:
            return None
        self.reason = self.reason or reason
        return reason

    def _judge(
        self, watched: _Watched, reading: Temperature | None, now: float, idle: bool
    ) -> str | None:
        """Note one reading; return why it is too hot or cannot be trusted.

        An `idle` port, whose link is down, may lose a sensor together with its module.
        """
        heat, state = watched.heat, watched.track.heat
        if reading is None or state is None or reading.celsius is None or reading.stale:
            problem = (reading.problem if reading else "gone") or "no number"
            watched.heat = heat._replace(problem=problem)
            how = "is stale" if reading is not None and reading.stale else "fails"
            fault = "is gone" if reading is None else f"{how}: {problem}"
            name = sensor_title(heat.name)
            return f"the {name} sensor {fault}" if self._guards(watched) and not idle else None
        celsius, limits, ahead = reading.celsius, state.limits, state.forecast
        watched.heat = heat._replace(
            limits=limits,
            forecast=ahead,
            start=celsius if heat.start is None else heat.start,
            last=celsius,
            peak=celsius if heat.peak is None else max(heat.peak, celsius),
            problem=None,
        )
        if not self._guards(watched):
            return None
        text, limit = f"{sensor_title(heat.name)} at {celsius:.1f} °C", f"{limits.warning:g} °C"
        if celsius >= limits.warning:
            return f"{text}, warning limit {limit}"
        if not self.options.ahead or ahead is None or ahead.warning is None:
            return None
        if ahead.warning.seconds is None or not ahead.warning.certain:
            return None
        left = ahead.warning.seconds - (now - ahead.tick)
        if left > self.options.ahead:
            return None
        soon = f"in {left:.0f} s" if left >= 1.0 else "in less than 1 s"
        return f"{text} will be at its warning limit of {limit} {soon}"
