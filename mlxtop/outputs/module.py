"""A module and what the firmware says of a link, as parts of the JSON document."""

from __future__ import annotations

from typing import Any

from mlxtop.model.module import Flag, Lane, LinkReport, Module, Quantity
from mlxtop.model.sample import Temperature
from mlxtop.watch.heat_limits import HeatLimits

Json = dict[str, Any]


def module_json(
    found: Module | None, sensor: Temperature | None, limits: HeatLimits | None
) -> Json:
    """Everything of a module; null where it is not known, whatever the way it was read."""
    who = found.identity if found else None
    return {
        "temperature_c": sensor.celsius if sensor else None,
        "crit_c": sensor.critical if sensor else None,
        "highest_c": sensor.highest if sensor else None,
        "source": sensor.source if sensor else None,
        "warning_c": limits.warning if limits else None,
        "alarm_c": limits.alarm if limits else None,
        "limits_from": limits.source if limits else None,
        "identifier": who.identifier if who else None,
        "vendor": who.vendor if who else None,
        "part": who.part if who else None,
        "serial": who.serial if who else None,
        "revision": who.revision if who else None,
        "types": list(who.types) if who else [],
        "connector": who.connector if who else None,
        "technology": who.technology if who else None,
        "wavelength_nm": who.wavelength if who else None,
        "lengths_m": dict(who.lengths) if who else {},
        "passive": who.passive if who else None,
        "power_class": who.power_class if who else None,
        "max_power_w": who.max_power if who else None,
        "voltage_v": found.voltage if found else None,
        "state": found.state if found else None,
        "lanes": [_lane(lane) for lane in found.lanes] if found else [],
        "limits": _limits(found) if found else {},
        "signals": _flags(found) if found else None,
        "signalled": sorted(map(_flag, found.seen)) if found else [],
        "refused": dict(found.refused) if found else {},
    }


def _lane(lane: Lane) -> Json:
    """Power in mW and dBm; a dark lane has 0 mW and null dBm."""
    return {
        "rx_mw": lane.rx_mw,
        "rx_dbm": _rounded(lane.rx_dbm),
        "tx_mw": lane.tx_mw,
        "tx_dbm": _rounded(lane.tx_dbm),
        "bias_ma": lane.bias_ma,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


_KEYS = {
    Quantity.TEMPERATURE: "temperature_c",
    Quantity.VOLTAGE: "voltage_v",
    Quantity.BIAS: "bias_ma",
    Quantity.TX_POWER: "tx_mw",
    Quantity.RX_POWER: "rx_mw",
}


def _limits(found: Module) -> Json:
    return {
        _KEYS[quantity]: {
            "high_alarm": limits.high_alarm,
            "low_alarm": limits.low_alarm,
            "high_warning": limits.high_warning,
            "low_warning": limits.low_warning,
        }
        for quantity, limits in found.thresholds.items()
    }


def _flags(found: Module) -> list[str] | None:
    return None if found.flags is None else sorted(map(_flag, found.flags))


def _flag(flag: Flag) -> str:
    return str(flag)


def report_json(report: LinkReport | None) -> Json | None:
    """What `mstlink` or `mlxlink` said; null where none was run."""
    if report is None:
        return None
    return {
        "source": report.source,
        "state": report.state,
        "physical_state": report.physical_state,
        "speed": report.speed,
        "width": report.width,
        "fec": report.fec,
        "opcode": report.opcode,
        "recommendation": report.recommendation,
        "raw_ber": report.raw_ber,
        "effective_ber": report.effective_ber,
        "raw_errors": list(report.raw_errors),
        "effective_errors": report.effective_errors,
        "symbol_errors": report.symbol_errors,
        "link_down": report.link_down,
    }
