"""IP addresses and users of RDMA devices, from `ip` and `rdma` of iproute2; no root needed.

https://man7.org/linux/man-pages/man8/ip-address.8.html
https://man7.org/linux/man-pages/man8/rdma-resource.8.html
"""

from __future__ import annotations

from typing import NamedTuple

from mlxtop.system.answers import parse_json, rows
from mlxtop.system.door import System

ADDRESSES = ("ip", "-j", "address", "show")
QUEUE_PAIRS = ("rdma", "-j", "resource", "show", "qp")
_OWN = frozenset(("ib_core", "ib_ipoib", "mlx4_ib", "mlx5_ib", "mlx4_core", "mlx5_core", "ib_mad"))
"""Kernel modules whose queue pairs every device has."""
_MANAGEMENT = ("SMI", "GSI")


class Address(NamedTuple):
    """An address that was given to a device; those that the kernel made itself are left out."""

    device: str
    text: str
    """With its prefix length, `10.0.0.2/24`."""
    mtu: int | None = None
    """Of the device."""


def parse_addresses(text: str) -> list[Address]:
    """Return the addresses in the JSON of `ip -j address show`.

    >>> parse_addresses('[{"ifname":"a","addr_info":[{"local":"10.0.0.2","prefixlen":24}]}]')
    [Address(device='a', text='10.0.0.2/24', mtu=None)]
    """
    addresses = []
    for device in rows(parse_json(text)):
        name, mtu = device.text("ifname"), device.number("mtu")
        for info in device.rows("addr_info") if name else ():
            local, length = info.text("local"), info.number("prefixlen")
            if name and local and info.text("scope") != "link":
                address = local if length is None else f"{local}/{length}"
                addresses.append(Address(name, address, mtu))
    return addresses


def read_addresses(system: System) -> list[Address] | None:
    """Return every address of this namespace, or None where `ip` does not answer."""
    try:
        finished = system.run(ADDRESSES, timeout=10.0)
    except OSError:
        return None
    return parse_addresses(finished.stdout) if finished.status == 0 else None


class RdmaUser(NamedTuple):
    """A program or kernel module with queue pairs on a device."""

    device: str
    port: int | None
    """None while it is not bound to a port."""
    name: str


def parse_rdma_users(text: str) -> list[RdmaUser] | None:
    """Return the users in the JSON of `rdma resource show qp`, or None where it is no list.

    >>> parse_rdma_users('[{"ifname":"mlx5_0","port":1,"type":"RC","comm":"ib_write_bw"}]')
    [RdmaUser(device='mlx5_0', port=1, name='ib_write_bw')]
    """
    answer = parse_json(text or "[]")
    if not isinstance(answer, list):
        return None
    users: dict[RdmaUser, None] = {}
    for pair in rows(answer):
        device, name = pair.text("ifname"), (pair.text("comm") or "?").strip("[]")
        if device and pair.text("type") not in _MANAGEMENT and name not in _OWN:
            users[RdmaUser(device, pair.number("port") or None, name)] = None
    return list(users)


def read_rdma_users(system: System) -> list[RdmaUser] | None:
    """Return the users of all RDMA devices of this namespace, or None where `rdma` fails."""
    try:
        finished = system.run(QUEUE_PAIRS, timeout=5.0)
    except OSError:
        return None
    return parse_rdma_users(finished.stdout) if finished.status == 0 else None
