"""Peers, the ways to them, and how these are doing: what settings tell and what was seen.

A way is a network device and, where the packets go to somebody else first, the address of that
host. `prefer` orders them: the way with the lowest number that is up carries the traffic.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

DEVICE = re.compile(r"(?!\.{1,2}$)[^\s/:\x00-\x1f\x7f]{1,15}")
"""Names that the kernel allows, dev_valid_name()."""
NAME = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
MOST_PEERS, MOST_WAYS = 64, 8
MIN_RATE, MAX_RATE = 2, 20
"""Probes a second on each way."""
DEFAULT_RATE = 4


class Way(NamedTuple):
    """One way to a peer."""

    dev: str
    via: str | None = None
    """The host that the packets go to first; None where the peer is at the other end."""
    prefer: int = 1

    @property
    def words(self) -> str:
        """Return it as `ip route` does, without the destination."""
        return f"via {self.via} dev {self.dev}" if self.via else f"dev {self.dev}"


class Peer(NamedTuple):
    """A host, one address of it, and the ways there."""

    name: str
    address: str
    ways: tuple[Way, ...]

    @property
    def is_ipv6(self) -> bool:
        return ":" in self.address


class PathSettings(NamedTuple):
    """The table `[path]` of the settings file."""

    peers: tuple[Peer, ...] = ()
    heat: bool = False
    """Leave a way whose module will reach its alarm soon."""
    probes: int = DEFAULT_RATE
    """Probes a second on each way."""

    @property
    def addresses(self) -> tuple[str, ...]:
        """Return what probes are sent to: the peers, and the first hops of their ways."""
        hops = (way.via for peer in self.peers for way in peer.ways if way.via is not None)
        return tuple(dict.fromkeys((*(peer.address for peer in self.peers), *hops)))


NO_PEERS = PathSettings()


class WayState(StrEnum):
    """What the probes say of a way."""

    UNKNOWN = "unknown"
    """Too few probes so far, or it cannot be probed."""
    UP = "up"
    DOWN = "down"
    WAITING = "waiting"
    """It answers again, and has not done so for long enough."""
    UNPROVEN = "unproven"
    """Its first hop answers; the answers of the peer came back by a way that is dead."""


class WayStatus(NamedTuple):
    """A way as it is now."""

    way: Way
    state: WayState
    reason: str = ""
    """Why it is in this state, in words."""
    used: bool = False
    """The kernel's route to the peer goes by it."""
    third: str | None = None
    """Name of the third host that it leads through."""
    judged_by: str = ""
    """Whose answers count, in words."""
    rtt_s: float | None = None
    """Mean round trip of the last seconds."""
    loss: float | None = None
    """Share of the probes of the last seconds that were lost; None before the first."""
    flaps: int = 0
    """How often it went down."""
    up_in_s: float | None = None
    """Seconds of good answers that are still wanted, for one that waits."""
    last_rtt_s: float | None = None
    """Round trip of the newest probe that was judged; None when it was lost."""


class PeerStatus(NamedTuple):
    """A peer as it is now."""

    name: str
    address: str
    ways: tuple[WayStatus, ...]
    route: str | None = None
    """The kernel's route to it, in words; None where there is none."""
    why: str = ""
    """Why this way is used, or why no other is taken."""
    dead: bool = False
    """No way answers."""


class PathStatus(NamedTuple):
    """All peers as they are now."""

    peers: tuple[PeerStatus, ...] = ()
    keeping: bool = False
    """Routes are switched here; else they are only watched."""
    notes: tuple[str, ...] = ()
    """What a person should know: who else routes here, what was refused."""
    suggested: bool = False
    """Routes and neighbours suggest the peers; no settings name them."""


NO_PATHS = PathStatus()


class PathRefused(ValueError):
    """Peers that cannot be used, and why."""


def path_settings(value: object) -> PathSettings:
    """Return the table `[path]`; raises PathRefused with what is wrong with it.

    >>> path_settings({"peers": [{"address": "10.0.0.2", "ways": [{"dev": "a"}]}]}).peers
    (Peer(name='10.0.0.2', address='10.0.0.2', ways=(Way(dev='a', via=None, prefer=1),)),)
    """
    table = _table(value, "path", ("peers", "heat", "probes"))
    heat, probes = table.get("heat", False), table.get("probes", DEFAULT_RATE)
    if not isinstance(heat, bool):
        raise PathRefused("heat is neither true nor false")
    if type(probes) is not int or not MIN_RATE <= probes <= MAX_RATE:
        raise PathRefused(f"probes is not a whole number from {MIN_RATE} to {MAX_RATE}")
    rows = table.get("peers", [])
    if not isinstance(rows, list) or len(rows) > MOST_PEERS:
        raise PathRefused(f"peers is not a list of at most {MOST_PEERS}")
    peers = tuple(_peer(row) for row in rows)
    for what in ("name", "address"):
        values = [getattr(peer, what) for peer in peers]
        twice = next((one for one in values if values.count(one) > 1), None)
        if twice is not None:
            raise PathRefused(f"two peers have the {what} {twice}")
    return PathSettings(peers, heat, probes)


def _table(value: object, what: str, keys: tuple[str, ...]) -> dict[str, object]:
    if not isinstance(value, dict):
        raise PathRefused(f"{what} is not a table")
    other = next((key for key in value if key not in keys), None)
    if other is not None:
        raise PathRefused(f"{what} has no {str(other)[:40]!r}")
    return value


def _peer(row: object) -> Peer:
    table = _table(row, "a peer", ("name", "address", "ways"))
    address = host_address(table.get("address"))
    name = table.get("name", address)
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise PathRefused(f"{str(name)[:40]!r} is no name of a peer")
    rows = table.get("ways", [])
    if not isinstance(rows, list) or not 0 < len(rows) <= MOST_WAYS:
        raise PathRefused(f"{name} has not 1 to {MOST_WAYS} ways")
    ways = tuple(_way(row, place, name, ":" in address) for place, row in enumerate(rows, 1))
    if len({way[:2] for way in ways}) < len(ways):
        raise PathRefused(f"{name} has the same way twice")
    if len({way.prefer for way in ways}) < len(ways):
        raise PathRefused(f"{name} has two ways with the same prefer")
    return Peer(name, address, ways)


def _way(row: object, place: int, name: str, ipv6: bool) -> Way:
    table = _table(row, "a way", ("dev", "via", "prefer"))
    dev, via, prefer = table.get("dev"), table.get("via"), table.get("prefer", place)
    if not isinstance(dev, str) or not DEVICE.fullmatch(dev):
        raise PathRefused(f"{name}: {str(dev)[:40]!r} is no network device")
    if type(prefer) is not int or not 0 <= prefer <= 1000:
        raise PathRefused(f"{name}: prefer is not a whole number from 0 to 1000")
    gateway = None if via is None else host_address(via)
    if gateway is not None and (":" in gateway) is not ipv6:
        raise PathRefused(f"{name}: {gateway} is of another address family than the peer")
    return Way(dev, gateway, prefer)


def host_address(value: object) -> str:
    """Return an address of one host in its usual form; raises PathRefused.

    >>> host_address("FD00::0:2")
    'fd00::2'
    """
    import ipaddress  # two milliseconds that most starts need not spend

    try:
        address = ipaddress.ip_address(value) if isinstance(value, str) else None
    except ValueError:
        address = None
    if address is None or "%" in str(address):
        raise PathRefused(f"{str(value)[:60]!r} is no address")
    if address.is_multicast or address.is_loopback or address.is_unspecified:
        raise PathRefused(f"{address} is no address of another host")
    return str(address)


def third_host(peers: tuple[Peer, ...], peer: Peer, way: Way) -> str | None:
    """Return the name of the other peer that a way leads through, None where it leads to none."""
    return next((one.name for one in peers if one is not peer and one.address == way.via), None)


def settings_lines(peers: tuple[Peer, ...]) -> Iterator[str]:
    """Yield the lines of the settings file that name these peers."""
    import json  # not at every start

    for peer in peers:
        yield "[[path.peers]]"
        yield f'name = "{peer.name}"'
        yield f'address = "{peer.address}"'
        yield "ways = ["
        for way in peer.ways:
            via = f', via = "{way.via}"' if way.via else ""
            yield f"  {{ dev = {json.dumps(way.dev)}{via}, prefer = {way.prefer} }},"
        yield "]"
