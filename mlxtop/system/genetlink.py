"""Generic netlink: what ethtool and devlink know of a device.

https://docs.kernel.org/networking/ethtool-netlink.html
https://docs.kernel.org/networking/devlink/devlink-info.html
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from mlxtop.system import netlink
from mlxtop.system.door import Question, os_error
from mlxtop.system.netlink import Table, attribute, attributes, decode, number, table_of, text, u32

T = TypeVar("T")

NETLINK_GENERIC = 16
_GENL_ID_CTRL, _CTRL_CMD_GETFAMILY = 16, 3
_CTRL_ATTR_FAMILY_ID, _CTRL_ATTR_FAMILY_NAME = 1, 2

_HEADER, _HEADER_DEV_NAME, _HEADER_FLAGS = 1, 2, 3
_FLAG_STATS = 1 << 2
_LINKINFO_GET, _LINKMODES_GET, _LINKSTATE_GET, _FEATURES_GET = 2, 4, 6, 11
_RINGS_GET, _CHANNELS_GET, _COALESCE_GET, _PAUSE_GET = 15, 17, 19, 21
_FEC_GET, _MODULE_EEPROM_GET, _STATS_GET = 29, 31, 32
_STATS_HEADER, _STATS_GROUPS = 2, 3
_DEVLINK_INFO_GET = 51


def _from_number(change: Callable[[int], Any]) -> netlink.Decoder:
    """Return a decoder of numbers that `change` makes values of."""

    def decoder(data: memoryview) -> Any:
        value = number(data)
        return None if value is None else change(value)

    return decoder


_flag = _from_number(bool)
_speed = _from_number(lambda speed: None if speed in (0, 0xFFFFFFFF) else speed)
_count = _from_number(lambda count: None if count == 0xFFFFFFFFFFFFFFFF else count)


def _total(data: memoryview) -> int | None:
    """Return the first number of an array of u64: the port's total before those of its lanes."""
    count: int | None = _count(data[:8]) if len(data) >= 8 else None
    return count


def _bits(data: memoryview) -> tuple[list[str], list[str]]:
    """Return names of the bits of a verbose bitset: those that are set, and all that are listed."""
    plain = False
    listed: list[tuple[str, bool]] = []
    for kind, content in attributes(data):
        if kind == 1:  # ETHTOOL_A_BITSET_NOMASK: only bits that are set are listed
            plain = True
        elif kind == 3:  # ETHTOOL_A_BITSET_BITS
            for _, bit in attributes(content):
                named = decode(bit, {2: ("name", text), 3: ("value", lambda _: True)})
                listed.append((named["name"] or "", bool(named["value"])))
    return [name for name, on in listed if on or plain], [name for name, _ in listed]


def _set_bits(data: memoryview) -> list[str]:
    return _bits(data)[0]


_FEC_NAMES = {49: "None", 50: "RS", 51: "BASER", 74: "LLRS"}
"""ETHTOOL_LINK_MODE_FEC_*_BIT to the names that ethtool prints."""
_PAUSE_FRAMES = table_of(number, {2: "tx_frames", 3: "rx_frames"})
_FEC_BLOCKS = table_of(_total, {2: "corrected", 3: "uncorrectable", 4: "corrected_bits"})
_FEC_BIN = table_of(number, {2: "low", 3: "high", 4: "words"})


def _fec_statistics(data: memoryview) -> dict[str, Any]:
    """Return what FEC has done; its histogram has an attribute for each bin (Linux 6.18)."""
    bins = [decode(content, _FEC_BIN) for kind, content in attributes(data) if kind == 5]
    return decode(data, _FEC_BLOCKS) | ({"bins": bins} if bins else {})


_STATISTICS = {"frames": _PAUSE_FRAMES, "blocks": _FEC_BLOCKS}
"""Nested statistics, whose names join those beside them."""

_STATE = table_of(number, {2: "link", 3: "sqi", 5: "extended", 6: "substate", 7: "down_count"})
_RINGS = table_of(number, {2: "rx_max", 5: "tx_max", 6: "rx", 9: "tx"})
_CHANNELS = table_of(number, {5: "combined_max", 6: "rx", 7: "tx", 8: "other", 9: "combined"})
_COALESCE: Table = {
    **table_of(number, {2: "rx_usecs", 6: "tx_usecs"}),
    **table_of(_flag, {11: "adaptive_rx", 12: "adaptive_tx"}),
}
_PAUSE: Table = {
    **table_of(number, {2: "autoneg"}),
    **table_of(_flag, {3: "rx", 4: "tx"}),
    5: ("frames", partial(decode, table=_PAUSE_FRAMES)),
}
_FEC: Table = {
    2: ("modes", _set_bits),
    3: ("auto", _flag),
    4: ("active", _from_number(_FEC_NAMES.get)),
    5: ("blocks", _fec_statistics),
}
_MODES: Table = {
    **table_of(number, {2: "autoneg", 9: "lanes"}),
    3: ("ours", _bits),
    4: ("peer", _set_bits),
    5: ("speed", _speed),
    6: ("duplex", _from_number({0: "half", 1: "full"}.get)),
}

_STATS_NAMES = {
    0: ("SymbolErrorDuringCarrier",),
    1: (
        *("FramesTransmittedOK", "SingleCollisionFrames", "MultipleCollisionFrames"),
        *("FramesReceivedOK", "FrameCheckSequenceErrors", "AlignmentErrors", "OctetsTransmittedOK"),
        *("FramesWithDeferredXmissions", "LateCollisions", "FramesAbortedDueToXSColls"),
        *("FramesLostDueToIntMACXmitError", "CarrierSenseErrors", "OctetsReceivedOK"),
        *("FramesLostDueToIntMACRcvError", "MulticastFramesXmittedOK", "BroadcastFramesXmittedOK"),
        *("FramesWithExcessiveDeferral", "MulticastFramesReceivedOK", "BroadcastFramesReceivedOK"),
        *("InRangeLengthErrors", "OutOfRangeLengthField", "FrameTooLongErrors"),
    ),
}
"""Groups eth-phy and eth-mac; a name's place is its attribute type."""
_GROUPS = netlink.nested(
    _STATS_GROUPS, attribute(1), u32(2, 4), attribute(4, struct.pack("=I", 0b11))
)


def parse_statistics(data: memoryview) -> dict[str, int]:
    """Return ETHTOOL_MSG_STATS_GET_REPLY as the answer to `Question.MAC_STATISTICS`."""
    counts: dict[str, int] = {}
    for kind, group in attributes(data):
        if kind != 4:  # ETHTOOL_A_STATS_GRP
            continue
        names: tuple[str, ...] = ()
        for part, content in attributes(group):
            if part == 2:  # ETHTOOL_A_STATS_GRP_ID
                names = _STATS_NAMES.get(number(content) or 0, ())
            elif part == 4:  # ETHTOOL_A_STATS_GRP_STAT
                for index, value in attributes(content):
                    count = number(value)
                    if index < len(names) and count is not None:
                        counts[names[index]] = count
    return counts


def parse_simple(data: memoryview, table: Table) -> dict[str, Any]:
    """Return a reply whose attributes are those of `table`, nested statistics unfolded."""
    reply = decode(data, table)
    for name, inner in _STATISTICS.items():
        if name in reply:
            reply |= reply.pop(name) or {key: None for key, _ in inner.values()}
    return reply


def parse_modes(data: memoryview) -> dict[str, Any]:
    """Return ETHTOOL_MSG_LINKMODES_GET_REPLY without the port."""
    reply = decode(data, _MODES)
    reply["advertised"], reply["supported"] = reply.pop("ours") or ([], [])
    reply["peer"] = reply["peer"] or []
    return reply


def parse_features(data: memoryview) -> dict[str, bool | None]:
    """Return ETHTOOL_MSG_FEATURES_GET_REPLY as the answer to `Question.FEATURES`.

    None is `off [fixed]`: the driver does not offer it.
    """
    reply = decode(data, {2: ("hardware", _bits), 4: ("active", _bits), 5: ("fixed", _bits)})
    active: set[str] = set((reply["active"] or ([], []))[0])
    offered, listed = reply["hardware"] or ([], [])
    changeable = set(offered).difference((reply["fixed"] or ([], []))[0])
    names = [*listed, *sorted(active.difference(listed))]
    return {
        name: True if name in active else False if name in changeable else None
        for name in names
        if name
    }


_VERSIONS = {100: "fixed", 101: "running", 102: "stored"}


def parse_devlink_info(data: memoryview) -> tuple[str, dict[str, Any]]:
    """Return handle and content of one DEVLINK_CMD_INFO_GET reply."""
    info = decode(data, table_of(text, {1: "bus", 2: "device", 98: "driver", 99: "serial"}))
    handle = f"{info.pop('bus') or ''}/{info.pop('device') or ''}"
    versions: dict[str, dict[str, str]] = {name: {} for name in _VERSIONS.values()}
    for kind, content in attributes(data):
        if kind in _VERSIONS:
            version = decode(content, table_of(text, {103: "name", 104: "value"}))
            versions[_VERSIONS[kind]][version["name"] or ""] = version["value"] or ""
    return handle, info | versions


SIMPLE: dict[Question, tuple[int, Callable[[memoryview], dict[str, Any]]]] = {
    Question.LINK_STATE: (_LINKSTATE_GET, partial(parse_simple, table=_STATE)),
    Question.RINGS: (_RINGS_GET, partial(parse_simple, table=_RINGS)),
    Question.CHANNELS: (_CHANNELS_GET, partial(parse_simple, table=_CHANNELS)),
    Question.COALESCE: (_COALESCE_GET, partial(parse_simple, table=_COALESCE)),
    Question.PAUSE: (_PAUSE_GET, partial(parse_simple, table=_PAUSE)),
    Question.FEC: (_FEC_GET, partial(parse_simple, table=_FEC)),
    Question.FEATURES: (_FEATURES_GET, parse_features),
    Question.MAC_STATISTICS: (_STATS_GET, parse_statistics),
}
"""Questions that one exchange answers, with what makes the answer of its reply."""


class Genetlink(netlink.Netlink):
    """Questions to the families ethtool and devlink."""

    def __init__(self) -> None:
        super().__init__(NETLINK_GENERIC)
        self._families: dict[str, int] = {}

    def _family(self, name: str) -> int:
        if name not in self._families:
            body = struct.pack("=BBH", _CTRL_CMD_GETFAMILY, 1, 0)
            body += attribute(_CTRL_ATTR_FAMILY_NAME, name.encode() + b"\0")
            table = table_of(number, {_CTRL_ATTR_FAMILY_ID: "id"})
            try:
                replies = self.ask(_GENL_ID_CTRL, body, lambda data: decode(data[4:], table))
            except FileNotFoundError:
                replies = []
            if not replies or replies[0]["id"] is None:
                raise OSError(errno.EOPNOTSUPP, f"this kernel has no {name} netlink")
            self._families[name] = replies[0]["id"]
        return self._families[name]

    def _ask(
        self,
        family: str,
        command: int,
        body: bytes,
        parse: Callable[[memoryview], T],
        dump: bool = False,
    ) -> list[T]:
        head = struct.pack("=BBH", command, 1, 0)
        return self.ask(self._family(family), head + body, lambda data: parse(data[4:]), dump)

    def _ethtool(
        self, netdev: str, command: int, parse: Callable[[memoryview], T], body: bytes = b""
    ) -> T:
        """Return the one reply of the ethtool family about a netdev."""
        flags = _FLAG_STATS if command in (_PAUSE_GET, _FEC_GET) else 0
        name = attribute(_HEADER_DEV_NAME, os.fsencode(netdev) + b"\0")
        header = _STATS_HEADER if command == _STATS_GET else _HEADER
        head = netlink.nested(header, name, u32(_HEADER_FLAGS, flags))
        replies = self._ask("ethtool", command, head + body, parse)
        if not replies:
            raise os_error(errno.EOPNOTSUPP)
        return replies[0]

    def simple(self, question: Question, netdev: str) -> dict[str, Any]:
        """Return the answer to one of the questions of `SIMPLE`."""
        command, parse = SIMPLE[question]
        return self._ethtool(netdev, command, parse, _GROUPS if command == _STATS_GET else b"")

    def modes(self, netdev: str) -> dict[str, Any]:
        """Answer `Question.LINK_MODES`."""
        reply = self._ethtool(netdev, _LINKMODES_GET, parse_modes)
        try:
            table = table_of(number, {2: "port"})
            port = self._ethtool(netdev, _LINKINFO_GET, partial(decode, table=table))
        except OSError as error:
            if error.errno != errno.EOPNOTSUPP:
                raise
            port = {"port": None}
        return reply | port

    def module_page(self, netdev: str, *details: int) -> str:
        """Answer `Question.MODULE_PAGE`."""
        page, bank, address, offset, length = details
        body = u32(2, offset) + u32(3, length)
        for kind, value in ((4, page), (5, bank), (6, address)):
            body += attribute(kind, bytes([value & 0xFF]))
        table: Table = {7: ("data", memoryview.hex)}
        reply = self._ethtool(netdev, _MODULE_EEPROM_GET, partial(decode, table=table), body)
        return reply["data"] or ""

    def devlink_info(self) -> dict[str, dict[str, Any]]:
        """Answer `Question.DEVLINK_INFO`."""
        return dict(self._ask("devlink", _DEVLINK_INFO_GET, b"", parse_devlink_info, dump=True))
