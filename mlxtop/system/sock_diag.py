"""TCP connections of this network namespace, from sock_diag.

https://man7.org/linux/man-pages/man7/sock_diag.7.html
"""

from __future__ import annotations

import socket
import struct
from typing import Any

from mlxtop.system.netlink import Netlink, attributes

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_TCP_ESTABLISHED, _TCP_LISTEN = 1, 10
_INFO = 2
"""INET_DIAG_INFO: asked for by bit 1, answered as an attribute."""
_REQUEST = struct.Struct("=BBBxI48x")
_REPLY = struct.Struct("=4s2H16s16sI24xI")
"""struct inet_diag_msg; ports and addresses are in network order."""
_AMOUNTS = struct.Struct("=120x2Q")
"""struct tcp_info: tcpi_bytes_acked and tcpi_bytes_received."""


def _address(family: int, packed: bytes) -> str:
    size = 4 if family == socket.AF_INET else 16
    return socket.inet_ntop(family, packed[:size])


def parse_socket(message: memoryview) -> dict[str, Any] | None:
    """Return an inet_diag_msg as an entry of `Question.SOCKETS`."""
    if len(message) < _REPLY.size:
        return None
    head, local_port, remote_port, local, remote, interface, inode = _REPLY.unpack_from(message)
    family, state = head[0], head[1]
    if family not in (socket.AF_INET, socket.AF_INET6):
        return None
    listening = state == _TCP_LISTEN
    sent, received = (None, None) if listening else _amounts(message[_REPLY.size :])
    return {
        "local": _address(family, local),
        "local_port": socket.ntohs(local_port),
        "remote": None if listening else _address(family, remote),
        "remote_port": None if listening else socket.ntohs(remote_port),
        "interface": interface,
        "inode": inode,
        "sent": sent,
        "received": received,
    }


def _amounts(rest: memoryview) -> tuple[int | None, int | None]:
    for kind, content in attributes(rest):
        if kind == _INFO and len(content) >= _AMOUNTS.size:
            sent, received = _AMOUNTS.unpack_from(content)
            return sent, received
    return None, None


class SockDiag(Netlink):
    """Questions to NETLINK_SOCK_DIAG."""

    def __init__(self) -> None:
        super().__init__(_NETLINK_SOCK_DIAG)

    def sockets(self) -> list[dict[str, Any]]:
        """Answer `Question.SOCKETS`."""
        states = 1 << _TCP_ESTABLISHED | 1 << _TCP_LISTEN
        sockets: list[dict[str, Any]] = []
        for family in (socket.AF_INET, socket.AF_INET6):
            body = _REQUEST.pack(family, socket.IPPROTO_TCP, 1 << (_INFO - 1), states)
            sockets += self.ask(_SOCK_DIAG_BY_FAMILY, body, parse_socket, dump=True)
        return sockets
