"""A frame as the JSON document that the README describes.

Numbers are numbers, unknown is null with its reason in `absent`, keys are stable.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mlxtop import __version__
from mlxtop.analysis import fields
from mlxtop.analysis.distance import distance
from mlxtop.analysis.faults import fault_counters
from mlxtop.analysis.port_view import PortView, port_view
from mlxtop.analysis.verdict import Verdict
from mlxtop.health.ber_limit import floor_of, limit_of
from mlxtop.health.link_health import LinkHealth
from mlxtop.health.signs import outlook
from mlxtop.model.catalogue import LANE_ERRORS, counters_of
from mlxtop.model.counters import Origin
from mlxtop.model.frame import Frame, PortFrame
from mlxtop.model.identity import Adapter, PortId
from mlxtop.model.incident import Incident
from mlxtop.model.json_text import attributes
from mlxtop.model.module import Identity, Lane, LinkReport, Module, Quantity
from mlxtop.model.pcie import PciePath, PcieReport
from mlxtop.model.qos import Dcb, Roce
from mlxtop.model.sample import PcieStatus, PortSample
from mlxtop.model.tuning import PortTuning, settled
from mlxtop.outputs.health_document import health_document
from mlxtop.watch.alarms import Alarm
from mlxtop.watch.event_list import TimedIncident
from mlxtop.watch.heat_limits import limits_of, module_limits
from mlxtop.watch.settled import card_of

SCHEMA = 1
"""Raised when a key changes its meaning or goes; new keys may come at any time."""

Json = dict[str, Any]
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
    told = outlook(health, limit, floor_of(now))
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
        "pcie": _pcie(slots[0].path),
        "pcie_paths": [_pcie(slot.path) for slot in slots],
        "aer": {str(error): count for slot in slots for error, count in slot.aer.items()},
        "temperature": _asic([frame.ports[port].now for port in ports]),
        "gpus": _gpus(frame, adapter),
        "ports": [_port(frame, port, since_boot, verdicts) for port in ports],
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
        "pcie": _pcie(PciePath(())),
        "pcie_paths": [],
        "aer": {},
        "temperature": _asic([]),
        "gpus": [],
        "ports": [_port(frame, port, since_boot, verdicts) for port in ports],
        "absent": {"family": "these ports are on no ConnectX adapter"},
    }


def _pcie(path: PciePath) -> Json:
    own = path.links[0] if path.links else None
    limiting = path.limiting
    return {
        **attributes(own, speed_gts="speed", width="width"),
        **attributes(own, max_speed_gts="max_speed", max_width="max_width"),
        "available_mbps": path.available_mbps,
        "capable_mbps": path.capable_mbps,
        "limited_by": limiting.device if limiting and path.limited else None,
    }


def _asic(ports: list[PortSample]) -> Json:
    sensor = next((sensor for port in ports if (sensor := port.sensor("asic"))), None)
    return attributes(sensor, asic_c="celsius", crit_c="critical", highest_c="highest")


def _module(frame: Frame, port: PortSample) -> Json:
    sensor, module = port.sensor("module"), port.module or Module(Identity())
    limits = None
    if sensor is not None:
        limits = limits_of(sensor, port, frame.adapter(port.port.id))
    elif port.module is not None:
        limits = module_limits(port.module)
    who = module.identity
    return {
        **attributes(sensor, temperature_c="celsius", crit_c="critical", highest_c="highest"),
        **attributes(sensor, source="source"),
        **attributes(limits, warning_c="warning", alarm_c="alarm", limits_from="source"),
        **{name: getattr(who, name) for name in _IDENTITY},
        "types": list(who.types),
        "wavelength_nm": who.wavelength,
        "lengths_m": dict(who.lengths),
        "attenuation_db": dict(who.attenuation),
        "max_power_w": who.max_power,
        "voltage_v": module.voltage,
        "state": module.state,
        "firmware": who.firmware,
        "rx_power_type": module.rx_power_type,
        "lanes": [_lane(lane) for lane in module.lanes],
        "data_paths": [lane.data_path for lane in module.lanes if lane.data_path is not None],
        "limits": {_LIMITED[name]: limit._asdict() for name, limit in module.thresholds.items()},
        "signals": sorted(map(str, module.flags)) if module.flags is not None else None,
        "signalled": sorted(map(str, module.seen)),
        "refused": dict(module.refused),
    }


_IDENTITY = (
    *("identifier", "vendor", "part", "serial", "revision"),
    *("connector", "technology", "passive", "power_class"),
)
_LIMITED = {
    Quantity.TEMPERATURE: "temperature_c",
    Quantity.VOLTAGE: "voltage_v",
    Quantity.BIAS: "bias_ma",
    Quantity.TX_POWER: "tx_mw",
    Quantity.RX_POWER: "rx_mw",
}


def _lane(lane: Lane) -> Json:
    """Return power in mW and dBm; a dark lane has 0 mW and null dBm."""
    rx, tx = (None if dbm is None else round(dbm, 2) for dbm in (lane.rx_dbm, lane.tx_dbm))
    powers = {"rx_mw": lane.rx_mw, "rx_dbm": rx, "tx_mw": lane.tx_mw, "tx_dbm": tx}
    return {**powers, "bias_ma": lane.bias_ma}


_REPORTED = (
    *("source", "state", "physical_state", "speed", "width", "fec", "opcode", "recommendation"),
    *(
        "group",
        "caveat",
        "raw_ber",
        "effective_ber",
        "raw_errors",
        "effective_errors",
        "symbol_errors",
        "link_down",
    ),
)
"""What is told of a run of `mstlink` or `mlxlink`."""


def _report(report: LinkReport | None) -> Json | None:
    return report and {name: getattr(report, name) for name in _REPORTED}


def _dcb(dcb: Dcb | None) -> Json | None:
    if dcb is None:
        return None
    return {
        "pfc": None if dcb.pfc is None else list(dcb.pfc),
        "trust": dcb.trust,
        "dscp": {str(code): priority for code, priority in dcb.dscp.items()},
        "classes": list(dcb.classes),
        "algorithms": list(dcb.algorithms),
        "bandwidth": list(dcb.bandwidth),
    }


def _roce(roce: Roce | None) -> Json | None:
    if roce is None:
        return None
    plain = {name: value for name, value in roce._asdict().items() if name != "gids"}
    return {**plain, "gids": [one._asdict() for one in roce.gids]}


def _no_settings(settings: PortTuning) -> dict[str, str]:
    """Return why the settings of priorities and RoCE are null."""
    return {name: settings.absent[name] for name in ("dcb", "roce") if name in settings.absent}


def _without_tick(report: PcieReport) -> Json:
    return {name: value for name, value in report._asdict().items() if name != "tick"}


def _errors(port: PortFrame, since_boot: bool) -> Json:
    """Return every error counter that the port has, by its own name; of families what counted."""
    counts = {}
    for origin, reading in port.now.readings.items():
        for counter in fault_counters(origin, reading.schema):
            count = port.total(counter) if since_boot else port.since_start(counter)
            if not counter.gauge and count is not None and (count or counter.family is None):
                counts[counter.key] = count
    return counts


def _lane_errors(port: PortFrame, since_boot: bool) -> list[int | None]:
    """Return the bit errors of every lane, in the order of lanes; empty where none are counted."""
    reading = port.now.readings.get(Origin.DRIVER)
    counters = counters_of(Origin.DRIVER, reading.schema) if reading else ()
    for family in LANE_ERRORS:
        lanes = sorted((c.number or 0, c) for c in counters if c.family == family)
        if lanes:
            count = port.total if since_boot else port.since_start
            return [count(counter) for _, counter in lanes]
    return []


def _counters(port: PortFrame) -> Json:
    """Return the kernel's totals of the known counters that are not zero, faults or not.

    Traffic of an RDMA device that several ports share is none of theirs.
    """
    shared = port.now.port.rdma_lag is not None
    return {
        counter.key: total
        for origin, reading in port.now.readings.items()
        for counter in counters_of(origin, reading.schema)
        if (total := port.total(counter)) and not (shared and origin is Origin.RDMA)
    }


def _verdict(verdict: Verdict) -> Json:
    return {
        "limit": verdict.limit,
        "text": verdict.text,
        "ruled_out": list(verdict.ruled_out),
    }


def _neighbours(view: PortView) -> list[Json] | None:
    told = view.neighbours.value
    return None if told is None else [one._asdict() for one in told]


def _port(frame: Frame, port: PortId, since_boot: bool, verdicts: Mapping[PortId, Verdict]) -> Json:
    view = port_view(frame, port)
    now = view.now.now
    settings = settled(now.settings, PortTuning)
    return {
        **fields.values(fields.PORT_FIELDS, view),
        "pcie": _pcie(view.pcie.path if view.pcie else PciePath(())),
        "pcie_paths": [_pcie(status.path) for status in frame.paths(port)],
        "verdict": _verdict(verdicts.get(port) or view.ceiling.verdict),
        "errors": _errors(view.now, since_boot),
        "errors_since": "boot" if since_boot else "start",
        "lane_errors": _lane_errors(view.now, since_boot),
        "counters": _counters(view.now),
        "module": _module(frame, now),
        "report": _report(now.report),
        "dcb": _dcb(settings.dcb),
        "roce": _roce(settings.roce),
        "pcie_report": now.pcie_report and _without_tick(now.pcie_report),
        "neighbours": _neighbours(view),
        "absent": {**_no_settings(settings), **fields.why_empty(view)},
    }
