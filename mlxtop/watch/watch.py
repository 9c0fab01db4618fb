"""One Watch a machine: everything that is remembered from frame to frame.

Screen, stream and table take it from here, so that all of them agree. A Watch belongs to the
thread that feeds it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from itertools import islice
from math import inf
from typing import NamedTuple

from mlxtop.analysis.port_view import Ceiling, PortView, port_view
from mlxtop.analysis.throughput import wire_bps
from mlxtop.health.observe import HealthWatch
from mlxtop.model.counters import Severity
from mlxtop.model.frame import Frame, PortFrame
from mlxtop.model.history import History
from mlxtop.model.identity import PortId, PortKind
from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.model.sample import Sample
from mlxtop.watch.alarms import Alarm, Alarms, Conditions, subject_of
from mlxtop.watch.calm import CalmVerdicts
from mlxtop.watch.changes import changes, links_lost, losses, own_incident
from mlxtop.watch.congestion import CongestionWatch
from mlxtop.watch.heat import NO_FORECASTS, Alert, AlertKind, HeatWatch, Pace
from mlxtop.watch.links import LinkWatch
from mlxtop.watch.past import Past, RecentFrames
from mlxtop.watch.paths import PathWatch, ports_of
from mlxtop.watch.planned import PlannedChanges
from mlxtop.watch.settled import SETTLE_S, settled
from mlxtop.watch.storms import StormWatch

RX, TX, MODULE, ASIC = "rx", "tx", "module", "asic"
"""Series of the history: bit/s and °C."""
RECENT, SAME_S = 40, 3.0
"""Events, and seconds, within which a second source may report the same."""
EVENTS = 1000
"""Events that are kept."""
CEILING_S, CEILINGS = 10.0, 400
"""Seconds between ceilings of a port that are kept unless its limit changes, and how many."""
COUNTED = 1000
"""Kinds and devices of incidents that are counted apart; those beyond, without their device."""

_OWN = (
    *(AlertKind.WARNING, AlertKind.ALARM, AlertKind.STALE, AlertKind.MODULE_OUT),
    *(AlertKind.ERRORS, AlertKind.PATH_DOWN, AlertKind.PAUSE_STORM),
)
"""Alerts that no other source reports as an incident."""
_PARTS = {IncidentKind.LINK_DOWN: "link", IncidentKind.REMOVED: "port"}
"""Incidents that begin an alarm, and the part of the port that it is about."""


class TimedIncident(NamedTuple):
    """An incident with its time, epoch seconds."""

    wall: float
    incident: Incident

    @property
    def until(self) -> float | None:
        """Epoch second of its end; None while it goes on. What has no key is over at once."""
        one = self.incident
        if one.until is None:
            return None if one.key else self.wall
        return self.wall + max(0.0, one.until - (one.until if one.tick is None else one.tick))


class IncidentCount(NamedTuple):
    """The kind of incidents that are counted together, and their device."""

    kind: IncidentKind
    severity: Severity
    device: str | None
    ifname: str | None


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
        self._keeps_frames = frames
        """Whoever is asked for what was."""
        self.links = LinkWatch()
        self.storms = StormWatch()
        self.congestion = CongestionWatch()
        self.health = HealthWatch()
        self.paths = PathWatch()
        self.alarms = Alarms()
        self.verdicts = CalmVerdicts()
        self.keeps_verdicts = verdicts
        self.planned = PlannedChanges()
        self.events: deque[TimedIncident] = deque(maxlen=EVENTS)
        """What happened, the oldest first."""
        self.event_count = 0
        """Events since the start, those that are no longer kept too."""
        self.changes = 0
        """Changes of the list of events since the start."""
        self.counts: Counter[IncidentCount] = Counter()
        """How many incidents there were since the start, by kind, severity and device."""
        self._followed: set[PortId] = set()
        self._ceilings: dict[PortId, deque[tuple[float, Ceiling]]] = {}
        """Of the ports that are followed, with the monotonic second of each."""
        self._going_on: dict[str, float] = {}
        """Keys of incidents without an end that readings may show to be over, and the tick at which
        each was last reported."""

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
        self._settle(frame)
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
        place = self._place_of(alarm.key)
        if place is None:
            return
        incident = self.events[place].incident
        if alarm.storm is not None:
            incident = incident._replace(text=f"{alarm.storm.total_text} in all")
        end = tick if alarm.end_tick is None else alarm.end_tick
        self._replace(incident._replace(until=end), tick)

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
        """Put incidents into the list of events; what two sources report is there once.

        An incident that was reported before takes the place of its earlier report.
        """
        for incident in incidents:
            self.planned.report(incident, sample.tick)
            if incident.key and self._replace(incident, sample.tick):
                continue
            ago = 0.0 if incident.tick is None else max(0.0, sample.tick - incident.tick)
            wall = sample.wall - ago
            if not self._is_repeated(wall, incident):
                self._append(TimedIncident(wall, incident))
                self._count(incident)
                if incident.key and incident.until is None and incident.cause:
                    self._going_on[incident.key] = incident.tick or sample.tick

    def _count(self, incident: Incident) -> None:
        what = IncidentCount(incident.kind, incident.severity, incident.device, incident.ifname)
        if what not in self.counts and len(self.counts) >= COUNTED:
            what = what._replace(device=None, ifname=None)
        self.counts[what] += 1

    def _append(self, event: TimedIncident) -> None:
        self.events.append(event)
        self.event_count += 1
        self.changes += 1

    def _replace(self, incident: Incident, tick: float) -> bool:
        """Put an incident in the place of its earlier report; return whether there is one.

        Whoever follows the events gets it again where more than its count has changed.
        """
        place = self._place_of(incident.key)
        if place is None:
            return False
        before = self.events[place]
        if before.incident.source != incident.source:  # whose words are kept
            words = before.incident
            incident = words._replace(key=incident.key, until=incident.until, times=incident.times)
        if incident.until is None and incident.cause:
            self._going_on[incident.key] = tick
        else:
            self._going_on.pop(incident.key, None)
        if incident._replace(times=0, details={}) == before.incident._replace(times=0, details={}):
            self.events[place] = before._replace(incident=incident)
            self.changes += 1
        else:
            del self.events[place]
            self._append(before._replace(incident=incident))
        return True

    def _place_of(self, key: str) -> int | None:
        place = len(self.events)
        for event in reversed(self.events):
            place -= 1
            if event.incident.key == key:
                return place
        return None

    def _settle(self, frame: Frame) -> None:
        """End what the machine shows to be over, some seconds after it was last reported."""
        for key, reported in list(self._going_on.items()):
            place = self._place_of(key)
            if place is None:
                del self._going_on[key]
            elif not 0 <= frame.sample.tick - reported < SETTLE_S:
                incident = settled(self.events[place].incident, frame)
                if incident.until is not None:
                    self._replace(incident, frame.sample.tick)

    def _is_repeated(self, wall: float, incident: Incident) -> bool:
        """Return whether another source has reported it of the same device just before.

        What that source had no key for gets the key, so that its end is found.
        """
        last = len(self.events) - 1
        for place in range(last, max(last - RECENT, -1), -1):
            then, other = self.events[place]
            if (
                other.kind is incident.kind
                and other.source != incident.source
                and other.ifname == incident.ifname
                and abs(then - wall) < SAME_S
            ):
                if incident.key and not other.key:
                    keyed = other._replace(key=incident.key, until=incident.until)
                    self.events[place] = TimedIncident(then, keyed)
                    self.changes += 1
                return True
        return False

    def events_after(self, count: int) -> list[TimedIncident]:
        """Return the events since `event_count` was `count`, the oldest first; kept ones only."""
        new = min(self.event_count - count, len(self.events))
        return list(islice(self.events, len(self.events) - new, None))

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
