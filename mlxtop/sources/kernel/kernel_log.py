"""What the drivers mlx4 and mlx5 and the PCI core write to the kernel log, as incidents.

Texts of Linux 6.1 to 7.x: mlx5 core/events.c, health.c, en_main.c, mlx4 main.c, pci/pcie/aer.c.
They are rate limited: that a line is missing proves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from mlxtop.model.counters import Severity
from mlxtop.model.identity import PCI_SLOT
from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.system.door import KernelRecord

_BDF = rf"(?i:(?:[0-9a-f]{{4,8}}:)?{PCI_SLOT})"
_DRIVERS = r"mlx5_core|mlx5_ib|mlx4_core|mlx4_en|mlx4_ib|pcieport"
_HEAD = re.compile(
    rf"^(?:<(?P<angle>{_DRIVERS})> |(?P<driver>{_DRIVERS})(?: (?P<bdf>{_BDF}))?"
    rf"(?: (?P<name>[^\s:]++))?: )"
)
_FUNCTION = re.compile(r"^\w+:\d+:\(pid \d+\): ")
_BARE_BDF = re.compile(rf"^(?P<bdf>{_BDF}): ")
_IFNAME = re.compile(r"^(?P<name>[^\s:]{1,15}): ")

Parts = dict[str, str]
Rule = tuple[str, IncidentKind, Severity | Callable[[Parts], Severity], str]

_NOTE, _WARNING, _CRITICAL = Severity.NOTE, Severity.WARNING, Severity.CRITICAL


def _limited(parts: Parts) -> Severity:
    return _WARNING if parts.get("at") else _NOTE


def _aer(parts: Parts) -> Severity:
    kind = parts.get("severity", "").lower()
    return _CRITICAL if "fatal" in kind and "non" not in kind else _WARNING


_LINK = r"(?P<speed>[\d.]+ GT/s) PCIe x(?P<width>\d+) link"

_SEVERITIES: dict[str, Severity | Callable[[Parts], Severity]] = {
    **{severity.name.lower(): severity for severity in Severity},
    "slot": _limited,
    "aer": _aer,
}


def _parse_rules(table: str) -> Iterator[Rule]:
    """Yield the rules of a table: a row of kind, severity and words, then the pattern below it."""
    for row in re.split(r"\n(?! )", table.strip()):
        head, *pattern = row.split("\n  ")
        kind, severity, words = head.split(" ", 2)
        text = " ".join(pattern).replace("<BDF>", _BDF).replace("<LINK>", _LINK)
        yield text, IncidentKind[kind], _SEVERITIES[severity], words


_RULES = tuple(
    _parse_rules(
        r"""
OVERHEAT critical over its temperature threshold: {sensors}
  High temperature on sensors with bit set (?P<msb>(?:0x)?[0-9a-f]+),? (?P<lsb>(?:0x)?[0-9a-f]+)
OVERHEAT critical over its temperature threshold: {sensors}
  Sensor name\[\d+\]: (?P<sensors>.+)
OVERHEAT critical chip at {temperature} °C, over its threshold of {threshold} °C
  Temperature Threshold was reached! Threshold: (?P<threshold>-?\d+) celsius degrees; Current
  Temperature: (?P<temperature>-?\d+)
MODULE_FAULT critical module {module}: {error}, {detail}
  Port module event\[error\]: module (?P<module>\d+), (?P<error>[^,]+)(?:, (?P<detail>.+))?
MODULE_PLUGGED note module {module} plugged
  Port module event: module (?P<module>\d+), Cable (?:plugged|enabled)
MODULE_UNPLUGGED warning module {module} unplugged
  Port module event: module (?P<module>\d+), Cable unplugged
MODULE_DISABLED warning module {module} disabled
  Port module event: module (?P<module>\d+), Cable disabled
MODULE_FAULT critical bad cable on port {port}
  Bad cable detected on port (?P<port>\d+)
LINK_UP note link up
  Link up$
LINK_DOWN warning link down
  Link down$
PORT_CLOSED note port closed
  Close port called
PCIE slot {gbps} of {capable} Gb/s: {speed} x{width} at {at}
  (?P<gbps>[\d.]+) Gb/s available PCIe bandwidth, limited by <LINK> at (?P<at><BDF>) \(capable of
  (?P<capable>[\d.]+) Gb/s with (?P<capable_speed>[\d.]+ GT/s) PCIe x(?P<capable_width>\d+) link\)
PCIE slot {gbps} Gb/s: {speed} x{width}
  (?P<gbps>[\d.]+) Gb/s available PCIe bandwidth \(<LINK>\)
POWER warning the slot gives too little power: {watts} W
  Detected insufficient power on the PCIe slot \((?P<watts>\d+)\s*W\)
POWER note the slot gives enough power: {watts} W
  PCIe slot advertised sufficient power \((?P<watts>\d+)\s*W\)
POWER note the slot does not say how much power it gives
  PCIe slot power capability was not advertised
AER aer PCIe error, {severity}: {type}
  PCIe Bus Error: severity=(?P<severity>[^,]+), type=(?P<type>[^,]+)
AER aer PCIe error told by {from}: {severity}
  AER: (?:Multiple )?(?P<severity>Corrected|Correctable|Uncorrect(?:ed|able) \((?:Non-)?Fatal\))
  error(?: message)? received(?: from |: )(?P<from><BDF>)
HEALTH critical firmware no longer answers: health compromised
  device's health compromised.*
HEALTH critical firmware assert {code}
  assert_var\[0\]:? (?P<code>0x[0-9a-f]+)
OVERHEAT critical firmware: high temperature
  (?:.*synd(?:rome)?\b.*)?:? ?High temperature$
HEALTH critical fatal error {code}
  Fatal error (?P<code>\d+) detected|.*\bFatal error\b.*
HEALTH critical recovery given up: PCI reads still fail
  health recovery flow aborted.*
HEALTH critical internal error of the card
  Internal error detected.*
COMMAND warning {op} failed: {status}
  (?P<op>[A-Z0-9_]+)\(0x[0-9a-f]+\) op_mod\(0x[0-9a-f]+\) failed, status
  (?P<status>[^,]+?)(?:\(0x[0-9a-f]+\))?, syndrome \((?P<syndrome>0x[0-9a-f]+)\).*
RENAMED note renamed from {old}
  renamed from (?P<old>\S+)
BOND note joined {master}
  joined to (?P<master>\S+)
ENABLED note PCI device enabled
  enabling device \(.*\)
FIRMWARE note firmware {version}
  firmware version: (?P<version>[\d.]+)
VF note runs as a virtual function
  Detected virtual function - running in slave mode
DRIVER note driver {version} loaded
  Mellanox ConnectX core driver v(?P<version>\S+)
"""
    )
)


def parse_message(
    text: str, tick: float | None = None, device: str | None = None
) -> Incident | None:
    """Return the incident in one message; None where it is none, or not of our drivers.

    `device` is the record's own tag, which counts more than an address in the text.

    >>> parse_message("mlx5_core 0000:43:00.0 enp67s0np0: Link up").ifname
    'enp67s0np0'
    """
    head = _HEAD.match(text)
    if head is None:
        return None
    rest = text[head.end() :]
    bdf, ifname = head["bdf"], head["name"]
    if bare := _BARE_BDF.match(rest):
        bdf, rest = bdf or bare["bdf"], rest[bare.end() :]
    rest = _FUNCTION.sub("", rest).strip()
    if ifname is None and head["driver"] in ("mlx4_en", "mlx5_core") and bare is None:
        own = _IFNAME.match(rest)
        if own is not None and rest[own.end() :]:
            found = _find(rest[own.end() :])
            if found is not None:
                ifname, rest = own["name"], rest[own.end() :]
    rule = _find(rest)
    if rule is None:
        return None
    match, kind, severity, words = rule
    parts = {key: value.strip() for key, value in match.groupdict().items() if value}
    if "msb" in parts:
        parts["sensors"] = sensors(parts["msb"], parts["lsb"])
    return Incident(
        kind,
        _fill(words, parts),
        severity(parts) if callable(severity) else severity,
        tick,
        device or _full(bdf),
        ifname,
        details=parts,
    )


def _find(
    text: str,
) -> tuple[re.Match[str], IncidentKind, Severity | Callable[[Parts], Severity], str] | None:
    for pattern, kind, severity, words in _RULES:  # which `re` keeps compiled, once there is a log
        if (match := re.match(pattern, text, re.IGNORECASE)) is not None:
            return match, kind, severity, words
    return None


def _fill(words: str, parts: Parts) -> str:
    """Put the parts in; what is missing goes with the comma or blank before it."""
    for key in re.findall(r"\{(\w+)\}", words):
        if key not in parts:
            words = re.sub(rf",? \{{{key}\}}", "", words)
    return re.sub(r"\{(\w+)\}", lambda hole: parts[hole[1]], words)


def _full(bdf: str | None) -> str | None:
    """Return the address with its domain, as sysfs writes it."""
    if bdf is None:
        return None
    return bdf.lower() if bdf.count(":") == 2 else f"0000:{bdf.lower()}"


def sensors(msb: str, lsb: str) -> str:
    """Return the sensors of a warning's bit masks: bit 0 low is the chip, high bits are modules.

    >>> sensors("0", "1"), sensors("0x2", "0x0")
    ('chip', 'module 1')
    """
    high, low = int(msb, 16), int(lsb, 16)
    names = ["chip"] if low & 1 else []
    names += [f"sensor {bit}" for bit in range(1, 64) if low >> bit & 1]
    names += [f"module {bit}" for bit in range(64) if high >> bit & 1]
    return ", ".join(names) or "unknown sensor"


def parse_event(record: KernelRecord) -> Incident | None:
    """Return the incident in a record of the kernel log; None where it is none."""
    return parse_message(record.text, record.seconds, record.device)
