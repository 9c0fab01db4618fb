"""Which ports a person means by a word."""

from __future__ import annotations

from mlxtop.link_type.plan import Refused
from mlxtop.model.identity import Port, PortId, slot_of
from mlxtop.sampler.discover import Inventory


def named_ports(inventory: Inventory, word: str) -> tuple[PortId, ...]:
    """The ports that a word means, never by guess. Raises Refused.

    `0000:43:00.0/1` and the names of network and RDMA devices mean one port, a PCI function all
    of its ports, a slot (`0000:43:00`) all ports of the card in it. The domain may be left out.
    """
    own = [port for port in inventory.ports if port.is_mlx]
    exact = [port for port in own if word in _names(port)]
    found = exact or [port for port in own if port.rdma == word]
    if len(found) > 1:
        names = ", ".join(f"{port.rdma}/{port.rdma_port}" for port in found)
        raise Refused(f"{word} has several ports: {names}; {found[0].function} means all of them")
    if not found:
        place = word.lower() if word.count(":") == 2 else f"0000:{word.lower()}"
        found = [port for port in own if place in _places(port)]
    if not found:
        raise Refused(f"{word}: no such port; mlxtop link-type lists them")
    return tuple(port.id for port in found)


def _names(port: Port) -> set[str | None]:
    short = str(port.id).removeprefix("0000:")
    return {str(port.id), short, port.netdev, f"{port.rdma}/{port.rdma_port}"} - {None}


def _places(port: Port) -> set[str]:
    return {port.function, slot_of(port.function)} if port.function else set()
