"""How many TCP connections carry a port's traffic, from what each moved between two looks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from mlxtop.model.identity import Port, PortId
from mlxtop.sources.kernel.net import read_links
from mlxtop.sources.kernel.routes import below, read_route
from mlxtop.sources.kernel.tcp import Connection, read_sockets
from mlxtop.system.door import System

Ends = tuple[str, int, str, int]
"""Address and port here, address and port there."""

BUSY = 0.1
"""Share of what the busiest connection moved from which one counts as a stream: the connection
that iperf3 talks over, and an idle login, do not."""
PEERS = 32
"""Peers whose route is asked for at most, the busiest."""


def moved(connections: Iterable[Connection]) -> dict[Ends, int]:
    """Bytes of both directions by connection; without listening and inner ones."""
    found = {}
    for each in connections:
        if each.remote is None or each.inside or each.sent is None or each.received is None:
            continue
        ends = each.local, each.local_port, each.remote, each.remote_port
        found[ends] = each.sent + each.received
    return found


def read_moved(system: System) -> dict[Ends, int]:
    """What every TCP connection has moved so far; nothing where the kernel does not tell."""
    try:
        return moved(read_sockets(system))
    except OSError:
        return {}


def streams(before: Mapping[Ends, int], now: Mapping[Ends, int]) -> Counter[str]:
    """Peer to the number of connections with it that carry data.

    >>> a, b = ("10.0.0.2", 40000, "10.0.0.3", 5201), ("10.0.0.2", 40001, "10.0.0.3", 5201)
    >>> streams({a: 0, b: 0}, {a: 5000, b: 40})
    Counter({'10.0.0.3': 1})
    """
    gains = {ends: amount - before[ends] for ends, amount in now.items() if ends in before}
    least = max(max(gains.values(), default=0) * BUSY, 1)
    return Counter(ends[2] for ends, gain in gains.items() if gain >= least)


def by_port(system: System, ports: Iterable[Port], peers: Counter[str]) -> dict[PortId, int]:
    """Streams of each port, by the routes to their peers; a bond's are not split up."""
    if not peers:
        return {}
    links = {link.index: link for link in read_links(system)}
    by_name = {
        name: port.id
        for port in ports
        for name in (port.netdev, *port.extra_netdevs)
        if name is not None
    }
    found: Counter[PortId] = Counter()
    for peer, count in peers.most_common(PEERS):
        try:
            devices = read_route(system, peer)
        except OSError:
            continue
        names = {
            name
            for device in devices
            for name in ({device} if device in by_name else below(system, links, device))
        }
        if len(names) == 1 and (name := next(iter(names))) in by_name:
            found[by_name[name]] += count
    return dict(found)
