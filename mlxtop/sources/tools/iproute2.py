"""IP addresses, from `ip` of iproute2; no root needed.

https://man7.org/linux/man-pages/man8/ip-address.8.html
"""

from __future__ import annotations

from typing import NamedTuple

from mlxtop.system.answers import parse_json, rows
from mlxtop.system.door import System

ADDRESSES = ("ip", "-j", "address", "show")


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
