"""What happened between two frames, as incidents: ports, links and names that are others now."""

from __future__ import annotations

from collections.abc import Iterator

from mlxtop.model.counters import Severity
from mlxtop.model.frame import Frame
from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.model.sample import LinkState, PortSample


def changes(before: Frame | None, now: Frame) -> list[Incident]:
    """Incidents from one frame to the next; none for the first one."""
    if before is None:
        return []
    found = []
    for port, frame in now.ports.items():
        old = before.ports.get(port)
        if old is None:
            found.append(_incident(frame.now, IncidentKind.ADDED, "the port is there", now))
        elif old.now.port is not frame.now.port or old.now.link is not frame.now.link:
            found.extend(_between(old.now, frame.now, now))
    for port, frame in before.ports.items():
        if port not in now.ports:
            text = "the port is gone"
            found.append(_incident(frame.now, IncidentKind.REMOVED, text, now, Severity.WARNING))
    return found


def _between(old: PortSample, new: PortSample, now: Frame) -> Iterator[Incident]:
    if old.port.name != new.port.name:
        yield _incident(new, IncidentKind.RENAMED, f"was {old.port.name}", now)
    if old.port.ifindex != new.port.ifindex and old.port.ifindex and new.port.ifindex:
        text = "re-registered: a new network device, its counters start at 0"
        yield _incident(new, IncidentKind.ADDED, text, now)
    times = _flaps(old, new)
    if times:
        text = "link went down and came back" + (f" {times} times" if times > 1 else "")
        yield _incident(new, IncidentKind.LINK_DOWN, text, now, Severity.WARNING)
    if old.link.state is not new.link.state:
        up = new.link.state is LinkState.UP
        kind = IncidentKind.LINK_UP if up else IncidentKind.LINK_DOWN
        severity = Severity.NOTE if up else Severity.WARNING
        text = f"link {new.link.state}, was {old.link.state}"
        if new.link.detail:
            text += f": {new.link.detail}"
        yield _incident(new, kind, text, now, severity)


def _flaps(old: PortSample, new: PortSample) -> int:
    """How often the link was lost and regained unseen, by the kernel's count of changes."""
    before, after = old.link.carrier_changes, new.link.carrier_changes
    if before is None or after is None or old.port.ifindex != new.port.ifindex:
        return 0
    return max(0, after - before) // 2 if old.link.state is new.link.state else 0


def _incident(
    port: PortSample,
    kind: IncidentKind,
    text: str,
    now: Frame,
    severity: Severity = Severity.NOTE,
) -> Incident:
    return Incident(
        kind,
        text,
        severity,
        now.sample.tick,
        port.port.id.device,
        port.port.name,
        source="mlxtop",
    )
