"""Error counters, and what limits the traffic that runs now."""

from __future__ import annotations

from collections.abc import Mapping

from mlxtop.analysis.faults import Fault, by_event, faults
from mlxtop.analysis.limits import gbps
from mlxtop.analysis.port_view import port_view
from mlxtop.analysis.verdict import STALLED, Limit
from mlxtop.doctor.by_design import is_slow_gb10
from mlxtop.doctor.check import (
    ALWAYS,
    PORT,
    Case,
    Finding,
    Nothing,
    Outcomes,
    PortCase,
    check,
    ports,
)
from mlxtop.model.catalogue import RDMA, counters_of
from mlxtop.model.counters import Counter, Origin, Severity

_COUNTERS = "https://docs.kernel.org/networking/device_drivers/ethernet/mellanox/mlx5/counters.html"
_TUNING = "https://fasterdata.es.net/host-tuning/linux/100g-tuning/"

_LIMITS: Mapping[Limit, tuple[str, str]] = {
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
    "error counters",
    needs=PORT,
    explains="Drivers and card count what went wrong. Only growth matters: totals remember every"
    " cable that was ever pulled.",
    normal="none of them grows",
)
def _counters(port: PortCase) -> Outcomes:
    if not any(origin in port.frame.before for origin in port.now.readings):
        yield port.unknown("error counters", "growth needs two readings")
        return
    moving = [fault for fault in faults(port.frame) if _moves(fault)]
    for first, beside in by_event(moving):
        fault = first if first.severe else _unexplained(first, beside)
        if fault is None:
            continue
        counter = fault.counter
        yield Finding(
            counter.severity or Severity.WARNING,
            port.name,
            _evidence(fault, port.name),
            counter.help,
            counter.advice,
            _COUNTERS,
            topic=counter,
        )


def _unexplained(part: Fault, beside: list[Fault]) -> Fault | None:
    """Return a sum that grew by more than its part, which does no harm; None where none did."""
    grown = part.since_start or 0
    return next((one for one in beside if one.severe and (one.since_start or 0) > grown), None)


def _moves(fault: Fault) -> bool:
    return fault.total >= STALLED if fault.counter.gauge else bool(fault.since_start)


def _evidence(fault: Fault, name: str) -> str:
    counter = fault.counter
    if counter.gauge:
        return f"{counter.key} at {fault.total} {counter.unit} (ethtool -S {name})"
    where = f"ethtool -S {name}" if counter.origin is Origin.DRIVER else counter.origin.value
    return f"{counter.key} grew by {fault.since_start} while watched ({where})"


@check(
    "counters can still count",
    needs=ports("no counter with a ceiling", lambda port: bool(_with_ceiling(port))),
    explains="Old InfiniBand counters are 4, 8, 16 or 32 bits wide and stay at their highest value:"
    " then errors go on unseen, and traffic is unknown.",
    normal="below their ceiling",
)
def _stuck(port: PortCase) -> Outcomes:
    device = port.now.port
    for counter in _with_ceiling(port):
        if port.frame.stuck(counter):
            reason = (
                f"stands at its ceiling of {counter.ceiling};"
                f" perfquery -R -C {device.rdma} -P {device.rdma_port} (root) starts it again"
            )
            yield port.unknown(counter.key, reason)


def _with_ceiling(port: PortCase) -> list[Counter]:
    """Return the counters that stop: of InfiniBand errors, and of traffic where it stands there.

    Ethernet's errors go on, and traffic has 64 bits wherever it is not at 32.
    """
    tables = port.now.readings
    errors = tables.get(Origin.RDMA_ERRORS) if port.is_infiniband else None
    counters = list(counters_of(Origin.RDMA_ERRORS, errors.schema)) if errors else []
    return counters + [counter for counter in RDMA if port.frame.stuck(counter)]


@check(
    "counters count right",
    needs=ports("no load test has found a counter wrong", lambda port: bool(port.now.miscounts)),
    explains="After a load test the counters of its port are compared with what the tool moved. One"
    " that is off by the factor of a wrong unit, while another is right, is left aside until kernel"
    " or firmware change.",
    normal="as many bytes as a load test moves, with headers",
)
def _miscounted(port: PortCase) -> Outcomes:
    for one in port.now.miscounts:
        shown = (
            "loses some of the bytes"
            if one.factor is None
            else f"has {one.factor:g} bytes for each"
        )
        where = f" (mlxtop runs show {one.run})" if one.run else ""
        yield port.note(
            f"{one.source} {shown} that a load test moved; {one.instead} has all{where}",
            "rates and totals of the usual counter would be wrong, so another one stands for it;"
            " tools that read it show its numbers",
            "update kernel or firmware, then load the port again: mlxtop load HOST",
            _COUNTERS,
        )


@check(
    "what limits the traffic",
    needs=ALWAYS,
    explains="The traffic of the moment beside the line, PCIe, the cores, pause frames, congestion"
    " marks and buffers: a limit is named only when the traffic is near it.",
    normal="the line itself, or no limit at all; 8 to 25 Gb/s of 200 on GB10 (DGX Spark) is the"
    " power state of the machine, no limit of card or slot",
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
        if is_slow_gb10(case.frame, port.frame.id, measured.rate):
            yield port.setting(
                f"GB10 at {gbps(measured.rate)} Gb/s: if this is all under full load, it is the"
                " machine's power state, which its power supply unplugged for a minute resets"
            )
        busy = busy or verdict.limit is not None or bool(verdict.ruled_out)
        if verdict.limit is None or verdict.limit is Limit.LINK:
            continue
        why, advice = _LIMITS[verdict.limit]
        if verdict.limit is Limit.CPU and case.host.smt:
            why += "; with SMT two busy threads share it"
        yield port.note(
            f"{measured.direction} {gbps(measured.rate)} Gb/s measured, {verdict.text}",
            why,
            advice,
            _TUNING,
        )
    if not busy:
        yield Nothing("little traffic")
