"""What the screens show: the newest frame, what came before it, and the user's choices.

Everything here is owned by the event loop; the thread that samples only posts messages.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from itertools import islice
from math import inf
from typing import TYPE_CHECKING

from mlxtop.analysis.changes import changes
from mlxtop.analysis.heatwatch import Alert, AlertKind, HeatWatch
from mlxtop.analysis.port_view import PortView, port_view
from mlxtop.model.counters import Origin, Severity
from mlxtop.model.frame import Frame, PortFrame
from mlxtop.model.history import History
from mlxtop.model.identity import PortId, PortKind
from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.model.sample import Reading, Sample
from mlxtop.present.heat import headline
from mlxtop.present.overview import Order
from mlxtop.present.text import Run
from mlxtop.present.view import View

if TYPE_CHECKING:
    from mlxtop.model.tuning import Tuning

RX, TX, MODULE, ASIC = "rx", "tx", "module", "asic"
"""Series of the history: bit/s and °C."""
RECENT, SAME = 40, 3.0
"""Events, and seconds, in which a second source may tell of the same."""

_TOLD = {
    AlertKind.WARNING: Severity.WARNING,
    AlertKind.ALARM: Severity.CRITICAL,
    AlertKind.STALE: Severity.WARNING,
    AlertKind.MODULE_OUT: Severity.WARNING,
}
"""Alerts that no other source tells of, and how bad they are."""


def _incident(alert: Alert) -> Incident:
    port = alert.port
    severity = _TOLD[alert.kind]
    return Incident(
        IncidentKind.ALARM,
        alert.text,
        severity,
        alert.tick,
        port.id.device,
        port.name,
        source="mlxtop",
    )


class State:
    """The one mutable value of the screen."""

    def __init__(
        self,
        bits: bool = True,
        ascii: bool = False,
        window: int = 300,
        selected: PortId | None = None,
    ) -> None:
        self.bits, self.ascii, self.window, self.selected = bits, ascii, window, selected
        self.order = Order.NATURAL
        self.pattern = ""
        self.paused = False
        self.frame: Frame | None = None
        """The frame on the screen; while paused it stays and the history goes on."""
        self.newest: Frame | None = None
        self.history = History()
        self.highs: dict[PortId, dict[str, float]] = {}
        self.zero: dict[PortId, Mapping[Origin, Reading]] = {}
        self.watched: set[PortId] = set()
        """Virtual ports whose history is kept: those that were looked at."""
        self.incidents: deque[tuple[float, Incident]] = deque(maxlen=1000)
        """What happened and when (epoch seconds), the oldest first."""
        self.heat = HeatWatch()
        self.tuning: Tuning | None = None
        """Settings of host and ports, read now and then beside the frames."""

    def arrive(self, frame: Frame) -> list[Alert]:
        """Take a frame in: history, events and highs always, the picture unless paused.

        What has become bad since the frame before is returned, and is in the list of events.
        """
        alerts = self.heat.observe(frame)
        told = [_incident(alert) for alert in alerts if alert.kind in _TOLD]
        self.note(frame.sample, (*changes(self.newest, frame), *frame.sample.incidents, *told))
        for port, now in frame.ports.items():
            if now.now.port.kind is PortKind.PHYSICAL or port in self.watched:
                self._record(port_view(frame, port), frame.sample.tick)
        self.newest = frame
        if not self.paused:
            self.frame = self._zeroed(frame)
        return alerts

    def note(self, sample: Sample, incidents: Iterable[Incident]) -> None:
        """Put incidents into the list of events; what two sources tell of is there once."""
        for incident in incidents:
            ago = 0.0 if incident.tick is None else max(0.0, sample.tick - incident.tick)
            wall = sample.wall - ago
            if not self._told(wall, incident):
                self.incidents.append((wall, incident))

    def _told(self, wall: float, incident: Incident) -> bool:
        """Whether another source has told the same of the same device just before."""
        recent = islice(reversed(self.incidents), RECENT)
        return any(
            other.kind is incident.kind
            and other.source != incident.source
            and other.ifname == incident.ifname
            and abs(then - wall) < SAME
            for then, other in recent
        )

    def headline(self) -> Run | None:
        """The sensor that is worst off, in a few words; None while all are well."""
        found = self.heat.hottest()
        if found is None or self.newest is None or found[0] not in self.newest.ports:
            return None
        return headline(self.newest.ports[found[0]].now.port.name, found[1])

    def incidents_of(self, port: PortId) -> list[tuple[float, Incident]]:
        """What happened to a port, its function and its PCIe path, the oldest first."""
        frame = self.newest.ports.get(port) if self.newest else None
        if frame is None:
            return []
        mine = frame.now.port
        status = self.newest.pcie(port) if self.newest else None
        path = {link.device for link in status.path.links} if status else set()
        own = {mine.id.device, mine.function} | path
        return sorted(
            (
                (wall, incident)
                for wall, incident in self.incidents
                if incident.device in own or (incident.ifname and incident.ifname == mine.name)
            ),
            key=lambda event: event[0],
        )

    def resume(self) -> None:
        """Show the newest frame again."""
        self.paused = False
        if self.newest is not None:
            self.frame = self._zeroed(self.newest)

    def reset(self) -> None:
        """Count totals and highs from now on."""
        self.highs.clear()
        if self.newest is not None:
            self.zero = {port: now.now.readings for port, now in self.newest.ports.items()}
            self.frame = self._zeroed(self.newest)

    def watch(self, port: PortId | None) -> None:
        """Select a port and keep its history from now on."""
        self.selected = port
        if port is not None:
            self.watched.add(port)

    def view(self, columns: int) -> View | None:
        """The selected port as the pages see it."""
        port = self.selected
        if self.frame is None or port is None or port not in self.frame.ports:
            return None
        highs = self.highs.get(port, {})
        return View(
            self.frame,
            port,
            columns,
            self.bits,
            highs,
            self.heat,
            self.tuning,
            self.incidents_of(port),
        )

    def _record(self, view: PortView, tick: float) -> None:
        flow = view.throughput
        values = {RX: flow.rx_bps, TX: flow.tx_bps}
        for sensor in view.now.now.temperatures:
            values[sensor.name] = None if sensor.stale else sensor.celsius
        self.history.append(view.id, tick, values)
        highs = self.highs.setdefault(view.id, {})
        for name, value in values.items():
            if value is not None and value > highs.get(name, -inf):
                highs[name] = value

    def _zeroed(self, frame: Frame) -> Frame:
        """The frame with totals that count from `z` on; a reset counter starts again by itself."""
        if not self.zero:
            return frame
        ports = {
            port: now._replace(start={**now.start, **self._after(port, now)})
            for port, now in frame.ports.items()
        }
        return frame._replace(ports=ports)

    def _after(self, port: PortId, now: PortFrame) -> Mapping[Origin, Reading]:
        zero = self.zero.get(port, {})
        return {
            origin: reading
            for origin, reading in zero.items()
            if (start := now.start.get(origin)) is None or start.tick <= reading.tick
        }
