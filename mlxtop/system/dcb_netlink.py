"""Data center bridging of a network device by rtnetlink: flow control and classes of priorities.

include/uapi/linux/dcbnl.h; net/dcb/dcbnl.c. Reading needs no rights.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from typing import Any

from mlxtop.system.door import os_error
from mlxtop.system.netlink import Netlink, Table, attribute, attributes, decode

_RTM_GETDCB = 78
_DCB_CMD_IEEE_GET = 21
_DCB_ATTR_IFNAME, _DCB_ATTR_IEEE = 1, 13
_IEEE_APP, _DCB_APP = 1, 2
"""Types of the entries of an application table; both hold a struct dcb_app."""

_HEAD = struct.Struct("=BBH")
"""struct dcbmsg: family, command, padding."""
_ETS = struct.Struct("=3B 8B 8B 8B 8B")
"""struct ieee_ets up to `prio_tc`; what follows is what a peer recommends."""
_PFC = struct.Struct("=2B")
"""struct ieee_pfc up to `pfc_en`."""
_APP = struct.Struct("=BBH")
"""struct dcb_app: selector, priority, protocol."""


def _ets(data: memoryview) -> dict[str, list[int]] | None:
    if len(data) < _ETS.size:
        return None
    values = list(_ETS.unpack_from(data))[3:]
    return {"bandwidth": values[:8], "algorithms": values[16:24], "classes": values[24:]}


def _pfc(data: memoryview) -> dict[str, int] | None:
    if len(data) < _PFC.size:
        return None
    capable, enabled = _PFC.unpack_from(data)
    return {"most": capable, "mask": enabled}


def _apps(data: memoryview) -> list[list[int]]:
    """Return selector, protocol and priority of every entry."""
    entries = []
    for kind, content in attributes(data):
        if kind in (_IEEE_APP, _DCB_APP) and len(content) >= _APP.size:
            selector, priority, protocol = _APP.unpack_from(content)
            entries.append([selector, protocol, priority])
    return entries


def _trusted(data: memoryview) -> list[int]:
    return [content[0] for _, content in attributes(data) if len(content) == 1]


_IEEE: Table = {1: ("ets", _ets), 2: ("pfc", _pfc), 3: ("apps", _apps), 11: ("trusted", _trusted)}


def parse_dcb(message: memoryview) -> dict[str, Any] | None:
    """Return one answer to DCB_CMD_IEEE_GET as `Question.DCB` has it; None without attributes."""
    if len(message) < _HEAD.size:
        return None
    table: Table = {_DCB_ATTR_IEEE: ("ieee", lambda data: decode(data, _IEEE))}
    answer: dict[str, Any] | None = decode(message[_HEAD.size :], table)["ieee"]
    return answer


class DcbNetlink(Netlink):
    """Questions about data center bridging, to NETLINK_ROUTE."""

    def __init__(self) -> None:
        super().__init__(socket.NETLINK_ROUTE)

    def settings(self, netdev: str) -> dict[str, Any]:
        """Answer `Question.DCB`."""
        name = attribute(_DCB_ATTR_IFNAME, os.fsencode(netdev) + b"\0")
        body = _HEAD.pack(socket.AF_UNSPEC, _DCB_CMD_IEEE_GET, 0) + name
        answers = self.ask(_RTM_GETDCB, body, parse_dcb)
        if not answers:
            raise os_error(errno.EOPNOTSUPP)
        return answers[0]
