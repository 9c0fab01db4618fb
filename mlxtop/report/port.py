"""One port of a recording: its rates, temperatures, link and errors, sample by sample."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from mlxtop.analysis.faults import fault_counters, meaningful
from mlxtop.analysis.port_view import PortView
from mlxtop.analysis.throughput import Capacity
from mlxtop.health.ber_limit import floor_of, limit_of
from mlxtop.health.link_health import LinkHealth
from mlxtop.model.counters import Counter, Origin, Schema, Severity
from mlxtop.model.frame import PortFrame
from mlxtop.model.module import Quantity
from mlxtop.model.pcie import Direction
from mlxtop.model.sample import LinkState
from mlxtop.report.spread import FINE, ChartOf, SpreadOf
from mlxtop.report.values import Errors, LaneTimes, PortReport, SensorTimes
from mlxtop.watch.heat import HeatWatch
from mlxtop.watch.heat_limits import CHIP, MODULE, HeatLimits

FULL = 0.95
"""Share of its capacity from which a port is full."""
STEPS = 480
"""Points of a chart."""
MOST_DOWNS = 1000
"""Times without a link that are kept."""
RATES = ("rx", "tx", "rdma_rx", "rdma_tx")
_ORDER = list(Severity)


class Axis(NamedTuple):
    """The time of the charts."""

    begin: float
    end: float


class Step(NamedTuple):
    """The time between a sample and the one before; 0 seconds where nothing is known of it."""

    wall: float
    seconds: float

    @property
    def begin(self) -> float:
        return self.wall - self.seconds


class _Sensor:
    def __init__(self, axis: Axis) -> None:
        self.spread, self.chart = SpreadOf(FINE), ChartOf(*axis, STEPS)
        self.limits: HeatLimits | None = None
        self.warning_s = self.alarm_s = 0.0

    def take(self, celsius: float, limits: HeatLimits, step: Step) -> None:
        self.limits = limits
        self.spread.add(celsius, step.seconds, step.wall)
        self.chart.add(celsius, step.seconds, step.wall)
        self.warning_s += step.seconds if celsius >= limits.warning else 0.0
        self.alarm_s += step.seconds if celsius >= limits.alarm else 0.0

    def result(self, name: str) -> SensorTimes | None:
        spread, limits = self.spread.result(), self.limits
        if spread is None or limits is None:
            return None
        ends = (limits.warning, limits.alarm, limits.source)
        return SensorTimes(name, spread, *ends, self.warning_s, self.alarm_s)


class _Moved:
    """What an error counter did."""

    def __init__(self, counter: Counter, wall: float) -> None:
        self.counter = counter
        self.count = self.peak = 0
        self.first = self.last = wall


class PortTimes:
    """Takes the frames of a port."""

    def __init__(self, axis: Axis) -> None:
        self._axis = axis
        self._seconds = 0.0
        self._rates = {name: SpreadOf() for name in RATES}
        self._charts = {name: ChartOf(*axis, STEPS) for name in ("rx", "tx")}
        self._full = {"rx": 0.0, "tx": 0.0}
        self._sensors: dict[str, _Sensor] = {}
        self._lanes: dict[tuple[Quantity, int, str], float] = {}
        self._moved: dict[tuple[Origin, str], _Moved] = {}
        self._flaps, self._down_s = 0, 0.0
        self._downs: list[tuple[float, float]] = []
        self._last: PortFrame | None = None
        self._view: PortView | None = None
        self._line: tuple[int | None, Capacity | None] = None, None
        """Speed and capacity of the last link."""

    def pass_by(self, frame: PortFrame) -> None:
        """Take a frame in that comes before the time of the report."""
        self._last = frame

    def forget(self) -> None:
        """Take the next frame for the first one: nothing joins it to those before."""
        self._last = None

    def take(self, view: PortView, heat: HeatWatch, step: Step) -> None:
        """Take a frame in."""
        self._view = view
        if view.now.now.link.state is LinkState.UP:
            self._line = view.now.now.link.speed, view.capacity
        self._take_errors(view.now, step.wall)
        self._take_link(view.now, step)
        self._last = view.now
        if step.seconds <= 0:
            return
        self._seconds += step.seconds
        self._take_rates(view, step)
        self._take_heat(view, heat, step)

    def _take_rates(self, view: PortView, step: Step) -> None:
        flow = view.throughput
        values = (flow.rx_bps, flow.tx_bps, flow.rdma_rx_bps, flow.rdma_tx_bps)
        for name, value in zip(RATES, values, strict=True):
            if value is not None:
                self._rates[name].add(value, step.seconds, step.wall)
                if name in self._charts:
                    self._charts[name].add(value, step.seconds, step.wall)
        for way in Direction:
            share = view.share(way)
            if share is not None and share >= FULL:
                self._full[way] += step.seconds

    def _take_heat(self, view: PortView, heat: HeatWatch, step: Step) -> None:
        for name in (MODULE, CHIP):
            known = heat.of(view.id, name)
            sensor = view.now.now.sensor(name)
            if known is None or sensor is None or sensor.stale or sensor.celsius is None:
                continue
            if name not in self._sensors:
                self._sensors[name] = _Sensor(self._axis)
            self._sensors[name].take(sensor.celsius, known.limits, step)
        for (quantity, lane), bound in heat.crossings(view.id).items():
            key = quantity, lane, str(bound)
            self._lanes[key] = self._lanes.get(key, 0.0) + step.seconds

    def _take_link(self, now: PortFrame, step: Step) -> None:
        before = self._last
        if before is not None:
            self._flaps += losses(before, now)
        if now.now.link.state in (LinkState.UP, LinkState.ADMIN_DOWN) or step.seconds <= 0:
            return
        self._down_s += step.seconds
        if self._downs and step.begin - self._downs[-1][1] < 1e-3:
            self._downs[-1] = self._downs[-1][0], step.wall
        elif len(self._downs) < MOST_DOWNS:
            self._downs.append((step.begin, step.wall))

    def _take_errors(self, now: PortFrame, wall: float) -> None:
        """Add what error counters gained since they were last looked at."""
        before = self._last
        for origin, reading in meaningful(now):
            old = before.now.readings.get(origin) if before else None
            if old is None or old is reading or old.tick == reading.tick:
                continue
            same = old.schema is reading.schema
            for counter, place in _places(origin, reading.schema):
                value = reading.values[place]
                if not value or (same and not counter.gauge and old.values[place] == value):
                    continue
                gain = 0 if counter.gauge else now.gain(counter)
                if counter.gauge or gain:
                    self._note(counter, gain or 0, value, wall)

    def _note(self, counter: Counter, gain: int, value: int, wall: float) -> None:
        moved = self._moved.setdefault((counter.origin, counter.key), _Moved(counter, wall))
        moved.count += gain
        moved.peak = max(moved.peak, value)
        moved.last = wall

    def result(self, last: bool, health: LinkHealth | None = None) -> PortReport | None:
        """Return what the port did; `last`: it was there at the end."""
        view = self._view
        if view is None:
            return None
        port, link, (speed, carries) = view.now.now.port, view.now.now.link, self._line
        results = ((name, one.result(name)) for name, one in self._sensors.items())
        sensors = {name: one for name, one in results if one is not None}
        charts = {name: one.result() for name, one in self._charts.items()}
        charts |= {name: self._sensors[name].chart.result() for name in sensors}
        return PortReport(
            id=view.id,
            name=port.name,
            card=view.adapter.family if view.adapter else None,
            layer=str(link.layer) if link.layer else None,
            speed=speed,
            capacity=carries.bps if carries else None,
            capacity_by=carries.by if carries else "",
            seconds=self._seconds,
            rates={name: one.result() for name, one in self._rates.items()},
            full_s=self._full,
            flaps=self._flaps,
            down_s=self._down_s,
            state=str(link.state),
            sensors=tuple(sensors.values()),
            lanes=tuple(self._lane_times()),
            errors=tuple(by_meaning(self._moved.values())),
            charts=charts,
            downs=tuple(self._downs),
            gone=not last,
            health=health,
            ber_limit=limit_of(view.now.now),
            light_floor=floor_of(view.now.now),
        )

    def _lane_times(self) -> Iterator[LaneTimes]:
        for (quantity, lane, bound), seconds in self._lanes.items():
            yield LaneTimes(f"{quantity} lane {lane}" if lane else str(quantity), bound, seconds)


def losses(before: PortFrame, now: PortFrame) -> int:
    """Return how often a link was lost between two frames, by the kernel's count of its changes.

    A link that is switched off is not lost. Another device of that name counts anew.
    """
    was_up = before.now.link.state is LinkState.UP
    state = now.now.link.state
    counts = before.now.link.carrier_changes, now.now.link.carrier_changes
    changes, same = 0, before.now.port.ifindex == now.now.port.ifindex
    if same and counts[0] is not None and counts[1] is not None and counts[1] > counts[0]:
        changes = counts[1] - counts[0]
    lost = (changes + 1) // 2 if was_up else changes // 2
    if was_up and state is not LinkState.UP:
        lost = max(lost, 1)
        return lost - 1 if state is LinkState.ADMIN_DOWN else lost
    return lost if changes > 1 else 0


@lru_cache(maxsize=256)
def _places(origin: Origin, schema: Schema) -> tuple[tuple[Counter, int], ...]:
    return tuple((one, schema.index[one.key]) for one in fault_counters(origin, schema))


def by_meaning(moved: Iterable[_Moved]) -> Iterator[Errors]:
    """Yield errors by what they mean, the most severe first; the largest counter is the count."""
    groups: dict[str, list[_Moved]] = {}
    for one in moved:
        groups.setdefault(one.counter.help, []).append(one)
    errors = [_errors(meaning, group) for meaning, group in groups.items()]
    yield from sorted(
        errors, key=lambda one: (-_ORDER.index(one.severity), -(one.events or 0), one.first)
    )


def _errors(meaning: str, group: list[_Moved]) -> Errors:
    most = max(group, key=lambda one: one.count)
    gauge = most.counter.gauge
    return Errors(
        meaning,
        most.counter.advice,
        max((one.counter.severity or Severity.NOTE for one in group), key=_ORDER.index),
        tuple(one.counter.key for one in group),
        None if gauge else most.count,
        max(one.peak for one in group) if gauge else None,
        min(one.first for one in group),
        max(one.last for one in group),
    )
