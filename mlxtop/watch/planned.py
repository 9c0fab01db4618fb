"""Changes of link types that mlxtop makes itself: what they bring about is no alarm.

Ports go, come back under other names and find their link again. As long as that may take it is
held back; what is still missing afterwards is an alarm.
"""

from __future__ import annotations

from collections.abc import Iterable

from mlxtop.model.frame import Frame
from mlxtop.model.identity import PortId, slot_of
from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.watch.alert import Alert, AlertKind
from mlxtop.watch.changes import module_is_out
from mlxtop.watch.links import LinkWatch

QUIET_S = 20.0
"""Seconds after a report of a change in which its ports may go and come back."""

_HELD = (AlertKind.LINK_DOWN, AlertKind.PORT_GONE, AlertKind.MODULE_OUT)


class PlannedChanges:
    """The changes that have just been reported, by the slot of their card."""

    def __init__(self) -> None:
        self._open: dict[str, float] = {}
        """The monotonic second until which the ports of a card are quiet."""
        self._held: dict[tuple[PortId, AlertKind], Alert] = {}

    def report(self, incident: Incident, tick: float) -> None:
        """Take note of a change, or of what became of it."""
        if is_change(incident) and incident.device:
            self._open[slot_of(incident.device)] = tick + QUIET_S

    def is_quiet(self, port: PortId) -> bool:
        """Return whether a change explains what happens to a port now."""
        return slot_of(port.device) in self._open

    def quieted(self, frame: Frame, alerts: Iterable[Alert], links: LinkWatch) -> list[Alert]:
        """Return alerts without what a change explains; that comes later if it still holds."""
        if not self._open:
            return list(alerts)
        tick = frame.sample.tick
        told = []
        for alert in alerts:
            if alert.kind in _HELD and self.is_quiet(alert.port.id):
                self._held[alert.port.id, alert.kind] = alert
            else:
                told.append(alert)
        for slot in [slot for slot, until in self._open.items() if tick > until]:
            del self._open[slot]
            told += self._still(slot, frame, links)
        return told

    def _still(self, slot: str, frame: Frame, links: LinkWatch) -> list[Alert]:
        """Return what was held back about a card and holds still."""
        still = []
        for (port, kind), alert in list(self._held.items()):
            if slot_of(port.device) != slot:
                continue
            del self._held[port, kind]
            one = frame.ports.get(port)
            holds = {
                AlertKind.PORT_GONE: one is None,
                AlertKind.LINK_DOWN: one is not None and links.is_missed(port),
                AlertKind.MODULE_OUT: one is not None and module_is_out(one.now),
            }[kind]
            if holds:
                now = alert.port if one is None else one.now.port
                still.append(alert._replace(port=now, tick=frame.sample.tick))
        return still


def is_change(incident: Incident) -> bool:
    """Return whether an incident is a change of link types by mlxtop, and not what it led to."""
    return incident.kind is IncidentKind.LINK_TYPE and bool(incident.key)
