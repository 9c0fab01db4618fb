"""How bad a line of the kernel log is where its words alone do not say it, and what its codes mean.

Codes of mlx5 health.c, cmd.c, en/txrx.h, mlx4 cmd.c, port.c and the PCI core. A judge adds words
to the parts of a line and answers None where the line tells nothing.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import NamedTuple

from mlxtop.model.counters import Severity
from mlxtop.model.incident import IncidentKind
from mlxtop.model.number import COUNT, whole
from mlxtop.sources.kernel.vocabulary.codes import (
    BENIGN_MADS,
    CQES,
    FATAL,
    HARMLESS,
    LEVELS,
    MADS,
    MLX4_STATUSES,
    MONITORS,
    PRINTERS,
    STATUSES,
    SYNDROMES,
)
from mlxtop.sources.kernel.vocabulary.row import Role

Parts = dict[str, str]
_NOTE, _WARNING, _CRITICAL = Severity.NOTE, Severity.WARNING, Severity.CRITICAL
MODULES_FROM = 64
"""Sensors of modules count from here; 1 to 63 do not exist on adapters."""


class Judgement(NamedTuple):
    """How bad a line is, and what of its row is otherwise."""

    severity: Severity
    kind: IncidentKind | None = None
    role: Role | None = None


def _code(text: str | None, base: int = 16) -> int | None:
    try:
        return None if text is None else int(text, base)
    except ValueError:
        return None


def _fatal(parts: Parts) -> Judgement:
    parts["fatal"] = FATAL.get(whole(parts["code"], COUNT) or 0, "unknown")
    return Judgement(_CRITICAL)


def _overheat(text: str) -> IncidentKind | None:
    return IncidentKind.OVERHEAT if text.lower().startswith("high temp") else None


def _level(parts: Parts) -> Judgement:
    """Judge a health issue by the firmware's own word, else by its number; none is an error."""
    word = parts.get("word", "").lower()
    number = LEVELS.index(word) if word in LEVELS else whole(parts.get("level", "3"), 7)
    parts["syndrome"] = parts["syndrome"].strip().rstrip(",")
    severity = _CRITICAL if number is None or number <= 3 else _WARNING if number == 4 else _NOTE
    return Judgement(severity, _overheat(parts["syndrome"]))


def _synd(parts: Parts) -> Judgement | None:
    code = _code(parts["synd"])
    if not code:
        return None
    told = parts["syndrome"]
    text = SYNDROMES.get(code) if told.startswith("unrecognized") else told
    parts["syndrome"] = f"{text or told} ({code:#x})"
    return Judgement(_CRITICAL, _overheat(text or ""))


def _assert(parts: Parts) -> Judgement | None:
    return Judgement(_NOTE) if _code(parts["value"]) else None


def sensors(msb: str, lsb: str) -> str:
    """Return the sensors of a warning's bit masks: bit 0 low is the chip, high bits are modules.

    >>> sensors("0", "1"), sensors("0x2", "0x0"), sensors("0", "8000000000000000")
    ('chip', 'module 1', 'unknown sensor')
    """
    high, low = int(msb, 16), int(lsb, 16)
    names = ["chip"] if low & 1 else []
    names += [f"module {bit}" for bit in range(64) if high >> bit & 1]
    return ", ".join(names) or "unknown sensor"


def _heat(parts: Parts) -> Judgement:
    parts["sensors"] = sensors(parts["msb"], parts["lsb"])
    if int(parts["lsb"], 16) & 1:
        return Judgement(_CRITICAL)
    return Judgement(_WARNING if int(parts["msb"], 16) else _NOTE)


def _sensor(parts: Parts) -> Judgement | None:
    """Judge a sensor by its number: what stands as a module's name is not initialized memory."""
    index = whole(parts["index"], COUNT)
    name = parts.pop("name", "")
    if index is None or 0 < index < MODULES_FROM:
        return None
    parts["sensors"] = f"module {index - MODULES_FROM}" if index else name or "chip"
    return Judgement(_WARNING if index else _CRITICAL)


def _module(parts: Parts) -> Judgement:
    text = parts.get("detail", "").lower()
    return Judgement(_WARNING if text.startswith("unknown") and "ident" not in text else _CRITICAL)


def _slot(parts: Parts) -> Judgement:
    """Judge a narrow slot; after resets and in virtual machines the speed is not known."""
    known = parts["speed"].lower() != "unknown" and parts["width"] != "0"
    _trim_speeds(parts)
    return Judgement(_WARNING if known else _NOTE)


def _full(parts: Parts) -> Judgement:
    _trim_speeds(parts)
    return Judgement(_NOTE)


def _trim_speeds(parts: Parts) -> None:
    for name in ("speed", "capable_speed"):
        if name in parts:
            parts[name] = parts[name].removesuffix(" PCIe")


def _old(parts: Parts) -> Judgement:
    return Judgement(_NOTE if parts["now"] == parts["most"] else _WARNING)


def _status(parts: Parts) -> Judgement:
    """Judge a command that mlx5's firmware refused by operation and status."""
    code = _code(parts.get("code"))
    if code is None:
        code = next((c for c, text in STATUSES.items() if text == parts["status"]), None)
    if code is not None and not parts["status"].strip():
        parts["status"] = STATUSES.get(code, "")
    if parts["op"].startswith(MONITORS):
        parts["asked"] = ", as where a monitor such as mlxtop asks for what the card does not give"
        return Judgement(_NOTE)
    return Judgement(_NOTE if code in HARMLESS else _WARNING)


def _fwstatus(parts: Parts) -> Judgement:
    code = _code(parts["status"]) or 0
    parts["status"] = MLX4_STATUSES.get(code, f"status {code:#x}")
    return Judgement(_CRITICAL if code in (0x1, 0xB) else _NOTE)


def _mad(parts: Parts) -> Judgement:
    """Judge a module's memory that mlx4 could not read: empty cages and SFPs answer so."""
    code = (_code(parts["mad"]) or 0) >> 8 & 0x1F
    if not parts.get("reason"):
        parts["reason"] = MADS.get(code, f"status {code}")
    if code in BENIGN_MADS:
        parts["benign"] = ", as is usual"
    return Judgement(_WARNING if code in (8, 9) else _NOTE)


def _probe(parts: Parts) -> Judgement:
    number = whole(parts["errno"].removeprefix("-"), COUNT) or 0
    name = errno.errorcode.get(number)
    parts["error"] = f"{parts['errno']} ({os.strerror(number)})" if name else parts["errno"]
    return Judgement(_CRITICAL)


def _layer(parts: Parts) -> Judgement:
    """Judge an error of PCIe; a card that cannot be read is lost whatever the severity."""
    level = parts["severity"].lower()
    if parts.get("type", "").lower().startswith("inaccessible"):
        return Judgement(_CRITICAL)
    if level.startswith("correct"):
        return Judgement(_NOTE)
    return Judgement(_WARNING if "non-fatal" in level else _CRITICAL)


def _bar(parts: Parts) -> Judgement | None:
    """Judge a window that was not given: only 0 to 5 are needed, then come ROM and SR-IOV."""
    return Judgement(_WARNING) if int(parts["bar"]) <= 5 else None


def _dpc(parts: Parts) -> Judgement:
    """Judge a containment; the requester's number is its bus, device and function."""
    source = _code(parts.get("source"))
    if source:
        parts["bdf"] = f"{source >> 8 & 0xFF:02x}:{source >> 3 & 0x1F:02x}.{source & 7}"
    return Judgement(_CRITICAL)


def _random(parts: Parts) -> Judgement:
    """Judge a random address: usual for a virtual function, odd for a card of mlx4."""
    return Judgement(_WARNING if parts.get("driver", "").startswith("mlx4") else _NOTE)


def _ghes(parts: Parts) -> Judgement:
    level = parts.get("level", "")
    return Judgement({"fatal": _CRITICAL, "corrected": _NOTE}.get(level, _WARNING))


def _lag(parts: Parts) -> Judgement:
    one, two = parts["one"], parts["two"]
    parts["map"] = f"port 1 to {one}, port 2 to {two}"
    if one == two:
        parts["map"] += ": one port carries all"
        return Judgement(_WARNING, role=Role.EVENT)
    return Judgement(_NOTE)


def _active(parts: Parts) -> Judgement:
    if "," in parts["active"].strip(" ,"):
        return Judgement(_NOTE)
    return Judgement(_WARNING, role=Role.EVENT)


def _cq(parts: Parts) -> Judgement:
    code = _code(parts["cq_syndrome"])
    parts["error"] = {1: "overrun", 2: "access violation"}.get(code or 0, f"syndrome {code}")
    return Judgement(_WARNING)


def _cqe(parts: Parts) -> Judgement:
    code = _code(parts.get("syndrome"))
    if code is not None:
        parts["error"] = CQES.get(code, "unknown") + f" (syndrome {code:#x})"
    return Judgement(_WARNING)


def _suppressed(parts: Parts) -> Judgement | None:
    """Judge lines that the kernel left out by the C function that would have printed them."""
    return Judgement(_NOTE) if parts["function"].lstrip("_").startswith(PRINTERS) else None


def _join(parts: Parts) -> Judgement:
    meanings = {"-110": ": the subnet manager does not answer", "-22": ": it refuses"}
    parts["why"] = meanings.get(parts["status"], "")
    return Judgement(_WARNING)


JUDGES: dict[str, Callable[[Parts], Judgement | None]] = {
    "fatal": _fatal,
    "level": _level,
    "synd": _synd,
    "assert": _assert,
    "heat": _heat,
    "sensor": _sensor,
    "module": _module,
    "slot": _slot,
    "full": _full,
    "old": _old,
    "status": _status,
    "fwstatus": _fwstatus,
    "mad": _mad,
    "probe": _probe,
    "layer": _layer,
    "bar": _bar,
    "dpc": _dpc,
    "ghes": _ghes,
    "random": _random,
    "lag": _lag,
    "active": _active,
    "cq": _cq,
    "cqe": _cqe,
    "join": _join,
    "suppressed": _suppressed,
}
