"""The widgets of the charts of temperatures."""

from __future__ import annotations

from math import inf, isnan, nan

from mlxtop.analysis.port_view import PortView
from mlxtop.model.identity import PortId
from mlxtop.present import units
from mlxtop.present.heat import TITLES, crossings_ahead, degrees, outlook, short_outlook
from mlxtop.present.text import Line, Role, Run, line_width
from mlxtop.present.view import SEVERITY_ROLES
from mlxtop.tui.state import State, begin_of
from mlxtop.tui.time_axis import DOTS_X, TimeAxis
from mlxtop.tui.widgets import charts, heat_charts
from mlxtop.tui.widgets.canvas import resampled
from mlxtop.tui.widgets.chart import SPACE, Chart, edge_of, flows_of
from mlxtop.tui.widgets.charts import Rule, Size
from mlxtop.watch.heat import SensorHeat
from mlxtop.watch.watch import ASIC, MODULE

_NO_HEAT = "no temperature of this port is known: the reasons are below"
_NO_TEMPERATURE = "no temperature is known: see page 2 of the port"
_SENSORS = {MODULE: Role.MODULE, ASIC: Role.ASIC}
_FAR_C = 25.0
"""°C below a limit from which on it is left out of the picture."""


class TemperatureChart(Chart):
    """Module and ASIC over time, with their limits."""

    NAME = "Temperature"
    SOON_S = 2.0  # sensors are read no more often

    def _legend(self, state: State, view: PortView, width: int) -> Line:
        highs = state.watch.highs.get(view.id, {})
        urgent = _most_urgent(state, view.id)
        numbers: dict[str, Line] = {}
        longer: list[Line] = []
        for name, role in _SENSORS.items():
            if (sensor := view.now.now.sensor(name)) is not None:
                heat = state.heat.of(view.id, name)
                text, colour = degrees(sensor, units.CELSIUS_WIDTH + 1, heat)
                shown = Role.STRONG if colour is Role.TEXT else colour
                part: Line = ((f"{TITLES[name]} ", role), (text.strip(), shown), SPACE)
                numbers[name] = part
                high = f"high {units.celsius(highs.get(name)).strip()}"
                longer.append((*part, (high, Role.DIM), SPACE))
        short = short_outlook(urgent, state.clock()) if urgent else None
        right: Line = ()
        if urgent and short:
            title: Run = (f"{TITLES[urgent.sensor.name]} ", Role.DIM)
            right = (title, short) if len(numbers) > 1 else (short,)
        for parts in (longer, list(numbers.values())):
            if sum(map(line_width, parts)) + line_width(right) <= width:
                return charts.legend(parts, right, width)
        first = [numbers[urgent.sensor.name]] if urgent else list(numbers.values())
        return charts.legend(first, right[-1:], width)

    def _key(self, state: State, view: PortView) -> object:
        return tuple(_rules(state, view.id))

    def _draw(self, state: State, view: PortView, axis: TimeAxis, room: Size) -> list[Line]:
        curves = _curves(state, view.id, axis)
        if not curves or not self.moves:
            measured = any(sensor.celsius is not None for sensor in view.now.now.temperatures)
            return charts.waiting(room, self.nothing_yet() if measured else _NO_TEMPERATURE)
        rules, edge = _rules(state, view.id), edge_of(state, axis)
        return heat_charts.temperature_lines(
            curves, rules, axis, room, edge=edge, ascii_only=state.ascii
        )


def _most_urgent(state: State, port: PortId) -> SensorHeat | None:
    """Return the sensor in the worst state, of two the one that is at a limit sooner."""

    def urgency(heat: SensorHeat) -> tuple[int, float]:
        ahead = crossings_ahead(heat)
        return heat.alarm.state.level, -(ahead[-1][1].seconds or inf) if ahead else -inf

    heats = filter(None, (state.heat.of(port, name) for name in _SENSORS))
    return max(heats, key=urgency, default=None)


def _curves(state: State, port: PortId, axis: TimeAxis) -> dict[Role, tuple[str, list[float]]]:
    """Return the readings of each sensor, by role, with its name."""
    curves = {}
    for name, role in _SENSORS.items():
        values = resampled(state.watch.history.series(port, name), axis)
        if not all(map(isnan, values)):
            curves[role] = (TITLES[name], values)
    return curves


def _rules(state: State, port: PortId) -> list[Rule]:
    """Return the limits of a port's sensors, those that are broken first, then the nearest.

    Limits of the chip are there only where it comes near them.
    """
    rules: list[tuple[tuple[int, float], Rule]] = []
    for name in _SENSORS:
        heat = state.edge_heat.of(port, name)
        if heat is None or heat.sensor.celsius is None:
            continue
        for level, (kind, limit, role) in enumerate(
            (
                ("warning", heat.limits.warning, Role.WARNING),
                ("alarm", heat.limits.alarm, Role.CRITICAL),
            )
        ):
            ahead = limit - heat.sensor.celsius
            if name == MODULE or ahead < _FAR_C:
                order = (-1 - level, ahead) if ahead <= 0 else (0, ahead)
                rules.append((order, Rule(limit, f"{TITLES[name]} {kind}", role)))
    return [rule for _, rule in sorted(rules, key=lambda pair: pair[0])]


class HeatChart(TemperatureChart):
    """Temperatures with limits and forecast, and what the port carried meanwhile."""

    NAME = "Heat"

    def columns(self) -> int:
        columns = super().columns()
        return columns - heat_charts.future_columns(columns)

    def _legend(self, state: State, view: PortView, width: int) -> Line:
        clock, urgent = state.clock(), _most_urgent(state, view.id)
        forms: list[tuple[bool, tuple[Line, ...]]] = []
        """Of each sensor whether it is the most urgent; its long, short, bare and empty form."""
        for name, role in _SENSORS.items():
            heat = state.heat.of(view.id, name)
            if heat is not None and heat.sensor.celsius is not None:
                bare: Line = (
                    (f"{TITLES[name]} ", role),
                    (f"{heat.sensor.celsius:.0f} °C ", Role.STRONG),
                )
                soon = short_outlook(heat, clock) or ("", Role.DIM)
                long: Line = (*bare, outlook(heat, clock), SPACE)
                forms.append((heat is urgent, (long, (*bare, soon, SPACE), (*bare, SPACE), ())))
        for first, others in ((0, 0), (0, 1), (0, 2), (0, 3), (1, 1), (1, 2)):
            parts = [form[first if most else others] for most, form in forms]
            if sum(map(line_width, parts)) - len(SPACE[0]) <= width:
                break
        return charts.legend(parts, (), width)

    def _key(self, state: State, view: PortView) -> object:
        sensors = [state.edge_heat.of(view.id, name) for name in _SENSORS]
        ticks = tuple(h.forecast.tick for h in sensors if h is not None and h.forecast is not None)
        return tuple(_rules(state, view.id)), ticks, state.watch.events.total

    def _draw(self, state: State, view: PortView, axis: TimeAxis, room: Size) -> list[Line]:
        past = _curves(state, view.id, axis)
        if not past:
            return charts.waiting(room, _NO_HEAT)
        clock = state.clock()
        marks = [
            (begin_of(event, clock), SEVERITY_ROLES[event.incident.severity])
            for event in state.watch.events_of(view.id)
        ]
        ahead = (charts.plot_columns(room[0]) - axis.columns) * DOTS_X
        picture = heat_charts.HeatPicture(
            past,
            _future(state, view.id, axis, ahead),
            _rules(state, view.id),
            flows_of(state, view.id, axis),
            marks,
            state.bits,
            edge_of(state, axis),
        )
        return heat_charts.heat_lines(picture, axis, room, state.ascii)


def _future(state: State, port: PortId, axis: TimeAxis, dots: int) -> dict[Role, list[float]]:
    """Return expected values, a dot each, for sensors that are on their way.

    Nothing is expected of a picture that stands: what came then is known.
    """
    curves: dict[Role, list[float]] = {}
    if axis.frozen:
        return curves
    for name, role in _SENSORS.items():
        heat = state.heat.of(port, name)
        if heat is None or heat.forecast is None or heat.sensor.stale:
            continue
        values = [heat.forecast.at(axis.end + n * axis.dot_s) for n in range(dots)]
        expected = [nan if value is None else value for value in values]
        if not all(map(isnan, expected)):
            curves[role] = expected
    return curves
