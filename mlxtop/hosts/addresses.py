"""The addresses of machines among several, from here or by their agents, and the ways to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from ipaddress import ip_address, ip_interface
from queue import Empty, SimpleQueue
from typing import Any

from mlxtop.hosts.machines import Machine
from mlxtop.hosts.remote import RemoteSource
from mlxtop.model.machine import MachineState
from mlxtop.sources.tools.iproute2 import Address, read_addresses
from mlxtop.system.door import Question, System

ANSWER_S = 15.0
"""Seconds until the far end answers an order."""


def addresses_of(machine: Machine) -> Sequence[Address]:
    """Return the addresses of a machine; none where it does not answer."""
    if machine.system is not None:
        return read_addresses(machine.system) or ()
    if not isinstance(machine.source, RemoteSource):
        return ()
    answer = ask(machine.source, "addresses", "addresses") or {}
    return parsed_addresses(answer.get("addresses"))


def addresses_of_all(
    machines: Sequence[Machine],
) -> Iterator[tuple[Machine, Sequence[Address]]]:
    """Yield machines with their addresses; those afar are asked at the same time."""
    afar = [one for one in machines if one.system is None]
    with ThreadPoolExecutor(max(1, len(afar)), "addresses") as threads:
        told = [threads.submit(addresses_of, one) for one in afar]
        for one in machines:
            if one.system is not None:
                yield one, addresses_of(one)
        yield from ((one, future.result()) for one, future in zip(afar, told, strict=True))


def on_link(
    system: System, target: str, addresses: Sequence[Address], *leads: Callable[[str], bool]
) -> Address | None:
    """Return the far address to test: the one asked for, else one that a link leads to.

    `addresses`: of the far end. `leads`: whether a link may begin at a network device here, what
    is preferred first.
    """
    texts = {one.text.partition("/")[0]: one for one in addresses}
    if target in texts:
        return texts[target]
    ways = {text: _direct_device(system, text) for text in texts}
    for may_begin in leads:
        for text, device in ways.items():
            if device is not None and may_begin(device):
                return texts[text]
    return None


def _direct_device(system: System, address: str) -> str | None:
    """Return the network device by which packets reach an address; None through a gateway."""
    if ip_address(address).is_loopback:
        return None
    try:
        route = system.ask(Question.ROUTE, address)
    except OSError:
        return None
    if not isinstance(route, dict) or route.get("local") or route.get("via"):
        return None
    return str(route["dev"]) if route.get("dev") else None


def parsed_addresses(rows: object) -> Sequence[Address]:
    """Return what the far end tells of its addresses; what makes no sense is left out."""
    addresses = []
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, list) and len(row) == 2 and all(type(text) is str for text in row):
            with suppress(ValueError):
                addresses.append(Address(row[0][:64], str(ip_interface(row[1]))))
    return addresses


def ask(source: RemoteSource, order: str, key: str) -> dict[str, Any] | None:
    """Send an order and return its answer; None where none comes, or the machine is lost."""
    if source.reach.state is not MachineState.LIVE:
        return None
    answers: SimpleQueue[dict[str, Any]] = SimpleQueue()
    before, source.answered = source.answered, answers.put
    try:
        source.orders.append(order)
        with suppress(Empty):
            while key not in (answer := answers.get(timeout=ANSWER_S)):
                pass
            return answer
        return None
    finally:
        source.answered = before
