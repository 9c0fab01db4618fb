"""One Watch a machine: everything that is remembered from frame to frame.

Screen, stream and table take it from here, so that all of them agree. A Watch belongs to the
thread that feeds it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import islice
from math import inf
from typing import NamedTuple

from mlxtop.analysis.port_view import PortView, port_view
from mlxtop.model.frame import Frame
from mlxtop.model.history import History
from mlxtop.model.identity import PortId, PortKind
from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.model.sample import Sample
from mlxtop.watch.alarms import Alarms
from mlxtop.watch.changes import changes, losses, own_incident
from mlxtop.watch.heat import Alert, AlertKind, HeatWatch, SensorHeat

RX, TX, MODULE, ASIC = "rx", "tx", "module", "asic"
"""Series of the history: bit/s and °C."""
RECENT, SAME_S = 40, 3.0
"""Events, and seconds, within which a second source may report the same."""
EVENTS = 1000
"""Events that are kept."""

_OWN = (AlertKind.WARNING, AlertKind.ALARM, AlertKind.STALE, AlertKind.MODULE_OUT)
"""Alerts that no other source reports as an incident."""


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
        alerts = [*self.heat.observe(frame), *losses(self.frame, frame)]
        self.alarms.update(frame, self.heat, alerts)
        own = [
            own_incident(one.port, IncidentKind.ALARM, one.text, one.tick, one.kind.severity)
            for one in alerts
            if one.kind in _OWN
        ]
        self.note(frame.sample, (*changes(self.frame, frame), *frame.sample.incidents, *own))
        for port, now in frame.ports.items():
            if now.now.port.kind is PortKind.PHYSICAL or port in self._followed:
                self._record(port_view(frame, port), frame.sample.tick)
        self.frame = frame
        return alerts

    def follow(self, port: PortId) -> None:
        """Keep the history of a virtual port too."""
        self._followed.add(port)

    def reset_highs(self) -> None:
        self.highs.clear()

    def note(self, sample: Sample, incidents: Iterable[Incident]) -> None:
        """Put incidents into the list of events; what two sources report is there once."""
        for incident in incidents:
            ago = 0.0 if incident.tick is None else max(0.0, sample.tick - incident.tick)
            wall = sample.wall - ago
            if not self._is_repeated(wall, incident):
                self.events.append(TimedIncident(wall, incident))
                self.event_count += 1

    def _is_repeated(self, wall: float, incident: Incident) -> bool:
        """Return whether another source has reported it of the same device just before."""
        return any(
            other.kind is incident.kind
            and other.source != incident.source
            and other.ifname == incident.ifname
            and abs(then - wall) < SAME_S
            for then, other in islice(reversed(self.events), RECENT)
        )

    def events_after(self, count: int) -> list[TimedIncident]:
        """Return the events since `event_count` was `count`, the oldest first; kept ones only."""
        new = min(self.event_count - count, len(self.events))
        return list(islice(self.events, len(self.events) - new, None))

    def hottest(self) -> tuple[PortId, SensorHeat] | None:
        """Return the sensor that is worst off; None while all are well."""
        worst = self.heat.hottest()
        return worst if worst and self.frame and worst[0] in self.frame.ports else None

    def events_of(self, port: PortId) -> list[TimedIncident]:
        """Return what happened to a port, its function and its PCIe path, the oldest first."""
        if self.frame is None or port not in self.frame.ports:
            return []
        mine = self.frame.ports[port].now.port
        status = self.frame.pcie(port)
        path = [link.device for link in status.path.links] if status else []
        devices = {mine.id.device, mine.function, *path}
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
