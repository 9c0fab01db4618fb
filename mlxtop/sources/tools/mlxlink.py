"""Link and module by `mstlink` and `mlxlink`, which print text or JSON.

https://docs.nvidia.com/networking/display/mftv4300/mlxlink+utility. Both talk to the firmware
through many registers and take up to seconds: run in the background, rarely, as root.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from itertools import islice, zip_longest
from typing import Any

from mlxtop.model.module import Flag, Identity, Lane, LinkReport, Module, Quantity, Thresholds
from mlxtop.model.number import real
from mlxtop.sources.kernel.pci import card_lock
from mlxtop.sources.module.mlxlink_words import (
    FAULTS,
    compliance_codes,
    data_path,
    length_m,
    printed_power,
)
from mlxtop.sources.module.readings import Readings, judge, power_type
from mlxtop.sources.tools.card_tool import failed, failure, plain, printed_json
from mlxtop.system.door import System

INTERVAL = 30.0
"""Seconds between two runs, at least."""

TOOLS = ("mstlink", "mlxlink")

_PADDED = re.compile(r"^\s*+(\S.*?)(?<!\s)\s++:(?: (.*))?$")
_TIGHT = re.compile(r"^\s*([A-Za-z][^:]*?):(?: (.*))?$")
_SPEEDS = re.compile(r"^0x[0-9a-fA-F]+\s*\(([^)]*)\)")
_RANGE = re.compile(r"\[\s*+(-?\d++(?:\.\d++)?)\s*+\.\.\s*+(-?\d++(?:\.\d++)?)\s*+\]")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")

NO_LIGHT = -40.0
"""dBm that the tool prints for a dark lane."""


def parse_rows(text: str) -> dict[str, str]:
    """Return rows of either format by lower-case key, without what only decorates; N/A left out.

    >>> parse_rows("State : Active\\nSpeed : N/A\\n")
    {'state': 'Active'}
    """
    text = plain(text)
    if document := printed_json(text):
        sections = document.fields("result").fields("output").members()
        pairs = [(key, _plain(value)) for _, section in sections for key, value in section.items()]
    else:
        matches = (_PADDED.match(line) or _TIGHT.match(line) for line in text.splitlines())
        pairs = [(match[1], match[2] or "") for match in matches if match]
    rows: dict[str, str] = {}
    for key, value in pairs:
        if value.strip() and value.strip().upper() != "N/A":
            rows.setdefault(key.strip().lower().replace(" (ext.)", ""), value.strip())
    return rows


def _plain(value: object) -> str:
    """Return JSON values as the text format writes them: `0x3f (EDR,FDR)`, `1,2,3`."""
    if isinstance(value, Mapping):
        values = value.get("values")
        listed = ",".join(map(str, values)) if isinstance(values, list) else ""
        mask = value.get("mask")
        return f"{mask} ({listed})" if mask is not None else listed
    if isinstance(value, list):
        return ",".join(map(str, value))
    return "" if value is None else str(value)


def parse_mlxlink(text: str) -> LinkReport:
    """Return a report from text or JSON of any version; empty where nothing was understood.

    >>> parse_mlxlink("Speed : 100G\\nRaw Physical BER : 2E-5\\n").raw_ber
    2e-05
    """
    rows = parse_rows(text)
    return LinkReport(
        state=rows.get("state"),
        physical_state=rows.get("physical state"),
        speed=rows.get("speed"),
        width=rows.get("width"),
        fec=rows.get("fec"),
        enabled_speeds=_speeds(rows.get("enabled link speed")),
        cable_speeds=_speeds(rows.get("supported cable speed")),
        opcode=_int(rows.get("status opcode")),
        group=rows.get("group opcode"),
        recommendation=rows.get("recommendation"),
        raw_ber=_float(rows.get("raw physical ber")),
        effective_ber=_float(rows.get("effective physical ber")),
        raw_errors=tuple(int(n) for n in _floats(rows.get("raw physical errors per lane"))),
        effective_errors=_int(rows.get("effective physical errors")),
        symbol_errors=_int(rows.get("symbol errors")),
        link_down=_int(rows.get("link down counter")),
        recoveries=_int(rows.get("link error recovery counter")),
        minutes=_float(rows.get("time since last clear [min]")),
        module=_module(rows),
    )


def _float(text: str | None) -> float | None:
    """Return the first number, or None where there is none or none that can be measured."""
    match = _NUMBER.search(text) if text else None
    return real(match[0]) if match else None


def _int(text: str | None) -> int | None:
    value = _float(text)
    return None if value is None else int(value)


def _floats(text: str | None) -> tuple[float, ...]:
    """Return numbers of `1,2,3,4 [0..9]`, the range left out."""
    parts = (_float(part) for part in (text or "").partition("[")[0].replace("_", ",").split(","))
    return tuple(value for value in parts if value is not None)


def _speeds(text: str | None) -> tuple[str, ...] | None:
    match = _SPEEDS.match(text or "")
    return tuple(filter(None, map(str.strip, match[1].split(",")))) if match else None


def _range(text: str | None) -> tuple[float, float] | None:
    """Return low and high of `45 [-5..75]`."""
    match = _RANGE.search(text or "")
    low, high = (real(match[1]), real(match[2])) if match else (None, None)
    return None if low is None or high is None else (low, high)


def _milliwatts(level: float) -> float:
    return 0.0 if level <= NO_LIGHT else round(10 ** (min(level, NO_LIGHT * -1) / 10), 6)


_DOM: dict[str, tuple[Quantity, Callable[[float], float]]] = {
    "temperature [c]": (Quantity.TEMPERATURE, float),
    "voltage [mv]": (Quantity.VOLTAGE, lambda millivolts: millivolts * 0.001),
    "bias current [ma]": (Quantity.BIAS, float),
    "rx power current [dbm]": (Quantity.RX_POWER, _milliwatts),
    "tx power current [dbm]": (Quantity.TX_POWER, _milliwatts),
}
"""Row to quantity, and what turns its numbers into the quantity's unit."""

_SIGNALS = {
    "rx los [per lane]": "rx loss of signal",
    "tx los [per lane]": "tx loss of signal",
    "rx cdr lol [per lane]": "rx loss of lock",
    "tx cdr lol [per lane]": "tx loss of lock",
    "tx fault [per lane]": "tx fault",
    "tx adaptive eq fault [per lane]": "tx adaptive eq fault",
}


def _diagnostics(
    rows: Mapping[str, str],
) -> tuple[dict[Quantity, tuple[float, ...]], dict[Quantity, Thresholds]]:
    """Return what is measured, and the limits; a range of 0 to 0 marks a row that is not."""
    values, limits = {}, {}
    for key, (quantity, scale) in _DOM.items():
        numbers, bounds = _floats(rows.get(key)), _range(rows.get(key))
        if bounds == (0.0, 0.0):
            continue
        if numbers:
            values[quantity] = tuple(map(scale, numbers))
        if bounds is not None:
            limits[quantity] = Thresholds(high_alarm=scale(bounds[1]), low_alarm=scale(bounds[0]))
    return values, limits


def _module(rows: Mapping[str, str]) -> Module | None:
    """Return the section `Module Info`, or what mlxcables prints of a cable."""
    identifier = rows.get("identifier")
    if identifier is None:
        return None
    values, limits = _diagnostics(rows)
    flags = {
        Flag(text, lane)
        for key, text in _SIGNALS.items()
        for lane, value in enumerate(_floats(rows.get(key)), 1)
        if value
    }
    flags |= {Flag(text) for key, text in FAULTS.items() if _int(rows.get(key))}
    has_signals = any(key in rows for key in (*_SIGNALS, *FAULTS))
    readings = Readings(
        temperature=next(iter(values.get(Quantity.TEMPERATURE, ())), None),
        voltage=next(iter(values.get(Quantity.VOLTAGE, ())), None),
        lanes=_lanes(values, rows.get("datapath state [per lane]")),
        limits=limits.items(),
        flags=frozenset(flags) if has_signals else None,
        absent={"diagnostics": "the tool shows no diagnostics of this module"},
    )
    module = judge(_identity(identifier, rows), readings)
    return module._replace(
        state=_state(rows.get("module state")),
        rx_power_type=power_type(rows.get("rx power type")),
        source="mlxlink",
    )


def _state(text: str | None) -> str | None:
    """Return `ready` of `Ready state`."""
    return text.lower().removesuffix(" state") if text else None


def _lanes(
    values: Mapping[Quantity, tuple[float, ...]], data_paths: str | None
) -> tuple[Lane, ...]:
    measured = (Quantity.RX_POWER, Quantity.TX_POWER, Quantity.BIAS)
    columns: list[Iterable[Any]] = [values.get(quantity, ()) for quantity in measured]
    lanes = zip_longest(*columns, map(data_path, (data_paths or "").split(",")))
    rows = (Lane(*row) for row in islice(lanes, 16))
    return tuple(lane for lane in rows if lane != Lane())


def _identity(identifier: str, rows: Mapping[str, str]) -> Identity:
    technology = rows.get("cable technology") or rows.get("technology")
    kind = rows.get("cable type", "")
    copper = "copper" in f"{technology} {kind}".lower()
    distance = _float(rows.get("transfer distance [m]") or rows.get("length [m]"))
    power = printed_power(rows.get("power class"), rows.get("max power"))
    fibre = length_m(rows.get("smf length"))
    reach = {"cable" if copper else "reach": distance} if distance else {}
    return Identity(
        identifier=identifier.partition(" (")[0],
        vendor=rows.get("vendor name") or rows.get("vendor"),
        oui=rows.get("oui"),
        part=rows.get("vendor part number") or rows.get("part number"),
        serial=rows.get("vendor serial number") or rows.get("serial number"),
        revision=rows.get("rev") or rows.get("revision"),
        date=rows.get("manufacturing date"),
        types=compliance_codes(rows.get("compliance")),
        firmware=rows.get("fw version"),
        technology=technology,
        wavelength=_float(rows.get("wavelength [nm]")) or None,
        lengths={**reach, "SMF": fibre} if fibre else reach,
        attenuation=_attenuation(rows),
        power_class=power.level,
        max_power=power.watts,
        passive=copper and "active" not in f"{technology} {kind}".lower(),
    )


def _attenuation(rows: Mapping[str, str]) -> dict[str, float]:
    """Return dB by frequency: a row a frequency (mlxcables) or all in one (mlxlink)."""
    losses = {}
    for key, value in rows.items():
        name = key.removeprefix("attenuation: ")
        loss = _float(value) if name.endswith("ghz") else None
        if loss is not None:
            losses[name.replace("ghz", "GHz")] = loss
        elif key.startswith("attenuation (") and (numbers := _floats(value)):
            names = key.partition("(")[2].partition(")")[0].split(",")
            pairs = zip(names, numbers, strict=False)
            losses.update({f"{name.strip(' g')}GHz": loss for name, loss in pairs if loss})
    return losses


def read_link_report(system: System, function: str, tool: str) -> LinkReport:
    """Run the tool for a PCI function: link, counters and module. Raises OSError.

    Sections that it printed are good, whatever became of the others: that is the report's caveat.
    """
    argv = [tool, "-d", function, "-m", "-c", "--json"]
    with system.claim(card_lock(system, function), INTERVAL):
        finished = system.run(argv, timeout=INTERVAL)
        trouble, report = failure(finished), parse_mlxlink(finished.stdout)
        if report == LinkReport() and "json" in (trouble or "").lower():
            finished = system.run(argv[:-1], timeout=INTERVAL)
            trouble, report = failure(finished), parse_mlxlink(finished.stdout)
    if report == LinkReport() or finished.cut:
        raise failed(system, trouble or "the tool printed nothing that is understood")
    now, module = system.now(), report.module
    if module is not None:
        module = module._replace(source=tool, tick=now)
    return report._replace(module=module, tick=now, source=tool, caveat=trouble)
