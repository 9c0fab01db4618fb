"""Bonds and their members, from /proc/net/bonding.

drivers/net/bonding/bond_procfs.c
"""

from __future__ import annotations

import re

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


_PARTNER = re.compile(
    r"^[ \t]*details partner lacp pdu:\s*?\n(?>.*?: .*\n)*?[ \t]*system mac address: (\S+)",
    re.MULTILINE,
)


def _fields(text: str) -> dict[str, str]:
    """Return `key: value` lines; of equal keys the first counts."""
    pairs = (line.strip().partition(": ") for line in reversed(text.splitlines()))
    return {key: value.strip() for key, mark, value in pairs if mark}


def _mode(text: str) -> str:
    """Return the mode's name as `ip link` takes it; a suffix in brackets is dropped."""
    return next((name for words, name in _MODES.items() if text.startswith(words)), text)


def parse_bond(name: str, text: str) -> Bond | None:
    """Return a bond, or None for what is none; cut lines leave values unknown."""
    head, *members = re.split(r"^(?=Slave Interface:)", text, flags=re.MULTILINE)
    fields = _fields(head)
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
    fields, partner = _fields(text), _PARTNER.search(text)
    return BondSlave(
        fields.get("Slave Interface", ""),
        fields.get("MII Status") == "up",
        speed=parse_count(fields.get("Speed", "").removesuffix(" Mbps")),
        aggregator=parse_count(fields.get("Aggregator ID")),
        partner=partner[1] if partner else None,
        failures=parse_count(fields.get("Link Failure Count")),
    )


def read_bonds(system: System) -> dict[str, Bond]:
    """Return all bonds of this network namespace by name."""
    bonds = {
        name: parse_bond(name, read_text(system, f"{DIRECTORY}/{name}") or "")
        for name in names(system, DIRECTORY)
    }
    return {name: bond for name, bond in bonds.items() if bond is not None}
