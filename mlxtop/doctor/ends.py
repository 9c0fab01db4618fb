"""Checks of the two ends of a link together, and of cards of one kind in several machines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from shlex import quote

from mlxtop.analysis.limits import gbps
from mlxtop.analysis.qos_pair import differences
from mlxtop.doctor.check import STATUS, CouldNotTell, Outcomes, Report, Subject, check
from mlxtop.doctor.checks import run
from mlxtop.doctor.rack import LINK, RACK, LinkCase, RackCase, rack_case
from mlxtop.ends.compare import ALIKE, Side, Sides, autonegotiation, differs, fec, narrow_end
from mlxtop.ends.counts import Span
from mlxtop.ends.follow import Ends
from mlxtop.ends.match import Surety
from mlxtop.model.counters import Severity
from mlxtop.watch.heat_limits import limits_of

_ETHTOOL = "https://docs.kernel.org/networking/ethtool-netlink.html"
_COUNTERS = "https://docs.kernel.org/networking/device_drivers/ethernet/mellanox/mlx5/counters.html"
_PAUSE = "IEEE 802.3, annex 31B; man 8 ethtool"
HOTTER_C = 10.0
"""°C by which one end is warmer than the other where one end alone has a problem."""
RDMA_BPS = 1e6
"""Bit/s of RDMA from which a link is taken to carry some."""
LEAST_PAUSES = 100
"""Pause frames of which at least one would have been counted by whoever receives them."""


def inspect_ends(ends: Ends) -> Report:
    """Return what all checks across machines say."""
    case = rack_case(ends)
    return run(END_CHECKS, case, bool(case.links))


def with_links(report: Report, ends: Ends, host: str) -> Report:
    """Return the report on a machine together with what is found on its links."""
    case = rack_case(ends)
    links = tuple(link for link in case.links if host in (side.host for side in link.both))
    if not links:
        return report
    told = run(END_CHECKS, RackCase(case.machines, links), judged=True)
    findings = sorted((*report.findings, *told.findings), key=lambda one: -STATUS[one.severity])
    return report._replace(
        findings=tuple(findings),
        could_not_tell=(*report.could_not_tell, *told.could_not_tell),
        fine=(*report.fine, *told.fine),
    )


Judge = Callable[[LinkCase], Outcomes]


def _when_matched(judge: Judge) -> Judge:
    """Judge links whose ends are likely to be that: a guess is no evidence."""

    @wraps(judge)
    def judged(link: LinkCase) -> Outcomes:
        if link.link.surety is Surety.POSSIBLE:
            yield link.unknown("both ends", f"{link.link.why}; name them in the settings")
        else:
            yield from judge(link)

    return judged


def _values(what: str, both: Sides) -> str:
    """Return `MTU 9000 at a p1, 1500 at b p1`."""
    a, b = ((ALIKE[what](side), side.name) for side in both)
    return f"{what} {a[0]} at {a[1]}, {b[0]} at {b[1]}"


def _beyond_a_switch(link: LinkCase, what: str) -> CouldNotTell:
    """Return that a difference is right where each end is joined to a switch."""
    reason = "right where a switch is between the ends; name them in the settings where none is"
    return link.unknown(_values(what, link.both), reason)


def _port(side: Side) -> str:
    return quote(side.now.port.name)


@check(
    "MTU at both ends",
    needs=LINK,
    explains="Both ends of a link have to take packets of the same size. A port drops what is"
    " larger than it takes, and tells nobody.",
    normal="the same at both ends",
)
@_when_matched
def _mtu(link: LinkCase) -> Outcomes:
    if not differs("MTU", link.both):
        return
    small, large = sorted(link.both, key=lambda side: side.now.link.mtu or 0)
    yield link.warning(
        f"{_values('MTU', link.both)} (/sys/class/net/*/mtu)",
        f"{small.host} drops what is larger than it takes; TCP agrees on the smaller size by"
        " itself, UDP, RoCE and tunnels do not",
        f"on {small.host}: ip link set {_port(small)} mtu {large.now.link.mtu}",
        "man 8 ip-link",
    )


@check(
    "speed at both ends",
    needs=LINK,
    explains="A cable has one speed. Two that are up at different speeds are joined by something"
    " else than a cable.",
    normal="the same at both ends",
)
@_when_matched
def _speed(link: LinkCase) -> Outcomes:
    if not link.is_up or not differs("data rate", link.both):
        return
    speeds = ", ".join(f"{gbps(s.now.link.speed or 0)} Gb/s at {s.name}" for s in link.both)
    yield link.warning(
        f"{speeds} (ethtool), and both are up",
        "a switch or converter is between them, or they are not the ends of one link: then"
        " nothing that compares them holds",
        "look where the cables go; name the ends in the settings where they were matched wrongly",
        _ETHTOOL,
    )


@check(
    "FEC at both ends",
    needs=LINK,
    explains="Forward error correction (FEC) works only where both ends use the same code.",
    normal="the same code at both ends",
)
@_when_matched
def _fec(link: LinkCase) -> Outcomes:
    if differs("data rate", link.both) or not differs("FEC", link.both):
        return
    if link.link.is_direct:
        codes = ", ".join(f"{fec(side)} at {side.name}" for side in link.both)
        state = "the link is up" if link.is_up else "and the link is down"
        yield (link.note if link.is_up else link.warning)(
            f"FEC {codes} (ethtool --show-fec); {state}",
            "a link whose ends correct errors differently does not come up; one that is up all the"
            " same has drivers that name one code differently, or a device between its ends",
            f"on both: ethtool --set-fec {_port(link.both[0])} encoding auto",
            _ETHTOOL,
        )
    else:
        yield _beyond_a_switch(link, "FEC")


@check(
    "autonegotiation at both ends",
    needs=LINK,
    explains="Over copper both ends tell each other what they can do and train the signal, which"
    " takes both of them.",
    normal="on at both ends, or off at both ends",
)
@_when_matched
def _autonegotiation(link: LinkCase) -> Outcomes:
    if not differs("autonegotiation", link.both):
        return
    if not link.link.is_direct:
        yield _beyond_a_switch(link, "autonegotiation")
        return
    modules = [side.now.module for side in link.both]
    copper = any(one is not None and one.identity.passive for one in modules)
    off = next(side for side in link.both if autonegotiation(side) == "off")
    yield (link.warning if copper or not link.is_up else link.note)(
        f"{_values('autonegotiation', link.both)} (ethtool)",
        "the ends may come up at different settings, or not at all the next time"
        if copper
        else "over fibre the ends do not negotiate, so that it may stay without effect",
        f"on {off.host}: ethtool -s {_port(off)} autoneg on; or off with the same speed at both",
        _ETHTOOL,
    )


@check(
    "PCIe at both ends",
    needs=LINK,
    explains="A link is as fast as the slower end can take its data from memory or put it there.",
    normal="both ends carry the speed of the link, or equally little",
)
@_when_matched
def _pcie(link: LinkCase) -> Outcomes:
    narrow = narrow_end(link.both) if link.is_up else None
    if narrow is None:
        return
    side, carried = narrow
    other = next(one for one in link.both if one is not side).view.capacity
    yield link.note(
        f"PCIe of {side.name} carries {gbps(carried.bps)} Gb/s, the other end"
        f" {gbps(other.bps if other else 0)} (/sys/bus/pci/devices)",
        f"{side.host} holds up this link in both directions; the other end cannot tell why",
        f"on {side.host}: mlxtop doctor {_port(side)} says where the path is narrow",
        "man 8 lspci, LnkSta",
    )


@check(
    "heat at both ends",
    needs=LINK,
    explains="Both ends of a link work equally hard. One that is much hotter has less air, or a"
    " fault.",
    normal="both below their warnings, or alike",
)
@_when_matched
def _heat(link: LinkCase) -> Outcomes:
    for side, other in (link.both, link.both[::-1]):
        for sensor in side.now.temperatures:
            same = other.now.sensor(sensor.name)
            if sensor.celsius is None or sensor.stale or same is None or same.stale:
                continue
            limits = limits_of(sensor, side.now, side.frame.adapter(side.port))
            if same.celsius is None or sensor.celsius < limits.warning:
                continue
            if sensor.celsius - same.celsius >= HOTTER_C:
                yield link.note(
                    f"{sensor.title} of {side.name} at {sensor.celsius:.0f} °C, that of"
                    f" {other.name} at {same.celsius:.0f} °C (limit {limits.warning:.0f} °C,"
                    f" {limits.source})",
                    "both ends carry the same traffic: the difference comes from the air, or from"
                    " another kind of module or card",
                    f"improve the airflow in {side.host}; compare fans and neighbouring slots with"
                    f" {other.host}",
                    "https://docs.kernel.org/hwmon/sysfs-interface.html",
                )


def _ways(link: LinkCase, spans: tuple[Span, Span]) -> Iterator[tuple[Side, Side, Span]]:
    a, b = link.both
    yield a, b, spans[0]
    yield b, a, spans[1]


@check(
    "packets lost between the ends",
    needs=LINK,
    explains="What one end has sent the other has received, or it was lost on the way: as a packet"
    " with errors, or in whatever is between the ends.",
    normal="none; what may still be under way when the counters are read is not counted as lost",
)
@_when_matched
def _loss(link: LinkCase) -> Outcomes:
    pairs = zip(_ways(link, link.passed.packets), _pauses_of(link), strict=True)
    for (sender, receiver, span), pauses in pairs:
        if span.absent:
            way = f"{sender.name} → {receiver.name}"
            yield CouldNotTell(way, "packets lost", span.absent)
            continue
        without = span._replace(least_lost=max(0, span.least_lost - pauses))
        if without.is_loss:
            share = 100 * without.least_lost / max(1, span.sent)
            yield (link.warning if link.link.is_direct else link.note)(
                f"{without.least_lost} of {span.sent} packets from {sender.name} to"
                f" {receiver.name} did not arrive in {span.seconds:.0f} s, {share:.2g} % at the"
                " least (counters of both ports, over the same seconds)",
                "they are lost between the ports: by bit errors, or by a device between them"
                f"{link.between}",
                f"mlxtop doctor on {receiver.host} tells errors of the line; clean and reseat both"
                " ends, then swap the cable or module",
                _COUNTERS,
            )


def _pauses_of(link: LinkCase) -> tuple[int, int]:
    """Return pause frames of each direction: some cards count them as packets, others do not."""
    there, back = link.passed.pauses
    return there.sent, back.sent


@check(
    "pause frames answered",
    needs=LINK,
    explains="A port that sends pause frames asks the other end to wait. Where the other end does"
    " not take them, packets are lost here instead.",
    normal="pause frames that one end sends arrive at the other",
)
@_when_matched
def _pauses(link: LinkCase) -> Outcomes:
    for sender, receiver, span in _ways(link, link.passed.pauses):
        ignored = span.sent >= LEAST_PAUSES and span.least_lost == span.sent
        if not span.absent and ignored and link.link.is_direct:
            yield link.warning(
                f"{sender.name} sent {span.sent} pause frames in {span.seconds:.0f} s, and"
                f" {receiver.name} has counted none (tx_pause_*, rx_pause_* of both)",
                f"{receiver.host} goes on sending, and {sender.host} drops what it has no room for",
                f"on {receiver.host}: ethtool -A {_port(receiver)} rx on; with PFC the same"
                " priorities at both ends",
                _PAUSE,
            )


@check(
    "firmware of cards of one kind",
    needs=RACK,
    explains="Cards with the same PSID take the same firmware. Different versions behave"
    " differently, which costs time when one machine has a problem that others have not.",
    normal="one version for each PSID",
)
def _firmware(case: RackCase) -> Outcomes:
    versions: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for machine in case.machines:
        for card in machine.frame.sample.adapters:
            if card.psid and card.firmware:
                versions[card.psid][card.firmware].append(machine.host)
    for psid, hosts in versions.items():
        if len(hosts) > 1:
            told = "; ".join(f"{text} in {_named(names)}" for text, names in sorted(hosts.items()))
            yield Subject(f"PSID {psid}").note(
                f"different firmware: {told} (devlink dev info)",
                "what one card does another of the same kind may not do",
                "bring all of them to the newest: mstflint -d PCI -i FILE burn, or mlxup",
                "https://network.nvidia.com/support/firmware/firmware-downloads/",
            )


@check(
    "what keeps RDMA lossless, at both ends",
    needs=LINK,
    explains="Priority flow control, trust and the DSCP map keep packets of RDMA from being dropped"
    " only if both ends and every switch between them agree.",
    normal="the same at both ends",
)
@_when_matched
def _lossless(link: LinkCase) -> Outcomes:
    if not all(side.now.port.rdma for side in link.both):
        return
    a, b = link.both
    differing = differences(a.settings, b.settings)
    if not differing:
        return
    matters = link.link.is_direct and any(map(_carries_rdma, link.both))
    severe = matters and any(one.severity is Severity.WARNING for one in differing)
    told = "; ".join(f"{one.setting} {one.here} here, {one.there} there" for one in differing)
    yield (link.warning if severe else link.note)(
        f"{told} (dcb netlink; here: {a.name})",
        f"{differing[0].why}{'' if severe else '; harmless as long as no RDMA crosses this link'}",
        f"set both alike, and the switches between them: dcb pfc show dev {_port(a)}, dcb app show,"
        " or the vendor's mlnx_qos -i",
        "IEEE 802.1Q, clause 36; man 8 dcb",
    )


def _carries_rdma(side: Side) -> bool:
    flow = side.view.throughput
    return (flow.rdma_rx_bps or 0.0) + (flow.rdma_tx_bps or 0.0) > RDMA_BPS


def _named(hosts: Sequence[str]) -> str:
    names = list(dict.fromkeys(hosts))
    return ", ".join(names) if len(names) < 4 else f"{names[0]} and {len(names) - 1} more"


END_CHECKS = (
    *(_mtu, _speed, _fec, _autonegotiation, _pcie, _heat),
    *(_loss, _pauses, _lossless, _firmware),
)
"""In the order of the report."""
