"""The hosts that this one has spoken to on its links: the kernel's tables of neighbours.

https://man7.org/linux/man-pages/man5/proc_pid_net.5.html; flags of <linux/if_arp.h>.
https://man7.org/linux/man-pages/man7/rtnetlink.7.html, RTM_GETNEIGH; states of
<linux/neighbour.h>.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from mlxtop.model.identity import Port, PortId
from mlxtop.model.sample import HardwareNeighbour
from mlxtop.sources.kernel.net import NetLink
from mlxtop.sources.kernel.routes import below
from mlxtop.sources.kernel.sysfs import read_text
from mlxtop.system.answers import rows
from mlxtop.system.door import Answer, Question, System

ARP = "/proc/net/arp"
_HEX = re.compile("0x[0-9a-f]{1,8}")
_COMPLETE = 0x2
"""ATF_COM: the neighbour has answered."""

_ANSWERED = 0x02 | 0x04 | 0x08 | 0x10 | 0x80
"""NUD_REACHABLE, STALE, DELAY, PROBE and PERMANENT: the hardware address is known."""
MOST_ADDRESSES = 2
"""Of a port: whether it has one neighbour or several is all that is asked."""


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


def parse_hardware(answer: Answer) -> Iterator[tuple[int, str]]:
    """Yield index of the device and hardware address of every neighbour that has answered.

    >>> list(parse_hardware([{"index": 4, "state": 2, "address": "02:00:00:00:00:07"}]))
    [(4, '02:00:00:00:00:07')]
    """
    for entry in rows(answer):
        index, state, address = entry.number("index"), entry.number("state"), entry.text("address")
        if index is not None and address and (state or 0) & _ANSWERED and address.strip("0:"):
            yield index, address.lower()


def read_hardware(
    system: System, ports: Iterable[Port], links: Mapping[int, NetLink]
) -> Mapping[PortId, tuple[HardwareNeighbour, ...]]:
    """Return the neighbours of ports by hardware address, at most two of each. Raises OSError.

    What was met by a device above several ports, a bond or bridge, is nobody's.
    """
    owners = {
        name: port.id for port in ports for name in (port.netdev, *port.extra_netdevs) if name
    }
    met: dict[int, PortId | None] = {}
    neighbours: dict[PortId, tuple[HardwareNeighbour, ...]] = {}
    for index, address in parse_hardware(system.ask(Question.NEIGHBOURS)):
        link = links.get(index)
        if link is None:
            continue
        if index not in met:
            met[index] = owners.get(link.name) or _only_owner(system, links, link, owners)
        port = met[index]
        before = neighbours.get(port, ()) if port is not None else ()
        if port is None or len(before) == MOST_ADDRESSES or address in (one[0] for one in before):
            continue
        neighbours[port] = (*before, HardwareNeighbour(address, link.name))
    return neighbours


def _only_owner(
    system: System, links: Mapping[int, NetLink], link: NetLink, owners: Mapping[str, PortId]
) -> PortId | None:
    real = below(system, links, link.name)
    return owners.get(next(iter(real))) if len(real) == 1 else None
