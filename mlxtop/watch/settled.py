"""Whether an incident of the kernel log is over by what the machine shows now.

Most of the kernel's texts have no counterpart that tells of an end: a cable that works again, a
sensor that is cool, a driver that is bound are read instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mlxtop.analysis.forecast import ENDED_C
from mlxtop.model.frame import Frame
from mlxtop.model.identity import Adapter, slot_of
from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.model.sample import LinkState, PortSample
from mlxtop.watch.heat_limits import limits_of

_LINKS = (
    IncidentKind.LINK_DOWN,
    IncidentKind.MODULE_FAULT,
    IncidentKind.MODULE_UNPLUGGED,
    IncidentKind.MODULE_DISABLED,
)
"""Kinds that a link that is up disproves."""
SETTLE_S = 5.0
"""Seconds after a line of the log in which a reading may still be older than it."""


def settled(incident: Incident, frame: Frame) -> Incident:
    """Return an incident with its end, where the machine shows that it is over."""
    fresh = incident.tick is not None and 0 <= frame.sample.tick - incident.tick < SETTLE_S
    if incident.until is None and incident.cause and not fresh and _is_over(incident, frame):
        return incident._replace(until=frame.sample.tick)
    return incident


def card_of(incident: Incident, frame: Frame) -> Adapter | None:
    """Return the card that an incident is about: by function, slot, port above it, or name."""
    devices = {device for device in (incident.device, *incident.functions) if device}
    slots = {slot_of(device) for device in devices}
    for adapter in frame.sample.adapters:
        if any(slot_of(function.address) in slots for function in adapter.functions):
            return adapter
    for adapter in frame.sample.adapters:
        ways = [function.path.split("/") for function in adapter.functions]
        if any(device in way for way in ways for device in devices):
            return adapter
    if not devices:
        names = {name for name in (incident.ifname, incident.rdma) if name}
        for one in frame.ports.values():
            port = one.now.port
            if names.intersection((port.netdev, port.rdma, *port.extra_netdevs)):
                return frame.adapter(port.id)
    return None


def _is_over(incident: Incident, frame: Frame) -> bool:
    ports = list(_ports(incident, frame))
    if incident.kind in _LINKS:
        return bool(ports) and all(port.link.state is LinkState.UP for port in ports)
    if incident.cause == "heat":
        return _is_cool(incident, ports, frame)
    if incident.cause == "load":
        adapter = card_of(incident, frame)
        bound = {f.address for f in adapter.functions if f.driver} if adapter else set()
        works = {port.port.function for port in ports if port.link.state is not LinkState.NO_DEVICE}
        failed = {one for one in (incident.device, *incident.functions) if one}
        return bool(failed) and failed <= bound and failed <= works
    if incident.kind is IncidentKind.PCIE and incident.cause == "bandwidth":
        status = frame.sample.pcie.get(slot_of(incident.device or ""))
        return status is not None and bool(status.path.links) and not status.path.limited
    return False


def _ports(incident: Incident, frame: Frame) -> Iterator[PortSample]:
    """Yield the ports of the functions that reported it, of mlx4 only the one that it names."""
    functions = set(incident.functions) | {incident.device}
    number = incident.details.get("port")
    for one in frame.ports.values():
        port = one.now.port
        if incident.ifname is not None and port.netdev == incident.ifname:
            yield one.now
            continue
        mine = number in (None, str(port.id.number)) or not port.is_mlx4
        if mine and port.function is not None and port.function in functions:
            yield one.now


def _is_cool(incident: Incident, ports: list[PortSample], frame: Frame) -> bool:
    """Return whether every sensor that was too hot was read and is well below its warning."""
    names = _hot_sensors(incident.details)
    cool = []
    for port in ports:
        for sensor in port.temperatures:
            if sensor.name not in names or sensor.celsius is None or sensor.stale:
                continue
            limits = limits_of(sensor, port, frame.adapter(port.port.id))
            limit = limits.warning if limits.warning is not None else limits.alarm
            cool.append((sensor.name, limit is not None and sensor.celsius < limit - ENDED_C))
    return {name for name, _ in cool} == names and all(is_cool for _, is_cool in cool)


def _hot_sensors(details: Mapping[str, str]) -> set[str]:
    """Return which sensors a warning is about: by its bit masks, by a number, else the chip."""
    if "msb" in details:
        masks = {"module": details["msb"], "asic": details["lsb"]}
        return {name for name, mask in masks.items() if int(mask, 16)}
    return {"asic" if details.get("index", "0") == "0" else "module"}
