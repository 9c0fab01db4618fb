"""The hosts that this one has spoken to on its links: the kernel's table of IPv4 neighbours.

https://man7.org/linux/man-pages/man5/proc_pid_net.5.html; flags of <linux/if_arp.h>.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from mlxtop.sources.kernel.sysfs import read_text
from mlxtop.system.door import System

ARP = "/proc/net/arp"
_HEX = re.compile("0x[0-9a-f]{1,8}")
_COMPLETE = 0x2
"""ATF_COM: the neighbour has answered."""


class Neighbour(NamedTuple):
    """A host on the same link."""

    address: str
    device: str
    """Network device of this host."""


def parse_arp(text: str | None) -> Iterator[Neighbour]:
    """Yield the neighbours that have answered.

    >>> line = "10.0.0.3         0x1         0x2         b8:59:9f:00:00:01     *        enp1s0"
    >>> list(parse_arp("IP address       HW type\\n" + line))
    [Neighbour(address='10.0.0.3', device='enp1s0')]
    """
    for line in (text or "").splitlines()[1:]:
        match line.split():
            case [address, _, flags, _, _, device]:
                if _HEX.fullmatch(flags) and int(flags, 16) & _COMPLETE:
                    yield Neighbour(address, device)


def read_neighbours(system: System) -> tuple[Neighbour, ...]:
    """Return the neighbours that have answered; none where the table cannot be read."""
    return tuple(parse_arp(read_text(system, ARP)))
