"""What a report says, as values; unknown is None. Rates in bit/s, times in seconds since 1970."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from mlxtop.health.link_health import LinkHealth
from mlxtop.model.counters import Severity
from mlxtop.model.identity import PortId
from mlxtop.watch.causes import Cause


class Spread(NamedTuple):
    """What a value was over the time, each moment weighted by its seconds."""

    mean: float
    p95: float
    """Not exceeded in 95 % of the time, to half a percent."""
    peak: float
    peak_wall: float


class SensorTimes(NamedTuple):
    """A temperature, and how long it was above its limits, °C and seconds."""

    name: str
    """`asic` or `module`"""
    spread: Spread
    warning: float
    alarm: float
    limits_from: str
    above_warning_s: float
    above_alarm_s: float


class LaneTimes(NamedTuple):
    """How long a lane of a module was beyond one of its limits."""

    name: str
    """`rx power lane 2`"""
    bound: str
    seconds: float


class Errors(NamedTuple):
    """Errors of one meaning; counters that count the same event are told once."""

    meaning: str
    advice: str
    severity: Severity
    counters: tuple[str, ...]
    events: int | None
    """Of the counter that counted most; None for a gauge."""
    peak_percent: int | None
    """Of a gauge, the highest value."""
    first: float
    last: float
    """When they were seen to move."""


class Chart(NamedTuple):
    """A value over the time: mean and peak in equal steps of the report's span; None is a hole."""

    mean: tuple[float | None, ...]
    peak: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class PortReport:
    """One port."""

    id: PortId
    name: str
    card: str | None
    layer: str | None
    speed: int | None
    capacity: float | None
    """What it can carry in one direction, bit/s, and what sets that: `link` or `PCIe`."""
    capacity_by: str
    seconds: float
    """For which it was seen."""
    rates: Mapping[str, Spread | None]
    """`rx`, `tx`, RDMA included, and `rdma_rx`, `rdma_tx` alone."""
    full_s: Mapping[str, float]
    """Seconds in which `rx`, `tx` were at 95 % of the capacity or more."""
    flaps: int
    """Times that the link was lost."""
    down_s: float
    """Seconds without a link, but for those in which it was switched off."""
    state: str
    """Of the link, at the end."""
    sensors: tuple[SensorTimes, ...] = ()
    lanes: tuple[LaneTimes, ...] = ()
    errors: tuple[Errors, ...] = ()
    charts: Mapping[str, Chart] = field(default_factory=dict)
    """`rx`, `tx`, and sensors by name."""
    downs: tuple[tuple[float, float], ...] = ()
    """Begin and end of the times without a link."""
    gone: bool = False
    """It was not there at the end."""
    health: LinkHealth | None = None
    """Its link as the recording remembers it; None where it is too short for a summary."""
    ber_limit: float | None = None
    """Bit error rate up to which its FEC corrects."""
    light_floor: float | None = None
    """dBm from which its module complains of too little light."""


class Gap(NamedTuple):
    """A time of which nothing is known."""

    begin: float
    end: float
    why: str


class LoadRun(NamedTuple):
    """A load that mlxtop ran in that time."""

    id: str
    begin: float
    end: float
    tool: str
    port: str
    target: str
    direction: str
    bps: float | None
    ended: str
    note: str


class NumberedCause(NamedTuple):
    """Events of one cause."""

    number: int | None
    """In the order of the whole recording; None where its beginning was not played."""
    cause: Cause


@dataclass(frozen=True, slots=True)
class Report:
    """What happened between two times of a recording."""

    host: str
    kernel: str | None
    source: str
    """What was recorded: `live`, `demo` …"""
    program: str
    cards: tuple[str, ...]
    begin: float
    end: float
    """Of what the report tells: the recording's own ends, or what was asked for."""
    seconds: float
    """That were recorded in between."""
    samples: int
    ports: tuple[PortReport, ...] = ()
    incidents: tuple[NumberedCause, ...] = ()
    dropped: int = 0
    """Incidents that were too many to be kept."""
    pcie_errors: Mapping[str, int] = field(default_factory=dict)
    """Errors of PCIe by device and name, of the cards and the ports above them."""
    loads: tuple[LoadRun, ...] = ()
    gaps: tuple[Gap, ...] = ()
    problems: tuple[str, ...] = ()
    masked: bool = False
