"""The addresses of a machine among several, from here or by its agent."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from ipaddress import ip_interface
from queue import Empty, SimpleQueue
from typing import Any

from mlxtop.hosts.machines import Machine
from mlxtop.hosts.remote import RemoteSource
from mlxtop.sources.tools.iproute2 import Address, read_addresses

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


def parsed_addresses(rows: object) -> Sequence[Address]:
    """Return what the far end tells of its addresses; what makes no sense is left out."""
    addresses = []
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, list) and len(row) == 2 and all(type(text) is str for text in row):
            with suppress(ValueError):
                addresses.append(Address(row[0][:64], str(ip_interface(row[1]))))
    return addresses


def ask(source: RemoteSource, order: str, key: str) -> dict[str, Any] | None:
    """Send an order and return its answer; None where none comes."""
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
