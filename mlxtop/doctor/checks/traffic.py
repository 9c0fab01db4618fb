"""What limits the traffic that runs now."""

from __future__ import annotations

from collections.abc import Mapping

from mlxtop.analysis.limits import gbps
from mlxtop.analysis.port_view import port_view
from mlxtop.analysis.verdict import Limit
from mlxtop.doctor.check import ALWAYS, Case, Nothing, Outcomes, check

_TUNING = "https://fasterdata.es.net/host-tuning/linux/100g-tuning/"

_ADVICE: Mapping[Limit, tuple[str, str]] = {
    Limit.PCIE: ("the slot is full, the line is not", "see the findings about PCIe"),
    Limit.CPU: (
        "one stream is served by one core, which is full",
        "more streams (iperf3 3.16 or later, -P 8), MTU 9000, interrupts and application on the"
        " card's own node, governor performance",
    ),
    Limit.PEER: (
        "the other end, or the switch, cannot take more and stops this one",
        "look at PCIe, processor and buffers of the peer: mlxtop doctor there",
    ),
    Limit.HOST: (
        "this host cannot take in what arrives and stops the peer",
        "look at PCIe, processor and rings of this host",
    ),
    Limit.CONGESTION: (
        "the network marks packets and senders slow down, as they should",
        "look for several senders to one receiver; check ECN and PFC in the switches",
    ),
    Limit.BUFFERS: (
        "packets are lost because software takes them up too slowly",
        "larger rings (ethtool -G), more queues (ethtool -L), a faster or less busy core",
    ),
}


@check(
    "what limits the traffic",
    needs=ALWAYS,
    explains="The traffic of the moment beside the line, PCIe, the cores, pause frames, congestion"
    " marks and buffers: a limit is named only when the traffic is near it.",
    normal="the line itself, or no limit at all",
)
def _limit(case: Case) -> Outcomes:
    busy = False
    for port in case.each():
        ceiling = port_view(case.frame, port.frame.id).ceiling
        measured, verdict = ceiling.measured, ceiling.verdict
        if measured is None:
            reason = ceiling.absent["measured"]
            yield port.unknown("what limits the traffic", reason)
            continue
        busy = busy or verdict.limit is not None or bool(verdict.ruled_out)
        if verdict.limit is None or verdict.limit is Limit.LINK:
            continue
        why, advice = _ADVICE[verdict.limit]
        if verdict.limit is Limit.CPU and case.host.smt:
            why += "; with SMT two busy threads share it"
        yield port.note(
            f"{measured.direction} {gbps(measured.rate)} Gb/s measured, limited by"
            f" {verdict.limit}: {verdict.detail}",
            why,
            advice,
            _TUNING,
        )
    if not busy:
        yield Nothing("little traffic")
