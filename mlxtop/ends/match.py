"""Which ports are the two ends of one link, by what, and how sure that is.

Six things tell, the surest first: a person, LLDP, the fabric by iblinkinfo, InfiniBand GUIDs, the
neighbour table, and a cable with the same serial number in both plugs. IPoIB: RFC 4391, section
9.1.1 (a hardware address ends with the GUID of its port).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from enum import StrEnum
from itertools import combinations
from typing import NamedTuple

from mlxtop.ends.fabric import Cabled, cabled
from mlxtop.ends.lldp import Told, told
from mlxtop.model.identity import PortId, PortKind
from mlxtop.model.machine import PortRef, SeenMachine
from mlxtop.model.module import Identity
from mlxtop.model.named_links import NamedEnd, NamedLink
from mlxtop.model.sample import LinkState, PortSample


class MatchedBy(StrEnum):
    """What tells that two ports are the ends of one link."""

    SETTINGS = "settings"
    LLDP = "LLDP"
    FABRIC = "iblinkinfo"
    GUID = "InfiniBand GUIDs"
    NEIGHBOUR = "neighbour table"
    SERIAL = "serial number of the cable"


class Surety(StrEnum):
    """How sure a match is."""

    SURE = "sure"
    LIKELY = "likely"
    POSSIBLE = "possible"


class Match(NamedTuple):
    """Two ends of one link."""

    a: PortRef
    b: PortRef
    by: MatchedBy
    surety: Surety
    why: str
    """The evidence in words."""
    also: tuple[MatchedBy, ...] = ()
    """What else tells the same."""
    against: str = ""
    """What tells otherwise, in words."""

    @property
    def ends(self) -> tuple[PortRef, PortRef]:
        return self.a, self.b

    @property
    def is_direct(self) -> bool:
        """Return whether nothing that forwards packets can be between the ends.

        A switch that joins two hosts alone looks like a cable in their neighbour tables.
        """
        direct = {MatchedBy.SETTINGS, MatchedBy.FABRIC, MatchedBy.SERIAL}
        return not direct.isdisjoint((self.by, *self.also))

    def from_side(self, ref: PortRef) -> Match:
        """Return the same with this port as its first end."""
        return self if ref == self.a else self._replace(a=self.b, b=self.a)


class Matches(NamedTuple):
    """The links that were found, each from the machine that comes first, and why not more."""

    links: tuple[Match, ...] = ()
    open: Mapping[PortRef, str] = {}
    """Ports whose other end is not clear, with the reason."""

    def of(self, ref: PortRef) -> Match | None:
        """Return the link of a port with that port as its first end; None where none is known."""
        match = next((link for link in self.links if ref in link.ends), None)
        return match and match.from_side(ref)


NO_MATCHES = Matches()
Ports = Mapping[PortRef, PortSample]
_IPOIB_BYTES, _GUID_BYTES = 20, 8
_LEAST_SERIAL = 4
"""Characters of a serial number; makers write `0`, `1` or `N/A` into plugs without one."""
_CABLE_WORDS = ("AOC", "active cable", "active optical", "copper")
_NO_CONNECTOR = "no separable connector"


def match(
    machines: Sequence[SeenMachine], named: Iterable[NamedLink] = (), before: Matches = NO_MATCHES
) -> Matches:
    """Return the links between ports of machines.

    `before`: earlier ones. While a link is down its neighbours are forgotten, so that an earlier
    match stays until both ends are up or another one takes its place.
    """
    ports: dict[PortRef, PortSample] = {
        PortRef(machine.host, port): frame.now
        for machine in machines
        for port, frame in machine.frame.ports.items()
        if _may_be_end(frame.now)
    }
    reasons: dict[PortRef, str] = {}
    places = {ref: place for place, ref in enumerate(ports)}
    links: list[Match] = []
    heard = told(machines, ports)
    wired = cabled(machines, ports)
    elsewhere = heard.switches.keys() | wired.others.keys()
    met = _by_neighbours(machines, ports, reasons)
    earlier = (link for link in before.links if _stays(link, ports))
    for candidate in (
        *_by_settings(machines, ports, named),
        *_by_lldp(heard, ports, reasons),
        *_by_fabric(wired),
        *sorted(_without_switch(met, elsewhere), key=lambda one: _ORDER.index(one.by)),
        *_by_serial(ports),
        *_without_switch(earlier, elsewhere),
    ):
        first = min(candidate.ends, key=places.__getitem__)  # in the order of the machines
        _add(links, candidate.from_side(first), ports)
    links = [_against_switch(link, heard, ports) for link in links]
    reasons |= {
        ref: f"by LLDP its neighbour is a switch: {who}" for ref, who in heard.switches.items()
    }
    reasons |= {ref: f"by iblinkinfo its cable goes to {who}" for ref, who in wired.others.items()}
    taken = {ref for link in links for ref in link.ends}
    return Matches(tuple(links), {ref: why for ref, why in reasons.items() if ref not in taken})


_ORDER = tuple(MatchedBy)


def _add(links: list[Match], candidate: Match, ports: Ports) -> None:
    """Take a candidate, as a link of its own or as a word for or against an earlier one."""
    for place, link in enumerate(links):
        if set(link.ends) == set(candidate.ends):
            if candidate.by != link.by and candidate.by not in link.also:
                links[place] = link._replace(also=(*link.also, candidate.by), surety=Surety.SURE)
            return
        if set(link.ends) & set(candidate.ends):
            if not link.against:
                names = " and ".join(name_of(ref, ports) for ref in candidate.ends)
                told = f"by {candidate.by} {names} are the ends: {candidate.why}"
                links[place] = link._replace(against=told)
            return
    links.append(candidate)


def _may_be_end(now: PortSample) -> bool:
    """Return whether a port has a plug: bonds and VLANs carry the addresses of others."""
    port = now.port
    return port.kind is PortKind.PHYSICAL or port.devtype == "veth"


def _stays(link: Match, ports: Ports) -> bool:
    """Return whether an earlier match holds: both ports are there, and one is down."""
    states = [ports[ref].link.state for ref in link.ends if ref in ports]
    return len(states) == 2 and any(state is not LinkState.UP for state in states)


def name_of(ref: PortRef, ports: Ports) -> str:
    """Return machine and port in words."""
    return f"{ref.host} {ports[ref].port.name if ref in ports else ref.port}"


# By a person


def _by_settings(
    machines: Sequence[SeenMachine], ports: Ports, named: Iterable[NamedLink]
) -> Iterator[Match]:
    for link in named:
        a, b = _meant(link.a, machines, ports), _meant(link.b, machines, ports)
        if a is not None and b is not None and a != b:
            yield Match(a, b, MatchedBy.SETTINGS, Surety.SURE, "they name both ends")


def _meant(end: NamedEnd, machines: Sequence[SeenMachine], ports: Ports) -> PortRef | None:
    """Return the one port that a person means, None where there is none or there are several."""
    hosts = {one.host for one in machines if end.host in (one.host, one.frame.sample.host.name)}
    refs = [ref for ref, now in ports.items() if ref.host in hosts and end.means(now.port)]
    return refs[0] if len(refs) == 1 else None


# By LLDP


def _by_lldp(heard: Told, ports: Ports, reasons: dict[PortRef, str]) -> Iterator[Match]:
    """Yield ports of which one says by LLDP to be the other's neighbour, and no other end is."""
    reasons |= heard.crowded
    for ref, (other, words) in heard.links.items():
        back = heard.links.get(other, (ref, ""))[0]
        if back != ref or other in heard.switches or other in heard.crowded:
            reasons[ref] = f"{name_of(other, ports)} has another neighbour by LLDP"
        elif _have_two_speeds(ports[ref], ports[other]):
            reasons[ref] = f"{name_of(other, ports)} is up at another speed: a switch is between"
        else:
            yield Match(ref, other, MatchedBy.LLDP, Surety.SURE, words)


def _without_switch(candidates: Iterable[Match], elsewhere: Set[PortRef]) -> Iterator[Match]:
    """Yield the candidates at none of whose ends something else is known to be."""
    return (one for one in candidates if not elsewhere & set(one.ends))


def _against_switch(link: Match, heard: Told, ports: Ports) -> Match:
    """Return a link with the switch that is at an end of it, by LLDP, as a word against it."""
    told = [
        f"by LLDP the neighbour of {name_of(ref, ports)} is a switch: {heard.switches[ref]}"
        for ref in link.ends
        if ref in heard.switches
    ]
    return link._replace(against=told[0]) if told and not link.against else link


# By the fabric


def _by_fabric(wired: Cabled) -> Iterator[Match]:
    """Yield ports that one cable joins, unless the two ends tell different things."""
    for ref, (other, words) in wired.links.items():
        if other not in wired.others and wired.links.get(other, (ref, ""))[0] == ref:
            yield Match(ref, other, MatchedBy.FABRIC, Surety.SURE, words)


# By whom a port has met


def _key(address: str | None) -> str | None:
    """Return what is the same at both ends: the GUID of an IPoIB address, else the whole MAC.

    >>> _key("80:00:02:08:fe:80:00:00:00:00:00:00:24:8a:07:03:00:a1:b2:c0")
    '24:8a:07:03:00:a1:b2:c0'
    """
    parts = (address or "").lower().split(":")
    if not any(part.strip("0") for part in parts):
        return None
    return ":".join(parts[-_GUID_BYTES:] if len(parts) == _IPOIB_BYTES else parts)


def _by_neighbours(
    machines: Sequence[SeenMachine], ports: Ports, reasons: dict[PortRef, str]
) -> Iterator[Match]:
    """Yield ports that are each other's only neighbour."""
    owners: dict[str, list[PortRef]] = defaultdict(list)
    for ref, now in ports.items():
        key = _key(now.link.address)
        if key is not None:
            owners[key].append(ref)
    met = {
        PortRef(machine.host, port): {key for one in some if (key := _key(one.address))}
        for machine in machines
        for port, some in (machine.frame.sample.neighbours.value or {}).items()
    }
    for ref, keys in met.items():
        if ref not in ports:
            continue
        if len(keys) != 1:
            reasons[ref] = "several neighbours: a network, not a link to one host"
            continue
        others = [one for one in owners.get(next(iter(keys)), ()) if one.host != ref.host]
        own = owners.get(_key(ports[ref].link.address) or "", ())
        alike = others if len(others) > 1 else [one for one in own if one.host == ref.host]
        if len(alike) > 1:
            names = ", ".join(name_of(one, ports) for one in alike)
            reasons[ref] = f"{names} have the same address, as the ports of a bond have"
        elif others:
            yield from _between(ref, others[0], met, ports, reasons)
        else:
            reasons[ref] = "its neighbour is on none of the machines that are shown"


def _between(
    ref: PortRef,
    other: PortRef,
    met: Mapping[PortRef, set[str]],
    ports: Ports,
    reasons: dict[PortRef, str],
) -> Iterator[Match]:
    mine, theirs = _key(ports[ref].link.address), met.get(other, set())
    if _have_two_speeds(ports[ref], ports[other]):
        reasons[ref] = f"{name_of(other, ports)} is up at another speed: a switch is between"
        return
    ipoib = len((ports[ref].link.address or "").split(":")) == _IPOIB_BYTES
    by = MatchedBy.GUID if ipoib else MatchedBy.NEIGHBOUR
    if theirs == {mine}:
        yield Match(ref, other, by, Surety.LIKELY, "neither end has met others")
    elif not theirs:
        words = f"{name_of(ref, ports)} has met the other end alone, which has met nobody"
        yield Match(ref, other, by, Surety.POSSIBLE, words)
    else:
        reasons[ref] = f"{name_of(other, ports)} has met others there: a switch is between"


def _have_two_speeds(one: PortSample, other: PortSample) -> bool:
    """Return whether two ports are up at different speeds, which no cable allows."""
    links = one.link, other.link
    is_up = all(link.state is LinkState.UP and link.speed is not None for link in links)
    return is_up and one.link.speed != other.link.speed


# By the serial number of a cable


def _is_cable(who: Identity) -> bool:
    words = " ".join(filter(None, (who.technology, *who.types)))
    return (
        who.passive is True
        or (who.connector or "").lower() == _NO_CONNECTOR
        or any(word in words for word in _CABLE_WORDS)
    )


def _by_serial(ports: Ports) -> Iterator[Match]:
    """Yield the ports of the two plugs of a cable; a cable with more plugs breaks out."""
    plugs: dict[tuple[str, ...], dict[tuple[str, PortId], PortRef]] = defaultdict(dict)
    for ref, now in ports.items():
        if now.module is None or not _is_cable(now.module.identity):
            continue
        who = now.module.identity
        serial = (who.serial or "").strip()
        if len(serial) >= _LEAST_SERIAL and len(set(serial)) > 1:
            maker = (who.vendor or "").strip(), (who.part or "").strip()
            plugs[(*maker, serial)].setdefault((ref.host, now.port.cage or now.port.id), ref)
    for (*_, serial), places in plugs.items():
        if len(places) == 2:
            ((a, b),) = combinations(places.values(), 2)
            words = f"both plugs have the serial number {serial}"
            yield Match(a, b, MatchedBy.SERIAL, Surety.LIKELY, words)
