"""One Watch a machine: everything that is remembered from frame to frame.

Screen, stream, table and, later, recorder and exporter take it from here, so that all of them
tell the same. A Watch belongs to the thread that feeds it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import islice
from math import inf
from typing import NamedTuple

from mlxtop.analysis.port_view import PortView, port_view
from mlxtop.model.counters import Severity
from mlxtop.model.frame import Frame
from mlxtop.model.history import History
from mlxtop.model.identity import PortId, PortKind
from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.model.sample import Sample
from mlxtop.watch.alarms import Alarms
from mlxtop.watch.changes import changes
from mlxtop.watch.heat import Alert, AlertKind, HeatWatch, SensorHeat

RX, TX, MODULE, ASIC = "rx", "tx", "module", "asic"
"""Series of the history: bit/s and °C."""
RECENT, SAME_S = 40, 3.0
"""Events, and seconds, in which a second source may tell of the same."""
EVENTS = 1000
"""Events that are kept."""

_ALERT_SEVERITY = {
    AlertKind.WARNING: Severity.WARNING,
    AlertKind.ALARM: Severity.CRITICAL,
    AlertKind.STALE: Severity.WARNING,
    AlertKind.MODULE_OUT: Severity.WARNING,
}
"""Alerts that no other source tells of, and how bad they are."""


class TimedIncident(NamedTuple):
    """An incident with its time, epoch seconds."""

    wall: float
    incident: Incident


class Watch:
    """History, heat, events and alarms of one machine."""

    def __init__(self) -> None:
        self.frame: Frame | None = None
        """The newest frame."""
        self.history = History()
        self.highs: dict[PortId, dict[str, float]] = {}
        """Highest rates and temperatures since the start or `reset_highs`."""
        self.heat = HeatWatch()
        self.alarms = Alarms()
        self.events: deque[TimedIncident] = deque(maxlen=EVENTS)
        """What happened, the oldest first."""
        self.event_count = 0
        """Events since the start, those that are no longer kept too."""
        self._followed: set[PortId] = set()

    def ingest(self, frame: Frame) -> list[Alert]:
        """Take a frame in; return what has become bad since the one before."""
        alerts = self.heat.observe(frame)
        self.alarms.update(frame, self.heat, alerts)
        own = [_incident(alert) for alert in alerts if alert.kind in _ALERT_SEVERITY]
        self.note(frame.sample, (*changes(self.frame, frame), *frame.sample.incidents, *own))
        for port, now in frame.ports.items():
            if now.now.port.kind is PortKind.PHYSICAL or port in self._followed:
                self._record(port_view(frame, port), frame.sample.tick)
        self.frame = frame
        return alerts

    def follow(self, port: PortId) -> None:
        """Keep the history of a virtual port too, from now on."""
        self._followed.add(port)

    def reset_highs(self) -> None:
        """Begin anew with the highest values."""
        self.highs.clear()

    def note(self, sample: Sample, incidents: Iterable[Incident]) -> None:
        """Put incidents into the list of events; what two sources tell of is there once."""
        for incident in incidents:
            ago = 0.0 if incident.tick is None else max(0.0, sample.tick - incident.tick)
            wall = sample.wall - ago
            if not self._is_repeated(wall, incident):
                self.events.append(TimedIncident(wall, incident))
                self.event_count += 1

    def _is_repeated(self, wall: float, incident: Incident) -> bool:
        """Return whether another source has told the same of the same device just before."""
        recent = islice(reversed(self.events), RECENT)
        return any(
            other.kind is incident.kind
            and other.source != incident.source
            and other.ifname == incident.ifname
            and abs(then - wall) < SAME_S
            for then, other in recent
        )

    def events_after(self, count: int) -> list[TimedIncident]:
        """Return the events since `event_count` was `count`, the oldest first; kept ones only."""
        new = min(self.event_count - count, len(self.events))
        return list(islice(self.events, len(self.events) - new, None))

    def hottest(self) -> tuple[PortId, SensorHeat] | None:
        """Return the sensor that is worst off; None while all are well."""
        worst = self.heat.hottest()
        if worst is None or self.frame is None or worst[0] not in self.frame.ports:
            return None
        return worst

    def events_of(self, port: PortId) -> list[TimedIncident]:
        """Return what happened to a port, its function and its PCIe path, the oldest first."""
        frame = self.frame.ports.get(port) if self.frame else None
        if frame is None or self.frame is None:
            return []
        mine = frame.now.port
        status = self.frame.pcie(port)
        path = {link.device for link in status.path.links} if status else set()
        devices = {mine.id.device, mine.function} | path
        events = (
            event
            for event in self.events
            if event.incident.device in devices
            or (event.incident.ifname and event.incident.ifname == mine.name)
        )
        return sorted(events, key=lambda event: event.wall)

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


def _incident(alert: Alert) -> Incident:
    port = alert.port
    severity = _ALERT_SEVERITY[alert.kind]
    return Incident(
        IncidentKind.ALARM,
        alert.text,
        severity,
        alert.tick,
        port.id.device,
        port.name,
        source="mlxtop",
    )
