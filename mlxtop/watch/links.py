"""Follow the links of physical ports: which of those that are down somebody misses.

A port is missed if it had a link since the start, or carries an address, a route or a bond: an
unused second port is not. What is switched off on purpose is not missed either.
"""

from __future__ import annotations

from collections.abc import Iterator

from mlxtop.model.counters import Severity
from mlxtop.model.frame import Frame
from mlxtop.model.identity import Port, PortId, PortKind, slot_of
from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.model.sample import LinkLayer, LinkState, PortSample, Sample
from mlxtop.watch.alert import Alert, AlertKind

RETYPE_S, SETTLED_S = 60.0, 15.0
"""Seconds before and after a link type is found changed in which ports go away for that."""
_WELL = (LinkState.UP, LinkState.ADMIN_DOWN)


class LinkWatch:
    """The ports with a link, those that are missed, and their link types."""

    def __init__(self) -> None:
        self._changed: dict[PortId, float] = {}
        """The monotonic second at which the link type of a port was last found to be another."""
        self._linked: set[PortId] = set()
        """Ports that had a link since the start, as the link type that they are."""
        self._missed: set[PortId] = set()
        self._types: dict[PortId, tuple[LinkLayer, Port]] = {}
        """The last known link type of a port, and the port as it was then."""

    def is_missed(self, port: PortId) -> bool:
        """Return whether a port is down that should not be."""
        return port in self._missed

    def is_retyped(self, port: PortId, tick: float) -> bool:
        """Return whether what was away from `tick` on was so for its own change of link type."""
        changed = self._changed.get(port)
        return changed is not None and -RETYPE_S <= tick - changed <= 0

    def is_beside_retyped(self, port: PortId, tick: float) -> bool:
        """Return the same for a change on the port's card, which takes all its ports away."""
        slot = slot_of(port.device)
        return any(
            slot_of(one.device) == slot and -RETYPE_S <= tick - changed <= SETTLED_S
            for one, changed in self._changed.items()
        )

    def observe(self, before: Frame | None, frame: Frame) -> tuple[list[Alert], list[Incident]]:
        """Take a frame in; return links that were lost, and link types that have changed."""
        alerts: list[Alert] = []
        incidents: list[Incident] = []
        for port_id, one in frame.ports.items():
            now = one.now
            if now.port.kind is PortKind.PHYSICAL:
                incidents += self._type(port_id, now, frame.sample.tick)
                old = before.ports.get(port_id) if before else None
                alerts += self._link(port_id, old.now if old else None, now, frame.sample)
        self._missed &= frame.ports.keys()
        return alerts, incidents

    def _type(self, port_id: PortId, now: PortSample, tick: float) -> Iterator[Incident]:
        """Yield an incident where a port has become one of the other link type."""
        layer = now.link.layer
        if layer is None or not (now.port.netdev or now.port.rdma):
            return
        old, port = self._types.get(port_id, (layer, now.port))
        self._types[port_id] = layer, now.port
        if old is layer:
            return
        self._changed[port_id] = tick
        self._linked.discard(port_id)
        self._missed.discard(port_id)
        details = {"type": str(layer), "before": str(old), "name_before": port.name}
        yield Incident(
            IncidentKind.LINK_TYPE,
            f"link type {layer}, was {old}",
            Severity.NOTE,
            tick,
            port_id.device,
            now.port.name,
            source="mlxtop",
            details=details,
        )

    def _link(
        self, port_id: PortId, old: PortSample | None, now: PortSample, sample: Sample
    ) -> Iterator[Alert]:
        state = now.link.state
        if state is LinkState.UP:
            self._linked.add(port_id)
        if state in _WELL:
            self._missed.discard(port_id)
            times = flaps(old, now) if old is not None and state is LinkState.UP else 0
            if times:
                text = "link went down and came back" + (f" {times} times" if times > 1 else "")
                yield Alert(AlertKind.LINK_DOWN, now.port, text, sample.tick, over=True)
        elif port_id not in self._missed and self._is_needed(now.port, sample):
            self._missed.add(port_id)
            detail = f": {now.link.detail}" if now.link.detail else ""
            _, known = self._types.get(port_id, (None, now.port))
            port = now.port if now.port.netdev or now.port.rdma else known
            yield Alert(AlertKind.LINK_DOWN, port, f"link {state}{detail}", sample.tick)

    def _is_needed(self, port: Port, sample: Sample) -> bool:
        """Return whether somebody uses a port, or did when it had a link."""
        used = sample.in_use.value or frozenset()
        names = (port.netdev, *port.extra_netdevs)
        return port.id in self._linked or port.bond is not None or not used.isdisjoint(names)


def flaps(old: PortSample, new: PortSample) -> int:
    """Return how often the link was lost and regained unseen, by the kernel's count of changes."""
    before, after = old.link.carrier_changes, new.link.carrier_changes
    if before is None or after is None or old.port.ifindex != new.port.ifindex:
        return 0
    return max(0, after - before) // 2 if old.link.state is new.link.state else 0
