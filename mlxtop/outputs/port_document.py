"""A port in the JSON document: its counters, module, settings and PCIe path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlxtop.analysis import fields
from mlxtop.analysis.faults import fault_counters
from mlxtop.analysis.port_view import PortView, port_view
from mlxtop.analysis.verdict import Verdict
from mlxtop.model.catalogue import LANE_ERRORS, counters_of
from mlxtop.model.counters import Origin
from mlxtop.model.frame import Frame, PortFrame
from mlxtop.model.identity import PortId
from mlxtop.model.json_text import attributes
from mlxtop.model.module import Identity, Lane, LinkReport, Module, Quantity
from mlxtop.model.pcie import PciePath, PcieReport
from mlxtop.model.qos import Dcb, Roce
from mlxtop.model.sample import PortSample
from mlxtop.model.tuning import PortTuning, settled
from mlxtop.watch.heat_limits import limits_of, module_limits

Json = dict[str, Any]


def port_document(
    frame: Frame, port: PortId, since_boot: bool, verdicts: Mapping[PortId, Verdict]
) -> Json:
    """Return what is known of a port; `since_boot`: errors as the kernel's totals."""
    view = port_view(frame, port)
    now = view.now.now
    settings = settled(now.settings, PortTuning)
    return {
        **fields.values(fields.PORT_FIELDS, view),
        "pcie": pcie_document(view.pcie.path if view.pcie else PciePath(())),
        "pcie_paths": [pcie_document(status.path) for status in frame.paths(port)],
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


def pcie_document(path: PciePath) -> Json:
    """Return the card's own link of a path, and what the whole path carries."""
    own = path.links[0] if path.links else None
    limiting = path.limiting
    return {
        **attributes(own, speed_gts="speed", width="width"),
        **attributes(own, max_speed_gts="max_speed", max_width="max_width"),
        "available_mbps": path.available_mbps,
        "capable_mbps": path.capable_mbps,
        "limited_by": limiting.device if limiting and path.limited else None,
    }


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
    *("group", "caveat", "raw_ber", "effective_ber", "raw_errors", "effective_errors"),
    *("symbol_errors", "link_down"),
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
