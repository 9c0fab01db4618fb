"""The state of a load test, and its outcome."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NamedTuple

from mlxtop.analysis.counter_check import CounterCheck
from mlxtop.analysis.forecast import Forecast
from mlxtop.analysis.limits import gbps
from mlxtop.analysis.verdict import Verdict
from mlxtop.load.hold import Hold
from mlxtop.load.request import LoadPlan
from mlxtop.load.soak import Soak
from mlxtop.model.identity import PortId
from mlxtop.model.load import FlowResult, LoadInterval, LoadResult
from mlxtop.watch.heat_limits import HeatLimits

GOOD = 0.9
"""Share of what can be expected from which a result is as good as it gets."""
TOO_GOOD = 1.05
"""Share from which what was expected is wrong, not the result: no card beats its limit."""


class Moved(NamedTuple):
    """An error counter that grew during the test."""

    name: str
    events: int
    severity: str
    help: str


class SensorHeat(NamedTuple):
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

    @property
    def passed(self) -> tuple[str, float] | None:
        """Return name and °C of the highest limit that it reached; None where it reached none."""
        peak, limits = self.peak, self.limits
        named = ("shutdown", limits.shutdown), ("alarm", limits.alarm), ("warning", limits.warning)
        reached = (
            (name, limit)
            for name, limit in named
            if peak is not None and limit is not None and peak >= limit
        )
        return next(reached, None)

    def document(self) -> dict[str, Any]:
        return {
            "name": self.name,
            **{f"{n}_c": getattr(self, n) for n in ("start", "peak", "last", "settled")},
            **{f"{n}_c": getattr(self.limits, n) for n in ("warning", "alarm", "shutdown")},
            "limits_from": self.limits.source,
            "problem": self.problem,
        }


class Phase(StrEnum):
    """The part of a run that goes on."""

    WAITING = "waiting"
    BASELINE = "baseline"
    LOAD = "load"
    COUNTING = "reading the counters once more"
    COOLING = "cooling down"
    DONE = "done"


class LoadStatus(NamedTuple):
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
    aim_bps: float | None = None
    """The rate that is asked for now, where it is regulated."""


class HeatReport(NamedTuple):
    """The readings of the sensors, and what the guard did."""

    armed: bool
    reason: str | None
    """Why it stopped the load; None where it did not."""
    sensors: tuple[SensorHeat, ...]
    cooled: float | None = None
    """Seconds that the cool-down was followed."""


class Outcome(NamedTuple):
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
    hold: Hold | None = None
    """The rate that was held, where it was asked for."""
    counters: CounterCheck | None = None
    """The port's counters against what the tool moved; None where that is not known."""
    run: str | None = None
    """Id in the run log; None where it was not recorded."""
    problem: str | None = None
    """What went wrong beside the test, with the record."""

    @property
    def sensors(self) -> tuple[SensorHeat, ...]:
        return self.heat.sensors

    @property
    def hot(self) -> bool:
        """Return whether a sensor has reached a limit, or would have without the guard."""
        unread = any(one.problem is not None for one in self.sensors)
        stopped = self.heat.reason is not None and not unread
        return stopped or any(one.passed for one in self.sensors)

    @property
    def rate(self) -> float | None:
        """Return bit/s as received, else as sent."""
        return None if self.result is None else self.result.flow.bps

    @property
    def _back(self) -> float | None:
        """Return the same of the other direction of a test of both."""
        back = None if self.result is None else self.result.reverse
        return None if back is None else back.bps

    @property
    def share(self) -> float | None:
        """Return the part of what link, PCIe and processor let expect that was reached.

        A test of both directions is as good as the weaker one.
        """
        expected, rate, back = self.plan.expected, self.rate, self._back
        if rate is None or not expected:
            return None
        return min(rate, rate if back is None else back) / expected

    @property
    def verdict_text(self) -> str:
        """Return the rate against the ceiling and what limited it, in one line."""
        if self.rate is None:
            return self.ended
        text, share, verdict = f"{gbps(self.rate)} Gb/s", self.share, self.verdict
        each = ""
        if (back := self._back) is not None:
            text, each = f"{text} there, {gbps(back)} Gb/s back", " each way, by the weaker"
        if share is not None and self.plan.expected is not None:
            expected = gbps(self.plan.expected)
            percent = f"{share * 100:.0f} %"
            text += f" = {percent} of {expected} expected{each} ({self.plan.bound_by})"
        if self.hold is not None:
            held = "" if self.hold.full or self.hold.bps is None else ": held back for heat"
            return f"{text} on average, with the steps of the search{held}"
        if share is not None and share >= TOO_GOOD:
            return f"{text}: more than was expected, so that limit is not the real one"
        if share is not None and share >= GOOD and self.hot:
            return f"{text}: all that the port gives, and too hot for it"
        if share is not None and share >= GOOD and self.ended == "complete":
            return f"{text}: as good as it gets"
        return text if verdict is None else f"{text}: {verdict.text}"

    def document(self) -> dict[str, Any]:
        """Return the outcome for JSON; the keys of `result` mean what they mean to iperf3."""
        return {
            "plan": self.plan.document(),
            "intervals": [interval_document(interval) for interval in self.intervals],
            **self.end_document(),
        }

    def end_document(self) -> dict[str, Any]:
        """Return all but plan and intervals, for JSON."""
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
            **({"hold": self.hold.document()} if self.hold else {}),
            **({"counters": self.counters.document()} if self.counters else {}),
            "run": self.run,
            "problem": self.problem,
        }


def interval_document(interval: LoadInterval) -> dict[str, Any]:
    """Return an interval for JSON: bit/s, seconds, round trip in milliseconds."""
    names = ("start", "end", "bps", "reverse_bps", "retransmits")
    return {
        **{name: getattr(interval, name) for name in names},
        "rtt_ms": _scaled(interval.rtt, 1e3),
        "omitted": interval.omitted,
        **_datagrams(interval),
    }


def result_document(result: LoadResult | None) -> dict[str, Any] | None:
    """Return a result for JSON.

    Only tests of both directions have `reverse`, only latency tests `latency`.
    """
    if result is None:
        return None
    document = _flow_document(result.flow) | {
        "seconds": result.seconds,
        "cpu_local_percent": result.cpu_local,
        "cpu_remote_percent": result.cpu_remote,
    }
    if result.setup:
        document["setup"] = dict(result.setup)
    if result.reverse is not None:
        document["reverse"] = _flow_document(result.reverse)
    if (latency := result.latency) is not None:
        names = ("min", "max", "typical", "average", "p99", "p999")
        document["latency"] = {f"{n}_us": _scaled(getattr(latency, n), 1e6) for n in names}
    return document


def _flow_document(flow: FlowResult) -> dict[str, Any]:
    names = ("received_bps", "sent_bps", "retransmits")
    return {name: getattr(flow, name) for name in names} | _datagrams(flow)


def _datagrams(part: LoadInterval | FlowResult) -> dict[str, Any]:
    """Return what only UDP has."""
    if part.packets is None:
        return {}
    jitter = _scaled(part.jitter, 1e3)
    return {"jitter_ms": jitter, "lost": part.lost, "packets": part.packets}


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor
