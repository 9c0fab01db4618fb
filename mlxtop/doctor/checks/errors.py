"""Error counters, trouble in the kernel log, and what limits the traffic that runs now."""

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
from mlxtop.model.incident import Incident, IncidentKind

_COUNTERS = "https://docs.kernel.org/networking/device_drivers/ethernet/mellanox/mlx5/counters.html"
_LOG = "dmesg; drivers/net/ethernet/mellanox in the kernel"
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

_ADVICE: Mapping[IncidentKind, tuple[str, str]] = {
    IncidentKind.POWER: (
        "the card may not power its modules, or not start at all",
        "connect the extra 12 V supply of the riser or M.2 adapter, or use a full slot",
    ),
    IncidentKind.HEALTH: (
        "the card's firmware failed; links drop and commands hang",
        "note the lines for the maker, then power the machine off and on; look for new firmware",
    ),
    IncidentKind.OVERHEAT: (
        "the card or module was over its limit, and may have switched itself off",
        "improve the airflow; look at the temperatures under load",
    ),
    IncidentKind.MODULE_FAULT: (
        "the module does not work or was refused",
        "reseat it, try it in another port, then replace it",
    ),
}
_MENDED: Mapping[IncidentKind, tuple[IncidentKind, ...]] = {
    IncidentKind.MODULE_FAULT: (IncidentKind.MODULE_PLUGGED, IncidentKind.LINK_UP)
}
"""Trouble to the later events that show that it is over."""
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
    "kernel log",
    needs=ALWAYS,
    explains="Drivers write to the kernel log when a module is refused, power is missing, the card"
    " is too hot or its firmware has failed.",
    normal="nothing of this since the last start, or a sign that it is over",
)
def _log(case: Case) -> Outcomes:
    if reason := case.absent.get("kernel log"):
        yield case.unknown("kernel log", reason)
    names: dict[str | None, str] = {}
    for port in case.each():
        for key in filter(None, (port.now.port.function, port.now.port.netdev)):
            names.setdefault(key, port.name)
    newest: dict[tuple[str, IncidentKind], Incident] = {}
    for incident in case.incidents:
        owner = names.get(incident.device) or names.get(incident.ifname)
        if owner is None:
            continue
        for kind, signs in _MENDED.items():
            if incident.kind in signs:
                newest.pop((owner, kind), None)
        if incident.kind in _ADVICE and incident.severity is not Severity.NOTE:
            newest[owner, incident.kind] = incident
    for (name, kind), incident in newest.items():
        why, advice = _ADVICE[kind]
        when = "" if incident.tick is None else f", {incident.tick:.0f} s after the start"
        evidence = f"{incident.text} ({incident.source}{when})"
        yield Finding(incident.severity, name, evidence, why, advice, _LOG)


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
            f"{measured.direction} {gbps(measured.rate)} Gb/s measured, limited by"
            f" {verdict.limit}: {verdict.detail}",
            why,
            advice,
            _TUNING,
        )
    if not busy:
        yield Nothing("little traffic")
