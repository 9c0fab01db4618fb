"""A load test in lines of text: its plan, its course, its outcome."""

from __future__ import annotations

from collections.abc import Iterable

from mlxtop.load.outcome import Outcome, SensorHeat
from mlxtop.load.request import LoadPlan
from mlxtop.load.soak import Soak
from mlxtop.model.load import Latency, LoadInterval
from mlxtop.present.clean import clean
from mlxtop.present.units import bits_per_second


def rate(bps: float | None) -> str:
    """A rate with its unit, not padded.

    >>> rate(46.1e9), rate(None)
    ('46.1 Gb/s', '–')
    """
    return bits_per_second(bps).strip().replace("  ", " ")


def plan_lines(plan: LoadPlan) -> list[str]:
    """What will be run, at both ends, and what is to be known before."""
    lines = [f"refused: {text}" for text in plan.refusals]
    lines += [f"warning: {text}" for text in plan.warnings]
    lines += [f"note: {text}" for text in plan.notes]
    if plan.port_name:
        mtu = f", MTU {plan.mtu}" if plan.mtu else ""
        carry = [member.name for member in plan.members if member.carries]
        ports = f"ports {', '.join(carry)}" if len(carry) > 1 else f"port {plan.port_name}"
        which = plan.device if len(carry) > 1 else plan.port
        lines.append(f"{ports} ({which}){mtu} to {plan.target}")
    if plan.expected is not None:
        lines.append(f"expected at most {rate(plan.expected)} ({plan.bound_by})")
    if plan.server:
        lines.append("at the far end, before: " + " ".join(plan.server))
    lines += [f"here: {line}" for line in plan.lines]
    return [clean(line) for line in lines]


def sensor_text(sensor: SensorHeat) -> str:
    """A sensor's reading and where it is heading: `module 61.2 °C (70 in 40 s)`."""
    if sensor.problem:
        return clean(f"{sensor.name} ? ({sensor.problem})")
    text = f"{sensor.name} {sensor.last:.1f} °C" if sensor.last is not None else sensor.name
    ahead = sensor.forecast.warning if sensor.forecast else None
    if ahead is not None and ahead.seconds is not None:
        return f"{text} ({ahead.limit:g} in {ahead.seconds:.0f} s)"
    settles = sensor.forecast.settles if sensor.forecast else None
    return f"{text} (settles at {settles:.0f})" if settles is not None else text


def interval_line(interval: LoadInterval, sensors: Iterable[SensorHeat] = ()) -> str:
    """One interval with what the sensors say: `  3 s  46.1 Gb/s  12 retransmits  …`."""
    parts = [f"{interval.end:6.1f} s", f"{bits_per_second(interval.bps)}"]
    if interval.reverse_bps is not None:
        parts.append(f"back {bits_per_second(interval.reverse_bps)}")
    if interval.retransmits is not None:
        parts.append(f"{interval.retransmits} retransmits")
    if interval.lost is not None:
        parts.append(f"{interval.lost} of {interval.packets} lost")
    if interval.rtt is not None:
        parts.append(f"rtt {interval.rtt * 1e3:.2f} ms")
    if interval.omitted:
        parts.append("warm-up, not counted")
    parts += [sensor_text(sensor) for sensor in sensors]
    return "  ".join(parts)


def outcome_lines(outcome: Outcome) -> list[str]:
    """The figures, the verdict, the heat and what else there is to say."""
    lines = []
    result = outcome.result
    if result is not None:
        lines += _figures(outcome)
    lines.append(outcome.verdict_text)
    if outcome.ended != "complete" and outcome.ended != lines[-1]:
        lines.append(outcome.ended)
    lines += [_heat(sensor) for sensor in outcome.heat.sensors]
    if not outcome.heat.sensors:
        lines.append("heat: no sensor could be read, so that nothing was guarded")
    elif not outcome.heat.armed:
        lines.append("heat: the guard was off")
    lines += [
        f"{moved.name} +{moved.events} ({moved.severity}): {moved.help}" for moved in outcome.moved
    ]
    lines += [f"soak: {soak.name} {soak.verdict}{_soak(soak)}" for soak in outcome.soak]
    if outcome.problem:
        lines.append(outcome.problem)
    if outcome.run:
        lines.append(f"recorded as {outcome.run} (mlxtop runs show {outcome.run})")
    return [clean(line) for line in lines]


def _figures(outcome: Outcome) -> list[str]:
    result = outcome.result
    assert result is not None
    lines = []
    for name, flow in (("", result.flow), ("back: ", result.reverse)):
        if flow is None or (flow.received_bps is None and flow.sent_bps is None):
            continue
        parts = [f"{name}{rate(flow.received_bps)} received", f"{rate(flow.sent_bps)} sent"]
        if flow.retransmits is not None:
            parts.append(f"{flow.retransmits} retransmits")
        if flow.lost is not None:
            parts.append(f"{flow.lost} of {flow.packets} lost")
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
        ("min", latency.minimum),
        ("typical", latency.typical),
        ("average", latency.average),
        ("99 %", latency.p99),
        ("max", latency.maximum),
    )
    told = [f"{name} {value * 1e6:.2f} µs" for name, value in named if value is not None]
    return "latency: " + ", ".join(told)


def _heat(sensor: SensorHeat) -> str:
    def degrees(value: float | None) -> str:
        return "–" if value is None else f"{value:.1f}"

    text = f"{sensor.name}: {degrees(sensor.start)} °C at the start, {degrees(sensor.peak)} at most"
    if sensor.settled is not None:
        text += f", {degrees(sensor.settled)} after the cool-down"
    return f"{text} (warning {sensor.limits.warning:g}, {sensor.limits.source})"


def _soak(soak: Soak) -> str:
    parts = []
    if soak.rise is not None:
        parts.append(f"{soak.rise:.1f} °C rise")
    if soak.constant is not None:
        parts.append(f"time constant {soak.constant:.0f} s")
    if soak.per_gbps is not None:
        parts.append(f"{soak.per_gbps:.3f} °C per Gb/s")
    return "; " + ", ".join(parts) if parts else ""
