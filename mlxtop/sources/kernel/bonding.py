"""Bonds and their members, from /proc/net/bonding.

drivers/net/bonding/bond_procfs.c
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mlxtop.model.tuning import Bond, BondSlave
from mlxtop.sources.kernel.sysfs import names, parse_count, read_text
from mlxtop.system.door import System

DIRECTORY = "/proc/net/bonding"

_MODES = {
    "load balancing (round-robin)": "balance-rr",
    "fault-tolerance (active-backup)": "active-backup",
    "load balancing (xor)": "balance-xor",
    "fault-tolerance (broadcast)": "broadcast",
    "IEEE 802.3ad Dynamic link aggregation": "802.3ad",
    "transmit load balancing": "balance-tlb",
    "adaptive load balancing": "balance-alb",
}


def _fields(text: str) -> Iterator[tuple[str, str]]:
    """Yield `key: value` lines; a key alone (`details partner lacp pdu:`) has an empty value."""
    for line in text.splitlines():
        key, mark, value = line.strip().partition(": ")
        if mark or key.endswith(":"):
            yield key.rstrip(":"), value.strip()


def _mode(text: str) -> str:
    """Return the mode's name as `ip link` takes it; a suffix in brackets is dropped."""
    return next((name for words, name in _MODES.items() if text.startswith(words)), text)


def parse_bond(name: str, text: str) -> Bond | None:
    """Return a bond, or None for what is none; cut lines leave values unknown."""
    head, *members = re.split(r"^(?=Slave Interface:)", text, flags=re.MULTILINE)
    fields = dict(reversed(list(_fields(head))))
    if "Bonding Mode" not in fields:
        return None
    return Bond(
        name,
        _mode(fields["Bonding Mode"]),
        policy=fields.get("Transmit Hash Policy", "").partition(" (")[0] or None,
        active=fields.get("Currently Active Slave"),
        partner=fields.get("Partner Mac Address"),
        aggregator=parse_count(fields.get("Aggregator ID")),
        slaves=tuple(_member(text) for text in members),
    )


def _member(text: str) -> BondSlave:
    fields: dict[str, str] = {}
    partner, in_partner = None, False
    for key, value in _fields(text):
        in_partner = key == "details partner lacp pdu" or (in_partner and bool(value))
        if in_partner and key == "system mac address":
            partner = value
        fields.setdefault(key, value)
    return BondSlave(
        fields.get("Slave Interface", ""),
        fields.get("MII Status") == "up",
        speed=parse_count(fields.get("Speed", "").removesuffix(" Mbps")),
        aggregator=parse_count(fields.get("Aggregator ID")),
        partner=partner,
    )


def read_bonds(system: System) -> dict[str, Bond]:
    """Return all bonds of this network namespace by name."""
    bonds = {
        name: parse_bond(name, read_text(system, f"{DIRECTORY}/{name}") or "")
        for name in names(system, DIRECTORY)
    }
    return {name: bond for name, bond in bonds.items() if bond is not None}
