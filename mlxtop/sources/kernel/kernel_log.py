"""What the drivers mlx4 and mlx5 and the PCI core write to the kernel log, as incidents.

Heads of lines are read here, texts in `vocabulary`: Linux 5.9 to 7.x and the vendor's drivers from
4.2 on. Most texts are rate limited: that a line is missing proves nothing.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from mlxtop.model.counters import Severity
from mlxtop.model.identity import PCI_SLOT
from mlxtop.model.incident import Incident
from mlxtop.sources.kernel.vocabulary.index import texts
from mlxtop.sources.kernel.vocabulary.judges import JUDGES, Judgement, Parts, sensors
from mlxtop.sources.kernel.vocabulary.row import Role, Row
from mlxtop.system.dmesg import parse_printed
from mlxtop.system.door import KernelRecord

__all__ = ["LogLine", "parse_message", "read_line", "read_record", "sensors"]

_BDF = rf"(?i:(?:[0-9a-f]{{4,8}}:)?{PCI_SLOT})"
_STARTS = ("mlx4_", "mlx5_", "<mlx", "infiniband ", "pcieport ", "pci ", "vfio-pci ", "auxiliary ")
_HEAD = re.compile(
    rf"""(?:<(?:mlx4_ib|mlx5_ib|mlx4_en|mlx4_core|mlx5_core)>\s(?:\w+:\s)?
    |(?P<driver>mlx[45]_[a-z]+(?:\.\w+)?|infiniband|pcieport|pci|vfio-pci|auxiliary)
     (?:\s(?P<device>{_BDF}|mlx[45]_\w+\.[\w.]+))?
     (?:\s(?P<name>\(unnamed\snet_device\)|[^\s:()]+))?
     (?:\s\((?:un\w+|registered|released|dummy)\))?
     :\s
    |(?P<rdma>mlx[45]_[a-z]*\d+|mlx[45]_bond_\d+)(?:/(?P<port>\d+):\s|:(?=dump_cqe:)))""",
    re.VERBOSE,
)
_RDMA_QUEUE = re.compile(r"(?P<rdma>[^\s:/]{1,63})(?:/(?P<port>\d+): (?=QP )|:(?=dump_cqe:))")
_AGAIN = re.compile(rf"(?P<bdf>{_BDF}):(?:\s|(?=\w+:\d+:))")
_PORT = re.compile(r"Port (?P<port>\d+): ")
_FUNCTION = re.compile(r"(?P<function>\w+):\d+:\(pid \d+\): ")
_NAME = re.compile(r"(?P<name>[^\s:]{1,15}): ")
_ADDRESS = re.compile(_BDF)
_FILL = re.compile(r"\{(\w+)\}")
_NO_DRIVER = ("pcieport", "pci", "vfio-pci")


class Head(NamedTuple):
    """Who a line is about."""

    driver: str | None = None
    function: str | None = None
    """PCI address as it is written."""
    auxiliary: str | None = None
    ifname: str | None = None
    rdma: str | None = None
    port: str | None = None
    code: str | None = None
    """C function that printed it."""


class Place(NamedTuple):
    """Where a text stood."""

    head: Head
    kind: str
    """`driver`, `device`, `name` or `bare`."""
    text: str
    tick: float | None
    tag: str | None
    """The record's own device."""


class LogLine(NamedTuple):
    """A line that is known: its row, and what it tells by itself."""

    row: Row
    incident: Incident
    role: Role
    severity: Severity | None
    """None where it tells nothing by itself."""
    code: str | None = None
    """C function that printed it."""
    auxiliary: str | None = None
    """Auxiliary device, `mlx5_core.sf.4`."""
    ours: bool = True
    """False where the head does not say whether the device is one of ours."""


def parse_message(
    text: str, tick: float | None = None, device: str | None = None
) -> Incident | None:
    """Return the incident in one message; None where it is none, or not of our drivers.

    `device` is the record's own tag, which counts more than the address in a line's head. What
    dmesg or a journal print before the message is left out; without a `tick` its time counts.

    >>> parse_message("mlx5_core 0000:43:00.0 enp67s0np0: Link up").ifname
    'enp67s0np0'
    """
    printed = parse_printed(text)
    line = read_line(printed.text, printed.seconds if tick is None else tick, device)
    return None if line is None or line.role is Role.IGNORED else line.incident


def read_record(record: KernelRecord) -> LogLine | None:
    """Return a record of the kernel log with the row that it fits; None where none does."""
    return read_line(record.text, record.seconds, record.device)


def read_line(text: str, tick: float | None = None, device: str | None = None) -> LogLine | None:
    """Return a message with the row that it fits; None where none does."""
    if text.startswith(_STARTS) and (start := _HEAD.match(text)) is not None:
        head, rest = _head(start, text[start.end() :])
        kind = "device" if head.driver in _NO_DRIVER else "driver"
    else:
        kind, head, rest = _bare(text)
        if not kind:
            return None
    if "\\x0a" in rest or "\n" in rest:
        rest = " ".join(rest.replace("\\x0a", "\n").split("\n")).replace(" ,", ",")
    rest = rest.strip()
    match = texts(kind).find(rest)
    return None if match is None else _line(*match, Place(head, kind, rest, tick, device))


def _head(start: re.Match[str], rest: str) -> tuple[Head, str]:
    """Return who a line is about, and what follows all that says so."""
    function, name, rdma, port = start["device"], start["name"], start["rdma"], start["port"]
    driver, auxiliary, code = start["driver"], None, None
    if name == "(unnamed net_device)":
        name = None
    if function is not None and function.startswith("mlx"):
        function, auxiliary = None, function
    if driver == "infiniband":
        name, rdma = None, name or auxiliary
    if again := _AGAIN.match(rest):
        function, rest = function or again["bdf"], rest[again.end() :]
    if number := _PORT.match(rest):
        port, rest = number["port"], rest[number.end() :]
    rest = rest.removeprefix("mlx4_ib: ").removeprefix("mlx5_ib: ")
    while printed := _FUNCTION.match(rest):
        code, rest = printed["function"], rest[printed.end() :]
    if name is None and driver in ("mlx4_en", "mlx5_core", "mlx4_core") and not auxiliary:
        own = _NAME.match(rest)
        if own is not None and texts("driver").find(rest) is None:
            name, rest = own["name"], rest[own.end() :]
    return Head(driver, function, auxiliary, name, rdma, port, code), rest


def _bare(text: str) -> tuple[str, Head, str]:
    """Return where to look for a line without a driver's head; nowhere for those of others."""
    if texts("bare").knows(text) or text.startswith("{") or text.endswith("suppressed"):
        return "bare", Head(), text
    if (named := _NAME.match(text)) is not None and texts("name").knows(
        rest := text[named.end() :]
    ):
        return "name", Head(ifname=named["name"]), rest
    if (named := _NAME.match(text)) is not None and text.startswith("(slave ", named.end()):
        return "name", Head(ifname=named["name"]), text[named.end() :]
    if (queue := _RDMA_QUEUE.match(text)) is not None:
        rest = text[queue.end() :]
        if printed := _FUNCTION.match(rest):
            rest = rest[printed.end() :]
        return "driver", Head(rdma=queue["rdma"], port=queue["port"]), rest
    return "", Head(), text


def _line(match: re.Match[str], row: Row, place: Place) -> LogLine | None:
    """Return what a line tells that fits a row; None where it tells nothing."""
    head, kind, rest, tick, tag = place
    parts = {name: value.strip() for name, value in match.groupdict().items() if value}
    if head.port is not None:
        parts.setdefault("port", head.port)
    if kind == "name" and head.ifname and row.cause.startswith("bond"):
        parts["bond"] = head.ifname
    if row.judge and head.driver is not None:
        parts.setdefault("driver", head.driver)
    judgement = _judge(row, parts)
    if judgement is None:
        return None
    severity = row.severity if not row.judge else judgement.severity
    incident = Incident(
        judgement.kind or row.kind,
        _fill(row.words, {**parts, "line": rest.rstrip(" .:")}),
        severity or Severity.NOTE,
        tick,
        _device(parts, head, tag),
        parts.get("ifname") or head.ifname,
        details=parts,
        cause=row.cause,
        advice=row.advice,
        rdma=parts.get("rdma") or head.rdma,
    )
    names = (head.auxiliary, tag, parts.get("target"))
    auxiliary = next((one for one in names if one and one.startswith("mlx") and "." in one), None)
    ours = kind == "driver" or (kind == "name" and not row.cause.startswith("bond"))
    return LogLine(row, incident, judgement.role or row.role, severity, head.code, auxiliary, ours)


def _judge(row: Row, parts: Parts) -> Judgement | None:
    if not row.judge:
        return Judgement(row.severity or Severity.NOTE)
    return JUDGES[row.judge](parts)


def _device(parts: Parts, head: Head, tag: str | None) -> str | None:
    """Return the function: of the text, of the record's tag, or of the head.

    An address in a text comes first: ports and bridges report errors of what is below them.
    """
    told = parts.pop("bdf", None)
    domain = (head.function or tag or "").rpartition(":")[0].rpartition(":")[0]
    if told is not None:
        told = told.replace("0x", "")  # Linux 5.13 and 5.14 wrote [0x41:0x00.0]
        if told.count(":") == 1 and domain and _ADDRESS.fullmatch(head.function or tag or ""):
            told = f"{domain}:{told}"
        if head.function or tag:
            parts["reporter"] = tag or full(head.function) or ""
        return full(told)
    if tag is not None and _ADDRESS.fullmatch(tag):
        return tag.lower()
    return full(head.function)


def _fill(words: str, parts: Parts) -> str:
    """Put the parts in; what is missing goes with the comma or blank before it."""
    for key in _FILL.findall(words):
        if key not in parts:
            words = re.sub(rf"[,:]? ?\{{{key}\}}", "", words)
    return _FILL.sub(lambda hole: parts[hole[1]], words)


def full(bdf: str | None) -> str | None:
    """Return the address with its domain, as sysfs writes it."""
    if bdf is None:
        return None
    return bdf.lower() if bdf.count(":") == 2 else f"0000:{bdf.lower()}"
