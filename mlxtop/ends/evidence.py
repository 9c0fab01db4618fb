"""What tells that two ports are the ends of one link.

IPoIB: RFC 4391, section 9.1.1 (a hardware address ends with the GUID of its port).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations

from mlxtop.ends.fabric import Cabled
from mlxtop.ends.lldp import Told
from mlxtop.ends.match import Match, MatchedBy, Ports, Surety, name_of
from mlxtop.model.identity import PortId
from mlxtop.model.machine import PortRef, SeenMachine
from mlxtop.model.module import Identity
from mlxtop.model.named_links import NamedEnd, NamedLink
from mlxtop.model.sample import LinkState, PortSample

_IPOIB_BYTES, _GUID_BYTES = 20, 8
_LEAST_SERIAL = 4
"""Characters of a serial number; makers write `0`, `1` or `N/A` into plugs without one."""
_CABLE_WORDS = ("AOC", "active cable", "active optical", "copper")
_NO_CONNECTOR = "no separable connector"


def by_settings(
    machines: Sequence[SeenMachine], ports: Ports, named: Iterable[NamedLink]
) -> Iterator[Match]:
    """Yield the ports that a person has named as the ends of a link."""
    for link in named:
        a, b = _meant(link.a, machines, ports), _meant(link.b, machines, ports)
        if a is not None and b is not None and a != b:
            yield Match(a, b, MatchedBy.SETTINGS, Surety.SURE, "they name both ends")


def _meant(end: NamedEnd, machines: Sequence[SeenMachine], ports: Ports) -> PortRef | None:
    """Return the one port that a person means, None where there is none or there are several."""
    hosts = {one.host for one in machines if end.host in (one.host, one.frame.sample.host.name)}
    refs = [ref for ref, now in ports.items() if ref.host in hosts and end.means(now.port)]
    return refs[0] if len(refs) == 1 else None


def by_lldp(heard: Told, ports: Ports, reasons: dict[PortRef, str]) -> Iterator[Match]:
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


def by_fabric(wired: Cabled) -> Iterator[Match]:
    """Yield ports that one cable joins, unless the two ends tell different things."""
    for ref, (other, words) in wired.links.items():
        if other not in wired.others and wired.links.get(other, (ref, ""))[0] == ref:
            yield Match(ref, other, MatchedBy.FABRIC, Surety.SURE, words)


def _key(address: str | None) -> str | None:
    """Return what is the same at both ends: the GUID of an IPoIB address, else the whole MAC.

    >>> _key("80:00:02:08:fe:80:00:00:00:00:00:00:24:8a:07:03:00:a1:b2:c0")
    '24:8a:07:03:00:a1:b2:c0'
    """
    parts = (address or "").lower().split(":")
    if not any(part.strip("0") for part in parts):
        return None
    return ":".join(parts[-_GUID_BYTES:] if len(parts) == _IPOIB_BYTES else parts)


def is_one_port(link: Match, ports: Ports) -> bool:
    """Return whether both ends are one port, of a machine that is shown by two names."""
    a, b = (_key(ports[ref].link.address) for ref in link.ends)
    return a is not None and a == b and link.a.host != link.b.host


def by_neighbours(
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
            twice = len({one.host for one in alike}) > 1
            why = "a machine is shown by two names" if twice else "as the ports of a bond have"
            reasons[ref] = f"{names} have the same address: {why}"
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


def _is_cable(who: Identity) -> bool:
    words = " ".join(filter(None, (who.technology, *who.types)))
    return (
        who.passive is True
        or (who.connector or "").lower() == _NO_CONNECTOR
        or any(word in words for word in _CABLE_WORDS)
    )


def by_serial(ports: Ports) -> Iterator[Match]:
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
