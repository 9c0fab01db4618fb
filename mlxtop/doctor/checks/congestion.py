"""Pause over time, the priority of RDMA, and congestion that a receiver or a bond brings about."""

from __future__ import annotations

from collections.abc import Iterator

from mlxtop.analysis.congestion import Outside, lossless, rdma_outside
from mlxtop.analysis.pause_time import pauses
from mlxtop.analysis.port_view import PortView, port_view
from mlxtop.analysis.transport import marked_share
from mlxtop.analysis.verdict import LIGHT, MARKS
from mlxtop.doctor.check import Case, Finding, Need, Nothing, Outcomes, PortCase, check, ports
from mlxtop.doctor.checks.ethernet import carries_roce
from mlxtop.model import catalogue
from mlxtop.model.catalogue import CATALOGUE
from mlxtop.model.counters import Origin
from mlxtop.model.qos import PCP, Dcb, Roce
from mlxtop.model.sample import LinkState
from mlxtop.model.tuning import Bond
from mlxtop.watch.congestion import READINGS, Pause

_COUNTERS = "https://docs.kernel.org/networking/device_drivers/ethernet/mellanox/mlx5/counters.html"
_DCB = "man 8 dcb-pfc, dcb-app; IEEE 802.1Q-2018, 36 (PFC)"
_LAG = "https://docs.kernel.org/networking/bonding.html (xmit_hash_policy)"
HELD = 0.2
"""Share of the time of all readings together that is more than the pause of a busy network."""
EACH = 0.1
"""The least of every single one of them."""
OUTSIDE = 0.5
"""Share of RDMA that is outside of the lossless priorities for a finding."""
MARKED = 0.01
"""Share of received packets with an ECN mark that is more than a queue that fills now and then."""
FULL = 0.8
"""Share of the line from which it is full for a receiver of many."""
ALONE = 0.05
"""Share of the busiest member's traffic that an idle one has at most."""


def _watched(port: PortCase) -> list[Pause]:
    watch = port.case.congestion
    return watch.pauses(port.frame.id) if watch is not None else []


@check(
    "pause over time",
    needs=ports(
        "no time of pause is counted",
        lambda port: not port.is_infiniband and bool(pauses(port.frame)),
    ),
    explains="A receiver that is short of buffers stops the sender: the whole link (pause), or one"
    " priority (PFC). Short stops are how a lossless network works. What matters is the share of"
    " time: received pause means that the switch or peer holds this host, sent pause that this host"
    " holds them.",
    normal="some percent of the time under load; frames alone say nothing",
)
def _held(port: PortCase) -> Outcomes:
    if all(one.share is None for one in pauses(port.frame)):
        yield port.unknown("pause over time", "shares of time need two readings")
        return
    for pause in _watched(port):
        if pause.storm:
            yield _storm(port, pause)
        elif pause.readings == READINGS and pause.share >= HELD and pause.least >= EACH:
            yield _long(port, pause)


def _storm(port: PortCase, pause: Pause) -> Finding:
    who, whom = _parties(pause)
    return port.critical(
        f"pause storm: {who} held {whom} for {READINGS} readings on end, {pause.what} stood still"
        f" ({pause.key}, ethtool -S {port.name})",
        "nothing of it is sent and nothing is dropped, so that the stop spreads to all behind it",
        "look at that end first: a host that hangs, a card without a driver, a switch without a"
        " PFC watchdog"
        if pause.way == "rx"
        else "look at this host: hung driver or application, PCIe errors, dmesg -T",
        _COUNTERS,
    )


def _long(port: PortCase, pause: Pause) -> Finding:
    who, whom = _parties(pause)
    why, advice = (
        (
            "this host has data to send and is not allowed to: the path behind the switch is full,"
            " or the receiver is slow",
            "look for who holds the switch: mlxtop doctor at the receivers; several senders to one"
            " receiver; a slower link on the way",
        )
        if pause.way == "rx"
        else (
            "this host takes in less than arrives, and the stop spreads to other hosts",
            "look at PCIe (page 3), rings, NUMA node and processor of this host",
        )
    )
    return port.warning(
        f"{who} held {whom} {pause.share * 100:.0f} % of the time over {READINGS} readings,"
        f" {pause.what} ({pause.key}, ethtool -S {port.name})",
        why,
        advice,
        _COUNTERS,
    )


def _parties(pause: Pause) -> tuple[str, str]:
    """Return who holds whom."""
    ends = ("the switch or peer", "this host")
    return ends if pause.way == "rx" else (ends[1], ends[0])


@check(
    "priority of RDMA",
    needs=ports(
        "no RoCE and no lossless priority",
        lambda port: not port.is_infiniband and bool(port.now.port.rdma) and bool(_mask(port)),
    ),
    explains="A network that is lossless for one priority (PFC) protects RDMA only if its packets"
    " have that priority. The card takes it from the DSCP of the IP header (trust dscp) or from the"
    " VLAN tag (trust pcp); without a tag that is 0.",
    normal="RDMA's DSCP leads to a priority with PFC, here, at the peer and in the switches; RoCE"
    " that is meant to be lossy (ECN alone) has no PFC at all",
)
def _priority(port: PortCase) -> Outcomes:
    dcb, roce = port.settings.dcb or Dcb(), port.settings.roce or Roce()
    mask = _mask(port)
    lossless_words = f"PFC is on for {', '.join(map(str, mask))} (dcb pfc show dev {port.name})"
    code = roce.dscp
    priority = dcb.priority(code) if code is not None else None
    outside = _outside(port)
    shown = outside is not None and outside.share >= OUTSIDE
    if priority is not None and priority not in mask and (shown or not carries_roce(port)):
        yield port.warning(  # but where what is carried shows that programs choose another one
            f"RDMA's DSCP {code} leads to priority {priority}, {lossless_words}",
            *_unprotected(f"dcb app replace dev {port.name} dscp-prio {code}:{mask[0]}"),
        )
        return
    if outside is None or not shown:
        return
    where = f"{outside.text} has another priority (most in {outside.busiest}), {lossless_words}"
    if dcb.trust == PCP:
        yield port.warning(
            f"trust is pcp, not dscp ({dcb.trust_from}): {where}",
            *_unprotected(
                f"mlnx_qos -i {port.name} --trust dscp, or dcb app add dev {port.name}"
                f" dscp-prio 26:{mask[0]}"
            ),
        )
    else:
        yield port.warning(
            where,
            *_unprotected(
                "the DSCP map and traffic class of both ends (page 7), and the same in the switch"
            ),
        )


def _mask(port: PortCase) -> tuple[int, ...]:
    return lossless(port.frame) or ()


def _outside(port: PortCase) -> Outside | None:
    flow = port_view(port.case.frame, port.frame.id).throughput
    light = LIGHT * (port.speed or 0)
    return rdma_outside(port.frame, flow.rdma_rx_bps, flow.rdma_tx_bps, light) if light else None


def _unprotected(advice: str) -> tuple[str, str, str]:
    return (
        "a full buffer drops these packets, and RoCE repeats far more than was lost",
        advice,
        _DCB,
    )


@check(
    "congestion control by priority",
    needs=ports(
        "no driver that shows ECN by priority",
        lambda port: not port.is_infiniband and (port.settings.roce or Roce()).notify is not None,
    ),
    explains="ECN lets switches mark packets before they must drop them; the receiver tells the"
    " sender (CNP), which slows down. NVIDIA's own driver has a switch for it by priority.",
    normal="on for RDMA's priority, at both ends",
)
def _ecn(port: PortCase) -> Outcomes:
    dcb, roce = port.settings.dcb or Dcb(), port.settings.roce or Roce()
    mask = _mask(port)
    code = roce.dscp
    priority = dcb.priority(code) if code is not None else mask[0] if len(mask) == 1 else None
    if priority is None:
        return
    for on, role, does in (
        (roce.notify, "roce_np", "answers no ECN mark"),
        (roce.react, "roce_rp", "obeys no notification (CNP)"),
    ):
        if on is not None and priority not in on:
            place = f"/sys/class/net/{port.name}/ecn/{role}/enable/{priority}"
            yield port.note(
                f"this end {does} for RDMA's priority {priority} ({place} is 0)",
                "senders do not slow down before buffers are full: pause spreads, or packets drop",
                f"echo 1 > {place}, if congestion control is wanted",
                _COUNTERS,
            )


@check(
    "many senders to one receiver",
    needs=ports("no RoCE traffic", carries_roce),
    explains="When several senders together want more than the receiver's line takes (incast), the"
    " switch in front of it fills its buffer and marks packets (ECN).",
    normal="few marks, or a line that is not full",
)
def _incast(port: PortCase) -> Outcomes:
    flow = port_view(port.case.frame, port.frame.id).throughput
    share, full = marked_share(port.frame), flow.rx_utilisation or 0.0
    sent = port.frame.rate(CATALOGUE[Origin.RDMA_HW, "np_cnp_sent"]) or 0.0
    if share is not None and share >= MARKED and sent >= MARKS and full >= FULL:
        yield port.note(
            f"{share * 100:.0f} % of the RDMA packets arrive with an ECN mark while"
            f" {full * 100:.0f} % of the line is used (np_ecn_marked_roce_packets)",
            "more is sent to this port than its line takes: several senders at once (incast), or"
            " one with a faster link; the marks slow them down, as they should",
            "spread the receivers, or the time at which all send; see the same counters at the"
            " other receivers",
            _COUNTERS,
        )


# RoCE LAG


def _lags(case: Case) -> list[PortCase]:
    """Return the port of each RoCE LAG that owns the RDMA device."""
    return [port for port in case.each() if port.now.port.rdma_lag == port.frame.id]


@check(
    "rails of a RoCE LAG",
    needs=Need("no RoCE LAG", _lags),
    explains="A bond's members share one RDMA device (RoCE LAG). Every connection uses one member,"
    " which a hash or the queue pair's number chooses: one connection never gets more than one.",
    normal="several connections that use all members about alike",
)
def _rails(port: PortCase) -> Outcomes:
    bond = port.case.host.bonds.get(port.now.port.bond or "")
    if bond is not None and bond.mode == "active-backup":
        yield Nothing("no RoCE LAG that uses all members")
        return
    rails = list(_members(port, bond))
    shared = port_view(port.case.frame, port.frame.id).shared_rdma
    if shared.tx_bps is None:
        yield port.unknown("rails of a RoCE LAG", "a rate needs two readings")
    if len(rails) < 2 or not shared.tx_bps:
        return
    (busy, most), *others = sorted(rails, key=lambda rail: -rail[1])
    speed, used = busy.now.now.link.speed or 0, busy.throughput.tx_utilisation or 0.0
    if not speed or shared.tx_bps < EACH * speed:
        return
    if any(sent > ALONE * most for _, sent in others):
        return
    idle = ", ".join(view.now.now.port.name for view, _ in others)
    seen = (
        f"all of {port.now.port.rdma} is sent by {busy.now.now.port.name}"
        f" ({used * 100:.0f} % of its line), nothing by {idle}"
    )
    if _is_single(port):
        why = "there is one connection (rdma resource show qp), and one uses one member"
        yield port.note(seen, why, "more connections (queue pairs), where the program can", _LAG)
        return
    finding = port.warning if used >= FULL else port.note
    yield finding(
        seen,
        "the hash gives all connections one member: half of the bond is idle while the other is"
        " full"
        if used >= FULL
        else "one connection uses one member; several should not",
        "more connections (queue pairs) with other ports; xmit_hash_policy layer3+4 of the bond; of"
        " a single connection this is all there is",
        _LAG,
    )


def _is_single(port: PortCase) -> bool:
    """Return whether the port's device has one queue pair with data; False where not told."""
    objects, device = port.case.frame.sample.rdma_objects.value, port.now.port.rdma or ""
    users = [one for one in objects.of(device, None) if one.uses_device] if objects else []
    return sum(one.number for user in users for one in user.work) == 1


def _members(port: PortCase, bond: Bond | None) -> Iterator[tuple[PortView, int]]:
    """Yield the members that the bond uses, with the bytes that each sent while it was watched."""
    frame = port.case.frame
    unused = {
        slave.name
        for slave in (bond.slaves if bond is not None else ())
        if not slave.up or (bond and slave.aggregator != bond.aggregator)
    }
    for other, its in frame.ports.items():
        up = its.now.link.state is LinkState.UP and its.now.port.netdev not in unused
        if its.now.port.rdma_lag != port.frame.id or not up:
            continue
        view = port_view(frame, other)
        sent = its.since_start(catalogue.MAC.tx_bytes)
        if sent is not None and view.throughput.tx_bps is not None:
            yield view, sent
