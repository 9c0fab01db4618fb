"""What the ports themselves say against a way, before any probe is lost: faults, and heat ahead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from mlxtop.model.frame import Frame
from mlxtop.model.identity import PortId
from mlxtop.model.sample import LinkState
from mlxtop.watch.heat import SensorHeat
from mlxtop.watch.heat_limits import MODULE, AlarmState
from mlxtop.watch.watch import Watch

AHEAD_S = 60.0
"""Seconds before its module's alarm at which a way is left."""

_FAULTS = {
    LinkState.OVERHEAT: "the module has switched itself off for heat",
    LinkState.MODULE_FAULT: "the module reports a fault",
    LinkState.NO_MODULE: "no module is plugged in",
    LinkState.LOST: "the card no longer answers",
}
_HOT = (AlarmState.ALARM, AlarmState.SHUTDOWN)


class DeviceFault(NamedTuple):
    """What is known against a network device."""

    fault: str | None = None
    """It cannot carry anything."""
    heat: str | None = None
    """Its module will be too hot soon: leave it while it still carries."""


class DeviceFaults:
    """Follows the ports from frame to frame; a hot one is well again only when it is cool."""

    def __init__(self) -> None:
        self._hot: set[PortId] = set()

    def take(self, frame: Frame, watch: Watch) -> Mapping[str, DeviceFault]:
        """Return what is known against devices, by their names, as of a frame."""
        known: dict[str, DeviceFault] = {}
        for port, one in frame.ports.items():
            name = one.now.port.netdev
            if name is None:
                continue
            fault = _FAULTS.get(one.now.link.state)
            heat = self._heat(port, watch.heat.of(port, MODULE), frame.sample.tick)
            if fault or heat:
                known[name] = DeviceFault(fault, heat)
        self._hot &= frame.ports.keys()
        return known

    def _heat(self, port: PortId, module: SensorHeat | None, now: float) -> str | None:
        if module is None or module.sensor.celsius is None:
            return None
        degrees, state = module.sensor.celsius, module.alarm.state
        left = seconds_to_alarm(module, now)
        if state in _HOT or (left is not None and left <= AHEAD_S):
            self._hot.add(port)
        elif state is AlarmState.OK:
            self._hot.discard(port)
        if port not in self._hot:
            return None
        if left is not None and state not in _HOT:
            return f"its module, at {degrees:.0f} °C, will reach its alarm in {left:.0f} s"
        return f"its module is at {degrees:.0f} °C and not cool yet"


def seconds_to_alarm(module: SensorHeat, now: float) -> float | None:
    """Return the seconds until a module reaches its alarm; None where the forecast says it won't.

    At 0 it has reached it.
    """
    future = module.forecast
    if future is None or future.alarm is None or future.alarm.seconds is None:
        return None
    return max(0.0, future.alarm.seconds - (now - future.tick))
