"""Temperatures with their limits, their state and where they are heading, in words."""

from __future__ import annotations

from time import localtime, strftime
from typing import NamedTuple

from mlxtop.analysis.crossing import Crossing
from mlxtop.analysis.forecast import Forecast, Trend
from mlxtop.model.sample import Temperature
from mlxtop.present import units
from mlxtop.present.text import LABEL_WIDTH, Line, Role, Run, Section, fit
from mlxtop.present.view import View, age, below, fact
from mlxtop.watch.heat import SensorHeat
from mlxtop.watch.heat_limits import AlarmState

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


class Clock(NamedTuple):
    """An instant by both clocks: monotonic and epoch seconds."""

    tick: float
    wall: float

    def time(self, tick: float) -> str:
        """Return the time of day at a monotonic second."""
        return strftime("%H:%M:%S", localtime(self.wall + tick - self.tick))


_BEYOND = {
    AlarmState.WARNING: "warning",
    AlarmState.ALARM: "alarm",
    AlarmState.SHUTDOWN: "shutdown",
}
"""States of a sensor that has passed a limit, by the name of that limit."""


def outlook(heat: SensorHeat, clock: Clock) -> Run:
    """Return where a sensor is heading: the limit it is beyond, since when, and those ahead.

    What cools down says when its warning will be over.
    """
    future, role = heat.forecast, STATES[heat.alarm.state][1]
    parts = _beyond(heat, clock)
    if future is None or future.trend is Trend.UNKNOWN or future.now is None:
        return (parts[0], role) if parts else ("not enough readings yet", Role.DIM)
    coming = crossings_ahead(heat)
    if not parts and not coming:
        return _settling(future), Role.TEXT
    if not parts:
        role = coming[-1][2]
    parts += [
        f"{name} {_reached(end, seconds_left(future, end, clock.tick))}" for name, end, _ in coming
    ]
    if future.back is not None and future.back.seconds:
        left = seconds_left(future, future.back, clock.tick)
        parts.append(f"back below warning in {_span(future.back, left)}")
    elif len(parts) == 1 and not coming:
        parts.append(_settling(future))
    return ", ".join(parts), role


def _beyond(heat: SensorHeat, clock: Clock) -> list[str]:
    """Return the limit that a sensor is beyond and since when; nothing while it is below."""
    name, since = _BEYOND.get(heat.alarm.state), heat.alarm.since
    return [f"at {name} since {clock.time(since)}"] if name and since is not None else []


def crossings_ahead(heat: SensorHeat) -> list[tuple[str, Crossing, Role]]:
    """Return the limits that a sensor will pass, with their names; not those it has reached."""
    future, now = heat.forecast, heat.sensor.celsius
    if future is None or now is None:
        return []
    ends = (("warning", future.warning, Role.WARNING), ("alarm", future.alarm, Role.CRITICAL))
    return [
        (name, end, role)
        for name, end, role in ends
        if end is not None and end.seconds and now < end.limit
    ]


def seconds_left(future: Forecast | None, crossing: Crossing, now: float) -> int:
    """Return whole seconds until a limit, at least 1, counted down from the forecast's instant."""
    passed = now - future.tick if future else 0.0
    return max(1, round((crossing.seconds or 0.0) - passed))


def _reached(crossing: Crossing, left: int) -> str:
    return f"{crossing.limit:.0f} °C in {_span(crossing, left)}"


def _span(crossing: Crossing, left: int) -> str:
    """Return `3 min 40 s ± 30 s`, no finer than the forecast is."""
    error = crossing.error or 0.0
    grain = 1 if error < 10 else 5 if error < 60 else 30
    seconds = round(left / grain) * grain
    doubt = max(grain, round(error / grain) * grain)
    return f"{units.duration(max(seconds, grain))} ± {units.duration(doubt)}"


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


def short_outlook(heat: SensorHeat, clock: Clock) -> Run | None:
    """Return what is coming or has come, for the legend of a chart."""
    future = heat.forecast
    if future is not None and (coming := crossings_ahead(heat)):
        name, crossing, role = coming[-1]
        return f"{name} in {units.duration(seconds_left(future, crossing, clock.tick))}", role
    if beyond := _beyond(heat, clock):
        role = STATES[heat.alarm.state][1]
        if future is not None and future.back is not None and future.back.seconds:
            seconds = seconds_left(future, future.back, clock.tick)
            return f"below warning in {units.duration(seconds)}", role
        return beyond[0], role
    if future is not None and future.trend is Trend.RISING and future.settles is not None:
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
    heat, limits = view.heat_of(sensor.name), view.limits(sensor)
    state, role = state_run(heat, sensor)
    strong = Role.STRONG if role in (Role.GOOD, Role.TEXT) else role
    ends = [f"warning {limits.warning:.0f}", f"alarm {limits.alarm:.0f}"]
    if limits.shutdown is not None:
        ends.append(f"shutdown {limits.shutdown:.0f}")
    degree, word = f"{sensor.celsius:.1f} °C", f"  {state}" if state else ""
    lines: list[Line] = [((fit(title, LABEL_WIDTH + 1), Role.DIM), (degree, strong), (word, role))]
    if heat is not None:
        sample = view.frame.sample
        text, coming = outlook(heat, Clock(sample.tick, sample.wall))
        lines += below("  forecast", text, view.columns, coming)
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
