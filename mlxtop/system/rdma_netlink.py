"""Questions to the RDMA subsystem by netlink; sysfs does not tell the type of a device.

include/uapi/rdma/rdma_netlink.h
"""

from __future__ import annotations

from typing import Any

from mlxtop.system.netlink import Netlink, Table, decode, number, text

_NETLINK_RDMA = 20
_NLDEV_GET = 5 << 10 | 1
"""RDMA_NL_NLDEV, RDMA_NLDEV_CMD_GET."""
_DEVICE: Table = {2: ("name", text), 99: ("type", number), 100: ("parent", text)}
_TYPES = {1: "smi"}


def parse_device(data: memoryview) -> tuple[str, dict[str, Any]] | None:
    """Return name and entry of a device for `Question.RDMA_DEVICES`; None without a name."""
    device = decode(data, _DEVICE)
    name, kind = device["name"], device["type"]
    if not name:
        return None
    return name, {"type": None if kind is None else _TYPES.get(kind), "parent": device["parent"]}


class RdmaNetlink(Netlink):
    """Questions to NETLINK_RDMA."""

    def __init__(self) -> None:
        super().__init__(_NETLINK_RDMA)

    def devices(self) -> dict[str, dict[str, Any]]:
        """Answer `Question.RDMA_DEVICES`."""
        return dict(self.ask(_NLDEV_GET, b"", parse_device, dump=True))
