"""A load test in words: its plan, its course, its outcome; alike for dialog and command."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from mlxtop.load.advice import next_step, troubles
from mlxtop.load.outcome import LoadStatus, Outcome, Phase, SensorHeat
from mlxtop.load.request import LoadPlan
from mlxtop.load.soak import Soak
from mlxtop.model.load import FlowResult, Latency, LoadInterval
from mlxtop.present import units
from mlxtop.present.text import Line, Role, Run, Section, clean, labelled, wrap

_LEVELS = "▁▂▃▄▅▆▇█"
_NEWEST = 4
"""Intervals that are listed."""
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
    if plan.guard:
        yield clean(f"heat guard: {plan.guard}"), Role.TEXT


def wrapped(title: str, runs: Iterable[Run], columns: int) -> Section:
    """Return runs as a section whose lines are at most `columns` wide."""
    return Section(title, tuple(((line, r),) for text, r in runs for line in wrap(text, columns)))


def sensor_text(sensor: SensorHeat) -> str:
    """Return a sensor's reading and forecast: `module 61.2 °C (70 in 40 s)`."""
    if sensor.problem:
        return clean(f"{sensor.name} ? ({sensor.problem})")
    text = f"{sensor.name} {sensor.last:.1f} °C" if sensor.last is not None else sensor.name
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
        f"{one.name} {'?' if one.last is None else f'{one.last:.1f}'} {thermometer(one)} "
        f"{one.limits.warning:g} °C"
        for one in status.sensors
    )
    return clean(f"hold: {rate(status.aim_bps)}  " + "  ".join(bars))


def cooling_line(status: LoadStatus) -> str:
    """Return one second of the cool-down: `cooling   4 s  asic 71.5 °C (52.0 at the start)`."""
    parts = []
    for sensor in status.sensors:
        start = "" if sensor.start is None else f" ({sensor.start:.1f} at the start)"
        now = "?" if sensor.last is None else f"{sensor.last:.1f} °C"
        parts.append(f"{sensor.name} {now}{start}")
    return clean(f"cooling {status.seconds:4.0f} s  " + "  ".join(parts))


def _losses(part: LoadInterval | FlowResult) -> Iterator[str]:
    if part.retransmits is not None:
        yield f"{part.retransmits} retransmits"
    if part.lost is not None:
        yield f"{part.lost} of {part.packets} lost"
    elif part.packets is not None and part.jitter is not None:
        yield f"{part.packets} packets, loss unknown"


def outcome_runs(outcome: Outcome) -> Iterator[Run]:
    """Yield the worst first, then the figures, the verdict, the heat and what to try next."""
    bad = troubles(outcome)
    for trouble in bad:
        yield clean(trouble.text), Role.CRITICAL if trouble.critical else Role.WARNING
    if outcome.hold is not None:
        yield clean(outcome.hold.verdict), Role.STRONG
    told = {trouble.text for trouble in bad}
    latency = outcome.rate is None and outcome.ended == "complete"  # there is nothing to judge
    verdict = () if latency else (outcome.verdict_text,)
    lines = [line for line in (*_figures(outcome), *verdict) if line not in told]
    for place, text in enumerate(lines):
        strong = place == 0 and not outcome.failed
        yield clean(text), Role.STRONG if strong else Role.TEXT
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
        parts = [f"{name}{rate(flow.received_bps)} received", f"{rate(flow.sent_bps)} sent"]
        parts += _losses(flow)
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
    text = f"{sensor.name}: {start} °C at the start, {peak} at most"
    if sensor.settled is not None:
        text += f", {sensor.settled:.1f} after the cool-down"
    return f"{text} (warning {sensor.limits.warning:g}, {sensor.limits.source})"


def _soak(soak: Soak) -> str:
    parts = (
        "" if soak.rise is None else f"{soak.rise:.1f} °C rise",
        "" if soak.constant is None else f"time constant {soak.constant:.0f} s",
        "" if soak.per_gbps is None else f"{soak.per_gbps:.3f} °C per Gb/s",
    )
    return "; " + ", ".join(filter(None, parts)) if any(parts) else ""


def status_sections(plan: LoadPlan, status: LoadStatus, columns: int) -> list[Section]:
    """Return a running test."""
    lines: list[Line] = [_clock(status, columns)]
    if status.stopping:
        lines += wrapped("", [(status.stopping, Role.WARNING)], columns).lines
    newest = status.intervals[-1] if status.intervals else None
    if newest is not None:
        lines.append(labelled("Now", _both(newest), Role.STRONG))
        lines.append(labelled("Mean", rate(status.mean_bps), note=_share(plan, status.mean_bps)))
        lines += _details(newest, status)
        lines.append(((spark(status.intervals, plan.expected, columns), Role.TX),))
    elif status.phase is Phase.LOAD:
        words = "no interval yet" if not plan.request.latency else "no result yet"
        lines.append(((words, Role.DIM),))
    if status.aim_bps is not None:
        note = "until the hottest sensor settles under its limit"
        lines.insert(1, labelled("Rate asked", rate(status.aim_bps), note=note))
    sections = [Section("Load", tuple(lines)), wrapped("Heat", _sensors(status), columns)]
    if status.intervals:
        rows = [((_row(interval), Role.TEXT),) for interval in status.intervals[-_NEWEST:]]
        sections.append(Section("Newest", tuple(rows)))
    return sections


def _clock(status: LoadStatus, columns: int) -> Line:
    if status.left is None:
        return ((str(status.phase), Role.STRONG),)
    total = status.seconds + status.left
    room = max(4, min(30, columns - 30))
    done = round(room * status.seconds / total) if total else room
    return (
        (f"{status.phase}  ", Role.STRONG),
        ("━" * done, Role.ACCENT),
        ("─" * (room - done), Role.FAINT),
        (f"  {status.left:.0f} s left", Role.TEXT),
    )


def _both(interval: LoadInterval) -> str:
    if interval.reverse_bps is None:
        return rate(interval.bps)
    return f"{rate(interval.bps)} there, {rate(interval.reverse_bps)} back"


def _share(plan: LoadPlan, bps: float | None) -> str:
    if bps is None or not plan.expected:
        return ""
    return f"{100 * bps / plan.expected:.0f} % of {rate(plan.expected)} expected"


def _details(newest: LoadInterval, status: LoadStatus) -> Iterator[Line]:
    if status.retransmits is not None:
        note = f"{newest.retransmits} in the last interval"
        yield labelled("Retransmits", str(status.retransmits), note=note)
    if newest.rtt is not None:
        yield labelled("Round trip", f"{newest.rtt * 1e3:.2f} ms")
    if newest.lost is not None:
        yield labelled("Lost", f"{newest.lost} of {newest.packets}")
    if status.cpu is not None:
        yield labelled("Busiest core", f"{status.cpu:.0f} %")


def _row(interval: LoadInterval) -> str:
    warm = "  warm-up" if interval.omitted else ""
    more = "" if interval.retransmits is None else f"  {interval.retransmits} retransmits"
    return f"{interval.end:6.1f} s  {_both(interval)}{more}{warm}"


def _sensors(status: LoadStatus) -> Iterator[Run]:
    for sensor in status.sensors:
        role = Role.WARNING if sensor.problem else Role.TEXT
        bar = thermometer(sensor, 12)
        yield f"{bar} {sensor.limits.warning:g} °C  {sensor_text(sensor)}", role
    if status.blind:
        yield "no sensor that could stop the load", Role.WARNING


def spark(intervals: Sequence[LoadInterval], expected: float | None, columns: int) -> str:
    """Return the newest intervals as bars, full at what is expected.

    >>> spark([LoadInterval(0, 1, 5e9), LoadInterval(1, 2, 10e9)], 10e9, 40)
    '▅█'
    """
    newest = [interval.bps for interval in intervals[-columns:]]
    top = max([*newest, expected or 0.0, 1.0])
    steps = len(_LEVELS) - 1
    return "".join(_LEVELS[min(steps, round(bps / top * steps + 0.49))] for bps in newest)


def server_section(running: int, lines: Sequence[str], columns: int) -> Section:
    """Return the servers of this host and what they print."""
    title = f"Server here ({running} waiting or serving)" if running else "Server here (ended)"
    return wrapped(title, [(line, Role.DIM) for line in lines[-_SERVER_LINES:]], columns)
