"""Follow the errors of the line: a storm begins with ten in ten seconds, and ends with none."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from mlxtop.model.catalogue import CATALOGUE
from mlxtop.model.counters import Counter, Origin, Schema
from mlxtop.model.frame import Frame, PortFrame
from mlxtop.model.identity import PortId, PortKind
from mlxtop.model.sample import Reading
from mlxtop.watch.alert import Alert, AlertKind

WINDOW_S = 10.0
"""Seconds over which errors are counted."""
BEGINS = 10
"""Errors in that time with which a storm begins."""

_NAMES = {
    "CRC": (
        (Origin.MAC, "FrameCheckSequenceErrors"),
        (Origin.DRIVER, "rx_crc_errors_phy"),
        (Origin.NETDEV, "rx_crc_errors"),
    ),
    "symbol errors": (
        (Origin.MAC, "SymbolErrorDuringCarrier"),
        (Origin.DRIVER, "rx_symbol_err_phy"),
        (Origin.DRIVER, "rx_pcs_symbol_err_phy"),
        (Origin.RDMA_ERRORS, "symbol_error"),
    ),
    "receive errors": (
        (Origin.RDMA_ERRORS, "port_rcv_errors"),
        (Origin.NETDEV, "rx_errors"),
    ),
}
"""Errors by their names, those that cost frames first; the counters of a name overlap."""
_COUNTERS: Mapping[Origin, tuple[Counter, ...]] = {
    origin: tuple(CATALOGUE[key] for keys in _NAMES.values() for key in keys if key[0] is origin)
    for origin in (Origin.MAC, Origin.DRIVER, Origin.NETDEV, Origin.RDMA_ERRORS)
}
_Key = tuple[Origin, str]


class Storm(NamedTuple):
    """Errors of a port that go on."""

    name: str
    """`CRC` for frames with a wrong check sequence, `symbol errors` …"""
    recent: int
    """Errors of that name in the last `WINDOW_S`."""
    total: int
    """Errors since the storm began, of the name that costs most among those that were many."""
    total_name: str
    last: float
    """Monotonic second of the newest."""

    @property
    def text(self) -> str:
        return f"{self.recent} {self.name} in {WINDOW_S:g} s"

    @property
    def total_text(self) -> str:
        return f"{self.total} {self.total_name}"


class StormWatch:
    """The storms of a machine; `observe` takes one frame after the other."""

    def __init__(self) -> None:
        self._ports: dict[PortId, _PortErrors] = {}

    def of(self, port: PortId) -> Storm | None:
        """Return what goes on at a port; None while it is well."""
        one = self._ports.get(port)
        return one.storm if one else None

    def observe(self, frame: Frame) -> Iterator[Alert]:
        """Take a frame in; yield the storms that have begun."""
        for port_id, one in frame.ports.items():
            if one.now.port.kind is PortKind.PHYSICAL:
                errors = self._ports.get(port_id)
                if errors is None:
                    errors = self._ports[port_id] = _PortErrors()
                begun, storm = errors.take(one, frame.sample.tick), errors.storm
                if begun and storm is not None:
                    kind, count = AlertKind.ERRORS, float(storm.recent)
                    tick = frame.sample.tick
                    yield Alert(kind, one.now.port, storm.text, tick, storm.name, count)
        for port_id in self._ports.keys() - frame.ports.keys():
            del self._ports[port_id]


class _PortErrors:
    """The errors of one port over the last seconds."""

    def __init__(self) -> None:
        self.storm: Storm | None = None
        self._read: dict[Origin, float] = {}
        """The instants of the readings that were counted."""
        self._gains: deque[tuple[float, _Key, float]] = deque()
        """Instants, counters and how much they counted, in ten seconds at most."""
        self._totals: dict[_Key, float] = {}
        """Errors since the storm began."""

    def take(self, port: PortFrame, now: float) -> bool:
        """Count what is new; return whether a storm has begun."""
        for origin, reading in port.now.readings.items():
            counters = _COUNTERS.get(origin)
            if counters is not None and self._read.get(origin) != reading.tick:
                self._read[origin] = reading.tick
                self._count(port, origin, counters, reading)
        while self._gains and self._gains[0][0] <= now - WINDOW_S:
            self._gains.popleft()
        if not self._gains and self.storm is None:
            self._totals = {}
            return False
        recent: dict[_Key, float] = {}
        for _, key, gain in self._gains:
            recent[key] = recent.get(key, 0.0) + gain
        if self.storm is None:
            self._totals = dict(recent)
        before, self.storm = self.storm, self._now(recent)
        return before is None and self.storm is not None

    def _count(
        self, port: PortFrame, origin: Origin, counters: tuple[Counter, ...], now: Reading
    ) -> None:
        before = port.before.get(origin)
        if before is None:
            return
        same = before.schema is now.schema
        for counter, place in _places(counters, now.schema):
            if same and before.values[place] == now.values[place]:
                continue
            gain, key = port.gain(counter), (origin, counter.key)
            if gain:
                share = min(1.0, WINDOW_S / (port.seconds(origin) or WINDOW_S))
                self._gains.append((now.tick, key, gain * share))
                self._totals[key] = self._totals.get(key, 0.0) + gain

    def _now(self, recent: Mapping[_Key, float]) -> Storm | None:
        """Return the storm of this moment, named by what costs most among what counts enough."""
        counts = {name: _most(recent, keys) for name, keys in _NAMES.items()}
        if self.storm is None:
            names = [name for name, count in counts.items() if count >= BEGINS]
        else:
            here = self.storm.name
            names = [n for n, count in counts.items() if count >= BEGINS or (count and n == here)]
            names += [name for name, count in counts.items() if count]
        if not names:
            return None
        totals = {name: _most(self._totals, keys) for name, keys in _NAMES.items()}
        most = next((n for n, total in totals.items() if total >= BEGINS), names[0])
        last = max(tick for tick, _, _ in self._gains)
        return Storm(names[0], round(counts[names[0]]), round(totals[most]), most, last)


@lru_cache(maxsize=64)
def _places(counters: tuple[Counter, ...], schema: Schema) -> tuple[tuple[Counter, int], ...]:
    """Return the counters that a table has, and their places in it."""
    index = schema.index
    return tuple((counter, index[counter.key]) for counter in counters if counter.key in index)


def _most(counts: Mapping[_Key, float], keys: tuple[_Key, ...]) -> float:
    """Return the highest of the counters that count the same errors."""
    return max([counts.get(key, 0.0) for key in keys])
