"""A load test in words: its plan, its course, its outcome; alike for dialog and command."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from mlxtop.load.advice import next_step, troubles
from mlxtop.load.guard import guard_promise
from mlxtop.load.outcome import LoadStatus, Outcome, Phase, SensorHeat
from mlxtop.load.request import GuardOptions, LoadPlan
from mlxtop.load.soak import Soak
from mlxtop.model.load import FlowResult, Latency, LoadInterval
from mlxtop.model.sample import sensor_title
from mlxtop.present import units
from mlxtop.present.counted import counted_runs
from mlxtop.present.text import Role, Run, Section, clean, wrap

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
    role = Role.TEXT if options.armed and sensors else Role.WARNING
    return clean(f"guard: {guard_promise(options, sensors)}"), role


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
        return f"{text} ({ahead.limit:g} in {max(1.0, ahead.seconds):.0f} s)"
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


def thermometer(sensor: SensorHeat, cells: int = 20) -> str:
    """Return a bar from the temperature at the start to the warning limit.

    >>> from mlxtop.watch.heat_limits import HeatLimits
    >>> limits = HeatLimits(75.0, 80.0, None, "")
    >>> thermometer(SensorHeat("module", limits, start=50.0, last=65.0), 10)
    '━━━━━━────'
    """
    start, last, end = sensor.start, sensor.last, sensor.limits.warning
    if start is None or last is None or end <= start:
        return "─" * cells
    full = round(cells * min(1.0, max(0.0, (last - start) / (end - start))))
    return "━" * full + "─" * (cells - full)


def hold_line(status: LoadStatus) -> str:
    """Return the rate that is tried now, and thermometers: `hold: 24.5 Gb/s  module ━━━─ 75 °C`."""
    bars = (
        f"{sensor_name(one)} {'?' if one.last is None else f'{one.last:.1f}'} {thermometer(one)} "
        f"{one.limits.warning:g} °C"
        for one in status.sensors
    )
    return clean(f"hold: {rate(status.aim_bps)}  " + "  ".join(bars))


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
    """Yield the worst first, then the figures, the verdict, the heat and what to try next."""
    for trouble in troubles(outcome):
        yield clean(trouble.text), Role.CRITICAL if trouble.critical else Role.WARNING
    if outcome.hold is not None:
        yield clean(outcome.hold.verdict), Role.STRONG
    for place, text in enumerate(_figures(outcome)):
        yield clean(text), Role.STRONG if place == 0 and not outcome.failed else Role.TEXT
    if outcome.rate is not None:
        yield clean(outcome.verdict_text), Role.TEXT
    if outcome.counters is not None:
        check, tool = outcome.counters.document(), outcome.plan.request.tool
        yield from ((f"counters: {text}", role) for text, role in counted_runs(check, tool))
    yield from ((clean(text), Role.TEXT) for text in _remarks(outcome))
    if (step := next_step(outcome)) is not None:
        yield clean(f"next: {step}"), Role.ACCENT
    if outcome.run:
        yield f"recorded as {outcome.run} (mlxtop runs show {outcome.run})", Role.TEXT


def _remarks(outcome: Outcome) -> Iterator[str]:
    yield from map(_heat, outcome.sensors)
    if not outcome.sensors:
        yield "heat: no sensor could be read, so that nothing was guarded"
    elif not outcome.heat.armed:
        yield "heat: the guard was off"
    for soak in outcome.soak:
        yield f"soak: {soak.name} {soak.verdict}{_soak(soak)}"
    if outcome.problem:
        yield outcome.problem


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
        lost = "" if result.flow.bps is not None else ", ".join(("", *_losses(result.flow)))
        lines.append(_latency(result.latency) + lost)
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
