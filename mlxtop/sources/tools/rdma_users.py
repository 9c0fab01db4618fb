"""Who uses RDMA devices, from `rdma resource show qp` of iproute2; no root needed.

https://man7.org/linux/man-pages/man8/rdma-resource.8.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from mlxtop.system.door import System

COMMAND = ("rdma", "-j", "resource", "show", "qp")
_OWN = frozenset(("ib_core", "ib_ipoib", "mlx4_ib", "mlx5_ib", "mlx4_core", "mlx5_core", "ib_mad"))
"""Kernel modules whose queue pairs every device has."""
_MANAGEMENT = ("SMI", "GSI")


@dataclass(frozen=True, slots=True)
class RdmaUser:
    """A program or kernel module with queue pairs on a device."""

    device: str
    port: int | None
    """None while it is not bound to a port."""
    name: str


def parse_rdma_users(text: str) -> list[RdmaUser] | None:
    """The users in the JSON of `rdma resource show qp`; None where it is not understood.

    >>> parse_rdma_users('[{"ifname":"mlx5_0","port":1,"type":"RC","comm":"ib_write_bw"}]')
    [RdmaUser(device='mlx5_0', port=1, name='ib_write_bw')]
    """
    try:
        rows = json.loads(text or "[]")
    except (ValueError, RecursionError):
        return None
    if not isinstance(rows, list):
        return None
    found: dict[RdmaUser, None] = {}
    for row in rows:
        if not isinstance(row, dict) or not isinstance(row.get("ifname"), str):
            continue
        name = str(row.get("comm", "?")).strip("[]")
        if row.get("type") in _MANAGEMENT or name in _OWN:
            continue
        port = row.get("port")
        found[RdmaUser(row["ifname"], port if isinstance(port, int) and port else None, name)] = (
            None
        )
    return list(found)


def read_rdma_users(system: System) -> list[RdmaUser] | None:
    """The users of all RDMA devices of this namespace; None where that cannot be told."""
    try:
        finished = system.run(COMMAND, timeout=5.0)
    except OSError:
        return None
    return parse_rdma_users(finished.stdout) if finished.status == 0 else None
