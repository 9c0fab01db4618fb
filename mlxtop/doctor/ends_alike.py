"""Checks of settings that both ends of a link must share."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from shlex import quote

from mlxtop.analysis.limits import gbps
from mlxtop.analysis.qos_pair import differences
from mlxtop.doctor.check import CouldNotTell, Outcomes, check
from mlxtop.doctor.rack import LINK, LinkCase
from mlxtop.ends.compare import ALIKE, Side, Sides, autonegotiation, differs, fec
from mlxtop.ends.match import Surety
from mlxtop.model.counters import Severity

_ETHTOOL = "https://docs.kernel.org/networking/ethtool-netlink.html"
RDMA_BPS = 1e6
"""Bit/s of RDMA from which a link is taken to carry some."""

Judge = Callable[[LinkCase], Outcomes]


def when_matched(judge: Judge) -> Judge:
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


def quoted(side: Side) -> str:
    """Return the name of an end's port as a shell takes it."""
    return quote(side.now.port.name)


@check(
    "MTU at both ends",
    needs=LINK,
    explains="Both ends of a link have to take packets of the same size. A port drops what is"
    " larger than it takes, and tells nobody.",
    normal="the same at both ends",
)
@when_matched
def _mtu(link: LinkCase) -> Outcomes:
    if not differs("MTU", link.both):
        return
    small, large = sorted(link.both, key=lambda side: side.now.link.mtu or 0)
    yield link.warning(
        f"{_values('MTU', link.both)} (/sys/class/net/*/mtu)",
        f"{small.host} drops what is larger than it takes; TCP agrees on the smaller size by"
        " itself, UDP, RoCE and tunnels do not",
        f"on {small.host}: ip link set {quoted(small)} mtu {large.now.link.mtu}",
        "man 8 ip-link",
    )


@check(
    "speed at both ends",
    needs=LINK,
    explains="A cable has one speed. Two that are up at different speeds are joined by something"
    " else than a cable.",
    normal="the same at both ends",
)
@when_matched
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
@when_matched
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
            f"on both: ethtool --set-fec {quoted(link.both[0])} encoding auto",
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
@when_matched
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
        f"on {off.host}: ethtool -s {quoted(off)} autoneg on; or off with the same speed at both",
        _ETHTOOL,
    )


@check(
    "what keeps RDMA lossless, at both ends",
    needs=LINK,
    explains="Priority flow control, trust and the DSCP map keep packets of RDMA from being dropped"
    " only if both ends and every switch between them agree.",
    normal="the same at both ends",
)
@when_matched
def _lossless(link: LinkCase) -> Outcomes:
    if not all(side.now.port.rdma for side in link.both):
        return
    a, b = link.both
    differing = differences(a.settings, b.settings)
    if not differing:
        return
    carries = any(map(_carries_rdma, link.both))
    harms = any(one.severity is Severity.WARNING for one in differing)
    severe = harms and carries and link.link.is_direct
    unless = ""
    if not carries:
        unless = "; harmless as long as no RDMA crosses this link"
    elif not link.link.is_direct:
        unless = "; where a switch is between the ends, each end has to agree with the switch"
    told = "; ".join(f"{one.setting} {one.here} here, {one.there} there" for one in differing)
    yield (link.warning if severe else link.note)(
        f"{told} (dcb netlink; here: {a.name})",
        f"{differing[0].why}{unless}",
        f"set both alike, and the switches between them: dcb pfc show dev {quoted(a)},"
        " dcb app show, or the vendor's mlnx_qos -i",
        "IEEE 802.1Q, clause 36; man 8 dcb",
    )


def _carries_rdma(side: Side) -> bool:
    flow = side.view.throughput
    return (flow.rdma_rx_bps or 0.0) + (flow.rdma_tx_bps or 0.0) > RDMA_BPS


SETTINGS = (_mtu, _speed, _fec, _autonegotiation)
LOSSLESS = _lossless
