"""Alarms: what is bad now, since when, how often, and what has ended a short while ago.

An alert begins or worsens an alarm; the state of the machine ends it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from mlxtop.model.counters import Severity
from mlxtop.model.frame import Frame
from mlxtop.model.identity import Port, PortId
from mlxtop.model.module import Quantity
from mlxtop.model.sample import LinkState
from mlxtop.watch.heat import KINDS, Alert, AlertKind, HeatWatch

FADE_S = 600.0
"""Seconds for which an alarm that has ended is still shown."""
HINT_S = 60.0
"""Seconds without another complaint of a module after which its alarm ends."""

_RANK = {severity: -level for level, severity in enumerate(Severity)}
_PARTS = {AlertKind.PORT_GONE: "port", AlertKind.LINK_DOWN: "link", AlertKind.MODULE_OUT: "module"}


class Subject(NamedTuple):
    """A part of a port; it has one alarm at a time."""

    port: PortId
    sensor: str | None = None
    """Name of a temperature sensor."""
    lane: tuple[Quantity, int] | None = None
    part: str | None = None
    """`port`, `link`, `module`, or `heat` for a module's complaint that no sensor measured."""


class Alarm(NamedTuple):
    """Something that is or was bad."""

    kind: AlertKind
    port: Port
    text: str
    since: float
    """Epoch second of its last beginning."""
    until: float | None = None
    """Epoch second of its end; None while it goes on."""
    times: int = 1
    """Beginnings since the program started."""
    alert_tick: float = 0.0
    """Monotonic second of the newest alert about it."""

    @property
    def severity(self) -> Severity:
        return self.kind.severity


def subject_of(alert: Alert) -> Subject:
    """Return what an alert is about."""
    port, part = alert.port.id, _PARTS.get(alert.kind)
    if alert.lane is not None:
        return Subject(port, lane=alert.lane)
    if alert.value is None and alert.kind is AlertKind.ALARM:
        part = "heat"
    return Subject(port, part=part) if part else Subject(port, sensor=alert.sensor)


class Alarms:
    """The alarms of a machine; `update` takes one frame after the other."""

    def __init__(self) -> None:
        self._alarms: dict[Subject, Alarm] = {}
        self._times: dict[Subject, int] = {}

    def all(self) -> list[Alarm]:
        """Return all alarms, those that go on first, then by severity, the newest first."""
        return sorted(
            self._alarms.values(),
            key=lambda alarm: (alarm.until is not None, _RANK[alarm.severity], -alarm.since),
        )

    def update(self, frame: Frame, heat: HeatWatch, alerts: Iterable[Alert]) -> None:
        """Begin, change and end alarms by a frame and the alerts that it caused."""
        wall, now = frame.sample.wall, frame.sample.tick
        for subject, alarm in list(self._alarms.items()):
            if alarm.until is None:
                self._alarms[subject] = self._going_on(subject, alarm, frame, heat)
            elif wall - alarm.until > FADE_S:
                del self._alarms[subject]
        for alert in alerts:
            subject = subject_of(alert)
            old = self._alarms.get(subject)
            if old is not None and old.until is None:
                since, times = old.since, old.times
            else:
                since = wall - max(0.0, now - alert.tick)
                times = self._times[subject] = self._times.get(subject, 0) + 1
            self._alarms[subject] = Alarm(
                alert.kind, alert.port, alert.text, since, None, times, now
            )

    def _going_on(self, subject: Subject, alarm: Alarm, frame: Frame, heat: HeatWatch) -> Alarm:
        """Return an alarm as it is now: going on, of another kind, or ended."""
        kind = _kind_now(subject, alarm, frame, heat)
        if kind is None:
            return alarm._replace(until=frame.sample.wall)
        return alarm if kind is alarm.kind else alarm._replace(kind=kind)


def _kind_now(subject: Subject, alarm: Alarm, frame: Frame, heat: HeatWatch) -> AlertKind | None:
    """Return the kind of an alarm in this frame; None when it has ended."""
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
        "link": state not in (LinkState.UP, LinkState.ADMIN_DOWN),
        "module": port.now.module is None and state is not LinkState.UP,
        "heat": state is LinkState.OVERHEAT or complained,
    }
    return alarm.kind if persists[subject.part or "heat"] else None
