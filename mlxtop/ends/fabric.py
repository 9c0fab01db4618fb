"""What the InfiniBand fabric tells of the other end of a port: a port that is shown, or another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mlxtop.ends.match import Ports
from mlxtop.model.fabric import FabricEnd
from mlxtop.model.machine import PortRef, SeenMachine


class Cabled(NamedTuple):
    """What the tools of all machines tell."""

    links: Mapping[PortRef, tuple[PortRef, str]]
    """Port to the shown port that its cable goes to, and in which words."""
    others: Mapping[PortRef, str]
    """Ports whose cable goes to a port that is not shown, a switch's most often, with its name."""


def cabled(machines: Sequence[SeenMachine], ports: Ports) -> Cabled:
    """Return where the cables of InfiniBand ports go, as `iblinkinfo` told it on each machine."""
    places = {
        (ref.host, name, number): ref
        for ref, now in ports.items()
        for name, number in (
            (now.port.rdma, now.port.rdma_port),
            *((name, 1) for name in now.port.extra_rdma),
        )
    }
    ends: dict[PortRef, FabricEnd] = {}
    owners: dict[str, PortRef] = {}
    for machine in machines:
        fabric = machine.frame.sample.fabric.value
        for own in fabric.links if fabric else ():
            ref = places.get((machine.host, own.device, own.port))
            if ref is not None and own.link.is_up:
                owners[own.link.a.guid] = ref
                if own.link.b is not None:
                    ends[ref] = own.link.b
    owners.pop("", None)
    links: dict[PortRef, tuple[PortRef, str]] = {}
    others: dict[PortRef, str] = {}
    for ref, end in ends.items():
        other = owners.get(end.guid)
        if other is None:
            others[ref] = f"{end.name or end.node} port {end.port}"
        elif other != ref:
            links[ref] = other, f"its cable goes to {end.guid}"
    return Cabled(links, others)
