"""Generic netlink: what ethtool and devlink know of a device.

https://docs.kernel.org/networking/ethtool-netlink.html
https://docs.kernel.org/networking/devlink/devlink-info.html
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from mlxtop.system.door import Question
from mlxtop.system.netlink import (
    Decoder,
    Netlink,
    Table,
    attribute,
    attributes,
    decode,
    nested,
    number,
    numbers,
    text,
    u32,
)

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
_NOT_SET = 0xFFFFFFFFFFFFFFFF


def _flag(data: memoryview) -> bool | None:
    value = number(data)
    return None if value is None else value != 0


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


def _total(data: memoryview) -> int | None:
    """Return the first number of an array of u64: the port's total before those of its lanes."""
    if len(data) < 8:
        return None
    value = number(data[:8])
    return None if value == _NOT_SET else value


def _named(names: Mapping[int, str]) -> Decoder:
    """Return a decoder of numbers that have names; None for others."""

    def name(data: memoryview) -> str | None:
        value = number(data)
        return None if value is None else names.get(value)

    return name


_FEC_NAMES = {49: "None", 50: "RS", 51: "BASER", 74: "LLRS"}
"""ETHTOOL_LINK_MODE_FEC_*_BIT to the names that ethtool prints."""
_DUPLEX = {0: "half", 1: "full"}


def _speed(data: memoryview) -> int | None:
    value = number(data)
    return None if value in (0, 0xFFFFFFFF) else value


SIMPLE: dict[Question, tuple[int, Table]] = {
    Question.LINK_STATE: (
        _LINKSTATE_GET,
        numbers({2: "link", 3: "sqi", 5: "extended", 6: "substate", 7: "down_count"}),
    ),
    Question.RINGS: (_RINGS_GET, numbers({2: "rx_max", 5: "tx_max", 6: "rx", 9: "tx"})),
    Question.CHANNELS: (
        _CHANNELS_GET,
        numbers({5: "combined_max", 6: "rx", 7: "tx", 8: "other", 9: "combined"}),
    ),
    Question.COALESCE: (
        _COALESCE_GET,
        {
            **numbers({2: "rx_usecs", 6: "tx_usecs"}),
            11: ("adaptive_rx", _flag),
            12: ("adaptive_tx", _flag),
        },
    ),
    Question.PAUSE: (
        _PAUSE_GET,
        {
            2: ("autoneg", number),
            3: ("rx", _flag),
            4: ("tx", _flag),
            5: ("frames", lambda data: decode(data, _PAUSE_FRAMES)),
        },
    ),
    Question.FEC: (
        _FEC_GET,
        {
            2: ("modes", lambda data: _bits(data)[0]),
            3: ("auto", _flag),
            4: ("active", _named(_FEC_NAMES)),
            5: ("blocks", lambda data: decode(data, _FEC_BLOCKS)),
        },
    ),
}
_PAUSE_FRAMES: Table = numbers({2: "tx_frames", 3: "rx_frames"})
_FEC_BLOCKS: Table = {
    2: ("corrected", _total),
    3: ("uncorrectable", _total),
    4: ("corrected_bits", _total),
}
_STATISTICS = {"frames": _PAUSE_FRAMES, "blocks": _FEC_BLOCKS}
"""Nested statistics, whose names join those beside them."""

_MODES: Table = {
    2: ("autoneg", number),
    3: ("ours", _bits),
    4: ("peer", lambda data: _bits(data)[0]),
    5: ("speed", _speed),
    6: ("duplex", _named(_DUPLEX)),
    9: ("lanes", number),
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
_GROUPS = nested(_STATS_GROUPS, attribute(1), u32(2, 4), attribute(4, struct.pack("=I", 0b11)))


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


def _version(data: memoryview) -> tuple[str, str]:
    version = decode(data, {103: ("name", text), 104: ("value", text)})
    return version["name"] or "", version["value"] or ""


_DEVICE: Table = {98: ("driver", text), 99: ("serial", text)}
_VERSIONS = {100: "fixed", 101: "running", 102: "stored"}


def parse_devlink_info(data: memoryview) -> tuple[str, dict[str, Any]]:
    """Return handle and content of one DEVLINK_CMD_INFO_GET reply."""
    info = decode(data, {1: ("bus", text), 2: ("device", text), **_DEVICE})
    handle = f"{info.pop('bus') or ''}/{info.pop('device') or ''}"
    versions: dict[str, dict[str, str]] = {name: {} for name in _VERSIONS.values()}
    for kind, content in attributes(data):
        if kind in _VERSIONS:
            name, value = _version(content)
            versions[_VERSIONS[kind]][name] = value
    return handle, info | versions


class Genetlink(Netlink):
    """Questions to the families ethtool and devlink."""

    def __init__(self) -> None:
        super().__init__(NETLINK_GENERIC)
        self._families: dict[str, int] = {}

    def _family(self, name: str) -> int:
        if name not in self._families:
            body = struct.pack("=BBH", _CTRL_CMD_GETFAMILY, 1, 0)
            body += attribute(_CTRL_ATTR_FAMILY_NAME, name.encode() + b"\0")
            table = numbers({_CTRL_ATTR_FAMILY_ID: "id"})
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
        self,
        netdev: str,
        command: int,
        parse: Callable[[memoryview], T],
        body: bytes = b"",
        header: int = _HEADER,
    ) -> T:
        """Return the one reply of the ethtool family about a netdev."""
        flags = _FLAG_STATS if command in (_PAUSE_GET, _FEC_GET) else 0
        name = attribute(_HEADER_DEV_NAME, os.fsencode(netdev) + b"\0")
        head = nested(header, name, u32(_HEADER_FLAGS, flags))
        replies = self._ask("ethtool", command, head + body, parse)
        if not replies:
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
        return replies[0]

    def simple(self, question: Question, netdev: str) -> dict[str, Any]:
        """Return the answer to one of the questions of `SIMPLE`."""
        command, table = SIMPLE[question]
        return self._ethtool(netdev, command, lambda data: parse_simple(data, table))

    def statistics(self, netdev: str) -> dict[str, int]:
        """Answer `Question.MAC_STATISTICS`; empty where the driver has none."""
        return self._ethtool(netdev, _STATS_GET, parse_statistics, _GROUPS, _STATS_HEADER)

    def modes(self, netdev: str) -> dict[str, Any]:
        """Answer `Question.LINK_MODES`."""
        reply = self._ethtool(netdev, _LINKMODES_GET, parse_modes)
        try:
            table = numbers({2: "port"})
            port = self._ethtool(netdev, _LINKINFO_GET, lambda data: decode(data, table))
        except OSError as error:
            if error.errno != errno.EOPNOTSUPP:
                raise
            port = {"port": None}
        return reply | port

    def features(self, netdev: str) -> dict[str, bool | None]:
        """Answer `Question.FEATURES`."""
        return self._ethtool(netdev, _FEATURES_GET, parse_features)

    def module_page(self, netdev: str, *details: int) -> str:
        """Answer `Question.MODULE_PAGE`."""
        page, bank, address, offset, length = details
        body = u32(2, offset) + u32(3, length)
        for kind, value in ((4, page), (5, bank), (6, address)):
            body += attribute(kind, bytes([value & 0xFF]))
        table: Table = {7: ("data", lambda data: bytes(data).hex())}
        reply = self._ethtool(netdev, _MODULE_EEPROM_GET, lambda data: decode(data, table), body)
        return str(reply["data"] or "")

    def devlink_info(self) -> dict[str, dict[str, Any]]:
        """Answer `Question.DEVLINK_INFO`."""
        return dict(self._ask("devlink", 51, b"", parse_devlink_info, dump=True))
