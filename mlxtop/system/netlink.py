"""Netlink messages by hand: sockets, exchanges and attributes.

https://docs.kernel.org/userspace-api/netlink/intro.html
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from mlxtop.system.door import os_error

T = TypeVar("T")

NLM_F_REQUEST, NLM_F_MULTI, NLM_F_ACK, NLM_F_DUMP_INTR, NLM_F_DUMP = 0x1, 0x2, 0x4, 0x10, 0x300
NLMSG_ERROR, NLMSG_DONE = 2, 3
_NLM_F_CAPPED, _NLM_F_ACK_TLVS = 0x100, 0x200
_NLMSGERR_ATTR_MSG = 1
_NLA_F_NESTED, _NLA_TYPE_MASK = 0x8000, 0x3FFF
_SOL_NETLINK, _NETLINK_EXT_ACK = 270, 11

BUFFER = 1 << 16
"""Bytes received at once; the kernel fills at most half of it in a dump."""
_PATIENCE = 5
"""Seconds until an answer counts as lost; the kernel queues it before `send` returns."""
_ATTEMPTS = 4

_MESSAGE = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_ERROR = struct.Struct("=i")


def attributes(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield types and contents of the attributes in `data`; ends where one does not fit.

    >>> [(kind, bytes(body)) for kind, body in attributes(memoryview(attribute(3, b"lo")))]
    [(3, b'lo')]
    """
    offset, end = 0, len(data)
    while offset + 4 <= end:
        size, kind = _ATTRIBUTE.unpack_from(data, offset)
        if size < 4 or offset + size > end:
            return
        yield kind & _NLA_TYPE_MASK, data[offset + 4 : offset + size]
        offset += (size + 3) & ~3


def attribute(kind: int, content: bytes = b"") -> bytes:
    """Return one attribute, padded."""
    return _ATTRIBUTE.pack(4 + len(content), kind) + content + b"\0" * (-len(content) % 4)


def nested(kind: int, *content: bytes) -> bytes:
    """Return an attribute that holds attributes."""
    return attribute(kind | _NLA_F_NESTED, b"".join(content))


def u32(kind: int, value: int) -> bytes:
    """Return a number of 32 bits as an attribute."""
    return attribute(kind, value.to_bytes(4, sys.byteorder))


def number(data: memoryview) -> int | None:
    """Return an unsigned number of 1 to 8 bytes; None for anything else."""
    return int.from_bytes(data, sys.byteorder) if 0 < len(data) <= 8 else None


def text(data: memoryview) -> str:
    """Return a string up to its NUL; bytes that are not UTF-8 are kept as in file names."""
    return bytes(data).partition(b"\0")[0].decode("utf-8", "surrogateescape")


Decoder = Callable[[memoryview], Any]
Table = Mapping[int, tuple[str, Decoder]]
"""Attribute type to its name in the answer and what makes a value of its content."""


def table_of(decoder: Decoder, names: Mapping[int, str]) -> Table:
    """Return a table of attributes that all have the same decoder."""
    return {kind: (name, decoder) for kind, name in names.items()}


def decode(data: memoryview, table: Table) -> dict[str, Any]:
    """Return the attributes that `table` knows, by name; None for those that are not there.

    Walks by itself rather than through `attributes`, since a link has forty that nobody asks for.
    """
    values: dict[str, Any] = {name: None for name, _ in table.values()}
    offset, end = 0, len(data)
    while offset + 4 <= end:
        size, kind = _ATTRIBUTE.unpack_from(data, offset)
        if size < 4 or offset + size > end:
            break
        entry = table.get(kind & _NLA_TYPE_MASK)
        if entry is not None:
            values[entry[0]] = entry[1](data[offset + 4 : offset + size])
        offset += (size + 3) & ~3
    return values


Many = Callable[[memoryview, int, list[T]], int]
"""Takes messages of a sequence number from the front of a datagram, as long as they are of the one
shape it knows: appends what it made of them and returns how many bytes they had."""


def messages(data: memoryview) -> Iterator[tuple[int, int, int, memoryview]]:
    """Yield type, flags, sequence number and content of the messages in a datagram."""
    offset, end = 0, len(data)
    while offset + 16 <= end:
        size, kind, flags, sequence, _ = _MESSAGE.unpack_from(data, offset)
        if size < 16 or offset + size > end:
            return
        yield kind, flags, sequence, data[offset + 16 : offset + size]
        offset += (size + 3) & ~3


def failure(flags: int, content: memoryview) -> OSError | None:
    """Return what an NLMSG_ERROR message says; None when it only acknowledges."""
    if len(content) < 4:
        return os_error(errno.EBADMSG)
    code = -_ERROR.unpack_from(content)[0]
    if code == 0:
        return None
    message = ""
    if flags & _NLM_F_ACK_TLVS and len(content) >= 20:
        echoed = 16 if flags & _NLM_F_CAPPED else _MESSAGE.unpack_from(content, 4)[0]
        for kind, value in attributes(content[4 + ((echoed + 3) & ~3) :]):
            if kind == _NLMSGERR_ATTR_MSG:
                message = text(value)
    return OSError(code, message or os.strerror(code))


class _Channel:
    """A socket that talks to the kernel alone."""

    def __init__(self, protocol: int) -> None:
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
        try:
            self.socket.connect((0, 0))
            patience = struct.pack("@ll", _PATIENCE, 0)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, patience)
            self.socket.setsockopt(_SOL_NETLINK, _NETLINK_EXT_ACK, 1)
        except OSError:
            self.socket.close()
            raise
        self.buffer = bytearray(BUFFER)
        self.sequence = 0

    def send(self, kind: int, flags: int, body: bytes) -> None:
        """Send one request under a new sequence number."""
        self.sequence = (self.sequence + 1) & 0xFFFFFFFF
        head = _MESSAGE.pack(16 + len(body), kind, flags | NLM_F_REQUEST, self.sequence, 0)
        self.socket.send(head + body)

    def receive(self) -> memoryview:
        """Return a datagram. Raises OSError: ENOBUFS for lost answers, EMSGSIZE, ETIMEDOUT."""
        try:
            size = self.socket.recv_into(self.buffer, 0, socket.MSG_TRUNC)
        except BlockingIOError:
            raise os_error(errno.ETIMEDOUT) from None
        if size > len(self.buffer):
            raise os_error(errno.EMSGSIZE)
        return memoryview(self.buffer)[:size]


class Netlink:
    """One netlink protocol, for any number of threads: each exchange has a socket of its own.

    Sockets are kept for the next exchange, so a thread that hangs in the kernel holds only its own.
    """

    def __init__(self, protocol: int) -> None:
        self._protocol = protocol
        self._idle: deque[_Channel] = deque()

    def close(self) -> None:
        """Close the idle sockets."""
        while self._idle:
            self._idle.pop().socket.close()

    def ask(
        self,
        kind: int,
        body: bytes,
        parse: Callable[[memoryview], T | None],
        dump: bool = False,
        many: Many[T] | None = None,
        *,
        begin: Callable[[], object] = lambda: None,
    ) -> list[T]:
        """Return what `parse` makes of every message of the answer, without its Nones.

        `parse` gets the content after the message header and may not keep it; what `many` took
        from the front of a datagram it does not get. A dump that changed while it ran is asked
        again, and taken as it is when it never settles; `begin` is called before each attempt.
        Raises OSError.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            begin()
            try:
                values, changed = self._exchange(kind, body, parse, dump, many)
            except OSError as error:
                if error.errno != errno.ENOBUFS or attempt == _ATTEMPTS:
                    raise
                continue
            if not changed:
                break
        return values

    def _exchange(
        self,
        kind: int,
        body: bytes,
        parse: Callable[[memoryview], T | None],
        dump: bool,
        many: Many[T] | None,
    ) -> tuple[list[T], bool]:
        try:
            channel = self._idle.pop()
        except IndexError:
            channel = _Channel(self._protocol)
        complete = False
        try:
            channel.send(kind, NLM_F_DUMP if dump else NLM_F_ACK, body)
            values: list[T] = []
            changed = False
            while not complete:
                data = channel.receive()
                if many is not None:
                    data = data[many(data, channel.sequence, values) :]
                for got, flags, sequence, content in messages(data):
                    if sequence != channel.sequence:
                        continue
                    changed = changed or bool(flags & NLM_F_DUMP_INTR)
                    if got in (NLMSG_DONE, NLMSG_ERROR):
                        complete = True
                        if (error := failure(flags, content)) is not None:
                            raise error
                    elif (value := parse(content)) is not None:
                        values.append(value)
            return values, changed
        finally:
            if complete:
                self._idle.append(channel)
            else:
                # Its answer may still be on the way, and a dump in progress refuses the next.
                channel.socket.close()
