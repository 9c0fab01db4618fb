"""Changes of link types that mlxtop makes itself: what they bring about is part of one event.

Ports go, come back under other names and find their link again. As long as that may take it is no
alarm; what is still missing afterwards is one.
"""

from __future__ import annotations

from collections.abc import Iterable

from mlxtop.model.frame import Frame
from mlxtop.model.identity import PortId, slot_of
from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.watch.heat import Alert, AlertKind
from mlxtop.watch.links import LinkWatch

QUIET_S = 20.0
"""Seconds after a report of a change in which its ports may go and come back."""

_KINDS = frozenset(
    (
        *(IncidentKind.LINK_UP, IncidentKind.LINK_DOWN, IncidentKind.LINK_TYPE),
        *(IncidentKind.ADDED, IncidentKind.REMOVED, IncidentKind.RENAMED, IncidentKind.ENABLED),
        *(IncidentKind.BOND, IncidentKind.PORT_CLOSED, IncidentKind.DRIVER),
    )
)
"""What a change brings about; anything else stands for itself."""
_HELD = (AlertKind.LINK_DOWN, AlertKind.PORT_GONE, AlertKind.MODULE_OUT)


class PlannedChanges:
    """The changes that have just been reported, by the slot of their card."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[str, float]] = {}
        """Key of the change, and the monotonic second until which its card is quiet."""
        self._names: dict[str, str] = {}
        """Slots by the names of the network devices that its ports have or had."""
        self._held: dict[tuple[PortId, AlertKind], Alert] = {}

    def report(self, incident: Incident, tick: float) -> None:
        """Take note of a change, or of what became of it."""
        if is_change(incident) and incident.device:
            self._open[slot_of(incident.device)] = incident.key, tick + QUIET_S

    def part_of(self, incident: Incident, tick: float) -> str | None:
        """Return the key of the change that an incident belongs to; None where it stands alone."""
        if incident.kind not in _KINDS or is_change(incident):
            return None
        slots = [slot_of(device) for device in (incident.device, *incident.functions) if device]
        if incident.ifname in self._names and not slots:
            slots.append(self._names[incident.ifname])
        for slot in slots:
            key, until = self._open.get(slot, ("", 0.0))
            if key and tick <= until:
                return key
        return None

    def quieted(self, frame: Frame, alerts: Iterable[Alert], links: LinkWatch) -> list[Alert]:
        """Return alerts without what a change explains; that comes later if it still holds."""
        if not self._open:
            return list(alerts)
        tick = frame.sample.tick
        for port_id, one in frame.ports.items():
            slot = slot_of(port_id.device)
            if slot in self._open and one.now.port.netdev:
                self._names[one.now.port.netdev] = slot
        told = []
        for alert in alerts:
            if alert.kind in _HELD and slot_of(alert.port.id.device) in self._open:
                self._held[alert.port.id, alert.kind] = alert
            else:
                told.append(alert)
        for slot in [slot for slot, (_, until) in self._open.items() if tick > until]:
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
                AlertKind.MODULE_OUT: one is not None and one.now.module is None,
            }[kind]
            if holds:
                now = alert.port if one is None else one.now.port
                still.append(alert._replace(port=now, tick=frame.sample.tick))
        return still


def is_change(incident: Incident) -> bool:
    """Return whether an incident is a change of link types by mlxtop, and not a part of it."""
    return incident.kind is IncidentKind.LINK_TYPE and bool(incident.key)
