"""Bonds: modes that reorder, members that are down or unequal, a partner that does not answer."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote

from mlxtop.doctor.check import Case, CouldNotTell, Finding, Outcome
from mlxtop.doctor.checks.needs import needs
from mlxtop.model.counters import Severity
from mlxtop.model.tuning import Bond

_BONDING = "https://docs.kernel.org/networking/bonding.html"
_NOBODY = "00:00:00:00:00:00"


@needs("no bond", lambda frame: frame.now.port.bond_kind == "bond")
def check_bonds(case: Case) -> Iterator[Outcome]:
    """Bonds of the ports do what people expect of them."""
    seen: set[str] = set()
    for name, frame, _ in case.each():
        port = frame.now.port
        if port.bond is None or port.bond_kind != "bond" or port.bond in seen:
            continue
        seen.add(port.bond)
        bond = case.tuning.host.bonds.get(port.bond)
        if bond is None:
            yield CouldNotTell(f"{name}: bond {port.bond}", "/proc/net/bonding cannot be read")
            continue
        yield from _mode(bond)
        yield from _members(bond)
        if bond.mode == "802.3ad":
            yield from _lacp(bond)


def _bond_finding(severity: Severity, bond: Bond, seen: str, why: str, advice: str) -> Finding:
    return Finding(
        severity, bond.name, f"{seen} (/proc/net/bonding/{bond.name})", why, advice, _BONDING
    )


def _mode(bond: Bond) -> Iterator[Finding]:
    name = quote(bond.name)
    if bond.mode == "balance-rr":
        yield _bond_finding(
            Severity.WARNING,
            bond,
            "mode balance-rr",
            "packets of one connection overtake each other on the two links: TCP resends and slows"
            " down",
            f"ip link set {name} down; ip link set {name} type bond mode 802.3ad"
            " xmit_hash_policy layer3+4 (and LACP in the switch); one connection then uses one"
            " link",
        )
    if bond.mode == "802.3ad" and bond.policy == "layer2" and len(bond.slaves) > 1:
        yield _bond_finding(
            Severity.NOTE,
            bond,
            "transmit hash policy layer2",
            "all traffic to one neighbour or gateway takes one link",
            f"ip link set {name} type bond xmit_hash_policy layer3+4",
        )


def _members(bond: Bond) -> Iterator[Finding]:
    down = [slave.name for slave in bond.slaves if not slave.up]
    if down:
        yield _bond_finding(
            Severity.WARNING,
            bond,
            f"{', '.join(down)} down, {len(bond.slaves) - len(down)} of {len(bond.slaves)} left",
            "the bond has lost capacity and protection",
            "look at cable, module and the switch's port",
        )
    if len(bond.slaves) == 1 and bond.mode != "active-backup":
        yield _bond_finding(
            Severity.NOTE,
            bond,
            f"one member only: {bond.slaves[0].name}",
            "a bond of one link adds nothing",
            f"ip link set OTHER_PORT master {quote(bond.name)} (the port must be down)",
        )
    speeds = {slave.name: slave.speed for slave in bond.slaves if slave.up and slave.speed}
    if len(set(speeds.values())) > 1:
        told = ", ".join(f"{name} {speed} Mb/s" for name, speed in speeds.items())
        yield _bond_finding(
            Severity.WARNING,
            bond,
            f"members of unequal speed: {told}",
            "balancing fills the slow link first; 802.3ad leaves the slower one out",
            "use ports of the same speed",
        )


def _lacp(bond: Bond) -> Iterator[Finding]:
    if bond.partner == _NOBODY:
        yield _bond_finding(
            Severity.WARNING,
            bond,
            "the LACP partner is all zeros",
            "the switch does not answer: only one link is in use",
            "make the ports of the switch one LACP group (active)",
        )
        return
    apart = [
        slave.name
        for slave in bond.slaves
        if slave.up
        and None not in (slave.aggregator, bond.aggregator)
        and slave.aggregator != bond.aggregator
    ]
    if apart:
        yield _bond_finding(
            Severity.WARNING,
            bond,
            f"{', '.join(apart)} in another aggregator",
            "these links carry nothing: they end at another switch or in another group",
            "connect them to the same LACP group",
        )
