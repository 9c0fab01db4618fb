"""A network device by ethtool: port octets, driver statistics, settings, why a link is down.

https://docs.kernel.org/networking/ethtool-netlink.html; include/uapi/linux/ethtool.h
"""

from __future__ import annotations

import re
from itertools import islice

from mlxtop.model.counters import Schema
from mlxtop.model.number import code_table
from mlxtop.model.sample import LinkState, Reading
from mlxtop.model.tuning import (
    MOST_SYMBOLS,
    Channels,
    Coalesce,
    Fec,
    FecBin,
    LinkModes,
    Pause,
    Rings,
)
from mlxtop.sources.kernel.sysfs import ask_or_none
from mlxtop.system.answers import Fields, counted
from mlxtop.system.door import Answer, Question, System

MAC = Schema(
    (
        *("OctetsReceivedOK", "OctetsTransmittedOK", "FramesReceivedOK", "FramesTransmittedOK"),
        *("FrameCheckSequenceErrors", "FrameTooLongErrors", "SymbolErrorDuringCarrier"),
    )
)
"""The standard statistics that are read at every tick: one firmware command on mlx5."""

EXTENDED_STATE = code_table(
    """
    0 autonegotiation failed | 1 link training failed | 2 link logical mismatch |
    3 bad signal integrity | 4 no cable or module | 5 cable or module issue |
    6 module EEPROM issue | 7 calibration failed | 8 power budget exceeded |
    9 overheat | a module not ready
    """
)
"""ETHTOOL_LINK_EXT_STATE_*, in words."""

MOST_BINS = 17
"""ETHTOOL_FEC_HIST_MAX."""
_PSID = re.compile(r"\(([A-Z]{2,5}_?[0-9A-Z]{6,14})\)")

_STATE = {
    4: LinkState.NO_MODULE,
    9: LinkState.OVERHEAT,
    **dict.fromkeys((5, 6, 8, 10), LinkState.MODULE_FAULT),
}


def read_mac(system: System, netdev: str) -> Reading | None:
    """Return octets and frames of the physical port, or None without them. Raises OSError."""
    answer = Fields(system.ask(Question.MAC_STATISTICS, netdev))
    tick = system.now()
    values = tuple(map(answer.count, MAC.keys))
    return None if values[0] is None and values[1] is None else Reading(tick, MAC, values)


class DriverStatistics:
    """`ethtool -S` of one device; the schema stays the same object while the table does."""

    def __init__(self) -> None:
        self._names: object = None
        self._schema = Schema(())

    def read(self, system: System, netdev: str) -> Reading | None:
        """Return all rows of the driver's table, or None without one. Raises OSError."""
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
    """Return names and values of the same length; empty for anything else."""
    table = answer if isinstance(answer, dict) else {}
    names, values = table.get("names"), table.get("values")
    if not isinstance(names, list) or not isinstance(values, list | tuple):
        return [], ()
    if len(names) != len(values) or set(map(type, names)) - {str}:
        return [], ()
    if set(map(type, values)) == {int} and min(values) >= 0:
        return names, tuple(values)
    return names, tuple(map(counted, values))


def parse_firmware(text: str) -> tuple[str, str | None]:
    """Return version and PSID of the firmware line.

    >>> parse_firmware("12.28.2006 (MT_2180110032)"), parse_firmware("2.42.5000")
    (('12.28.2006', 'MT_2180110032'), ('2.42.5000', None))
    """
    version, mark, psid = text.strip().partition(" (")
    return version, psid.rstrip(") ") or None if mark else None


def parse_psid(text: str) -> str | None:
    """Return the PSID in brackets, where old mlx4 drivers have it beside their name.

    >>> parse_psid("mlx4_en (MT_0BD0110004)"), parse_psid("1.5.0 (Dec 2009)")
    ('MT_0BD0110004', None)
    """
    match = _PSID.search(text)
    return match[1] if match else None


def read_firmware(system: System, netdev: str) -> tuple[str | None, str | None]:
    """Return version and PSID of a device's firmware, None for what the driver does not say."""
    answer = Fields(ask_or_none(system, Question.DRIVER_INFO, netdev))
    version, psid = parse_firmware(answer.text("firmware") or "")
    lines = (answer.text(field) or "" for field in ("driver", "version"))
    return version or None, psid or next(filter(None, map(parse_psid, lines)), None)


def parse_link_state(answer: Answer) -> tuple[LinkState, str | None]:
    """Return why a link is down, as state and words; plain DOWN where the driver does not say.

    >>> parse_link_state({"link": 0, "extended": 4})
    (<LinkState.NO_MODULE: 'no module'>, 'no cable or module')
    """
    code = Fields(answer).number("extended")
    if code is None:
        return LinkState.DOWN, None
    return _STATE.get(code, LinkState.DOWN), EXTENDED_STATE.get(code, f"reason {code}")


def parse_rings(answer: Answer) -> Rings:
    """Return sizes of the rings."""
    return Rings(*map(Fields(answer).number, ("rx", "rx_max", "tx")))


def parse_channels(answer: Answer) -> Channels:
    """Return the number of channels; those for receiving where none are combined."""
    number = Fields(answer).number
    return Channels(number("combined") or number("rx"), number("combined_max") or number("rx_max"))


def parse_coalesce(answer: Answer) -> Coalesce:
    """Return how interrupts are moderated."""
    return Coalesce(Fields(answer).flag("adaptive_rx"))


def parse_pause(answer: Answer) -> Pause:
    """Return whether pause frames are negotiated, obeyed and sent."""
    return Pause(*map(Fields(answer).flag, ("autoneg", "rx", "tx")))


def parse_fec(answer: Answer) -> Fec:
    """Return the error correction in use, the configured ones, and what it had to correct."""
    fields = Fields(answer)
    bins = tuple(filter(None, map(_fec_bin, islice(fields.rows("bins"), MOST_BINS))))
    return Fec(fields.text("active"), fields.flag("auto"), fields.texts("modes"), bins)


def _fec_bin(row: Fields) -> FecBin | None:
    low, high, words = map(row.count, ("low", "high", "words"))
    if low is None or high is None or words is None or not low <= high < MOST_SYMBOLS:
        return None
    return FecBin(low, high, words)


def parse_modes(answer: Answer) -> LinkModes:
    """Return the link modes of this side and of the peer."""
    fields = Fields(answer)
    modes = map(fields.texts, ("supported", "advertised", "peer"))
    return LinkModes(fields.flag("autoneg"), fields.number("lanes"), *modes)


def parse_features(answer: Answer) -> dict[str, bool]:
    """Return the offloads that are on, or could be, and whether each is on."""
    return {key: value for key, value in Fields(answer).items() if isinstance(value, bool)}
