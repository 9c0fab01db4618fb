"""IP addresses of network devices, from `ip -j address`.

https://man7.org/linux/man-pages/man8/ip-address.8.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from mlxtop.system.door import System

COMMAND = ("ip", "-j", "address", "show")


@dataclass(frozen=True, slots=True)
class Address:
    """An address that was given to a device; those that the kernel made itself are left out."""

    device: str
    text: str
    """With its prefix length, `10.0.0.2/24`."""
    mtu: int | None = None
    """Of the device."""


def parse_addresses(text: str) -> list[Address]:
    """The addresses in the JSON of `ip -j address show`.

    >>> parse_addresses('[{"ifname":"a","addr_info":[{"local":"10.0.0.2","prefixlen":24}]}]')
    [Address(device='a', text='10.0.0.2/24', mtu=None)]
    """
    try:
        rows = json.loads(text or "[]")
    except (ValueError, RecursionError):
        return []
    found = []
    for row in rows if isinstance(rows, list) else ():
        if not isinstance(row, dict) or not isinstance(row.get("ifname"), str):
            continue
        mtu = row.get("mtu") if isinstance(row.get("mtu"), int) else None
        infos = row.get("addr_info")
        for info in infos if isinstance(infos, list) else ():
            if not isinstance(info, dict) or info.get("scope") == "link":
                continue
            if isinstance(info.get("local"), str):
                address = f"{info['local']}/{info.get('prefixlen', '')}".rstrip("/")
                found.append(Address(row["ifname"], address, mtu))
    return found


def read_addresses(system: System) -> list[Address]:
    """Every address of this namespace; none where `ip` does not tell."""
    try:
        finished = system.run(COMMAND, timeout=5.0)
    except OSError:
        return []
    return parse_addresses(finished.stdout)
