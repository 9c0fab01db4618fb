"""The widgets of the charts: they draw anew when a step of time is complete, never more often."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from typing import TYPE_CHECKING, cast

from mlxtop.analysis.port_view import port_view
from mlxtop.model.identity import PortId
from mlxtop.present import units
from mlxtop.present.heat import degrees, short_forecast
from mlxtop.present.text import Line, Role, Run, line_width
from mlxtop.tui.state import State
from mlxtop.tui.widgets.charts import (
    GUTTER,
    LABELS,
    LEAST_ROWS,
    Rule,
    legend,
    temperature_lines,
    throughput_lines,
    waiting,
)
from mlxtop.tui.widgets.lines import Lines
from mlxtop.tui.widgets.timeline import Timeline, mean, resampled, timeline
from mlxtop.watch.watch import ASIC, MODULE, RX, TX

if TYPE_CHECKING:
    from mlxtop.tui.app import MlxtopApp

_SPACE: Run = ("  ", Role.DIM)


class Chart(Lines):
    """A legend with the numbers of now, and a picture below it."""

    margin_columns = GUTTER

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id, classes="box")
        self._drawn: object = None
        self._given: tuple[State, float] | None = None
        self._picture: list[Line] = []

    def update(self, state: State, interval: float) -> None:
        """Show the newest state; cheap unless a step of time has passed."""
        self._given = (state, interval)
        frame, port = state.frame, state.selected
        width, height = self.size
        if not self.display or not width or not height:
            return
        if frame is None or port is None or port not in frame.ports:
            self.show([])
            return
        room = (width, height - 1)
        tick = (state.newest or frame).sample.tick if not state.paused else frame.sample.tick
        line = timeline(tick, self._columns(width), state.window, interval)
        drawn = (port, line, room, self._key(state, port))
        if drawn != self._drawn:
            self._drawn = drawn
            self._picture = self._draw(state, port, line, room) if room[1] >= LEAST_ROWS else []
        self.show([self._legend(state, port, width), *self._picture])

    def _nothing_yet(self) -> str:
        """What stands in place of curves without a point."""
        rates = cast("MlxtopApp", self.app).source.kind.has_rates
        return "the first points come soon" if rates else "a capture is one instant"

    def _columns(self, width: int) -> int:
        """Columns for the past."""
        return width - self.margin_columns

    def on_resize(self) -> None:
        """A new size wants a new picture."""
        if self._given is not None:
            self.update(*self._given)

    def _key(self, state: State, port: PortId) -> object:
        """What else the picture depends on."""
        return None

    def _legend(self, state: State, port: PortId, width: int) -> Line:
        raise NotImplementedError

    def _draw(
        self, state: State, port: PortId, line: Timeline, room: tuple[int, int]
    ) -> list[Line]:
        raise NotImplementedError


def _empty(values: Sequence[float]) -> bool:
    return all(isnan(value) for value in values)


class ThroughputChart(Chart):
    """Received and sent over time, against what the port can carry."""

    def _key(self, state: State, port: PortId) -> object:
        assert state.frame is not None
        return port_view(state.frame, port).capacity, state.bits

    def _legend(self, state: State, port: PortId, width: int) -> Line:
        assert state.frame is not None
        flow = port_view(state.frame, port).throughput
        highs = state.highs.get(port, {})
        rx: Line = (("RX ", Role.RX), (units.rate(flow.rx_bps, state.bits), Role.STRONG), _SPACE)
        tx: Line = (("TX ", Role.TX), (units.rate(flow.tx_bps, state.bits), Role.STRONG), _SPACE)
        rx_high, tx_high = (
            ((f"high {units.rate(highs.get(name), state.bits)}", Role.DIM), _SPACE)
            for name in (RX, TX)
        )
        carries = port_view(state.frame, port).capacity
        right: Line = ()
        if carries is not None and width >= 50:
            role = Role.DIM if carries.by == "link" else Role.WARNING
            right = ((f"{carries.by} {units.rate(carries.bps, state.bits).strip()}", role),)
        room = width - line_width(right)
        if line_width((*rx, *tx, *rx_high, *tx_high)) <= room:
            return legend((rx, rx_high, tx, tx_high), right, width)
        return legend((rx, tx), right, width)

    def _draw(
        self, state: State, port: PortId, line: Timeline, room: tuple[int, int]
    ) -> list[Line]:
        assert state.frame is not None
        rx = resampled(state.history.series(port, RX), line, max)
        tx = resampled(state.history.series(port, TX), line, max)
        if _empty(rx) and _empty(tx):
            return waiting(room, self._nothing_yet())
        carries = port_view(state.frame, port).capacity
        limit = None
        if carries is not None:
            slot = carries.by != "link"
            label = f"{carries.by} limit" if slot else "line rate"
            limit = Rule(carries.bps, label, Role.WARNING if slot else Role.DIM)
        return throughput_lines(
            rx,
            tx,
            line,
            room,
            limit=limit,
            bits=state.bits,
            ascii_only=state.ascii,
        )


class TemperatureChart(Chart):
    """Module and ASIC over time, with their limits."""

    margin_columns = GUTTER + LABELS

    def _legend(self, state: State, port: PortId, width: int) -> Line:
        assert state.frame is not None
        highs = state.highs.get(port, {})
        sensors = {t.name: t for t in state.frame.ports[port].now.temperatures}
        numbers: list[Line] = []
        longer: list[Line] = []
        for name, (title, role) in SENSORS.items():
            if name in sensors:
                heat = state.heat.of(port, name)
                run = degrees(sensors[name], units.CELSIUS_WIDTH + 1, heat)
                shown = Role.STRONG if run[1] is Role.TEXT else run[1]
                high = units.celsius(highs.get(name)).strip()
                part: Line = ((f"{title} ", role), (run[0].strip(), shown), _SPACE)
                numbers.append(part)
                longer.append((*part, (f"high {high}", Role.DIM), _SPACE))
        right = self._coming(state, port, len(numbers))
        for parts, end in ((longer, right), (numbers, right), (numbers, right[-1:])):
            if sum(map(line_width, parts)) + line_width(end) <= width:
                return legend(parts, end, width)
        return legend(numbers, (), width)

    def _coming(self, state: State, port: PortId, sensors: int) -> Line:
        """What the worst sensor is on its way to."""
        worst = state.heat.worst(port)
        coming = short_forecast(worst)
        if coming is None or worst is None:
            return ()
        title = SENSORS[worst.sensor.name][0] if worst.sensor.name in SENSORS else ""
        return ((f"{title} ", Role.DIM), coming) if sensors > 1 else (coming,)

    def _key(self, state: State, port: PortId) -> object:
        return tuple(rules(state, port))

    def _draw(
        self, state: State, port: PortId, line: Timeline, room: tuple[int, int]
    ) -> list[Line]:
        curves = temperature_curves(state, port, line)
        if not curves:
            assert state.frame is not None
            now = state.frame.ports[port].now
            known = any(sensor.celsius is not None for sensor in now.temperatures)
            return waiting(room, self._nothing_yet() if known else _NO_TEMPERATURE)
        return temperature_lines(curves, rules(state, port), line, room, ascii_only=state.ascii)


_NO_TEMPERATURE = "no temperature is known: see page 2 of the port"
SENSORS = {MODULE: ("module", Role.MODULE), ASIC: ("ASIC", Role.ASIC)}
FAR = 25.0
"""°C below a limit from which on it is left out of the picture."""


def temperature_curves(
    state: State, port: PortId, line: Timeline
) -> dict[Role, tuple[str, list[float]]]:
    """The readings of each sensor, by role, with its name."""
    curves = {}
    for name, (title, role) in SENSORS.items():
        values = resampled(state.history.series(port, name), line, mean)
        if not _empty(values):
            curves[role] = (title, values)
    return curves


def rules(state: State, port: PortId) -> list[Rule]:
    """The limits of a port's sensors; those of the chip only where it comes near them."""
    found = []
    for name, (title, _) in SENSORS.items():
        heat = state.heat.of(port, name)
        if heat is None or heat.sensor.celsius is None:
            continue
        limits = heat.limits
        if name == MODULE or heat.sensor.celsius > limits.warning - FAR:
            found.append(Rule(limits.warning, f"{title} warning", Role.WARNING))
        if name == MODULE or heat.sensor.celsius > limits.alarm - FAR:
            found.append(Rule(limits.alarm, f"{title} alarm", Role.CRITICAL))
    return found
