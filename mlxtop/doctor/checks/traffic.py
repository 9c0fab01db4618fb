"""What limits the traffic that runs now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mlxtop.analysis.limits import gbps
from mlxtop.analysis.port_view import port_view
from mlxtop.analysis.verdict import Limit
from mlxtop.doctor.check import Case, CouldNotTell, Finding, Nothing, Outcome
from mlxtop.model.counters import Severity

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


def check_verdict(case: Case) -> Iterator[Outcome]:
    """Nothing but the line itself stops the traffic."""
    busy = False
    for name, frame, _ in case.each():
        seen = port_view(case.frame, frame.id).ceiling(case.tuning)
        if seen.measured is None:
            yield CouldNotTell(f"{name}: what limits the traffic", seen.absent["measured"])
            continue
        limit = seen.verdict.limit
        busy = busy or limit is not None or bool(seen.verdict.ruled_out)
        if limit is None or limit is Limit.LINK:
            continue
        why, advice = _ADVICE[limit]
        if limit is Limit.CPU and case.tuning.host.smt:
            why += "; with SMT two busy threads share it"
        measured = seen.measured
        yield Finding(
            Severity.NOTE,
            name,
            f"{measured.direction} {gbps(measured.rate)} Gb/s measured, limited by {limit}:"
            f" {seen.verdict.detail}",
            why,
            advice,
            _TUNING,
        )
    if not busy:
        yield Nothing("little traffic")
