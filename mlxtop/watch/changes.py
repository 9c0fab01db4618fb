"""Find what happened between two frames: incidents of ports, links and names, and losses.

Losses are alerts; a hot module is among them where only the link or the driver's counter shows it.
"""

from __future__ import annotations

from collections.abc import Iterator

from mlxtop.model.catalogue import CATALOGUE
from mlxtop.model.counters import Origin, Severity
from mlxtop.model.frame import Frame, PortFrame
from mlxtop.model.identity import Port, PortId, PortKind
from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.model.sample import LinkState, PortSample
from mlxtop.watch.alert import Alert, AlertKind
from mlxtop.watch.links import flaps

_HIGH_TEMPERATURE = CATALOGUE[Origin.DRIVER, "module_high_temp"]
"""The driver's count of a module's complaints: the one hint at heat that needs no root."""


def own_incident(
    port: Port, kind: IncidentKind, text: str, tick: float, severity: Severity = Severity.NOTE
) -> Incident:
    """Return an incident that mlxtop itself noticed."""
    return Incident(kind, text, severity, tick, port.id.device, port.name, source="mlxtop")


def changes(before: Frame | None, now: Frame) -> Iterator[Incident]:
    """Yield incidents from one frame to the next; none for the first one."""
    if before is None:
        return
    tick = now.sample.tick
    for port_id, frame in now.ports.items():
        old, new = before.ports.get(port_id), frame.now
        if old is None:
            yield own_incident(new.port, IncidentKind.ADDED, "the port is there", tick)
        elif old.now.port is not new.port or old.now.link is not new.link:
            yield from _between(old.now, new, tick)
    for port_id, frame in before.ports.items():
        if port_id not in now.ports:
            gone = (IncidentKind.REMOVED, "the port is gone", tick, Severity.WARNING)
            yield own_incident(frame.now.port, *gone)


def _between(old: PortSample, new: PortSample, tick: float) -> Iterator[Incident]:
    port, state = new.port, new.link.state
    if old.port.name != port.name:
        yield own_incident(port, IncidentKind.RENAMED, f"was {old.port.name}", tick)
    if old.port.ifindex != port.ifindex and old.port.ifindex and port.ifindex:
        text = "re-registered: a new network device, its counters start at 0"
        yield own_incident(port, IncidentKind.ADDED, text, tick)
    if times := flaps(old, new):
        text = "link went down and came back" + (f" {times} times" if times > 1 else "")
        yield own_incident(port, IncidentKind.LINK_DOWN, text, tick, Severity.WARNING)
    if old.link.state is not state:
        up = state is LinkState.UP
        kind = IncidentKind.LINK_UP if up else IncidentKind.LINK_DOWN
        severity = Severity.NOTE if up else Severity.WARNING
        text = f"link {state}, was {old.link.state}"
        text += f": {new.link.detail}" if new.link.detail else ""
        yield own_incident(port, kind, text, tick, severity)


def links_lost(before: Frame | None, now: Frame) -> Iterator[tuple[PortId, int]]:
    """Yield ports whose link went down between two frames, and how often it did.

    A link that was switched off here was not lost.
    """
    for port, one in before.ports.items() if before else ():
        frame = now.ports.get(port)
        if frame is None or frame.now.link is one.now.link:
            continue
        state = frame.now.link.state
        times = flaps(one.now, frame.now)
        if one.now.link.state is LinkState.UP and state not in (LinkState.UP, LinkState.ADMIN_DOWN):
            times += 1
        if times:
            yield port, times


def losses(before: Frame | None, now: Frame) -> Iterator[Alert]:
    """Yield alerts of ports and modules that were well in the frame before.

    A device without hardware goes as it came: a container has ended.
    """
    tick = now.sample.tick
    for port_id, one in before.ports.items() if before else ():
        old, frame = one.now, now.ports.get(port_id)
        if frame is None:
            if old.port.kind is PortKind.PHYSICAL:
                yield Alert(AlertKind.PORT_GONE, old.port, "the port is gone", tick)
            continue
        new = frame.now
        same = new.link is old.link and new.module is old.module
        if same and _HIGH_TEMPERATURE.origin not in new.readings:
            continue  # nothing of what is asked below can have changed: virtual ports mostly
        if hint := _heat_hint(one, frame):
            yield Alert(AlertKind.ALARM, new.port, hint, tick, "module")
        empty = new.link.state is LinkState.NO_MODULE and old.link.state is not LinkState.NO_MODULE
        if empty or (old.module is not None and module_is_out(new)):
            yield Alert(AlertKind.MODULE_OUT, new.port, "the module is gone", tick)


def module_is_out(now: PortSample) -> bool:
    """Return whether a module that answered before is no longer in its cage.

    A link that is up has a module, and on InfiniBand no driver reads its memory.
    """
    link = now.link
    if link.state is LinkState.NO_MODULE:
        return True
    silent = now.module is None and not link.is_infiniband
    return silent and link.state is not LinkState.UP


def _heat_hint(old: PortFrame, new: PortFrame) -> str | None:
    """Return the sign of a hot module that needs no sensor: link state or driver's counter."""
    if new.now.link.state is LinkState.OVERHEAT and old.now.link.state is not LinkState.OVERHEAT:
        return "the module was switched off because of heat"
    before, now = old.raw(_HIGH_TEMPERATURE), new.raw(_HIGH_TEMPERATURE)
    if before is not None and now is not None and now > before:
        return "the module reported high temperature"
    return None
