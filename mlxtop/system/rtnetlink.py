"""Links, their counters, neighbours and routes, from rtnetlink.

https://docs.kernel.org/networking/netlink_spec/rt_link.html
Hand-written because it runs at every tick: a dump of RTM_GETSTATS takes 0.9 µs a link, the same
through a netlink library 25 µs.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from contextlib import suppress
from functools import cache, partial
from typing import Any

from mlxtop.system import netlink
from mlxtop.system.door import os_error
from mlxtop.system.netlink import Table, attribute, attributes, decode, number, table_of, text, u32

_RTM_GETNEIGH, _NDA_LLADDR = 30, 2
_RTM_GETLINK, _RTM_GETROUTE, _RTM_NEWSTATS, _RTM_GETSTATS, _RTM_GETNEXTHOP = 18, 26, 92, 94, 106
_IFLA_IFNAME, _IFLA_VFINFO_LIST, _IFLA_STATS64, _IFLA_EXT_MASK = 3, 22, 23, 29
_IFLA_VF_MAC, _IFLA_VF_STATS = 1, 8
_IFLA_STATS_LINK_64 = 1
_RTEXT_FILTER_VF, _RTEXT_FILTER_SKIP_STATS = 1, 1 << 3
_RTA_DST, _RTA_SRC, _RTA_OIF, _RTA_GATEWAY, _RTA_PREFSRC, _RTA_VIA = 1, 2, 4, 5, 7, 18
_RTA_MULTIPATH, _RTA_NH_ID = 9, 30
_RTN_LOCAL = 2
_RTM_F_FIB_MATCH = 0x2000
"""Answer with the route of the table and all its next hops, not with the one that was chosen."""
_NHA_ID, _NHA_GROUP, _NHA_OIF = 1, 2, 5

_IFINFO = struct.Struct("=BxHiII")
_STATS_HEAD = struct.Struct("=BxxxII")
_NEIGHBOUR = struct.Struct("=BxxxiHBB")
"""struct ndmsg: family, index of the device, NUD_* state, flags, type."""
_ROUTE = struct.Struct("=8BI")
_NEXT_HOP = struct.Struct("=HBBi")
"""struct rtnexthop: size, flags, weight, index of the device."""
_NEXT_HOP_HEAD = struct.Struct("=4BI")
_ATTRIBUTE = struct.Struct("=HH")
_HEAD = struct.Struct("=IHHI")
"""Size, type, flags and sequence number of a message."""


def _behind(head: struct.Struct, table: Table, message: memoryview) -> dict[str, Any] | None:
    """Return the attributes behind a header; None where that is cut off."""
    return decode(message[head.size :], table) if len(message) >= head.size else None


def _kinds(data: memoryview) -> tuple[str | None, str | None]:
    """Return IFLA_INFO_KIND and IFLA_INFO_SLAVE_KIND."""
    kinds = decode(data, {1: ("kind", text), 4: ("slave", text)})
    return kinds["kind"], kinds["slave"]


def _hardware(data: memoryview) -> str:
    return bytes(data).hex(":")


_LINK: Table = {
    1: ("address", _hardware),
    **table_of(text, {3: "name", 38: "port_name", 56: "parent", 57: "parent_bus"}),
    **table_of(number, {4: "mtu", 5: "link", 10: "master", 16: "operstate"}),
    **table_of(number, {33: "carrier", 35: "carrier_changes", 37: "link_netns"}),
    18: ("kinds", _kinds),
}


def parse_link(message: memoryview) -> dict[str, Any] | None:
    """Return one RTM_NEWLINK as an entry of `Question.LINKS`; None without an index and a name."""
    link = _behind(_IFINFO, _LINK, message)
    if link is None or not link["name"]:
        return None
    _, kind, index, flags, _ = _IFINFO.unpack_from(message)
    link["kind"], link["slave_kind"] = link.pop("kinds") or (None, None)
    if link.pop("link_netns") is not None:
        link["link"] = None  # an index of another namespace
    return {"index": index, "type": kind, "flags": flags, **link}


def parse_neighbour(message: memoryview) -> dict[str, Any] | None:
    """Return one RTM_NEWNEIGH as an entry of `Question.NEIGHBOURS`; None where it is cut off."""
    told = _behind(_NEIGHBOUR, {_NDA_LLADDR: ("address", _hardware)}, message)
    if told is None:
        return None
    _, index, state, _, _ = _NEIGHBOUR.unpack_from(message)
    return {"index": index, "state": state, **told}


_VF_STATS = table_of(
    number,
    {
        0: "rx_packets",
        1: "tx_packets",
        2: "rx_bytes",
        3: "tx_bytes",
        7: "rx_dropped",
        8: "tx_dropped",
    },
)
"""IFLA_VF_STATS_*."""
_VF: Table = {
    _IFLA_VF_MAC: ("vf", lambda data: number(data[:4])),
    _IFLA_VF_STATS: ("stats", lambda data: decode(data, _VF_STATS)),
}
"""Of an IFLA_VF_INFO: struct ifla_vf_mac begins with the number of the virtual function."""


_WITH_VFS: Table = {
    _IFLA_VFINFO_LIST: ("vfs", lambda data: [decode(one, _VF) for _, one in attributes(data)])
}


def parse_vfs(message: memoryview) -> list[dict[str, Any]] | None:
    """Return the virtual functions of one RTM_NEWLINK; None where it has no list of them."""
    link = _behind(_IFINFO, _WITH_VFS, message)
    if link is None or link["vfs"] is None:
        return None
    return [{"vf": one["vf"], **one["stats"]} for one in link["vfs"] if one["stats"]]


Stats = tuple[int, tuple[int, ...]]
"""Index of a link and its struct rtnl_link_stats64."""


def _stats_in(head: struct.Struct, index: int, wanted: int, message: memoryview) -> Stats | None:
    if len(message) < head.size:
        return None
    for kind, content in attributes(message[head.size :]):
        if kind == wanted:
            counters = struct.unpack_from(f"={len(content) // 8}Q", content)
            return head.unpack_from(message)[index], counters
    return None


parse_stats = partial(_stats_in, _STATS_HEAD, 1, _IFLA_STATS_LINK_64)
"""Returns index and struct rtnl_link_stats64 of one RTM_NEWSTATS."""
parse_link_stats = partial(_stats_in, _IFINFO, 2, _IFLA_STATS64)
"""Returns the same of one RTM_NEWLINK."""


@cache
def _stats(count: int) -> struct.Struct:
    """Return an RTM_NEWSTATS with `count` counters alone: header, if_stats_msg, array."""
    return struct.Struct(f"=16s 4xI4x 4s {count}Q")


def parse_many_stats(data: memoryview, sequence: int, stats: list[Stats]) -> int:
    """Take index and counters of every RTM_NEWSTATS at a datagram's front; see `netlink.Many`.

    All links of a dump have messages of one shape, which C takes apart five times as fast.
    """
    if len(data) < _stats(0).size:
        return 0
    size, *rest = _HEAD.unpack_from(data)
    count = (size - _stats(0).size) // 8
    whole = _stats(max(0, count))
    if rest != [_RTM_NEWSTATS, netlink.NLM_F_MULTI, sequence] or count < 1 or size != whole.size:
        return 0
    head, array = bytes(data[:16]), _ATTRIBUTE.pack(4 + 8 * count, _IFLA_STATS_LINK_64)
    used = 0
    for row in whole.iter_unpack(data[: len(data) // size * size]):
        if row[0] != head or row[2] != array:
            break
        stats.append((row[1], row[3:]))
        used += size
    return used


def _ip(data: memoryview) -> str | None:
    family = {4: socket.AF_INET, 16: socket.AF_INET6}.get(len(data))
    return socket.inet_ntop(family, bytes(data)) if family else None


_ROUTES: Table = {
    _RTA_OIF: ("dev", number),
    **table_of(_ip, {_RTA_GATEWAY: "via", _RTA_PREFSRC: "src"}),
    _RTA_VIA: ("via_other", lambda data: _ip(data[2:])),
}


def parse_route(message: memoryview) -> dict[str, Any] | None:
    """Return one RTM_NEWROUTE as the answer to `Question.ROUTE`, `dev` still an index."""
    route = _behind(_ROUTE, _ROUTES, message)
    if route is None:
        return None
    other = route.pop("via_other")
    route["via"] = route["via"] or other
    return {**route, "local": message[7] == _RTN_LOCAL}


def _next_hops(data: memoryview) -> list[int]:
    """Return indices of the devices of an RTA_MULTIPATH."""
    indices, offset = [], 0
    while offset + _NEXT_HOP.size <= len(data):
        size, _, _, index = _NEXT_HOP.unpack_from(data, offset)
        indices.append(index)
        offset += max((size + 3) & ~3, _NEXT_HOP.size)
    return indices


def _group(data: memoryview) -> list[int]:
    """Return ids of the next hops of an NHA_GROUP."""
    return [entry[0] for entry in struct.iter_unpack("=I4x", data[: len(data) // 8 * 8])]


_MATCH: Table = {
    **table_of(number, {_RTA_OIF: "dev", _RTA_NH_ID: "id"}),
    _RTA_MULTIPATH: ("hops", _next_hops),
}
_HOP: Table = {_NHA_GROUP: ("group", _group), _NHA_OIF: ("dev", number)}

parse_match = partial(_behind, _ROUTE, _MATCH)
"""Returns devices of a route of the table: `dev`, `hops`, or the `id` of a next hop object."""
parse_hop = partial(_behind, _NEXT_HOP_HEAD, _HOP)
"""Returns a next hop object: `dev`, or the ids of a `group`."""


def _packed(address: str) -> bytes:
    try:
        return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)
    except (OSError, ValueError):
        raise OSError(errno.EINVAL, f"{address!r} is not an IP address") from None


class Rtnetlink(netlink.Netlink):
    """Questions to NETLINK_ROUTE."""

    def __init__(self) -> None:
        super().__init__(socket.NETLINK_ROUTE)
        self._has_stats = True

    def links(self) -> list[dict[str, Any]]:
        """Return every link of this namespace; see `Question.LINKS`."""
        body = _IFINFO.pack(0, 0, 0, 0, 0) + u32(_IFLA_EXT_MASK, _RTEXT_FILTER_SKIP_STATS)
        return self.ask(_RTM_GETLINK, body, parse_link, dump=True)

    def neighbours(self) -> list[dict[str, Any]]:
        """Return the neighbours of every link, IPv4 and IPv6; see `Question.NEIGHBOURS`."""
        body = _NEIGHBOUR.pack(0, 0, 0, 0, 0)
        return self.ask(_RTM_GETNEIGH, body, parse_neighbour, dump=True)

    def counters(self) -> dict[int, tuple[int, ...]]:
        """Return counters of every link by its index; see `Question.LINK_COUNTERS`."""
        if self._has_stats:
            body = _STATS_HEAD.pack(0, 0, 1 << (_IFLA_STATS_LINK_64 - 1))
            try:
                return dict(self.ask(_RTM_GETSTATS, body, parse_stats, True, parse_many_stats))
            except OSError as error:
                if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
                    raise
                self._has_stats = False  # kernels before 4.7
        body = _IFINFO.pack(0, 0, 0, 0, 0)
        return dict(self.ask(_RTM_GETLINK, body, parse_link_stats, dump=True))

    def virtual_functions(self, netdev: str) -> list[dict[str, Any]]:
        """Return the counters of a port's virtual functions; see `Question.VF_STATISTICS`."""
        name = attribute(_IFLA_IFNAME, os.fsencode(netdev) + b"\0")
        body = _IFINFO.pack(0, 0, 0, 0, 0) + name + u32(_IFLA_EXT_MASK, _RTEXT_FILTER_VF)
        answers = self.ask(_RTM_GETLINK, body, parse_vfs)
        return answers[0] if answers else []

    def route(self, subject: str) -> dict[str, Any]:
        """Return the route to an address; see `Question.ROUTE`."""
        destination, _, source = subject.partition(",")
        packed = _packed(destination)
        body = attribute(_RTA_DST, packed)
        if source:
            body += attribute(_RTA_SRC, _packed(source))
        bits = len(packed) * 8
        family = socket.AF_INET if bits == 32 else socket.AF_INET6
        head = family, bits, bits if source else 0, 0, 0, 0, 0, 0
        routes = self.ask(_RTM_GETROUTE, _ROUTE.pack(*head, 0) + body, parse_route)
        if not routes:
            raise os_error(errno.ENETUNREACH)
        match = _ROUTE.pack(*head, _RTM_F_FIB_MATCH) + body
        indices = [index] if (index := routes[0]["dev"]) else []
        if not routes[0]["local"]:
            indices += self._hops(match)
        names = [socket.if_indextoname(index) for index in dict.fromkeys(indices)]
        return {**routes[0], "dev": names[0] if names else None, "devs": names}

    def _hops(self, request: bytes) -> list[int]:
        """Return indices of the devices of all next hops; none where the kernel does not say."""
        indices: list[int] = []
        with suppress(OSError):  # it may have gone since
            for match in self.ask(_RTM_GETROUTE, request, parse_match):
                indices += match["hops"] or []
                if not match["hops"] and match["id"]:  # net.ipv4.nexthop_compat_mode is 0
                    indices += self._hop_devices(match["id"])
        return indices

    def _hop_devices(self, hop: int) -> list[int]:
        """Return indices of the devices of a next hop object or group."""
        request = _NEXT_HOP_HEAD.pack(0, 0, 0, 0, 0) + u32(_NHA_ID, hop)
        indices: list[int] = []
        for one in self.ask(_RTM_GETNEXTHOP, request, parse_hop):
            indices += [one["dev"]] if one["dev"] else []
            for member in one["group"] or ():  # groups do not hold groups
                indices += self._hop_devices(member) if member != hop else []
        return indices
