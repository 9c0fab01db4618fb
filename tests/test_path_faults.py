"""What ports say against a way: modules that are off, and those that will be too hot."""

from __future__ import annotations

import pytest

from mlxtop.analysis.crossing import Crossing
from mlxtop.analysis.forecast import Forecast, Trend
from mlxtop.model.frame import derive
from mlxtop.model.sample import Link, LinkState
from mlxtop.path.faults import AHEAD_S, DeviceFaults, seconds_to_alarm
from mlxtop.watch.heat import SensorHeat
from mlxtop.watch.heat_limits import MODULE
from mlxtop.watch.watch import Watch
from tests.samples import PACU, ethernet, sample
from tests.watching import UP


class Ports:
    """One port under a Watch, and what is known against it."""

    def __init__(self) -> None:
        self.watch, self.faults, self.tick = Watch(), DeviceFaults(), 0.0

    def see(self, module: float, link: Link = UP) -> tuple[str | None, str | None]:
        """Return fault and heat of the port after a second with this module and link."""
        self.tick += 1.0
        frame = derive(
            sample(self.tick, ethernet(PACU, self.tick, 1e9, 1e9, module=module, link=link)), None
        )
        self.watch.ingest(frame)
        known = self.faults.take(frame, self.watch)
        port = next(iter(frame.ports.values())).now.port
        one = known.get(port.netdev or "")
        return (one.fault, one.heat) if one else (None, None)


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (LinkState.OVERHEAT, "heat"),
        (LinkState.MODULE_FAULT, "fault"),
        (LinkState.NO_MODULE, "no module"),
        (LinkState.LOST, "no longer answers"),
        (LinkState.DOWN, None),
    ],
)
def test_a_module_that_is_off_is_a_fault(state: LinkState, word: str | None) -> None:
    fault, heat = Ports().see(50.0, UP._replace(state=state, speed=None))
    assert heat is None
    assert (fault is None) if word is None else (fault is not None and word in fault)


def test_a_module_at_its_alarm_is_left_until_it_is_cool() -> None:
    ports = Ports()
    assert ports.see(70.0) == (None, None)
    assert ports.see(79.9)[1] is None, "a warning alone is none, without a forecast"
    heat = ports.see(80.5)[1]
    assert heat is not None
    assert "80 °C" in heat or "81 °C" in heat
    assert ports.see(77.0)[1] is not None, "not cool yet"
    assert ports.see(60.0) == (None, None)


@pytest.mark.parametrize(("seconds", "left"), [(AHEAD_S, 60.0), (100.0, 100.0)])
def test_the_forecast_is_counted_down_from_its_instant(seconds: float, left: float) -> None:
    ports = Ports()
    ports.see(70.0)
    frame = ports.watch.frame
    assert frame is not None
    heat = ports.watch.heat.of(next(iter(frame.ports)), MODULE)
    assert isinstance(heat, SensorHeat)
    future = Forecast(10.0, Trend.RISING, 70.0, 90.0, 1.0, alarm=Crossing(80.0, 1.0, seconds))
    ahead = heat._replace(forecast=future)
    assert seconds_to_alarm(ahead, 10.0) == left
    assert seconds_to_alarm(ahead, 30.0) == left - 20.0
    assert seconds_to_alarm(ahead, 1000.0) == 0.0
    assert seconds_to_alarm(heat._replace(forecast=None), 10.0) is None
