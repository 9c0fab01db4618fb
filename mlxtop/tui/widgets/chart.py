"""The widgets of the charts: they draw anew when a step of time is complete, never more often."""

from __future__ import annotations

from math import isnan, nan
from typing import TYPE_CHECKING, cast

from mlxtop.analysis.port_view import PortView, port_view
from mlxtop.model.identity import PortId
from mlxtop.present import units
from mlxtop.present.heat import TITLES, degrees, forecast_run, short_forecast
from mlxtop.present.text import Line, Role, Run, line_width
from mlxtop.present.view import SEVERITY_ROLES
from mlxtop.tui.state import State
from mlxtop.tui.widgets import charts
from mlxtop.tui.widgets.canvas import DOTS_X, GUTTER, LABELS, Timeline, mean, resampled, timeline
from mlxtop.tui.widgets.charts import Rule
from mlxtop.tui.widgets.lines import Lines
from mlxtop.watch.watch import ASIC, MODULE, RX, TX

if TYPE_CHECKING:
    from mlxtop.tui.app import MlxtopApp

Size = tuple[int, int]
_SPACE: Run = ("  ", Role.DIM)
_NO_HEAT = "no temperature of this port is known: the reasons are below"
_NO_TEMPERATURE = "no temperature is known: see page 2 of the port"
_SENSORS = {MODULE: Role.MODULE, ASIC: Role.ASIC}
_FAR_C = 25.0
"""°C below a limit from which on it is left out of the picture."""


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
        view, room = port_view(frame, port), (width, height - 1)
        tick = (state.newest or frame).sample.tick if not state.paused else frame.sample.tick
        line = timeline(tick, self._columns(width), state.window, interval)
        drawn = (port, line, room, self._key(state, view))
        if drawn != self._drawn:
            self._drawn, enough = drawn, room[1] >= charts.LEAST_ROWS
            self._picture = self._draw(state, view, line, room) if enough else []
        self.show([self._legend(state, view, width), *self._picture])

    def _nothing_yet(self) -> str:
        """Return what stands in place of curves without a point."""
        rates = cast("MlxtopApp", self.app).source.kind.has_rates
        return "the first points come soon" if rates else "a capture is one instant"

    def _columns(self, width: int) -> int:
        """Return the columns for the past."""
        return width - self.margin_columns

    def on_resize(self) -> None:
        if self._given is not None:
            self.update(*self._given)

    def _key(self, state: State, view: PortView) -> object:
        """Return what else the picture depends on."""
        raise NotImplementedError

    def _legend(self, state: State, view: PortView, width: int) -> Line:
        raise NotImplementedError

    def _draw(self, state: State, view: PortView, line: Timeline, room: Size) -> list[Line]:
        raise NotImplementedError


class ThroughputChart(Chart):
    """Received and sent over time, against what the port can carry."""

    def _key(self, state: State, view: PortView) -> object:
        return view.capacity, state.bits

    def _legend(self, state: State, view: PortView, width: int) -> Line:
        flow, carries, highs = view.throughput, view.capacity, state.watch.highs.get(view.id, {})
        rx: Line = (("RX ", Role.RX), (units.rate(flow.rx_bps, state.bits), Role.STRONG), _SPACE)
        tx: Line = (("TX ", Role.TX), (units.rate(flow.tx_bps, state.bits), Role.STRONG), _SPACE)
        rx_high, tx_high = (
            ((f"high {units.rate(highs.get(name), state.bits)}", Role.DIM), _SPACE)
            for name in (RX, TX)
        )
        right: Line = ()
        if carries is not None and width >= 50:
            role = Role.DIM if carries.by == "link" else Role.WARNING
            right = ((f"{carries.by} {units.rate(carries.bps, state.bits).strip()}", role),)
        if line_width((*rx, *tx, *rx_high, *tx_high)) <= width - line_width(right):
            return charts.legend((rx, rx_high, tx, tx_high), right, width)
        return charts.legend((rx, tx), right, width)

    def _draw(self, state: State, view: PortView, line: Timeline, room: Size) -> list[Line]:
        rx, tx = (
            resampled(state.watch.history.series(view.id, name), line, max) for name in (RX, TX)
        )
        if all(map(isnan, (*rx, *tx))):
            return charts.waiting(room, self._nothing_yet())
        carries, limit = view.capacity, None
        if carries is not None and carries.by == "link":
            limit = Rule(carries.bps, "line rate", Role.DIM)
        elif carries is not None:
            limit = Rule(carries.bps, f"{carries.by} limit", Role.WARNING)
        return charts.throughput_lines(
            rx, tx, line, room, limit=limit, bits=state.bits, ascii_only=state.ascii
        )


class TemperatureChart(Chart):
    """Module and ASIC over time, with their limits."""

    margin_columns = GUTTER + LABELS

    def _legend(self, state: State, view: PortView, width: int) -> Line:
        highs = state.watch.highs.get(view.id, {})
        numbers: list[Line] = []
        longer: list[Line] = []
        for name, role in _SENSORS.items():
            if (sensor := view.now.now.sensor(name)) is not None:
                heat = state.watch.heat.of(view.id, name)
                text, colour = degrees(sensor, units.CELSIUS_WIDTH + 1, heat)
                shown = Role.STRONG if colour is Role.TEXT else colour
                part: Line = ((f"{TITLES[name]} ", role), (text.strip(), shown), _SPACE)
                numbers.append(part)
                high = f"high {units.celsius(highs.get(name)).strip()}"
                longer.append((*part, (high, Role.DIM), _SPACE))
        right = _coming(state, view.id, len(numbers))
        for parts, end in ((longer, right), (numbers, right), (numbers, right[-1:])):
            if sum(map(line_width, parts)) + line_width(end) <= width:
                return charts.legend(parts, end, width)
        return charts.legend(numbers, (), width)

    def _key(self, state: State, view: PortView) -> object:
        return tuple(_rules(state, view.id))

    def _draw(self, state: State, view: PortView, line: Timeline, room: Size) -> list[Line]:
        curves = _curves(state, view.id, line)
        if not curves:
            measured = any(sensor.celsius is not None for sensor in view.now.now.temperatures)
            return charts.waiting(room, self._nothing_yet() if measured else _NO_TEMPERATURE)
        rules = _rules(state, view.id)
        return charts.temperature_lines(curves, rules, line, room, state.ascii)


def _coming(state: State, port: PortId, sensors: int) -> Line:
    """Return what the worst sensor is on its way to."""
    worst = state.watch.heat.worst(port)
    coming = short_forecast(worst)
    if coming is None or worst is None:
        return ()
    title = TITLES.get(worst.sensor.name, "")
    return ((f"{title} ", Role.DIM), coming) if sensors > 1 else (coming,)


def _curves(state: State, port: PortId, line: Timeline) -> dict[Role, tuple[str, list[float]]]:
    """Return the readings of each sensor, by role, with its name."""
    curves = {}
    for name, role in _SENSORS.items():
        values = resampled(state.watch.history.series(port, name), line, mean)
        if not all(map(isnan, values)):
            curves[role] = (TITLES[name], values)
    return curves


def _rules(state: State, port: PortId) -> list[Rule]:
    """Return the limits of a port's sensors; those of the chip only where it comes near them."""
    rules = []
    for name in _SENSORS:
        heat = state.watch.heat.of(port, name)
        if heat is None or heat.sensor.celsius is None:
            continue
        for level, celsius, role in (
            ("warning", heat.limits.warning, Role.WARNING),
            ("alarm", heat.limits.alarm, Role.CRITICAL),
        ):
            if name == MODULE or heat.sensor.celsius > celsius - _FAR_C:
                rules.append(Rule(celsius, f"{TITLES[name]} {level}", role))
    return rules


class HeatChart(TemperatureChart):
    """Temperatures with limits and forecast, and what the port carried meanwhile."""

    def _columns(self, width: int) -> int:
        columns = charts.plot_columns(width)
        return columns - charts.future_columns(columns)

    def _legend(self, state: State, view: PortView, width: int) -> Line:
        parts: list[Line] = []
        for name, role in _SENSORS.items():
            heat = state.watch.heat.of(view.id, name)
            if heat is not None and heat.sensor.celsius is not None:
                text, coming = forecast_run(heat.forecast, heat.sensor.celsius)
                celsius = f"{heat.sensor.celsius:.0f} °C "
                title: Run = (f"{TITLES[name]} ", role)
                parts.append((title, (celsius, Role.STRONG), (f"{text}   ", coming)))
        return charts.legend(parts, (), width)

    def _key(self, state: State, view: PortView) -> object:
        sensors = [state.watch.heat.of(view.id, name) for name in _SENSORS]
        ticks = tuple(h.forecast.tick for h in sensors if h is not None and h.forecast is not None)
        return tuple(_rules(state, view.id)), ticks, state.watch.event_count

    def _draw(self, state: State, view: PortView, line: Timeline, room: Size) -> list[Line]:
        port = view.id
        past = _curves(state, port, line)
        if not past:
            return charts.waiting(room, _NO_HEAT)
        ahead = charts.future_columns(charts.plot_columns(room[0])) * DOTS_X
        flows = {
            role: resampled(state.watch.history.series(port, name), line, max)
            for role, name in ((Role.RX, RX), (Role.TX, TX))
        }
        marks = [
            (incident.tick, SEVERITY_ROLES[incident.severity])
            for _, incident in state.watch.events_of(port)
            if incident.tick is not None and incident.tick >= line.start
        ]
        future = _future(state, port, line, ahead)
        rules = _rules(state, port)
        picture = charts.HeatPicture(past, future, rules, flows, marks, state.bits)
        return charts.heat_lines(picture, line, room, state.ascii)


def _future(state: State, port: PortId, line: Timeline, dots: int) -> dict[Role, list[float]]:
    """Return expected values, a dot each, for sensors that are on their way."""
    curves = {}
    begin = (line.last + 1) * line.step
    for name, role in _SENSORS.items():
        heat = state.watch.heat.of(port, name)
        if heat is None or heat.forecast is None or heat.sensor.stale:
            continue
        values = [heat.forecast.at(begin + n * line.step) for n in range(dots)]
        expected = [nan if value is None else value for value in values]
        if not all(map(isnan, expected)):
            curves[role] = expected
    return curves
