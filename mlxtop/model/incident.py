"""Something that happened to a port or card: one line of the list of events."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from mlxtop.model.counters import Severity


class IncidentKind(StrEnum):
    """What happened."""

    MODULE_PLUGGED = "module plugged"
    MODULE_UNPLUGGED = "module unplugged"
    MODULE_DISABLED = "module disabled"
    MODULE_FAULT = "module fault"
    OVERHEAT = "overheat"
    LINK_UP = "link up"
    LINK_DOWN = "link down"
    PORT_CLOSED = "port closed"
    BOND = "bond"
    RENAMED = "renamed"
    PCIE = "PCIe bandwidth"
    POWER = "slot power"
    AER = "PCIe error"
    HEALTH = "health"
    COMMAND = "firmware command"
    DRIVER = "driver"
    FIRMWARE = "firmware"
    ENABLED = "enabled"
    VF = "virtual function"
    ADDED = "added"
    REMOVED = "removed"
    ALARM = "alarm"
    LOST = "lost"
    """Events were lost; what happened is not known."""


class Incident(NamedTuple):
    """One event of a device."""

    kind: IncidentKind
    text: str
    """In words, without the device's name; may hold raw text of a device."""
    severity: Severity = Severity.NOTE
    tick: float | None = None
    """Monotonic second; None where the source had no time."""
    device: str | None = None
    """PCI address of the function, port or bridge."""
    ifname: str | None = None
    source: str = "kernel log"
    details: Mapping[str, str] = {}
    """Parts of the text that programs want: `module`, `bits`, `error`, `version` …"""
