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
    MODULE_READ = "module read"
    """A read of a module's memory was refused."""
    OVERHEAT = "overheat"
    LINK_UP = "link up"
    LINK_DOWN = "link down"
    PORT_CLOSED = "port closed"
    BOND = "bond"
    LINK_TYPE = "link type"
    """A port has become one of InfiniBand or Ethernet; with a key it is a change by mlxtop, to
    which all belongs that it brings about on its card."""
    RENAMED = "renamed"
    PCIE = "PCIe bandwidth"
    POWER = "slot power"
    AER = "PCIe error"
    IOMMU = "IOMMU"
    HEALTH = "health"
    RESET = "firmware reset"
    COMMAND = "firmware command"
    MEMORY = "host memory"
    QUEUE = "queue"
    RDMA = "RDMA"
    IPOIB = "IPoIB"
    ESWITCH = "E-Switch"
    DRIVER = "driver"
    FIRMWARE = "firmware"
    ENABLED = "enabled"
    VF = "virtual function"
    ADDED = "added"
    REMOVED = "removed"
    ALARM = "alarm"
    PATH = "path"
    """The route to a peer goes another way."""
    LOST = "lost"
    """Events were lost; what happened is not known."""


class Incident(NamedTuple):
    """One event of a device."""

    kind: IncidentKind
    text: str
    """In words, without the device's name; may hold raw text of a device."""
    severity: Severity = Severity.NOTE
    tick: float | None = None
    """Monotonic second at which it began; None where the source had no time."""
    device: str | None = None
    """PCI address of the function, port or bridge."""
    ifname: str | None = None
    source: str = "kernel log"
    details: Mapping[str, str] = {}
    """Parts of the text that programs want: `module`, `bits`, `error`, `version` …"""
    until: float | None = None
    """Monotonic second at which it was over; None while nothing shows that it is."""
    times: int = 1
    """How often it was reported, by the function that reported it most often."""
    cause: str = ""
    """What went wrong, as a key: incidents of one card and cause are one finding."""
    key: str = ""
    """The same for all reports of one incident: a later one replaces the one before. Empty for
    what happens at an instant."""
    advice: str = ""
    rdma: str | None = None
    """RDMA device, where the line names one."""
    functions: tuple[str, ...] = ()
    """PCI addresses of all functions that reported it."""
