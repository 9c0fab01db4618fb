"""Where a load test is, and what came of it."""

from __future__ import annotations

from collections import Counter as Tally
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mlxtop.analysis.faults import fault_counters
from mlxtop.analysis.forecast import Forecast
from mlxtop.analysis.limits import gbps
from mlxtop.analysis.verdict import Verdict
from mlxtop.load.request import LoadPlan
from mlxtop.load.soak import Soak
from mlxtop.model.frame import PortFrame
from mlxtop.model.identity import PortId
from mlxtop.model.load import FlowResult, Latency, LoadInterval, LoadResult
from mlxtop.watch.heat_limits import HeatLimits

GOOD = 0.9
"""Share of what can be expected from which a result is as good as it gets."""


@dataclass(frozen=True, slots=True)
class Moved:
    """An error counter that went on during the test."""

    name: str
    events: int
    severity: str
    help: str


@dataclass(frozen=True, slots=True)
class SensorHeat:
    """One sensor over a run, °C."""

    name: str
    """`asic`, `module`; with the port's name before it where several ports are watched."""
    limits: HeatLimits
    port: PortId | None = None
    start: float | None = None
    last: float | None = None
    peak: float | None = None
    settled: float | None = None
    """At the end of the cool-down."""
    problem: str | None = None
    forecast: Forecast | None = None

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "name": self.name,
            "start_c": self.start,
            "peak_c": self.peak,
            "last_c": self.last,
            "settled_c": self.settled,
            "warning_c": self.limits.warning,
            "alarm_c": self.limits.alarm,
            "shutdown_c": self.limits.shutdown,
            "limits_from": self.limits.source,
            "problem": self.problem,
        }


class Phase(StrEnum):
    """Where a run is."""

    WAITING = "waiting"
    BASELINE = "baseline"
    LOAD = "load"
    COOLING = "cooling down"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class LoadStatus:
    """A run as a screen shows it."""

    phase: Phase
    seconds: float
    """In this phase."""
    left: float | None
    """Seconds of this phase still to come."""
    intervals: tuple[LoadInterval, ...]
    mean_bps: float | None
    retransmits: int | None
    sensors: tuple[SensorHeat, ...]
    blind: bool
    """No sensor that could stop the load has answered."""
    stopping: str | None
    """Why it is being ended."""
    cpu: float | None = None
    """Percent of this host's busiest core."""


@dataclass(frozen=True, slots=True)
class HeatReport:
    """What the guard saw and did."""

    armed: bool
    reason: str | None
    """Why it stopped the load; None where it did not."""
    sensors: tuple[SensorHeat, ...]
    cooled: float | None = None
    """Seconds that the cool-down was followed."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A test from its plan to its end."""

    plan: LoadPlan
    ended: str
    """`complete`, or why it ended before, in one line."""
    failed: bool
    """There is no result worth its name: the tool failed, or was never started."""
    result: LoadResult | None
    intervals: tuple[LoadInterval, ...]
    heat: HeatReport
    verdict: Verdict | None
    """What limited the port while the load ran."""
    moved: tuple[Moved, ...]
    soak: tuple[Soak, ...] = ()
    run: str | None = None
    """Id in the run log; None where it was not recorded."""
    problem: str | None = None
    """What went wrong beside the test, with the record."""

    @property
    def rate(self) -> float | None:
        """bit/s as received, else as sent."""
        if self.result is None:
            return None
        flow = self.result.flow
        return flow.sent_bps if flow.received_bps is None else flow.received_bps

    @property
    def share(self) -> float | None:
        """Of what can be expected from link, PCIe and processor."""
        expected = self.plan.expected
        return self.rate / expected if self.rate is not None and expected else None

    @property
    def verdict_text(self) -> str:
        """The rate against the ceiling, and what limited it, in one line."""
        if self.rate is None:
            return self.ended
        parts = [f"{gbps(self.rate)} Gb/s"]
        if self.share is not None and self.plan.expected is not None:
            parts.append(f"{self.share * 100:.0f} % of {gbps(self.plan.expected)} expected")
            parts.append(f"({self.plan.bound_by})")
        text = " ".join((parts[0], "=", *parts[1:])) if len(parts) > 1 else parts[0]
        if self.share is not None and self.share >= GOOD:
            return f"{text}: as good as it gets"
        verdict = self.verdict
        if verdict is None:
            return text
        if verdict.limit is not None:
            return f"{text}: limited by {verdict.limit}: {verdict.detail}"
        ruled_out = f" (not: {', '.join(verdict.ruled_out)})" if verdict.ruled_out else ""
        return f"{text}: {verdict.detail}{ruled_out}"

    def document(self) -> dict[str, Any]:
        """As JSON; the keys of `result` mean what they mean to iperf3."""
        return {
            "plan": self.plan.document(),
            "intervals": [interval_document(interval) for interval in self.intervals],
            **self.end_document(),
        }

    def end_document(self) -> dict[str, Any]:
        """All of it but plan and intervals."""
        return {
            "result": result_document(self.result),
            "heat": {
                "armed": self.heat.armed,
                "stopped": self.heat.reason,
                "cooled_s": self.heat.cooled,
                "sensors": [sensor.document() for sensor in self.heat.sensors],
            },
            "verdict": self.verdict_text,
            "limited_by": str(self.verdict.limit) if self.verdict and self.verdict.limit else None,
            "share_of_expected": self.share,
            "ended": self.ended,
            "errors": {moved.name: moved.events for moved in self.moved},
            "soak": [soak.document() for soak in self.soak],
            "run": self.run,
            "problem": self.problem,
        }


def interval_document(interval: LoadInterval) -> dict[str, Any]:
    """An interval as JSON: bit/s, seconds, round trip in milliseconds."""
    found: dict[str, Any] = {
        "start": interval.start,
        "end": interval.end,
        "bps": interval.bps,
        "reverse_bps": interval.reverse_bps,
        "retransmits": interval.retransmits,
        "rtt_ms": None if interval.rtt is None else interval.rtt * 1e3,
        "omitted": interval.omitted,
    }
    if interval.packets is not None:
        found |= {
            "jitter_ms": None if interval.jitter is None else interval.jitter * 1e3,
            "lost": interval.lost,
            "packets": interval.packets,
        }
    return found


def _flow_document(flow: FlowResult) -> dict[str, Any]:
    found: dict[str, Any] = {
        "received_bps": flow.received_bps,
        "sent_bps": flow.sent_bps,
        "retransmits": flow.retransmits,
    }
    if flow.packets is not None:
        found |= {
            "lost": flow.lost,
            "packets": flow.packets,
            "jitter_ms": None if flow.jitter is None else flow.jitter * 1e3,
        }
    return found


def _latency_document(latency: Latency) -> dict[str, Any]:
    return {
        f"{name}_us": None if value is None else value * 1e6
        for name, value in (
            ("min", latency.minimum),
            ("max", latency.maximum),
            ("typical", latency.typical),
            ("average", latency.average),
            ("p99", latency.p99),
            ("p999", latency.p999),
        )
    }


def result_document(result: LoadResult | None) -> dict[str, Any] | None:
    """A result as JSON; `reverse` only for both directions, `latency` only for latency tests."""
    if result is None:
        return None
    found = _flow_document(result.flow) | {
        "seconds": result.seconds,
        "cpu_local_percent": result.cpu_local,
        "cpu_remote_percent": result.cpu_remote,
    }
    if result.reverse is not None:
        found["reverse"] = _flow_document(result.reverse)
    if result.latency is not None:
        found["latency"] = _latency_document(result.latency)
    return found


def moved_between(
    before: PortFrame | None, after: PortFrame | None, prefix: str = ""
) -> tuple[Moved, ...]:
    """Error counters that went on between two frames of a port, named with a `prefix`."""
    if before is None or after is None:
        return ()
    moved = []
    for origin, reading in after.now.readings.items():
        for counter in fault_counters(origin, reading.schema):
            old, new = before.total(counter), after.total(counter)
            if not counter.gauge and old is not None and new is not None and new > old:
                name, how_bad = prefix + counter.key, str(counter.severity)
                moved.append(Moved(name, new - old, how_bad, counter.help))
    return tuple(moved)


def usual_verdict(verdicts: list[Verdict]) -> Verdict | None:
    """What was said most often while the load ran, in the words of the last time."""
    if not verdicts:
        return None
    limit = Tally(verdict.limit for verdict in verdicts).most_common(1)[0][0]
    return next(verdict for verdict in reversed(verdicts) if verdict.limit is limit)
