"""Alarms: what is bad now, since when, how often, and what has ended a short while ago.

An alert begins or worsens an alarm; the state of the machine ends it. A limit that will be passed
soon is an alarm too, for as long as the forecast says so: it is not counted and leaves no trace.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from time import localtime, strftime
from typing import NamedTuple

from mlxtop.model.counters import Severity
from mlxtop.model.frame import Frame
from mlxtop.model.identity import Port, PortId
from mlxtop.model.module import Quantity
from mlxtop.model.sample import LinkState
from mlxtop.watch.alert import Alert, AlertKind
from mlxtop.watch.congestion import CongestionWatch
from mlxtop.watch.heat import KINDS, HeatWatch, SensorHeat
from mlxtop.watch.heat_limits import CHIP, MODULE, AlarmState
from mlxtop.watch.links import LinkWatch
from mlxtop.watch.paths import PathWatch
from mlxtop.watch.storms import Storm, StormWatch

FADE_S = 600.0
"""Seconds for which an alarm that has ended is still shown."""
HINT_S = 60.0
"""Seconds without another complaint of a module after which its alarm ends."""

_RANK = {severity: -level for level, severity in enumerate(Severity)}
_PARTS = {
    AlertKind.PORT_GONE: "port",
    AlertKind.LINK_DOWN: "link",
    AlertKind.MODULE_OUT: "module",
    AlertKind.ERRORS: "errors",
    AlertKind.PAUSE_STORM: "pause",
}

_AWAY = ("port", "link", "module")
"""Parts of a port that are away while the link type is changed."""


class Subject(NamedTuple):
    """A part of a port; it has one alarm at a time."""

    port: PortId
    sensor: str | None = None
    """Name of a temperature sensor."""
    lane: tuple[Quantity, int] | None = None
    part: str | None = None
    """`port`, `link`, `module`, `errors`, `pause`, or `heat` for a module's complaint that no
    sensor measured."""
    peer: str | None = None
    """Name of a peer, of alarms about the ways to one."""
    way: str = ""
    """One way to it; empty for all of them."""

    def __str__(self) -> str:
        lane = f"{self.lane[0]} {self.lane[1]}" if self.lane else None
        if self.peer is not None:
            return f"{self.port} way to {self.peer} {self.way}".rstrip()
        return f"{self.port} {self.sensor or lane or self.part}"


class Alarm(NamedTuple):
    """Something that is or was bad."""

    kind: AlertKind
    port: Port
    subject: Subject
    text: str
    since: float
    """Epoch second of its last beginning."""
    until: float | None = None
    """Epoch second of its end; None while it goes on."""
    times: int = 1
    """Beginnings since the program started."""
    today: int = 1
    """Beginnings since midnight."""
    alert_tick: float = 0.0
    """Monotonic second of the newest alert about it."""
    begin_tick: float = 0.0
    end_tick: float | None = None
    """Monotonic seconds of its last beginning and its end."""
    acknowledged: bool = False
    """A person has seen it; until it changes."""
    storm: Storm | None = None
    """Of errors: what was counted last."""

    @property
    def severity(self) -> Severity:
        return self.kind.severity

    @property
    def key(self) -> str:
        """Return what tells it from all others, and one beginning from the next."""
        return f"{self.subject} {self.times}"

    def seconds(self, tick: float) -> float:
        """Return how long it lasted, or has lasted at a monotonic second."""
        return max(0.0, (tick if self.end_tick is None else self.end_tick) - self.begin_tick)


class Conditions(NamedTuple):
    """What tells whether an alarm goes on."""

    heat: HeatWatch
    links: LinkWatch
    storms: StormWatch
    paths: PathWatch
    congestion: CongestionWatch


def subject_of(alert: Alert) -> Subject:
    """Return what an alert is about."""
    port, part = alert.port.id, _PARTS.get(alert.kind)
    if alert.lane is not None:
        return Subject(port, lane=alert.lane)
    if alert.peer:
        return Subject(port, peer=alert.peer, way=alert.way)
    if alert.value is None and alert.kind is AlertKind.ALARM:
        part = "heat"
    return Subject(port, part=part) if part else Subject(port, sensor=alert.sensor)


class Alarms:
    """The alarms of a machine; `update` takes one frame after the other."""

    def __init__(self) -> None:
        self._alarms: dict[Subject, Alarm] = {}
        self._coming: list[Alarm] = []
        self._times: dict[Subject, int] = {}
        self._today: dict[Subject, tuple[str, int]] = {}
        """The date of the newest beginning, and the number of beginnings on it."""
        self._hidden: set[str] = set()
        """Keys of what is coming that a person has acknowledged."""

    def all(self) -> list[Alarm]:
        """Return all alarms, those that go on first, then by severity, the newest first."""
        return sorted(
            (*self._alarms.values(), *self._coming),
            key=lambda alarm: (alarm.until is not None, _RANK[alarm.severity], -alarm.begin_tick),
        )

    def of(self, subject: Subject) -> Alarm | None:
        """Return the alarm of a part of a port, going on or not."""
        return self._alarms.get(subject)

    def acknowledge(self, key: str) -> bool:
        """Note that a person has seen an alarm; return whether there is one of this key."""
        for subject, alarm in self._alarms.items():
            if alarm.key == key:
                self._alarms[subject] = alarm._replace(acknowledged=True)
                return True
        coming = [alarm for alarm in self._coming if alarm.key == key]
        self._hidden.update(alarm.key for alarm in coming)
        self._coming = [a._replace(acknowledged=True) if a.key == key else a for a in self._coming]
        return bool(coming)

    def update(self, frame: Frame, conditions: Conditions, alerts: Iterable[Alert]) -> list[Alarm]:
        """Begin, change and end alarms by a frame and the alerts that it caused.

        Return those that have ended.
        """
        ended: list[Alarm] = []
        links = conditions.links
        for subject, alarm in list(self._alarms.items()):
            away = subject.part in _AWAY
            if alarm.end_tick is not None:
                faded = not 0 <= frame.sample.tick - alarm.end_tick <= FADE_S
                if faded or (away and links.is_beside_retyped(subject.port, alarm.begin_tick)):
                    del self._alarms[subject]
            elif away and links.is_retyped(subject.port, alarm.begin_tick):
                del self._alarms[subject]
                ended.append(_ended(alarm, frame))
            else:
                now = self._alarms[subject] = _going_on(subject, alarm, frame, conditions)
                ended += [now] if now.end_tick is not None else []
        for alert in alerts:
            begun = self._begun(subject_of(alert), alert, frame, conditions)
            ended += [begun] if begun.end_tick is not None else []
        self._coming = list(self._warming(frame, conditions.heat))
        self._hidden &= {alarm.key for alarm in self._coming}
        return ended

    def _begun(self, subject: Subject, alert: Alert, frame: Frame, conditions: Conditions) -> Alarm:
        """Begin the alarm of an alert, or change the one that goes on."""
        wall, now = frame.sample.wall, frame.sample.tick
        old = self._alarms.get(subject)
        storm = conditions.storms.of(subject.port) if subject.part == "errors" else None
        if old is not None and old.end_tick is None:
            alarm = old._replace(
                kind=alert.kind, text=alert.text, alert_tick=now, acknowledged=False
            )
        else:
            since = wall - max(0.0, now - alert.tick)
            alarm = Alarm(
                alert.kind,
                alert.port,
                subject,
                alert.text,
                since,
                times=self._count(subject),
                today=self._count_today(subject, since),
                alert_tick=now,
                begin_tick=min(now, alert.tick),
                storm=storm,
            )
        self._alarms[subject] = _ended(alarm, frame) if alert.over else alarm
        return self._alarms[subject]

    def _count(self, subject: Subject) -> int:
        self._times[subject] = self._times.get(subject, 0) + 1
        return self._times[subject]

    def _count_today(self, subject: Subject, wall: float) -> int:
        today = strftime("%F", localtime(wall))
        date, count = self._today.get(subject, (today, 0))
        count = count + 1 if date == today else 1
        self._today[subject] = today, count
        return count

    def _warming(self, frame: Frame, heat: HeatWatch) -> Iterator[Alarm]:
        """Yield what will pass a limit soon and is no alarm yet."""
        wall, now = frame.sample.wall, frame.sample.tick
        for port_id, sensor in _warming_sensors(frame, heat):
            subject = Subject(port_id, sensor=sensor.sensor.name)
            old = self._alarms.get(subject)
            one = frame.ports.get(port_id)
            if one is None or (old is not None and old.end_tick is None):
                continue
            begin = now if sensor.alarm.since is None else sensor.alarm.since
            port, since = one.now.port, wall - max(0.0, now - begin)
            times = self._times.get(subject, 0) + 1
            alarm = Alarm(
                AlertKind.WARMING, port, subject, _coming_text(sensor), since, None, times
            )
            hidden = alarm.key in self._hidden
            yield alarm._replace(begin_tick=begin, alert_tick=now, acknowledged=hidden)


def _warming_sensors(frame: Frame, heat: HeatWatch) -> Iterator[tuple[PortId, SensorHeat]]:
    """Yield what will pass a limit soon; a chip with the first port of its card."""
    cards: set[str] = set()
    for port_id, one in frame.ports.items():
        for name in (MODULE, CHIP):
            sensor, card = heat.of(port_id, name), one.now.port.adapter
            if sensor is None or sensor.alarm.state is not AlarmState.WARMING:
                continue
            if name == CHIP and card is not None:
                if card in cards:
                    continue
                cards.add(card)
            yield port_id, sensor


def _coming_text(heat: SensorHeat) -> str:
    sensor, limit = heat.sensor, heat.alarm.limit
    return f"{sensor.name} at {sensor.celsius:.1f} °C, will be at {limit:.0f} °C"


def _ended(alarm: Alarm, frame: Frame) -> Alarm:
    """Return an alarm that ends now; a storm has ended with its last error."""
    wall, now = frame.sample.wall, frame.sample.tick
    end = now if alarm.storm is None else min(now, alarm.storm.last)
    return alarm._replace(until=wall - (now - end), end_tick=end, acknowledged=False)


def _going_on(subject: Subject, alarm: Alarm, frame: Frame, conditions: Conditions) -> Alarm:
    """Return an alarm as it is now: going on, of another kind, or ended."""
    kind = _kind_now(subject, alarm, frame, conditions)
    if kind is None:
        return _ended(alarm, frame)
    if subject.part == "errors":
        storm = conditions.storms.of(subject.port)
        return alarm if storm is None else alarm._replace(storm=storm, text=storm.text)
    return alarm if kind is alarm.kind else alarm._replace(kind=kind)


def _kind_now(
    subject: Subject, alarm: Alarm, frame: Frame, conditions: Conditions
) -> AlertKind | None:
    """Return the kind of an alarm in this frame; None when it has ended."""
    heat = conditions.heat
    if subject.peer is not None:
        return alarm.kind if conditions.paths.is_down(subject.peer, subject.way) else None
    port = frame.ports.get(subject.port)
    if port is None:  # that the port is gone is an alarm of its own
        return alarm.kind if subject.part == "port" else None
    if subject.lane is not None:
        bound = heat.crossings(subject.port).get(subject.lane)
        if bound is None:
            return None
        return AlertKind.ALARM if bound.is_alarm else AlertKind.WARNING
    if subject.sensor is not None:
        sensor = heat.of(subject.port, subject.sensor)
        return KINDS.get(sensor.alarm.state) if sensor is not None else None
    state = port.now.link.state
    complained = frame.sample.tick - alarm.alert_tick < HINT_S
    persists = {
        "port": False,
        "link": conditions.links.is_missed(subject.port),
        "module": port.now.module is None and state is not LinkState.UP,
        "heat": state is LinkState.OVERHEAT or complained,
        "errors": conditions.storms.of(subject.port) is not None,
        "pause": conditions.congestion.storm(subject.port) is not None,
    }
    return alarm.kind if persists[subject.part or "heat"] else None
