"""Bonds: modes that reorder, members that are down or unequal, a partner that does not answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from shlex import quote

from mlxtop.doctor.check import Case, Finding, Need, Outcomes, PortCase, check
from mlxtop.model.counters import Severity
from mlxtop.model.frame import Frame, remembered
from mlxtop.model.tuning import Bond

_BONDING = "https://docs.kernel.org/networking/bonding.html"
_NOBODY = "00:00:00:00:00:00"
_FLAPS = 20
"""Link failures of a member that are more than restarts of a switch and work on cables."""
_ALONE = 4
"""One member has so many times the failures of another one, or the reason lies with none."""


def _first_ports(case: Case) -> list[PortCase]:
    ports: dict[str | None, PortCase] = {}
    for port in case.each():
        if port.now.port.bond_kind == "bond":
            ports.setdefault(port.now.port.bond, port)
    return [port for bond, port in ports.items() if bond is not None]


@check(
    "bonds",
    needs=Need("no bond", _first_ports),
    explains="A bond joins ports. In 802.3ad (LACP) every connection uses one of them; balance-rr"
    " spreads a single connection and makes its packets overtake each other;"
    " active-backup uses one port at a time.",
    normal="802.3ad with layer3+4 and a partner that answers, or active-backup, whose members may"
    " be of unequal speed; all of them up. Links fail now and then: on all members alike when"
    " switches restart; where ARP monitors the bond, also when its target does not answer",
)
def _bonds(port: PortCase) -> Outcomes:
    name = port.now.port.bond or ""
    bond = port.case.host.bonds.get(name)
    if bond is None:
        yield port.unknown(f"bond {name}", "/proc/net/bonding cannot be read")
        return
    lacp = _lacp(bond) if bond.mode == "802.3ad" else ()
    flaps = _flaps(bond, _carrier_changes(port.case.frame))
    for severity, evidence, why, advice in (*_mode(bond), *_members(bond), *flaps, *lacp):
        place = f"/proc/net/bonding/{bond.name}"
        yield Finding(severity, bond.name, f"{evidence} ({place})", why, advice, _BONDING)


@remembered
def _carrier_changes(frame: Frame) -> Mapping[str | None, int | None]:
    ports = (port.now for port in frame.ports.values())
    return {port.port.netdev: port.link.carrier_changes for port in ports}


_Fault = tuple[Severity, str, str, str]
"""Severity, evidence, why and advice."""


def _mode(bond: Bond) -> Iterator[_Fault]:
    name = quote(bond.name)
    if bond.mode == "balance-rr":
        yield (
            Severity.WARNING,
            "mode balance-rr",
            "packets of one connection overtake each other on the two links: TCP resends and slows"
            " down",
            f"ip link set {name} down; ip link set {name} type bond mode 802.3ad xmit_hash_policy"
            " layer3+4 (and LACP in the switch); one connection then uses one link",
        )
    if bond.mode == "802.3ad" and bond.policy == "layer2" and len(bond.slaves) > 1:
        yield (
            Severity.NOTE,
            "transmit hash policy layer2",
            "all traffic to one neighbour or gateway takes one link",
            f"ip link set {name} type bond xmit_hash_policy layer3+4",
        )


def _members(bond: Bond) -> Iterator[_Fault]:
    if down := [slave.name for slave in bond.slaves if not slave.up]:
        yield (
            Severity.WARNING,
            f"{', '.join(down)} down, {len(bond.slaves) - len(down)} of {len(bond.slaves)} left",
            "the bond has lost capacity and protection",
            "look at cable, module and the switch's port",
        )
    if len(bond.slaves) == 1 and bond.mode != "active-backup":
        yield (
            Severity.NOTE,
            f"one member only: {bond.slaves[0].name}",
            "a bond of one link adds nothing",
            f"ip link set OTHER_PORT master {quote(bond.name)} (the port must be down)",
        )
    speeds = {slave.name: slave.speed for slave in bond.slaves if slave.up and slave.speed}
    if len(set(speeds.values())) > 1 and bond.mode != "active-backup":
        members = ", ".join(f"{name} {speed} Mb/s" for name, speed in speeds.items())
        yield (
            Severity.WARNING,
            f"members of unequal speed: {members}",
            "balancing fills the slow link first; 802.3ad leaves the slower one out",
            "use ports of the same speed",
        )


def _flaps(bond: Bond, changes: Mapping[str | None, int | None]) -> Iterator[_Fault]:
    """Yield members whose links failed often, with how often their carrier changed by itself."""
    failures = {slave.name: slave.failures or 0 for slave in bond.slaves}
    often = {name: count for name, count in failures.items() if count >= _FLAPS}
    if not often:
        return
    counts = ", ".join(f"{name} {count} times" for name, count in often.items())
    evidence = f"link failures since the bond was made: {counts}"
    if len(bond.slaves) > 1 and min(failures.values()) * _ALONE >= max(failures.values()):
        yield (
            Severity.NOTE,
            evidence,
            "all members alike: the switch or the far end restarts, or the bond's monitoring fails",
            "compare with the switch's log; look at the bond's miimon and ARP targets",
        )
        return
    quiet = [n for n in often if (seen := changes.get(n)) is not None and seen < often[n]]
    words = ", ".join(f"{name} {changes[name]} times" for name in quiet)
    doubt = (
        f"; the carrier itself changed less often ({words}): the driver was loaded anew since, or"
        " it is the bond's ARP monitoring that fails"
        if quiet
        else ""
    )
    yield (
        Severity.WARNING,
        evidence,
        f"a link that comes and goes loses packets and moves traffic every time{doubt}",
        f"look at cable, module and switch port of {', '.join(often)}; dmesg -T | grep"
        f" {quote(bond.name)} tells when",
    )


def _lacp(bond: Bond) -> Iterator[_Fault]:
    ours = (None, bond.aggregator)
    others = [slave for slave in bond.slaves if slave.up and slave.aggregator not in ours]
    if bond.partner == _NOBODY:
        yield (
            Severity.WARNING,
            "the LACP partner is all zeros",
            "the switch does not answer: only one link is in use",
            "make the ports of the switch one LACP group (active)",
        )
    elif others and bond.aggregator is not None:
        yield (
            Severity.WARNING,
            f"{', '.join(slave.name for slave in others)} in another aggregator",
            "these links carry nothing: they end at another switch or in another group",
            "connect them to the same LACP group",
        )
