"""Error counters, and what limits the traffic that runs now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mlxtop.analysis.faults import Fault, faults
from mlxtop.analysis.limits import gbps
from mlxtop.analysis.port_view import port_view
from mlxtop.analysis.verdict import STALLED, Limit
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
from mlxtop.model.counters import Origin, Severity

_COUNTERS = "https://docs.kernel.org/networking/device_drivers/ethernet/mellanox/mlx5/counters.html"
_TUNING = "https://fasterdata.es.net/host-tuning/linux/100g-tuning/"
_SAME: Mapping[str, str] = {
    "rx_crc_errors": "rx_crc_errors_phy",
    "FrameCheckSequenceErrors": "rx_crc_errors_phy",
    "SymbolErrorDuringCarrier": "rx_symbol_err_phy",
    "FrameTooLongErrors": "rx_oversize_pkts_phy",
    "rx_length_errors": "rx_oversize_pkts_phy",
    "rx_missed_errors": "rx_out_of_buffer",
    "outbound_pci_stalled_rd_events": "outbound_pci_stalled_rd",
    "outbound_pci_stalled_wr_events": "outbound_pci_stalled_wr",
}
"""The same events in several tables, by the name of the driver's table."""
_SUMS = ("rx_errors", "tx_errors")
"""Sums of other counters: reported only where no other counter of their direction moves."""

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
    for fault in _once([fault for fault in faults(port.frame) if fault.severe and _moves(fault)]):
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


def _moves(fault: Fault) -> bool:
    return fault.total >= STALLED if fault.counter.gauge else bool(fault.since_start)


def _once(moving: list[Fault]) -> Iterator[Fault]:
    """Yield one fault for each kind of event, the driver's own counter first."""
    by_kind: dict[str, Fault] = {}
    for fault in moving:
        kind = _SAME.get(fault.counter.key, fault.counter.key)
        if kind not in by_kind or fault.counter.key == kind:
            by_kind[kind] = fault
    for kind, fault in by_kind.items():
        way = kind.partition("_")[0]
        alone = not any(other != kind and other.startswith(way) for other in by_kind)
        if kind not in _SUMS or alone:
            yield fault


def _evidence(fault: Fault, name: str) -> str:
    counter = fault.counter
    if counter.gauge:
        return f"{counter.key} at {fault.total} {counter.unit} (ethtool -S {name})"
    where = f"ethtool -S {name}" if counter.origin is Origin.DRIVER else counter.origin.value
    return f"{counter.key} grew by {fault.since_start} while watched ({where})"


@check(
    "counters can still count",
    needs=ports(  # InfiniBand's error counters stop at their highest value; Ethernet's go on
        "no counter with a ceiling",
        lambda port: port.is_infiniband and Origin.RDMA_ERRORS in port.now.readings,
    ),
    explains="Old InfiniBand counters are 4, 8 or 16 bits wide and stay at their highest value.",
    normal="below their ceiling",
)
def _stuck(port: PortCase) -> Outcomes:
    device = port.now.port
    for fault in faults(port.frame):
        if fault.stuck:
            reason = (
                f"stands at its ceiling of {fault.total};"
                f" perfquery -R -C {device.rdma} -P {device.rdma_port} (root) starts it again"
            )
            yield port.unknown(fault.counter.key, reason)


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
