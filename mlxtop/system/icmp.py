"""ICMP echo by a chosen network device: https://man7.org/linux/man-pages/man7/icmp.7.html

Sockets for pings where `net.ipv4.ping_group_range` allows them, else raw ones (CAP_NET_RAW). The
device is chosen for each packet (IP_PKTINFO), not by binding the socket: an answer may come by
another device than the request left by, and that it came is what counts.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import struct
import time
from contextlib import suppress
from threading import Event

from mlxtop.system.door import Echo, os_error

MAGIC = b"mlxtop-path\0"
"""Before the nonce in every probe."""
NONCE_BYTES = 16
_PAYLOAD = len(MAGIC) + NONCE_BYTES
_ICMP = struct.Struct("!BBHHH")
_ECHO, _ECHO_REPLY, _ECHO6, _ECHO6_REPLY = 8, 0, 128, 129
_IP_PKTINFO, _IPV6_RECVPKTINFO, _IPV6_PKTINFO = 8, 49, 50
_SO_MARK = 36
_SOL_RAW, _ICMP_FILTER, _ICMP6_FILTER = 255, 1, 1
NOT_ALLOWED = (
    "pings are not allowed here: run it as root, or let everybody send them"
    " (sysctl -w net.ipv4.ping_group_range='0 2147483647')"
)
_MOST_AT_ONCE = 256
"""Answers taken in one round: a flood of forged ones must not keep us from judging."""
_WAIT_SLICE_S = 0.5
"""Seconds until `stop` is looked at, at the latest."""


def checksum(data: bytes) -> int:
    """Return the Internet checksum, RFC 1071.

    >>> hex(checksum(bytes.fromhex("0800000000010001")))
    '0xf7fd'
    """
    if len(data) % 2:
        data += b"\0"
    total: int = 0
    for (word,) in struct.iter_unpack("!H", data):
        total += word
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def request(kind: int, identity: int, sequence: int, nonce: bytes) -> bytes:
    """Return an echo request; the kernel fills in the checksum of ICMPv6."""
    body = MAGIC + nonce
    head = _ICMP.pack(kind, 0, 0, identity, sequence & 0xFFFF)
    total = checksum(head + body) if kind == _ECHO else 0
    return _ICMP.pack(kind, 0, total, identity, sequence & 0xFFFF) + body


def parse_reply(packet: bytes, ipv6: bool, with_header: bool) -> bytes | None:
    """Return the nonce of an echo reply to a probe; None for every other packet."""
    if with_header and not ipv6:
        if len(packet) < 20:
            return None
        packet = packet[(packet[0] & 0x0F) * 4 :]
    if len(packet) < _ICMP.size + _PAYLOAD:
        return None
    if packet[0] != (_ECHO6_REPLY if ipv6 else _ECHO_REPLY) or packet[1] != 0:
        return None
    body = packet[_ICMP.size :]
    return body[len(MAGIC) : _PAYLOAD] if body.startswith(MAGIC) else None


def _raw_socket(family: socket.AddressFamily, protocol: int) -> socket.socket:
    """Return a raw socket. Raises OSError, which says who may have one."""
    try:
        return socket.socket(family, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
    except PermissionError as error:
        raise PermissionError(error.errno, NOT_ALLOWED) from None


class _Channel:
    """The socket of one address family."""

    def __init__(self, ipv6: bool) -> None:
        self.ipv6 = ipv6
        family = socket.AF_INET6 if ipv6 else socket.AF_INET
        protocol = socket.IPPROTO_ICMPV6 if ipv6 else socket.IPPROTO_ICMP
        self.raw = False
        try:
            self.socket = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, protocol)
        except PermissionError:
            self.socket = _raw_socket(family, protocol)
            self.raw = True
        self.socket.setblocking(False)
        if ipv6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVPKTINFO, 1)
        else:
            self.socket.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
        if self.raw:
            self._only_replies()
        self._mark = 0

    def _only_replies(self) -> None:
        """Leave every other ICMP packet of the machine to others."""
        if self.ipv6:
            words = [0xFFFFFFFF] * 8
            words[_ECHO6_REPLY >> 5] &= ~(1 << (_ECHO6_REPLY & 31))
            blocked = struct.pack("=8I", *words)
            self.socket.setsockopt(socket.IPPROTO_ICMPV6, _ICMP6_FILTER, blocked)
        else:
            blocked = struct.pack("=I", 0xFFFFFFFF & ~(1 << _ECHO_REPLY))
            self.socket.setsockopt(_SOL_RAW, _ICMP_FILTER, blocked)

    def send(self, packet: bytes, address: str, index: int, mark: int) -> None:
        if mark != self._mark:
            self.socket.setsockopt(socket.SOL_SOCKET, _SO_MARK, mark)
            self._mark = mark
        if self.ipv6:
            info = struct.pack("=16sI", b"\0" * 16, index)
            level, kind = socket.IPPROTO_IPV6, _IPV6_PKTINFO
        else:
            info = struct.pack("=I4s4s", index, b"\0" * 4, b"\0" * 4)
            level, kind = socket.IPPROTO_IP, _IP_PKTINFO
        self.socket.sendmsg([packet], [(level, kind, info)], 0, (address, 0))

    def receive(self) -> Echo | None:
        """Return the next answer; None where there is none. Packets of others give an empty one."""
        try:
            data, extra, _, source = self.socket.recvmsg(2048, 256)
        except BlockingIOError:
            return None
        except OSError:  # an error that an earlier packet met
            return Echo(b"", "", None, 0.0)
        now = time.monotonic()
        nonce = parse_reply(data, self.ipv6, self.raw)
        if nonce is None:
            return Echo(b"", "", None, now)
        return Echo(nonce, source[0].partition("%")[0], _device(extra), now)


def _device(extra: list[tuple[int, int, bytes]]) -> str | None:
    """Return the device that a packet came by."""
    for level, kind, data in extra:
        offset = 0 if level == socket.IPPROTO_IP else 16
        if (level, kind) in (
            (socket.IPPROTO_IP, _IP_PKTINFO),
            (socket.IPPROTO_IPV6, _IPV6_PKTINFO),
        ) and len(data) >= offset + 4:
            with suppress(OSError):  # it has gone since
                return socket.if_indextoname(struct.unpack_from("=I", data, offset)[0])
    return None


class LocalPinger:
    """Probes of this machine; see `Pinger`."""

    def __init__(self) -> None:
        self._channels: dict[bool, _Channel] = {}
        self._closed = False
        self._identity = int.from_bytes(os.urandom(2), "big")
        self._sequence = 0
        self._woken, self._waker = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._poll = select.poll()
        self._poll.register(self._woken, select.POLLIN)
        try:
            self._channel(ipv6=False)
        except OSError:
            self.close()
            raise

    def _channel(self, ipv6: bool) -> _Channel:
        channel = self._channels.get(ipv6)
        if channel is None:
            channel = self._channels[ipv6] = _Channel(ipv6)
            self._poll.register(channel.socket, select.POLLIN)
        return channel

    def send(self, address: str, device: str, nonce: bytes, mark: int = 0) -> None:
        try:
            index = socket.if_nametoindex(device)
        except OSError:
            raise os_error(errno.ENODEV, device) from None
        channel = self._channel(":" in address)
        self._sequence += 1
        kind = _ECHO6 if channel.ipv6 else _ECHO
        packet = request(kind, self._identity, self._sequence, nonce)
        channel.send(packet, address, index, mark)

    def wait(self, seconds: float, stop: Event) -> list[Echo]:
        end = time.monotonic() + seconds
        while True:
            left = 0.0 if stop.is_set() else max(0.0, min(end - time.monotonic(), _WAIT_SLICE_S))
            ready = {fd for fd, _ in self._poll.poll(left * 1000)}
            answers = [echo for one in self._channels.values() for echo in self._take(one)]
            if self._woken in ready:
                with suppress(BlockingIOError):
                    os.read(self._woken, 4096)
                return answers
            if answers or stop.is_set() or time.monotonic() >= end:
                return answers

    def _take(self, channel: _Channel) -> list[Echo]:
        answers = []
        for _ in range(_MOST_AT_ONCE):
            echo = channel.receive()
            if echo is None:
                break
            if echo.nonce:
                answers.append(echo)
        return answers

    def wake(self) -> None:
        if not self._closed:
            with suppress(BlockingIOError):
                os.write(self._waker, b"1")

    def close(self) -> None:
        for channel in self._channels.values():
            channel.socket.close()
        self._channels.clear()
        if not self._closed:
            self._closed = True
            os.close(self._woken)
            os.close(self._waker)
