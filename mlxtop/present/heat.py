"""Temperatures with their limits, their state and where they are heading, in words."""

from __future__ import annotations

from mlxtop.analysis.forecast import Crossing, Forecast, Trend
from mlxtop.model.sample import Temperature
from mlxtop.present import units
from mlxtop.present.text import LABEL_WIDTH, Line, Role, Run, Section, fit
from mlxtop.present.view import View, age, fact
from mlxtop.watch.heat import SensorHeat
from mlxtop.watch.heat_limits import AlarmState, limits_of

TITLES = {"module": "module", "asic": "ASIC"}

STATES = {
    AlarmState.OK: (" ", Role.TEXT),
    AlarmState.WARMING: ("↑", Role.WARNING),
    AlarmState.STALE: ("?", Role.DIM),
    AlarmState.WARNING: ("▲", Role.WARNING),
    AlarmState.ALARM: ("!", Role.CRITICAL),
    AlarmState.SHUTDOWN: ("!", Role.CRITICAL),
}
"""Mark and role of a state."""


def degrees(sensor: Temperature | None, columns: int, heat: SensorHeat | None = None) -> Run:
    """Return degrees with a mark: `↑` on the way to a limit, `▲` warning, `!` alarm, `?` old.

    Without `heat`, where nobody follows the sensor, its own limits decide.
    """
    if sensor is None or sensor.celsius is None:
        return fit(units.NONE + " ", columns, right=True), Role.FAINT
    mark, role = " ", Role.TEXT
    if heat is not None:
        mark, role = STATES[heat.alarm.state]
    elif sensor.stale:
        mark, role = "?", Role.DIM
    elif sensor.critical is not None and sensor.celsius >= sensor.critical:
        mark, role = "!", Role.CRITICAL
    elif sensor.warning is not None and sensor.celsius >= sensor.warning:
        mark, role = "▲", Role.WARNING
    return fit(units.celsius(sensor.celsius) + mark, columns, right=True), role


def forecast_run(future: Forecast | None, reading: float | None = None) -> Run:
    """Return where a temperature is heading; limits that the `reading` has passed are left out."""
    if future is None or future.trend is Trend.UNKNOWN or future.now is None:
        return "not enough readings yet", Role.DIM
    coming = [each for each in _crossings(future) if reading is None or reading < each[1].limit]
    if coming:
        text = ", ".join(f"{name} {_reached(crossing)}" for name, crossing, _ in coming)
        return text, coming[-1][2]
    return _settling(future), Role.TEXT


def _crossings(future: Forecast) -> list[tuple[str, Crossing, Role]]:
    """Return the limits that will be passed, with their names."""
    warning, alarm = future.warning, future.alarm
    ends = (("warning", warning, Role.WARNING), ("alarm", alarm, Role.CRITICAL))
    return [(name, end, role) for name, end, role in ends if end is not None and end.seconds]


def _reached(crossing: Crossing) -> str:
    """Return `80 °C in 3 min 40 s ± 30 s`, no finer than the forecast is."""
    error = crossing.error or 0.0
    grain = 1 if error < 10 else 5 if error < 60 else 30
    seconds = round((crossing.seconds or 0.0) / grain) * grain
    doubt = max(grain, round(error / grain) * grain)
    span = units.duration(max(seconds, grain))
    return f"{crossing.limit:.0f} °C in {span} ± {units.duration(doubt)}"


def _settling(future: Forecast) -> str:
    level = f"{future.now:.0f} °C"
    if future.trend is Trend.STABLE:
        text = f"stable at {level}"
    elif future.settles is None or future.error is None:
        text = f"{future.trend}, too early to tell where to"
    else:
        doubt = max(1, round(future.error))
        text = f"{future.trend}, settles at {future.settles:.0f} ± {doubt} °C"
    for name, crossing in (("warning", future.warning), ("alarm", future.alarm)):
        if crossing is not None and crossing.never and future.trend is Trend.RISING:
            return f"{text}, {name} {crossing.limit:.0f} °C never"
    return text


def short_forecast(heat: SensorHeat | None) -> Run | None:
    """Return what is coming, for the legend of a chart."""
    future = heat.forecast if heat else None
    if future is None:
        return None
    if crossings := _crossings(future):
        name, crossing, role = crossings[-1]
        return f"{name} in {units.duration(round(crossing.seconds or 0.0))}", role
    if future.trend is Trend.RISING and future.settles is not None:
        return f"settles {future.settles:.0f} °C", Role.DIM
    return None


def state_run(heat: SensorHeat | None, sensor: Temperature) -> Run:
    """Return the state in a word, as colour alone says nothing to some."""
    if heat is None:
        return ("stale", Role.DIM) if sensor.stale else ("", Role.TEXT)
    state = heat.alarm.state
    if state is AlarmState.OK:
        return "ok", Role.GOOD
    return f"{STATES[state][0]} {state}", STATES[state][1]


def temperatures(view: View) -> Section:
    """Return the section of page 2."""
    why = view.why()
    lines: list[Line] = []
    for name, title in TITLES.items():
        sensor = view.now.now.sensor(name)
        if sensor is None or sensor.celsius is None:
            lines.append(fact(title, None, why.get(f"{name}_c", "")))
        else:
            lines.extend(_sensor(view, title, sensor))
        lines.append(())
    return Section("Temperature", tuple(lines[:-1]))


def _sensor(view: View, title: str, sensor: Temperature) -> list[Line]:
    heat = view.heat_of(sensor.name)
    limits = heat.limits if heat else limits_of(sensor, view.now.now, view.adapter)
    state, role = state_run(heat, sensor)
    strong = Role.STRONG if role in (Role.GOOD, Role.TEXT) else role
    ends = [f"warning {limits.warning:.0f}", f"alarm {limits.alarm:.0f}"]
    if limits.shutdown is not None:
        ends.append(f"shutdown {limits.shutdown:.0f}")
    degree, word = f"{sensor.celsius:.1f} °C", f"  {state}" if state else ""
    lines: list[Line] = [((fit(title, LABEL_WIDTH + 1), Role.DIM), (degree, strong), (word, role))]
    if heat is not None:
        text, coming = forecast_run(heat.forecast, sensor.celsius)
        lines.append(fact("  forecast", text, role=coming))
    lines += [
        fact("  limits", ", ".join(ends) + " °C", note=limits.source),
        fact("  highest", _highest(sensor, view.highs.get(sensor.name)), "not recorded"),
    ]
    if sensor.problem:
        lines.append(fact("  problem", sensor.problem, role=Role.WARNING))
    if sensor.source:
        lines.append(fact("  source", sensor.source, role=Role.DIM, note=age(view, sensor.tick)))
    return lines


def _highest(sensor: Temperature, here: float | None) -> str | None:
    highs = ((here, "seen here"), (sensor.highest, "since the driver was loaded"))
    parts = (f"{units.celsius(c).strip()} {since}" for c, since in highs if c is not None)
    return ", ".join(parts) or None
