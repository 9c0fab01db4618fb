"""A frame as the JSON document that the README describes.

Numbers are numbers, unknown is null with its reason in `absent`, keys are stable.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mlxtop import __version__
from mlxtop.analysis import fields
from mlxtop.analysis.distance import distance
from mlxtop.analysis.verdict import Verdict
from mlxtop.health.ber_limit import floor_of, limit_of
from mlxtop.health.link_health import LinkHealth
from mlxtop.health.signs import outlook_at
from mlxtop.model.frame import Frame
from mlxtop.model.identity import Adapter, PortId
from mlxtop.model.incident import Incident
from mlxtop.model.json_text import attributes
from mlxtop.model.pcie import PciePath
from mlxtop.model.sample import PcieStatus, PortSample
from mlxtop.outputs.health_document import health_document
from mlxtop.outputs.port_document import Json, pcie_document, port_document
from mlxtop.watch.alarms import Alarm
from mlxtop.watch.event_list import TimedIncident
from mlxtop.watch.settled import card_of

SCHEMA = 1
"""Raised when a key changes its meaning or goes; new keys may come at any time."""

_NO_PCIE = PcieStatus(PciePath(()))


def document(
    frame: Frame,
    demo: bool,
    since_boot: bool = False,
    *,
    alarms: Iterable[Alarm] = (),
    events: Iterable[TimedIncident] = (),
    verdicts: Mapping[PortId, Verdict] = {},
    health: Mapping[PortId, LinkHealth] = {},
    machine: str = "",
) -> Json:
    """Return the whole frame, with alarms, events, verdicts and links' histories of its Watch.

    `machine`: its name among several. `since_boot` has errors as the kernel's totals instead of
    since the start.
    Ports that are on no ConnectX adapter stand in a last entry whose family is null.
    """
    sample = frame.sample
    adapters = [_adapter(frame, adapter, since_boot, verdicts) for adapter in sample.adapters]
    others = [port for port, one in frame.ports.items() if one.now.port.adapter is None]
    if others:
        adapters.append(_others(frame, others, since_boot, verdicts))
    names = {str(port): port for port in frame.ports}
    for one in (port for adapter in adapters for port in adapter["ports"]):
        port = names[one["id"]]
        one["history"] = _history(frame, frame.ports[port].now, health.get(port))
    return {
        "schema": SCHEMA,
        **({"machine": machine} if machine else {}),
        "mlxtop": __version__,
        "time": round(sample.wall, 3),
        "demo": demo,
        "host": fields.values(fields.HOST_FIELDS, sample.host),
        "adapters": adapters,
        "alarms": [_alarm(alarm) for alarm in alarms],
        "incidents": [_incident(frame, event) for event in events],
        "problems": [{"subject": p.subject, "text": p.text} for p in sample.problems],
    }


def _history(frame: Frame, now: PortSample, health: LinkHealth | None) -> Json | None:
    if health is None:
        return None
    limit = limit_of(now)
    told = outlook_at(health, limit, floor_of(now), frame.sample.wall)
    return health_document(health, told, limit, frame.sample.wall)


def lost_document(machine: str, why: str) -> Json:
    """Return the document of a machine of which nothing is known."""
    return {
        "schema": SCHEMA,
        "machine": machine,
        "mlxtop": __version__,
        "time": None,
        "demo": False,
        "host": None,
        "adapters": [],
        "alarms": [],
        "incidents": [],
        "problems": [{"subject": machine, "text": why}],
    }


def _alarm(alarm: Alarm) -> Json:
    whole = _event(alarm, alarm.port.name, (alarm.since, alarm.until), alarm.times)
    return {**whole, "today": alarm.today, "acknowledged": alarm.acknowledged}


def _event(
    what: Alarm | Incident, port: str | None, span: tuple[float, float | None], count: int
) -> Json:
    """Return an alarm or incident, which goes on or is over."""
    since, until = (None if wall is None else round(wall, 3) for wall in span)
    return {
        "port": port,
        "kind": what.kind,
        "severity": what.severity,
        "since": since,
        "until": until,
        "count": count,
        "text": what.text,
    }


def _incident(frame: Frame, event: TimedIncident) -> Json:
    """Return an incident, with the card that it is about, whether it has a port or none."""
    one = event.incident
    card = card_of(one, frame)
    until = None if event.until is None else min(event.until, max(event.wall, frame.sample.wall))
    return {
        **_event(one, one.ifname or one.device or one.rdma, (event.wall, until), one.times),
        "card": card.key if card else None,
        "advice": one.advice or None,
    }


def _adapter(
    frame: Frame, adapter: Adapter, since_boot: bool, verdicts: Mapping[PortId, Verdict]
) -> Json:
    slots = [frame.sample.pcie.get(slot, _NO_PCIE) for slot in adapter.slots]
    ports = [port for port in adapter.ports if port in frame.ports]
    return {
        **fields.values(fields.CARD_FIELDS, fields.CardView(frame, adapter)),
        "pcie": pcie_document(slots[0].path),
        "pcie_paths": [pcie_document(slot.path) for slot in slots],
        "aer": {str(error): count for slot in slots for error, count in slot.aer.items()},
        "temperature": _asic([frame.ports[port].now for port in ports]),
        "gpus": _gpus(frame, adapter),
        "ports": [port_document(frame, port, since_boot, verdicts) for port in ports],
        "absent": fields.why_empty_card(frame, adapter),
    }


def _gpus(frame: Frame, adapter: Adapter) -> list[Json]:
    """Return how far each GPU is from the first function of a card."""
    host = frame.sample.host_settings.value
    if host is None or not adapter.functions:
        return []
    first = adapter.functions[0]
    return [
        {"address": gpu.address, "distance": distance(first, gpu, host.nodes)} for gpu in host.gpus
    ]


def _others(
    frame: Frame, ports: list[PortId], since_boot: bool, verdicts: Mapping[PortId, Verdict]
) -> Json:
    return {
        **dict.fromkeys((field.name for field in fields.CARD_FIELDS), None),
        "functions": [],
        "pcie": pcie_document(PciePath(())),
        "pcie_paths": [],
        "aer": {},
        "temperature": _asic([]),
        "gpus": [],
        "ports": [port_document(frame, port, since_boot, verdicts) for port in ports],
        "absent": {"family": "these ports are on no ConnectX adapter"},
    }


def _asic(ports: list[PortSample]) -> Json:
    sensor = next((sensor for port in ports if (sensor := port.sensor("asic"))), None)
    return attributes(sensor, asic_c="celsius", crit_c="critical", highest_c="highest")
