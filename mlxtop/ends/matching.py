"""Match the ports that are the two ends of one link.

Six things tell, the surest first: a person, LLDP, the fabric by iblinkinfo, InfiniBand GUIDs, the
neighbour table, and a cable with the same serial number in both plugs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set

from mlxtop.ends.evidence import (
    by_fabric,
    by_lldp,
    by_neighbours,
    by_serial,
    by_settings,
    is_one_port,
)
from mlxtop.ends.fabric import cabled
from mlxtop.ends.lldp import Told, told
from mlxtop.ends.match import NO_MATCHES, Match, MatchedBy, Matches, Ports, Surety, name_of
from mlxtop.model.identity import PortKind
from mlxtop.model.machine import PortRef, SeenMachine
from mlxtop.model.named_links import NamedLink
from mlxtop.model.sample import LinkState, PortSample

_ORDER = tuple(MatchedBy)


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
    met = by_neighbours(machines, ports, reasons)
    earlier = (link for link in before.links if _stays(link, ports))
    for candidate in (
        *by_settings(machines, ports, named),
        *by_lldp(heard, ports, reasons),
        *by_fabric(wired),
        *sorted(_without_switch(met, elsewhere), key=lambda one: _ORDER.index(one.by)),
        *by_serial(ports),
        *_without_switch(earlier, elsewhere),
    ):
        if candidate.by is not MatchedBy.SETTINGS and is_one_port(candidate, ports):
            continue
        first = min(candidate.ends, key=places.__getitem__)  # in the order of the machines
        _add(links, candidate.from_side(first), ports)
    links = [_against_switch(link, heard, ports) for link in links]
    reasons |= {
        ref: f"by LLDP its neighbour is a switch: {who}" for ref, who in heard.switches.items()
    }
    reasons |= {ref: f"by iblinkinfo its cable goes to {who}" for ref, who in wired.others.items()}
    taken = {ref for link in links for ref in link.ends}
    return Matches(tuple(links), {ref: why for ref, why in reasons.items() if ref not in taken})


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
