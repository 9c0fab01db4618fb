"""The widget of the heat chart."""

from __future__ import annotations

from math import isnan, nan

from mlxtop.model.counters import Severity
from mlxtop.model.identity import PortId
from mlxtop.present.heat import forecast_run
from mlxtop.present.text import Line, Role
from mlxtop.tui.state import State
from mlxtop.tui.widgets.canvas import DOTS_X
from mlxtop.tui.widgets.chart import SENSORS, TemperatureChart, rules, temperature_curves
from mlxtop.tui.widgets.charts import legend, waiting
from mlxtop.tui.widgets.heatplot import (
    HeatPicture,
    Mark,
    future_columns,
    heat_lines,
    plot_columns,
)
from mlxtop.tui.widgets.timeline import Timeline, resampled
from mlxtop.watch.watch import RX, TX

_ROLES = {
    Severity.NOTE: Role.TEXT,
    Severity.WARNING: Role.WARNING,
    Severity.CRITICAL: Role.CRITICAL,
}


class HeatChart(TemperatureChart):
    """Temperatures with limits and forecast, and what the port carried meanwhile."""

    def _columns(self, width: int) -> int:
        columns = plot_columns(width)
        return columns - future_columns(columns)

    def _legend(self, state: State, port: PortId, width: int) -> Line:
        parts: list[Line] = []
        for name, (title, role) in SENSORS.items():
            heat = state.heat.of(port, name)
            if heat is not None and heat.sensor.celsius is not None:
                text, coming = forecast_run(heat.forecast, heat.sensor.celsius)
                celsius = f"{heat.sensor.celsius:.0f} °C "
                parts.append(((f"{title} ", role), (celsius, Role.STRONG), (f"{text}   ", coming)))
        return legend(parts, (), width)

    def _key(self, state: State, port: PortId) -> object:
        events = state.watch.event_count
        return tuple(rules(state, port)), self._forecast_ticks(state, port), events

    def _forecast_ticks(self, state: State, port: PortId) -> tuple[float, ...]:
        found = (state.heat.of(port, name) for name in SENSORS)
        return tuple(h.forecast.tick for h in found if h is not None and h.forecast is not None)

    def _draw(
        self, state: State, port: PortId, line: Timeline, room: tuple[int, int]
    ) -> list[Line]:
        past = temperature_curves(state, port, line)
        if not past:
            return waiting(room, "no temperature of this port is known: the reasons are below")
        ahead = future_columns(plot_columns(room[0])) * DOTS_X
        picture = HeatPicture(
            past,
            self._future(state, port, line, ahead),
            rules(state, port),
            {
                Role.RX: resampled(state.history.series(port, RX), line, max),
                Role.TX: resampled(state.history.series(port, TX), line, max),
            },
            self._marks(state, port, line),
            state.bits,
        )
        return heat_lines(picture, line, room, state.ascii)

    def _future(
        self, state: State, port: PortId, line: Timeline, dots: int
    ) -> dict[Role, list[float]]:
        """Expected values, a dot each, for sensors that are on their way."""
        found = {}
        for name, (_, role) in SENSORS.items():
            heat = state.heat.of(port, name)
            future = heat.forecast if heat else None
            if future is None or heat is None or heat.sensor.stale:
                continue
            begin = (line.last + 1) * line.step
            values = [future.at(begin + n * line.step) for n in range(dots)]
            expected = [nan if value is None else value for value in values]
            if not all(isnan(value) for value in expected):
                found[role] = expected
        return found

    def _marks(self, state: State, port: PortId, line: Timeline) -> list[Mark]:
        return [
            Mark(incident.tick, _ROLES[incident.severity])
            for _, incident in state.watch.events_of(port)
            if incident.tick is not None and incident.tick >= line.start
        ]
