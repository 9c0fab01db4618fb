"""What ethtool knows of a network device: port octets, driver statistics, why a link is down.

https://docs.kernel.org/networking/ethtool-netlink.html; include/uapi/linux/ethtool.h
"""

from __future__ import annotations

from typing import NamedTuple

from mlxtop.model.counters import Schema
from mlxtop.model.sample import LinkState, Reading
from mlxtop.sources.kernel.sysfs import counted
from mlxtop.system.door import Answer, Question, System

MAC = Schema(
    (
        "OctetsReceivedOK",
        "OctetsTransmittedOK",
        "FramesReceivedOK",
        "FramesTransmittedOK",
        "FrameCheckSequenceErrors",
        "FrameTooLongErrors",
        "SymbolErrorDuringCarrier",
    )
)
"""The standard statistics that are read at every tick: one firmware command on mlx5."""

EXTENDED_STATE = {
    0: "autonegotiation failed",
    1: "link training failed",
    2: "link logical mismatch",
    3: "bad signal integrity",
    4: "no cable or module",
    5: "cable or module issue",
    6: "module EEPROM issue",
    7: "calibration failed",
    8: "power budget exceeded",
    9: "overheat",
    10: "module not ready",
}
"""ETHTOOL_LINK_EXT_STATE_*, in words."""

_STATE = {
    4: LinkState.NO_MODULE,
    5: LinkState.MODULE_FAULT,
    6: LinkState.MODULE_FAULT,
    8: LinkState.MODULE_FAULT,
    9: LinkState.OVERHEAT,
    10: LinkState.MODULE_FAULT,
}


def read_mac(system: System, netdev: str) -> Reading | None:
    """Octets and frames of the physical port; None where the driver has none. Raises OSError."""
    answer = system.ask(Question.MAC_STATISTICS, netdev)
    tick = system.now()
    if not isinstance(answer, dict):
        return None
    values = tuple(counted(answer.get(key)) for key in MAC.keys)
    return None if values[0] is None and values[1] is None else Reading(tick, MAC, values)


class DriverStatistics:
    """`ethtool -S` of one device; the schema stays the same object while the table does."""

    def __init__(self) -> None:
        self._names: object = None
        self._schema = Schema(())

    def read(self, system: System, netdev: str) -> Reading | None:
        """All rows of the driver's table; None where it has none. Raises OSError."""
        answer = system.ask(Question.DRIVER_STATISTICS, netdev)
        tick = system.now()
        names, values = _table(answer)
        if not names:
            return None
        if names is not self._names:
            self._names = names
            if tuple(names) != self._schema.keys:
                self._schema = Schema(tuple(names))
        return Reading(tick, self._schema, values)


def _table(answer: Answer) -> tuple[list[str], tuple[int | None, ...]]:
    """Names and values of the same length; empty for anything else."""
    if not isinstance(answer, dict):
        return [], ()
    names, values = answer.get("names"), answer.get("values")
    if not isinstance(names, list) or not isinstance(values, list | tuple):
        return [], ()
    if len(names) != len(values) or set(map(type, names)) - {str}:
        return [], ()
    if set(map(type, values)) == {int} and min(values) >= 0:
        return names, tuple(values)
    return names, tuple(map(counted, values))


class DriverInfo(NamedTuple):
    """ETHTOOL_GDRVINFO."""

    driver: str
    version: str
    firmware: str
    """Version alone, `12.28.2006`."""
    psid: str | None
    bus: str


def parse_firmware(text: str) -> tuple[str, str | None]:
    """Version and PSID of the firmware line.

    >>> parse_firmware("12.28.2006 (MT_2180110032)"), parse_firmware("2.42.5000")
    (('12.28.2006', 'MT_2180110032'), ('2.42.5000', None))
    """
    version, mark, psid = text.strip().partition(" (")
    return version, psid.rstrip(") ") or None if mark else None


def read_driver(system: System, netdev: str) -> DriverInfo | None:
    """Driver and firmware of a device; None where it does not say."""
    try:
        answer = system.ask(Question.DRIVER_INFO, netdev)
    except OSError:
        return None
    if not isinstance(answer, dict):
        return None
    said = {key: str(answer.get(key) or "") for key in ("driver", "version", "firmware", "bus")}
    firmware, psid = parse_firmware(said["firmware"])
    return DriverInfo(said["driver"], said["version"], firmware, psid, said["bus"])


def parse_link_state(answer: Answer) -> tuple[LinkState, str | None]:
    """Why a link is down, as state and words; plain DOWN where the driver does not say.

    >>> parse_link_state({"link": 0, "extended": 4})
    (<LinkState.NO_MODULE: 'no module'>, 'no cable or module')
    """
    code = answer.get("extended") if isinstance(answer, dict) else None
    if not isinstance(code, int):
        return LinkState.DOWN, None
    return _STATE.get(code, LinkState.DOWN), EXTENDED_STATE.get(code, f"reason {code}")


def read_link_state(system: System, netdev: str) -> tuple[LinkState, str | None]:
    """Why a link is down; works without root."""
    try:
        return parse_link_state(system.ask(Question.LINK_STATE, netdev))
    except OSError:
        return LinkState.DOWN, None
