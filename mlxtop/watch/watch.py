"""One Watch a machine: everything that is remembered from frame to frame.

Screen, stream and table take it from here, so that all of them agree. A Watch belongs to the
thread that feeds it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from math import inf

from mlxtop.analysis.port_view import Ceiling, PortView, port_view
from mlxtop.analysis.throughput import wire_bps
from mlxtop.health.observe import HealthWatch
from mlxtop.model.frame import Frame, PortFrame
from mlxtop.model.history import History
from mlxtop.model.identity import PortId, PortKind
from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.model.sample import Sample
from mlxtop.watch.alarms import Alarm, Alarms, Conditions, subject_of
from mlxtop.watch.alert import Alert, AlertKind
from mlxtop.watch.calm import CalmVerdicts
from mlxtop.watch.changes import changes, links_lost, losses, own_incident
from mlxtop.watch.congestion import CongestionWatch
from mlxtop.watch.event_list import EventList, TimedIncident
from mlxtop.watch.heat import NO_FORECASTS, HeatWatch, Pace
from mlxtop.watch.links import LinkWatch
from mlxtop.watch.past import Past, RecentFrames
from mlxtop.watch.paths import PathWatch, ports_of
from mlxtop.watch.planned import PlannedChanges
from mlxtop.watch.storms import StormWatch

__all__ = ["ASIC", "MODULE", "RX", "TX", "TimedIncident", "Watch", "values_of"]

RX, TX, MODULE, ASIC = "rx", "tx", "module", "asic"
"""Series of the history: bit/s and °C."""
CEILING_S, CEILINGS = 10.0, 400
"""Seconds between ceilings of a port that are kept unless its limit changes, and how many."""

_OWN = (
    *(AlertKind.WARNING, AlertKind.ALARM, AlertKind.STALE, AlertKind.MODULE_OUT),
    *(AlertKind.ERRORS, AlertKind.PATH_DOWN, AlertKind.PAUSE_STORM),
)
"""Alerts that no other source reports as an incident."""
_PARTS = {IncidentKind.LINK_DOWN: "link", IncidentKind.REMOVED: "port"}
"""Incidents that begin an alarm, and the part of the port that it is about."""


class Watch:
    """History, heat, events and alarms of one machine."""

    def __init__(
        self, *, verdicts: bool = True, frames: bool = True, forecasts: bool = True
    ) -> None:
        """Keep what costs time on every frame for whoever shows it: all but events and alerts."""
        self.frame: Frame | None = None
        """The newest frame."""
        self.history = History()
        self.highs: dict[PortId, dict[str, float]] = {}
        """Highest rates and temperatures since the start or `reset_highs`."""
        self.flaps: Counter[PortId] = Counter()
        """How often the link of a port went down since the start or `reset_highs`."""
        self.heat = HeatWatch(Pace() if forecasts else NO_FORECASTS)
        self.recent = RecentFrames()
        self.past: Past = self.recent
        """Whoever is asked for what was."""
        self._keeps_frames = frames
        self.links = LinkWatch()
        self.storms = StormWatch()
        self.congestion = CongestionWatch()
        self.health = HealthWatch()
        self.paths = PathWatch()
        self.alarms = Alarms()
        self.verdicts = CalmVerdicts()
        self.keeps_verdicts = verdicts
        self.planned = PlannedChanges()
        self.events = EventList()
        self._followed: set[PortId] = set()
        self._ceilings: dict[PortId, deque[tuple[float, Ceiling]]] = {}
        """Of the ports that are followed, with the monotonic second of each."""

    def ingest(self, frame: Frame) -> list[Alert]:
        """Take a frame in; return what has become bad since the one before."""
        lost, retyped = self.links.observe(self.frame, frame)
        alerts = [
            *(*self.heat.observe(frame), *lost),
            *(*losses(self.frame, frame), *self.storms.observe(frame)),
            *self.congestion.observe(frame),
            *self.paths.observe(frame.sample.paths, frame.sample.tick, ports_of(frame)),
        ]
        alerts = self.planned.quieted(frame, alerts, self.links)
        lost_now = [alert for alert in alerts if alert.kind is not AlertKind.PATH_UP]
        ended = self.alarms.update(frame, self._conditions, lost_now)
        own = [self._noticed(alert) for alert in alerts if alert.kind in _OWN]
        seen = [self._keyed(incident, frame) for incident in changes(self.frame, frame)]
        seen += self.paths.changes(frame.sample.paths, frame.sample.tick)
        self.note(frame.sample, (*seen, *frame.sample.incidents, *retyped, *own))
        for alarm in ended:
            self._end(alarm, frame.sample.tick)
        for port, times in links_lost(self.frame, frame):
            if not self.planned.is_quiet(port):
                self.flaps[port] += times
                self.health.flapped(frame, port, times)
        self.health.observe(frame)
        self.events.settle(frame)
        if self.keeps_verdicts:
            self.verdicts.advance(frame.sample.tick)
        for port, now in frame.ports.items():
            if now.now.port.kind is PortKind.PHYSICAL or port in self._followed:
                self._record(port, now, frame.sample.tick)
                if port in self._followed:
                    self._keep(port_view(frame, port), frame.sample.tick)
                if self.keeps_verdicts:
                    verdict = port_view(frame, port).verdict
                    self.verdicts.take(port, verdict, frame.sample.tick)
        self.verdicts.keep(frame.ports if self.keeps_verdicts else ())
        if self._keeps_frames:
            self.recent.add(frame, self.heat.then())
        self.frame = frame
        return alerts

    @property
    def _conditions(self) -> Conditions:
        return Conditions(self.heat, self.links, self.storms, self.paths, self.congestion)

    def _noticed(self, alert: Alert) -> Incident:
        """Return an alert as an incident, which goes on as long as its alarm."""
        alarm = self.alarms.of(subject_of(alert))
        kind, severity = IncidentKind.ALARM, alert.kind.severity
        one = own_incident(alert.port, kind, alert.text, alert.tick, severity)
        if alert.way:
            one = one._replace(details={"way": alert.way})
        return one._replace(key=alarm.key, tick=alarm.begin_tick) if alarm else one

    def _keyed(self, incident: Incident, frame: Frame) -> Incident:
        """Return a change of a port; what began an alarm now goes on as long as that."""
        part = _PARTS.get(incident.kind)
        if part is None or incident.device is None:
            return incident
        for alarm in self.alarms.all():
            now = frame.ports.get(alarm.subject.port)
            port = now.now.port if now else alarm.port
            same = alarm.subject.part == part and port.name == incident.ifname
            if same and alarm.begin_tick == incident.tick and alarm.end_tick is None:
                return incident._replace(key=alarm.key)
        return incident

    def _end(self, alarm: Alarm, tick: float) -> None:
        """End the incident of an alarm."""
        end = tick if alarm.end_tick is None else alarm.end_tick
        text = None if alarm.storm is None else f"{alarm.storm.total_text} in all"
        self.events.end(alarm.key, end, tick, text)

    def follow(self, port: PortId) -> None:
        """Keep the history of a virtual port too, and the verdicts on this one."""
        self._followed.add(port)

    def ceiling_at(self, port: PortId, tick: float) -> Ceiling | None:
        """Return limits and verdict of a port at an instant; None where none was kept."""
        kept = self._ceilings.get(port, ())
        last = next((pair for pair in reversed(kept) if pair[0] <= tick), None)
        return last[1] if last and tick - last[0] < 2 * CEILING_S else None

    def keep_verdicts(self, keep: bool) -> None:
        """Begin to keep verdicts, as of a machine that was not looked at before, or stop it."""
        if keep and not self.keeps_verdicts:
            self.verdicts = CalmVerdicts(begins=False)
        self.keeps_verdicts = keep

    def reset_highs(self) -> None:
        """Count highs and flaps from now on."""
        self.highs.clear()
        self.flaps.clear()

    def note(self, sample: Sample, incidents: Iterable[Incident]) -> None:
        """Put incidents into the list of events."""
        for incident in incidents:
            self.planned.report(incident, sample.tick)
            self.events.note(sample, incident)

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
            if devices.intersection((event.incident.device, *event.incident.functions))
            or (event.incident.ifname and event.incident.ifname == mine.name)
        )
        return sorted(events, key=lambda event: event.wall)

    def last_loss(self, port: PortId) -> float | None:
        """Return when the link of a port was last lost, epoch seconds; None where none is known."""
        now = self.frame.ports.get(port) if self.frame is not None else None
        name = now.now.port.name if now is not None else None
        losses = (
            event.wall
            for event in self.events
            if event.incident.kind is IncidentKind.LINK_DOWN and event.incident.ifname == name
        )
        return max(losses, default=None) if name else None

    def _record(self, port: PortId, now: PortFrame, tick: float) -> None:
        values = values_of(now)
        self.history.append(port, tick, values)
        highs = self.highs.setdefault(port, {})
        for name, value in values.items():
            if value is not None and value > highs.get(name, -inf):
                highs[name] = value

    def _keep(self, view: PortView, tick: float) -> None:
        """Keep the ceiling every ten seconds, and at once when another limit binds."""
        kept = self._ceilings.setdefault(view.id, deque(maxlen=CEILINGS))
        limit = kept[-1][1].verdict.limit if kept else None
        if not kept or tick - kept[-1][0] >= CEILING_S or view.ceiling.verdict.limit != limit:
            kept.append((tick, view.ceiling))


def values_of(port: PortFrame) -> dict[str, float | None]:
    """Return what the history keeps of a port: bit/s and °C."""
    rx_bps, tx_bps = wire_bps(port)
    values = {RX: rx_bps, TX: tx_bps}
    for sensor in port.now.temperatures:
        values[sensor.name] = None if sensor.stale else sensor.celsius
    return values
