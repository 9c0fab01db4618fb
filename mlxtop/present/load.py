"""A load test in words: its plan, its course, its outcome; alike for dialog and command."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from mlxtop.load.outcome import LoadStatus, Outcome, Phase, SensorHeat
from mlxtop.load.request import GuardOptions, LoadPlan
from mlxtop.load.soak import Soak
from mlxtop.model.load import FlowResult, Latency, LoadInterval
from mlxtop.model.sample import sensor_title
from mlxtop.present import units
from mlxtop.present.text import Role, Run, Section, clean, wrap

SEVERE = ("shutdown", "alarm", "warning", "")
"""Limits that a sensor can have passed, the worst first."""
_SERVER_LINES = 8
"""Lines of the servers that are listed."""


def rate(bps: float | None) -> str:
    """Return a rate with its unit, not padded."""
    return units.rate(bps).strip()


def plan_runs(plan: LoadPlan) -> Iterator[Run]:
    """Yield what will be run at both ends, and what is to be known before."""
    yield from ((f"refused: {clean(text)}", Role.CRITICAL) for text in plan.refusals)
    yield from ((f"warning: {clean(text)}", Role.WARNING) for text in plan.warnings)
    yield from ((f"note: {clean(text)}", Role.DIM) for text in plan.notes)
    if plan.port_name:
        mtu = f", MTU {plan.mtu}" if plan.mtu else ""
        carry = [member.name for member in plan.members if member.carries]
        ports = f"ports {', '.join(carry)}" if len(carry) > 1 else f"port {plan.port_name}"
        which = plan.device if len(carry) > 1 else plan.port
        yield clean(f"{ports} ({which}){mtu} to {plan.target}"), Role.TEXT
    if plan.expected is not None:
        yield clean(f"expected at most {rate(plan.expected)} ({plan.bound_by})"), Role.TEXT
    if plan.server:
        yield clean("At the far end, before: " + " ".join(plan.server)), Role.STRONG
    yield from ((clean(f"here: {line}"), Role.TEXT) for line in plan.lines)


def wrapped(title: str, runs: Iterable[Run], columns: int) -> Section:
    """Return runs as a section whose lines are at most `columns` wide."""
    return Section(title, tuple(((line, r),) for text, r in runs for line in wrap(text, columns)))


def guard_text(options: GuardOptions, sensors: Sequence[SensorHeat]) -> Run:
    """Return at what temperatures the heat guard stops a load, and how long before them."""
    if not options.armed:
        return "guard: off, nothing stops the load when it gets hot", Role.WARNING
    if not sensors:
        return "guard: no sensor that could stop the load", Role.WARNING
    limits = ", ".join(f"{sensor_name(one)} {one.limits.warning:g} °C" for one in sensors)
    early = f", or {options.ahead:g} s before" if options.ahead else ""
    return f"guard: stops at {limits}{early}", Role.TEXT


def sensor_name(sensor: SensorHeat) -> str:
    """Return the name of a sensor as people write it, `eth0 ASIC`."""
    return clean(sensor_title(sensor.name))


def sensor_text(sensor: SensorHeat) -> str:
    """Return a sensor's reading and forecast: `module 61.2 °C (70 in 40 s)`."""
    name = sensor_name(sensor)
    if sensor.problem:
        return f"{name} ? ({clean(sensor.problem)})"
    text = f"{name} {sensor.last:.1f} °C" if sensor.last is not None else name
    ahead = sensor.forecast.warning if sensor.forecast else None
    if ahead is not None and ahead.seconds is not None:
        return f"{text} ({ahead.limit:g} in {ahead.seconds:.0f} s)"
    settles = sensor.forecast.settles if sensor.forecast else None
    return f"{text} (settles at {settles:.0f})" if settles is not None else text


def interval_line(interval: LoadInterval, sensors: Iterable[SensorHeat] = ()) -> str:
    """Return one interval and the sensors: `  3 s  46.1 Gb/s  12 retransmits  …`."""
    parts = (
        f"{interval.end:6.1f} s",
        units.rate(interval.bps),
        "" if interval.reverse_bps is None else f"back {units.rate(interval.reverse_bps)}",
        *_losses(interval),
        "" if interval.rtt is None else f"rtt {interval.rtt * 1e3:.2f} ms",
        "warm-up, not counted" if interval.omitted else "",
        *map(sensor_text, sensors),
    )
    return "  ".join(filter(None, parts))


def status_line(status: LoadStatus) -> str:
    """Return the phase, how long it still lasts, and the sensors: `cooling down, 12 s left  …`."""
    left = "" if status.left is None else f", {status.left:.0f} s left"
    ahead = status.phase is Phase.LOAD  # what was ahead under load is not while it cools down
    sensors = (sensor_text(one if ahead else one._replace(forecast=None)) for one in status.sensors)
    return "  ".join((f"{status.phase}{left}", *sensors))


def _losses(part: LoadInterval | FlowResult) -> Iterator[str]:
    if part.retransmits is not None:
        yield f"{part.retransmits} retransmits"
    if part.lost is not None:
        yield f"{part.lost} of {part.packets} lost"
    elif part.packets is not None and part.jitter is not None:
        yield f"{part.packets} packets, loss unknown"


def outcome_runs(outcome: Outcome) -> Iterator[Run]:
    """Yield what went wrong, the worst first; then the figures, the verdict and the rest."""
    if outcome.ended != "complete":
        yield clean(outcome.ended), Role.CRITICAL if outcome.heat.reason else Role.WARNING
        if outcome.heat.reason and outcome.rate:
            slower = f"-b {max(1, round(outcome.rate / 2e9))}G"
            yield f"try half the rate ({slower}), or move more air over the card", Role.TEXT
    hot = sorted(outcome.sensors, key=lambda one: SEVERE.index(one.passed[0] if one.passed else ""))
    for sensor in hot:
        if sensor.passed is not None:
            name, limit = sensor.passed
            role = Role.WARNING if name == "warning" else Role.CRITICAL
            yield f"{sensor_name(sensor)} passed its {name} limit of {limit:g} °C", role
    for place, text in enumerate(_figures(outcome)):
        yield clean(text), Role.STRONG if place == 0 and not outcome.failed else Role.TEXT
    if outcome.rate is not None:
        yield clean(outcome.verdict_text), Role.TEXT
    yield from ((clean(text), Role.TEXT) for text in _remarks(outcome))


def _remarks(outcome: Outcome) -> Iterator[str]:
    yield from map(_heat, outcome.sensors)
    if not outcome.sensors:
        yield "heat: no sensor could be read, so that nothing was guarded"
    elif not outcome.heat.armed:
        yield "heat: the guard was off"
    for moved in outcome.moved:
        yield f"{moved.name} +{moved.events} ({moved.severity}): {moved.help}"
    for soak in outcome.soak:
        yield f"soak: {soak.name} {soak.verdict}{_soak(soak)}"
    if outcome.problem:
        yield outcome.problem
    if outcome.run:
        yield f"recorded as {outcome.run} (mlxtop runs show {outcome.run})"


def _figures(outcome: Outcome) -> list[str]:
    result = outcome.result
    if result is None:
        return []
    lines = []
    for name, flow in (("", result.flow), ("back: ", result.reverse)):
        if flow is None or (flow.received_bps is None and flow.sent_bps is None):
            continue
        ends = ("received", flow.received_bps), ("sent", flow.sent_bps)
        parts = [f"{rate(bps)} {end}" for end, bps in ends if bps is not None]
        parts = [name + parts[0], *parts[1:], *_losses(flow)]
        if not name and result.seconds is not None:
            parts.append(f"{result.seconds:.1f} s")
        lines.append(", ".join(parts))
    if result.latency is not None:
        lines.append(_latency(result.latency))
    if result.cpu_local is not None:
        far = "" if result.cpu_remote is None else f", there {result.cpu_remote:.0f} %"
        lines.append(f"CPU of {outcome.plan.request.tool} here {result.cpu_local:.0f} %{far}")
    return lines


def _latency(latency: Latency) -> str:
    named = (
        *(("min", latency.min), ("typical", latency.typical), ("average", latency.average)),
        *(("99 %", latency.p99), ("max", latency.max)),
    )
    texts = [f"{name} {value * 1e6:.2f} µs" for name, value in named if value is not None]
    return "latency: " + ", ".join(texts)


def _heat(sensor: SensorHeat) -> str:
    start, peak = ("–" if t is None else f"{t:.1f}" for t in (sensor.start, sensor.peak))
    text = f"{sensor_name(sensor)}: {start} °C at the start, {peak} at most"
    if sensor.settled is not None:
        text += f", {sensor.settled:.1f} after the cool-down"
    if sensor.peak is not None and sensor.passed is None:
        text += f", {sensor.limits.warning - sensor.peak:.1f} below its warning limit"
    return f"{text} (warning {sensor.limits.warning:g}, {sensor.limits.source})"


def _soak(soak: Soak) -> str:
    parts = (
        "" if soak.rise is None else f"{soak.rise:.1f} °C rise",
        "" if soak.constant is None else f"time constant {soak.constant:.0f} s",
        "" if soak.per_gbps is None else f"{soak.per_gbps:.3f} °C per Gb/s",
    )
    return "; " + ", ".join(filter(None, parts)) if any(parts) else ""


def server_section(running: int, lines: Sequence[str], columns: int) -> Section:
    """Return the servers of this host and what they print."""
    title = f"Server here ({running} waiting or serving)" if running else "Server here (ended)"
    return wrapped(title, [(line, Role.DIM) for line in lines[-_SERVER_LINES:]], columns)
