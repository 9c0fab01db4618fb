"""A recording as a trace for Perfetto and chrome://tracing: counters by port, and incidents.

https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU (Trace Event Format)

Times are microseconds since 1970, or of the monotonic clock. Since 1970 they are counted on from
the first sample by the monotonic clock, so that a clock that is set makes no jump.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from mlxtop import __version__
from mlxtop.analysis.port_view import PortView, port_view
from mlxtop.model.frame import Frame
from mlxtop.model.identity import PortId
from mlxtop.model.json_text import encode
from mlxtop.model.sample import LinkState, Sample
from mlxtop.present.text import clean
from mlxtop.watch.causes import subject_of
from mlxtop.watch.event_list import TimedIncident

_INCIDENTS = 1
"""Process number of the incidents; ports follow."""


class Trace:
    """Makes lines of a trace, a frame after the other; all lines together are one document."""

    def __init__(self, host: str, monotonic: bool = False) -> None:
        self._host = host
        self._monotonic = monotonic
        self._pids: dict[PortId, int] = {}
        self._offset: float | None = None
        """Seconds between the two clocks at the first sample of this start of the machine."""
        self._end_us = 0.0

    def begin(self) -> str:
        """Return the first line."""
        head = {"mlxtop": __version__, "clock": "monotonic" if self._monotonic else "realtime"}
        name = self._name(_INCIDENTS, f"{clean(self._host)}: incidents")
        return f'{{"displayTimeUnit":"ms","otherData":{encode(head)},"traceEvents":[\n{name}'

    def frame(self, frame: Frame, restarts: bool) -> Iterator[str]:
        """Yield lines for all ports of a frame."""
        sample = frame.sample
        if restarts or self._offset is None:
            self._offset = sample.wall - sample.tick
        time_us = self._time_us(sample.tick)
        self._end_us = max(self._end_us, time_us)
        for port in frame.ports:
            pid = self._pids.get(port)
            if pid is None:
                pid = self._pids[port] = len(self._pids) + _INCIDENTS + 1
                yield self._name(pid, clean(f"{self._host}: {frame.ports[port].now.port.name}"))
            for name, value in _counters(port_view(frame, port)):
                yield self._counter(pid, time_us, name, value)

    def incidents(self, events: Iterable[TimedIncident], last: Sample) -> Iterator[str]:
        """Yield lines for what happened."""
        for number, (wall, incident) in enumerate(events, 1):
            until = TimedIncident(wall, incident).until
            begin = self._wall_us(wall, last)
            end = self._end_us if until is None else self._wall_us(until, last)
            name = clean(f"{subject_of(incident)} {incident.text}".strip())
            common = {"name": name, "cat": "incident", "pid": _INCIDENTS, "tid": _INCIDENTS}
            kind = {"severity": str(incident.severity), "kind": str(incident.kind)}
            common["id"] = number
            yield self._line({**common, "ph": "b", "ts": begin, "args": kind})
            yield self._line({**common, "ph": "e", "ts": max(begin, end)})

    def end(self) -> str:
        """Return the last line."""
        return "\n]}\n"

    def _time_us(self, tick: float) -> float:
        return round((tick if self._monotonic else tick + (self._offset or 0.0)) * 1e6, 1)

    def _wall_us(self, wall: float, last: Sample) -> float:
        return self._time_us(last.tick - (last.wall - wall))

    def _name(self, pid: int, name: str) -> str:
        data = {"name": "process_name", "ph": "M", "pid": pid, "args": {"name": name}}
        return self._line(data, first=pid == _INCIDENTS)

    def _counter(self, pid: int, time_us: float, name: str, value: float) -> str:
        args = {"value": round(value, 6)}
        return self._line({"name": name, "ph": "C", "ts": time_us, "pid": pid, "args": args})

    def _line(self, event: dict[str, Any], first: bool = False) -> str:
        return f"{'' if first else ',' + chr(10)}{encode(event)}"


def _counters(view: PortView) -> Iterator[tuple[str, float]]:
    """Yield what a port has now, rates in Gb/s; what is unknown is left out."""
    flow, now = view.throughput, view.now.now
    rates = {
        "received Gb/s": flow.rx_bps,
        "sent Gb/s": flow.tx_bps,
        "RDMA received Gb/s": flow.rdma_rx_bps,
        "RDMA sent Gb/s": flow.rdma_tx_bps,
    }
    for name, value in rates.items():
        if value is not None:
            yield name, value / 1e9
    for sensor in now.temperatures:
        if sensor.celsius is not None and not sensor.stale:
            yield f"{sensor.name} °C", sensor.celsius
    yield "link up", float(now.link.state is LinkState.UP)
