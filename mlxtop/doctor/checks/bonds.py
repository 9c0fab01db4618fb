"""Bonds: modes that reorder, members that are down or unequal, a partner that does not answer."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote

from mlxtop.doctor.check import Case, CouldNotTell, Finding, Need, Outcome, PortCase, check
from mlxtop.model.counters import Severity
from mlxtop.model.tuning import Bond

_BONDING = "https://docs.kernel.org/networking/bonding.html"
_NOBODY = "00:00:00:00:00:00"


def _first_ports(case: Case) -> list[PortCase]:
    """Return a port of each bond."""
    ports: dict[str, PortCase] = {}
    for port in case.each():
        if port.now.port.bond_kind == "bond" and port.now.port.bond is not None:
            ports.setdefault(port.now.port.bond, port)
    return list(ports.values())


@check(
    "bonds",
    needs=Need("no bond", _first_ports),
    explains="A bond joins ports. In 802.3ad (LACP) every connection uses one of them; balance-rr"
    " spreads a single connection and makes its packets overtake each other;"
    " active-backup uses one port at a time.",
    normal="802.3ad with layer3+4 and a partner that answers, or active-backup; equal members, all"
    " up",
)
def _bonds(port: PortCase) -> Iterator[Outcome]:
    name = port.now.port.bond or ""
    bond = port.case.host.bonds.get(name)
    if bond is None:
        yield CouldNotTell(port.name, f"bond {name}", "/proc/net/bonding cannot be read")
        return
    yield from _mode(bond)
    yield from _members(bond)
    if bond.mode == "802.3ad":
        yield from _lacp(bond)


def _finding(severity: Severity, bond: Bond, evidence: str, why: str, advice: str) -> Finding:
    evidence = f"{evidence} (/proc/net/bonding/{bond.name})"
    return Finding(severity, bond.name, evidence, why, advice, _BONDING)


def _mode(bond: Bond) -> Iterator[Finding]:
    name = quote(bond.name)
    if bond.mode == "balance-rr":
        yield _finding(
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
        yield _finding(
            Severity.NOTE,
            bond,
            "transmit hash policy layer2",
            "all traffic to one neighbour or gateway takes one link",
            f"ip link set {name} type bond xmit_hash_policy layer3+4",
        )


def _members(bond: Bond) -> Iterator[Finding]:
    down = [slave.name for slave in bond.slaves if not slave.up]
    if down:
        yield _finding(
            Severity.WARNING,
            bond,
            f"{', '.join(down)} down, {len(bond.slaves) - len(down)} of {len(bond.slaves)} left",
            "the bond has lost capacity and protection",
            "look at cable, module and the switch's port",
        )
    if len(bond.slaves) == 1 and bond.mode != "active-backup":
        yield _finding(
            Severity.NOTE,
            bond,
            f"one member only: {bond.slaves[0].name}",
            "a bond of one link adds nothing",
            f"ip link set OTHER_PORT master {quote(bond.name)} (the port must be down)",
        )
    speeds = {slave.name: slave.speed for slave in bond.slaves if slave.up and slave.speed}
    if len(set(speeds.values())) > 1:
        members = ", ".join(f"{name} {speed} Mb/s" for name, speed in speeds.items())
        yield _finding(
            Severity.WARNING,
            bond,
            f"members of unequal speed: {members}",
            "balancing fills the slow link first; 802.3ad leaves the slower one out",
            "use ports of the same speed",
        )


def _lacp(bond: Bond) -> Iterator[Finding]:
    apart = [
        slave.name
        for slave in bond.slaves
        if slave.up
        and None not in (slave.aggregator, bond.aggregator)
        and slave.aggregator != bond.aggregator
    ]
    if bond.partner == _NOBODY:
        yield _finding(
            Severity.WARNING,
            bond,
            "the LACP partner is all zeros",
            "the switch does not answer: only one link is in use",
            "make the ports of the switch one LACP group (active)",
        )
    elif apart:
        yield _finding(
            Severity.WARNING,
            bond,
            f"{', '.join(apart)} in another aggregator",
            "these links carry nothing: they end at another switch or in another group",
            "connect them to the same LACP group",
        )
