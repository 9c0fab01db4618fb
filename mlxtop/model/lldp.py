"""Who says, by LLDP (IEEE 802.1AB), to be at the other end of a port."""

from __future__ import annotations

import re
from typing import NamedTuple

MOST_NEIGHBOURS = 8
"""Of a port; more are left out."""
LONGEST_TEXT = 255
"""Characters; no text of LLDP has more bytes."""
_MAC = re.compile("(?:[0-9a-f]{2}:){5}[0-9a-f]{2}")
_NOT_HEX = re.compile("[.:-]")


class LldpNeighbour(NamedTuple):
    """What a neighbour says of itself; None is what it does not say, or the tool does not tell."""

    chassis: str | None = None
    """Identifies the device: a MAC address most often."""
    chassis_name: str | None = None
    chassis_description: str | None = None
    """Its system in words, with release most often."""
    is_switch: bool | None = None
    """It forwards frames between ports. A host with a bridge says so too."""
    port: str | None = None
    """Identifies the port there: a MAC address, an interface name, or anything else."""
    port_description: str | None = None
    vlan: int | None = None
    """Of frames without a tag there (PVID)."""
    mtu: int | None = None
    """Largest frame there, in bytes, with its header."""
    power: str | None = None
    """Power over Ethernet, in words."""
    source: str = ""
    """The program that told it."""

    @property
    def title(self) -> str:
        """Return the device as people call it."""
        return self.chassis_name or self.chassis or "a device without a name"

    @property
    def where(self) -> str:
        """Return the port there as people call it: its name rather than its address."""
        told = self.port if mac_of(self.port) is None else self.port_description or self.port
        return told or self.port_description or ""


def mac_of(text: str | None) -> str | None:
    """Return a MAC address as the kernel writes it; None for every other text.

    >>> mac_of("5254.000D.E746"), mac_of("52-54-00-0d-e7-46"), mac_of("Eth1/5")
    ('52:54:00:0d:e7:46', '52:54:00:0d:e7:46', None)
    """
    plain = _NOT_HEX.sub("", text or "").lower()
    mac = ":".join(plain[place : place + 2] for place in range(0, len(plain), 2))
    return mac if _MAC.fullmatch(mac) and mac.strip("0:") else None
