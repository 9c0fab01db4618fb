"""Questions to the RDMA subsystem by netlink: its devices, their objects and who holds them.

include/uapi/rdma/rdma_netlink.h; https://man7.org/linux/man-pages/man8/rdma-resource.8.html
"""

from __future__ import annotations

import errno
from time import perf_counter, sleep
from typing import Any

from mlxtop.system.door import os_error
from mlxtop.system.netlink import Netlink, Table, decode, number, text, u32
from mlxtop.system.rdma_objects import KINDS, Tally, parse_counters, parse_summary

_NETLINK_RDMA = 20
_NLDEV = 5 << 10
"""RDMA_NL_NLDEV, the family of the commands."""
_GET, _SYS_GET, _RES_GET, _STAT_GET = (_NLDEV | command for command in (1, 6, 9, 17))
_DEV_INDEX, _STAT_RES, _RES_QP = 1, 75, 19
_DEVICE: Table = {2: ("name", text), 99: ("type", number), 100: ("parent", text)}
_HANDLE: Table = {_DEV_INDEX: ("index", number), 2: ("name", text)}
_TYPES = {1: "smi"}
_ATTEMPTS = 3
_FINAL = (errno.EOPNOTSUPP, errno.EPERM, errno.EACCES)
"""Errors that another attempt does not change."""
_REST = 2.0
"""Rest after each message, in times of its decoding: other threads want the interpreter too."""


def parse_device(data: memoryview) -> tuple[str, dict[str, Any]] | None:
    """Return name and entry of a device for `Question.RDMA_DEVICES`; None without a name."""
    device = decode(data, _DEVICE)
    name, kind = device["name"], device["type"]
    if not name:
        return None
    return name, {"type": None if kind is None else _TYPES.get(kind), "parent": device["parent"]}


def parse_system(data: memoryview) -> dict[str, Any]:
    """Return what `Question.RDMA_SYSTEM` tells."""
    mode = decode(data, {66: ("mode", number)})["mode"]
    return {"shared": None if mode is None else bool(mode)}


class RdmaNetlink(Netlink):
    """Questions to NETLINK_RDMA."""

    def __init__(self) -> None:
        super().__init__(_NETLINK_RDMA)

    def devices(self) -> dict[str, dict[str, Any]]:
        """Answer `Question.RDMA_DEVICES`."""
        return dict(self.ask(_GET, b"", parse_device, dump=True))

    def system(self) -> dict[str, Any]:
        """Answer `Question.RDMA_SYSTEM`."""
        answers = self.ask(_SYS_GET, b"", parse_system)
        return answers[0] if answers else {"shared": None}

    def objects(self, device: str) -> dict[str, Any]:
        """Answer `Question.RDMA_OBJECTS`; a list that ends early is told as far as it went."""
        handles = self.ask(_GET, b"", lambda data: decode(data, _HANDLE), dump=True)
        index = next((one["index"] for one in handles if one["name"] == device), None)
        if index is None:
            raise os_error(errno.ENODEV, device)
        body, absent = u32(_DEV_INDEX, index), dict[str, str]()
        answer: dict[str, Any] = {"held": {}, "absent": absent}
        try:
            for counts in self.ask(_RES_GET, body, parse_summary):
                answer["held"] |= counts
        except OSError as error:
            absent["held"] = error.strerror or str(error)
        for name, kind in KINDS.items():
            tally = Tally(kind)
            if (reason := self._count(_NLDEV | kind.command, body, tally)) is not None:
                absent[name] = reason
            elif tally.left_out:
                absent[name] = f"{tally.left_out} more have too many holders to be told apart"
            answer[name] = tally.groups()
        answer["counters"] = self._counters(body, absent)
        return answer

    def _count(self, command: int, body: bytes, tally: Tally) -> str | None:
        """Count a list of objects; return why it is not whole, None where it is."""

        def take(message: memoryview) -> None:
            began = perf_counter()
            tally.take(message)
            sleep(_REST * (perf_counter() - began))

        for attempt in range(1, _ATTEMPTS + 1):
            try:
                self.ask(command, body, take, dump=True, begin=tally.clear)
            except OSError as error:
                # An object can go, or its device be reset, while it is asked for its state.
                if error.errno in _FINAL or attempt == _ATTEMPTS:
                    return error.strerror or str(error)
            else:
                return None
        return None

    def _counters(self, body: bytes, absent: dict[str, str]) -> list[dict[str, Any]]:
        """Return the counters that somebody has bound to QPs."""
        body += u32(_STAT_RES, _RES_QP)
        try:
            messages = self.ask(_STAT_GET, body, parse_counters, dump=True)
        except OSError as error:
            absent["counters"] = error.strerror or str(error)
            return []
        return [one for counters in messages for one in counters]
