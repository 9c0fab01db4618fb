"""RDMA objects as the kernel lists them, counted by who holds them while they are decoded.

include/uapi/rdma/rdma_netlink.h, drivers/infiniband/core/nldev.c. A list can have a hundred
thousand entries: none is kept. Neighbours in it have the same attributes, so C takes apart whole
runs of them, thirty times as fast as one by one.
"""

from __future__ import annotations

import socket
import struct
from collections import Counter
from collections.abc import Callable
from itertools import takewhile
from typing import Any, NamedTuple

from mlxtop.model.number import code_table
from mlxtop.system.netlink import Table, attributes, decode, number, table_of, text

PID, MODULE, PORT, TYPE, STATE, SPACE, TARGET, LENGTH = 28, 29, 3, 26, 27, 32, 34, 45
"""RDMA_NLDEV_ATTR_RES_PID, _RES_KERN_NAME, _PORT_INDEX, _RES_TYPE, _RES_STATE, _RES_PS,
_RES_DST_ADDR and _RES_MRLEN."""
MOST_GROUPS = 4096
"""Groups of a list at most; entries of more are counted as left out."""
WHOLE_SPACE = 1 << 62
"""Bytes from which a region is no memory: on-demand paging of the whole address space."""

_ATTRIBUTE = struct.Struct("=HH")
_TYPE_MASK = 0x3FFF

QP_TYPES = code_table(
    "0 SMI | 1 GSI | 2 RC | 3 UC | 4 UD | 5 RAW_IPV6 | 6 RAW_ETHERTYPE | 8 RAW_PACKET"
    "| 9 XRC_INI | a XRC_TGT | ff DRIVER"
)
"""enum ib_qp_type, as iproute2 writes it."""
QP_STATES = code_table("0 RESET | 1 INIT | 2 RTR | 3 RTS | 4 SQD | 5 SQE | 6 ERR")
"""enum ib_qp_state."""
_CM_STATES = code_table(
    "0 IDLE | 1 ADDR_QUERY | 2 ADDR_RESOLVED | 3 ROUTE_QUERY | 4 ROUTE_RESOLVED | 5 CONNECT"
    "| 6 DISCONNECT | 7 ADDR_BOUND | 8 LISTEN | 9 DEVICE_REMOVAL | a DESTROYING"
)
"""enum rdma_cm_state."""
_SPACES = {0x0002: "IPoIB", 0x013F: "IB", 0x0106: "TCP", 0x0111: "UDP"}
"""enum rdma_ucm_port_space."""


def _named(names: dict[int, str]) -> Callable[[memoryview], str | None]:
    def name(data: memoryview) -> str | None:
        value = number(data)
        return None if value is None else names.get(value, str(value))

    return name


def address(data: memoryview) -> str | None:
    """Return the address in a sockaddr_storage; None for another family, and for none.

    >>> address(memoryview(bytes.fromhex("0200 4e20 0a000003").ljust(128, bytes(1))))
    '10.0.0.3'
    """
    family, *_ = struct.unpack_from("=H", data) if len(data) >= 2 else (0,)
    size, start = {socket.AF_INET: (4, 4), socket.AF_INET6: (16, 8)}.get(family, (0, 0))
    packed = bytes(data[start : start + size])
    if not size or len(packed) < size or not any(packed):
        return None
    return socket.inet_ntop(family, packed)


_OWNER: Table = {PID: ("pid", number), MODULE: ("module", text)}


class Kind(NamedTuple):
    """A kind of objects: how it is asked for, and what tells its groups apart."""

    command: int
    table: int
    entry: int
    fields: Table = _OWNER


KINDS = {
    "qp": Kind(
        *(10, 19, 20),
        {
            **_OWNER,
            PORT: ("port", number),
            TYPE: ("type", _named(QP_TYPES)),
            STATE: ("state", _named(QP_STATES)),
        },
    ),
    "cm_id": Kind(
        *(11, 30, 31),
        {
            **_OWNER,
            SPACE: ("space", _named(_SPACES)),
            STATE: ("state", _named(_CM_STATES)),
            TARGET: ("peer", address),
        },
    ),
    "cq": Kind(12, 35, 36),
    "mr": Kind(13, 40, 41, {**_OWNER, LENGTH: ("bytes", number)}),
    "pd": Kind(14, 46, 47),
    "ctx": Kind(22, 86, 87),
    "srq": Kind(23, 88, 89),
}
"""By the names that the kernel gives them in RDMA_NLDEV_CMD_RES_GET."""


class _Shape:
    """Entries that have the same attributes, each of the same size, in the same order."""

    def __init__(self, entry: memoryview, fields: Table) -> None:
        """`entry`: with its own header. `size` is 0 where it is cut off."""
        heads, wanted, places = ["=4s"], ["=4x"], []
        offset, end = 4, len(entry)
        while offset + 4 <= end:
            size, kind = _ATTRIBUTE.unpack_from(entry, offset)
            padded = (size + 3) & ~3
            if size < 4 or offset + padded > end:
                break
            heads.append(f"4s{padded - 4}x")
            if kind & _TYPE_MASK in fields:
                places.append(kind & _TYPE_MASK)
                wanted.append(f"4x{size - 4}s{padded - size}x")
            else:
                wanted.append(f"{padded}x")
            offset += padded
        self._heads, self._wanted = struct.Struct("".join(heads)), struct.Struct("".join(wanted))
        self.size = self._heads.size if offset == end else 0
        self.places = tuple(places)
        """The attributes that count, in the order of the entry."""
        self._expected = self._heads.unpack(entry) if self.size else ()

    def run(self, data: memoryview) -> int:
        """Return how many entries of this shape are in front."""
        whole = data[: len(data) // self.size * self.size]
        return sum(1 for _ in takewhile(self._expected.__eq__, self._heads.iter_unpack(whole)))

    def rows(self, data: memoryview) -> Counter[tuple[bytes, ...]]:
        """Return the contents of the attributes that count, and how often each is there."""
        return Counter(self._wanted.iter_unpack(data))


Key = tuple[bytes | None, ...]


class Tally:
    """Counts of one list of objects, by who holds them and what they are."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._shape: _Shape | None = None
        self._groups: dict[Key, list[int]] = {}
        """Number of objects and bytes by the contents of the fields, bytes left out."""
        self.left_out = 0

    def clear(self) -> None:
        """Begin anew: the kernel is asked again."""
        self._groups.clear()
        self.left_out = 0

    def take(self, message: memoryview) -> None:
        """Count the entries of one message."""
        for kind, table in attributes(message):
            if kind == self._kind.table:
                self._take_table(table)

    def _take_table(self, table: memoryview) -> None:
        offset, end = 0, len(table)
        while offset + 4 <= end:
            shape = self._shape
            count = shape.run(table[offset:]) if shape is not None else 0
            if shape is None or not count:
                size, kind = _ATTRIBUTE.unpack_from(table, offset)
                size = (size + 3) & ~3
                if size < 4 or offset + size > end:
                    return
                shape = _Shape(table[offset : offset + size], self._kind.fields)
                if kind & _TYPE_MASK != self._kind.entry or size == 4 or not shape.size:
                    offset += size
                    continue
                self._shape, count = shape, shape.run(table[offset:])
            behind = offset + count * shape.size
            for row, times in shape.rows(table[offset:behind]).items():
                self._add(dict(zip(shape.places, row, strict=True)), times)
            offset = behind

    def _add(self, values: dict[int, bytes], count: int) -> None:
        length = number(memoryview(values.pop(LENGTH, b""))) or 0
        key: Key = tuple(values.get(field) for field in self._kind.fields)
        group = self._groups.get(key)
        if group is None and len(self._groups) >= MOST_GROUPS:
            values.pop(TARGET, None)  # a server of very many: the peers are not told apart
            key = tuple(values.get(field) for field in self._kind.fields)
            group = self._groups.get(key)
            if group is None and len(self._groups) >= 2 * MOST_GROUPS:
                self.left_out += count
                return
        if group is None:
            group = self._groups[key] = [0, 0]
        group[0] += count
        group[1] += length * count if length < WHOLE_SPACE else 0

    def groups(self) -> list[dict[str, Any]]:
        """Return the groups as `Question.RDMA_OBJECTS` tells them."""
        groups = []
        for key, (count, size) in self._groups.items():
            group = {"count": count}
            for raw, (name, decoder) in zip(key, self._kind.fields.values(), strict=True):
                if name == "bytes":
                    group[name] = size
                elif raw is not None and (value := decoder(memoryview(raw))) is not None:
                    group[name] = value
            groups.append(group)
        return groups


def parse_summary(message: memoryview) -> dict[str, int]:
    """Return how many objects of each kind a device has, whoever holds them."""
    counts = {}
    for kind, table in attributes(message):
        for _, entry in attributes(table) if kind == 15 else ():
            one = decode(entry, {17: ("name", text), 18: ("count", number)})
            if one["name"] and one["count"] is not None:
                counts[one["name"]] = one["count"]
    return counts


_COUNTER: Table = {**_OWNER, **table_of(number, {PORT: "port", 79: "id"})}


def parse_counters(message: memoryview) -> list[dict[str, Any]]:
    """Return the counters that are bound to QPs: number, holder, number of QPs and `values`."""
    counters = []
    for kind, table in attributes(message):
        for each, entry in attributes(table) if kind == 77 else ():
            if each != 78:
                continue
            one = {name: value for name, value in decode(entry, _COUNTER).items() if value}
            for inner, content in attributes(entry):
                if inner == 19:
                    one["qps"] = sum(1 for _ in attributes(content))
                elif inner == 80:
                    one["values"] = _values(content)
            counters.append(one)
    return counters


def _values(table: memoryview) -> dict[str, int]:
    pairs = (
        decode(entry, {82: ("name", text), 83: ("value", number)}) for _, entry in attributes(table)
    )
    return {one["name"]: one["value"] for one in pairs if one["name"] and one["value"] is not None}
