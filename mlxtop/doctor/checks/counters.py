"""Error counters that move, and those that no longer can."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mlxtop.analysis.faults import Fault, faults
from mlxtop.analysis.verdict import STALLED
from mlxtop.doctor.check import Case, CouldNotTell, Finding, Outcome
from mlxtop.doctor.checks.needs import is_infiniband, needs
from mlxtop.doctor.explanations import counter_topic
from mlxtop.model.counters import Origin, Severity
from mlxtop.model.frame import PortFrame

_COUNTERS = "https://docs.kernel.org/networking/device_drivers/ethernet/mellanox/mlx5/counters.html"
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
"""Sums of other counters: told only where nothing tells more."""


def check_counters(case: Case) -> Iterator[Outcome]:
    """No error counter grows; what it counted before does not matter."""
    for name, frame, _ in case.each():
        if not any(origin in frame.before for origin in frame.now.readings):
            yield CouldNotTell(f"{name}: error counters", "growth needs two readings")
            continue
        moving = [fault for fault in faults(frame) if fault.severe and _growing(fault)]
        for fault in _once(moving):
            yield Finding(
                fault.counter.severity or Severity.WARNING,
                name,
                _seen(fault, name),
                fault.counter.help,
                fault.counter.advice,
                _COUNTERS,
                counter_topic(fault.counter),
            )


def _growing(fault: Fault) -> bool:
    if fault.counter.gauge:
        return fault.total >= STALLED
    return bool(fault.since_start)


def _once(moving: list[Fault]) -> Iterator[Fault]:
    """One fault for each kind of event, the driver's own counter first."""
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


def _has_ceiling(frame: PortFrame) -> bool:
    """InfiniBand's error counters stop at their highest value; those of Ethernet go on."""
    return is_infiniband(frame) and Origin.RDMA_ERRORS in frame.now.readings


def _seen(fault: Fault, name: str) -> str:
    counter = fault.counter
    if counter.gauge:
        return f"{counter.key} at {fault.total} {counter.unit} (ethtool -S {name})"
    where = f"ethtool -S {name}" if counter.origin is Origin.DRIVER else counter.origin.value
    return f"{counter.key} grew by {fault.since_start} while watched ({where})"


@needs("no counter with a ceiling", _has_ceiling)
def check_stuck(case: Case) -> Iterator[Outcome]:
    """Counters at their ceiling count no more: their silence proves nothing."""
    for name, frame, _ in case.each():
        for fault in faults(frame):
            if fault.stuck:
                yield CouldNotTell(
                    f"{name}: {fault.counter.key}",
                    f"stands at its ceiling of {fault.total}; {_reset(frame)} starts it again",
                )


def _reset(frame: PortFrame) -> str:
    port = frame.now.port
    return f"perfquery -R -C {port.rdma} -P {port.rdma_port} (root)"
