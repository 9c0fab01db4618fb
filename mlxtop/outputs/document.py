"""A frame as the JSON document that the README describes.

Numbers are numbers, unknown is null with its reason in `absent`, keys are stable.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mlxtop import __version__
from mlxtop.analysis.faults import fault_counters
from mlxtop.analysis.fields import (
    CARD_FIELDS,
    HOST_FIELDS,
    PORT_FIELDS,
    CardView,
    values,
    why_empty,
    why_empty_card,
)
from mlxtop.analysis.port_view import port_view
from mlxtop.model.catalogue import counters_of
from mlxtop.model.frame import Frame, PortFrame
from mlxtop.model.identity import Adapter, PortId
from mlxtop.model.pcie import PciePath
from mlxtop.model.sample import PcieStatus, PortSample, Temperature
from mlxtop.outputs.module import module_json, report_json
from mlxtop.outputs.watched import alarms_json, incidents_json
from mlxtop.watch.alarms import Alarm
from mlxtop.watch.heat_limits import limits_of, module_limits
from mlxtop.watch.watch import Event

SCHEMA = 1
"""Raised when a key changes its meaning or goes; new keys may come at any time."""

Json = dict[str, Any]
_NO_PCIE = PcieStatus(PciePath(()))


def document(
    frame: Frame,
    demo: bool,
    since_boot: bool = False,
    alarms: Iterable[Alarm] = (),
    events: Iterable[Event] = (),
) -> Json:
    """Return the whole frame, with the alarms and events of its Watch.

    `since_boot` has errors as the kernel's totals instead of since the start.
    Ports that are on no ConnectX adapter stand in a last entry whose family is null.
    """
    sample = frame.sample
    adapters = [_adapter(frame, adapter, since_boot) for adapter in sample.adapters]
    others = [port for port, one in frame.ports.items() if one.now.port.adapter is None]
    if others:
        adapters.append(_others(frame, others, since_boot))
    return {
        "schema": SCHEMA,
        "mlxtop": __version__,
        "time": round(sample.wall, 3),
        "demo": demo,
        "host": values(HOST_FIELDS, sample.host),
        "adapters": adapters,
        "alarms": alarms_json(alarms),
        "incidents": incidents_json(events),
        "problems": [{"subject": p.subject, "text": p.text} for p in sample.problems],
    }


def _adapter(frame: Frame, adapter: Adapter, since_boot: bool) -> Json:
    slots = [frame.sample.pcie.get(slot, _NO_PCIE) for slot in adapter.slots]
    ports = [port for port in adapter.ports if port in frame.ports]
    return {
        **values(CARD_FIELDS, CardView(frame, adapter)),
        "pcie": _pcie(slots[0].path),
        "aer": {str(error): count for slot in slots for error, count in slot.aer.items()},
        "temperature": _asic([frame.ports[port].now for port in ports]),
        "ports": [_port(frame, port, since_boot) for port in ports],
        "absent": why_empty_card(frame, adapter),
    }


def _others(frame: Frame, ports: list[PortId], since_boot: bool) -> Json:
    return {
        **dict.fromkeys((field.name for field in CARD_FIELDS), None),
        "functions": [],
        "pcie": _pcie(PciePath(())),
        "aer": {},
        "temperature": _asic([]),
        "ports": [_port(frame, port, since_boot) for port in ports],
        "absent": {"family": "these ports are on no ConnectX adapter"},
    }


def _pcie(path: PciePath) -> Json:
    own = path.links[0] if path.links else None
    limiting = path.limiting
    return {
        "speed_gts": own.speed if own else None,
        "width": own.width if own else None,
        "max_speed_gts": own.max_speed if own else None,
        "max_width": own.max_width if own else None,
        "available_mbps": path.available_mbps,
        "capable_mbps": path.capable_mbps,
        "limited_by": limiting.device if limiting and path.limited else None,
    }


def _sensor(port: PortSample, name: str) -> Temperature | None:
    return next((t for t in port.temperatures if t.name == name), None)


def _asic(ports: list[PortSample]) -> Json:
    found = next((t for port in ports if (t := _sensor(port, "asic"))), None)
    return {
        "asic_c": found.celsius if found else None,
        "crit_c": found.critical if found else None,
        "highest_c": found.highest if found else None,
    }


def _module(frame: Frame, port: PortSample) -> Json:
    sensor = _sensor(port, "module")
    limits = None
    if sensor is not None:
        limits = limits_of(sensor, port, frame.adapter(port.port.id))
    elif port.module is not None:
        limits = module_limits(port.module)
    return module_json(port.module, sensor, limits)


def _errors(port: PortFrame, since_boot: bool) -> Json:
    """Return every error counter that the port has, by its own name; of families what counted."""
    counts = {}
    for origin, reading in port.now.readings.items():
        for counter in fault_counters(origin, reading.schema):
            count = port.total(counter) if since_boot else port.since_start(counter)
            if not counter.gauge and count is not None and (count or counter.family is None):
                counts[counter.key] = count
    return counts


def _counters(port: PortFrame) -> Json:
    """Return the kernel's totals of the known counters that are not zero, faults or not."""
    totals = {}
    for origin, reading in port.now.readings.items():
        for counter in counters_of(origin, reading.schema):
            total = port.total(counter)
            if total:
                totals[counter.key] = total
    return totals


def _port(frame: Frame, port: PortId, since_boot: bool) -> Json:
    view = port_view(frame, port)
    now = view.now.now
    return {
        **values(PORT_FIELDS, view),
        "pcie": _pcie(view.pcie.path if view.pcie else PciePath(())),
        "errors": _errors(view.now, since_boot),
        "errors_since": "boot" if since_boot else "start",
        "counters": _counters(view.now),
        "module": _module(frame, now),
        "report": report_json(now.report),
        "absent": why_empty(view),
    }
