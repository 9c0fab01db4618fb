"""Error counters that moved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from mlxtop.model.catalogue import counters_of
from mlxtop.model.counters import Counter, Origin, Schema, Severity
from mlxtop.model.frame import PortFrame
from mlxtop.model.sample import Reading


@lru_cache(maxsize=256)
def fault_counters(origin: Origin, schema: Schema) -> tuple[Counter, ...]:
    """Return the error counters of a table, members of families too."""
    return tuple(counter for counter in counters_of(origin, schema) if counter.severity)


class Fault(NamedTuple):
    """An error counter with what it did.

    `rate` is in events/s (None over a gap), `since_start` the events since the program started or
    `z` was pressed, `total` the kernel's lifetime figure. A gauge has its value in `total` alone.
    """

    counter: Counter
    rate: float | None
    since_start: int | None
    total: int
    stuck: bool

    @property
    def moving(self) -> bool:
        """Return whether it went on in the last interval."""
        return bool(self.rate) or (self.counter.gauge and self.total > 0)

    @property
    def severe(self) -> bool:
        return self.counter.severity in (Severity.WARNING, Severity.CRITICAL)


def faults(frame: PortFrame) -> list[Fault]:
    """Return every error counter of a port that is not zero, those that moved first."""
    moved = [fault for fault in watched(frame) if fault.total]
    return sorted(moved, key=lambda fault: (not fault.moving, not fault.since_start))


def watched(frame: PortFrame) -> list[Fault]:
    """Return every error counter of a port that can be read, those that are 0 too."""
    return [
        Fault(
            counter,
            frame.rate(counter),
            None if counter.gauge else frame.since_start(counter),
            total,
            frame.stuck(counter),
        )
        for origin, reading in meaningful(frame)
        for counter in fault_counters(origin, reading.schema)
        if (total := frame.total(counter)) is not None
    ]


_SAME_EVENT: Mapping[str, str] = {
    **dict.fromkeys(("rx_crc_errors_phy", "rx_symbol_err_phy", "rx_pcs_symbol_err_phy"), "line"),
    **dict.fromkeys(("FrameCheckSequenceErrors", "SymbolErrorDuringCarrier"), "line"),
    **dict.fromkeys(("rx_errors", "rx_crc_errors", "rx_length_errors"), "rx_errors"),
    **dict.fromkeys(("tx_errors", "tx_aborted_errors"), "tx_errors"),
}
"""Counters of one table that tell of the same event; what was lost on the line is in three."""
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
_PARTS: Mapping[str, tuple[str, ...]] = {
    "rx_errors": (*("rx_crc_errors_phy", "rx_oversize_pkts_phy", "rx_out_of_range_len_phy"),),
    "tx_errors": ("tx_aborted_errors",),
}
"""Sums of the network device, and what drivers add up to them."""
_FEW_AT_BOOT = ("rx_pci_signal_integrity", "tx_pci_signal_integrity")
"""Counters that are seldom 0 after a healthy start: only their growth counts."""


def by_event(faults: Iterable[Fault]) -> list[tuple[Fault, list[Fault]]]:
    """Return faults, one for each kind of event, each with those that counted the same events.

    The driver's own counter comes before those of other tables. A sum of other counters stands
    beside the first of its parts.
    """
    kinds: dict[str, list[Fault]] = {}
    for fault in faults:
        kinds.setdefault(_SAME.get(fault.counter.key, fault.counter.key), []).append(fault)
    for kind, same in kinds.items():
        same.sort(key=lambda fault: fault.counter.key != kind)
    for total, parts in _PARTS.items():
        part = next((one for one in parts if one in kinds), None)
        if total in kinds and part is not None:
            kinds[part] += kinds.pop(total)
    return [(same[0], same[1:]) for same in kinds.values()]


def severe_since_start(frame: PortFrame) -> tuple[int | None, bool]:
    """Return events of more than a note since the start, and whether any goes on now.

    The tables overlap (a wrong frame check sequence is in three of them), so that the largest
    table counts. None where no table with error counters could be read.
    """
    most, moving = None, False
    for origin, reading in meaningful(frame):
        most = most or 0
        start = frame.start.get(origin)
        if start is None or start.values == reading.values:
            continue
        events: dict[str, int] = {}
        for counter, place in _severe(origin, reading.schema):
            if start.schema is reading.schema and start.values[place] == reading.values[place]:
                continue
            if since := frame.since_start(counter):
                _count(events, counter, since)
                moving = moving or bool(frame.gain(counter))
        most = max(most, sum(events.values()))
    return most, moving


def severe_since_boot(frame: PortFrame) -> int | None:
    """Return the kernel's totals of errors that are more than a note, of the largest table."""
    most = None
    for origin, reading in meaningful(frame):
        events: dict[str, int] = {}
        for counter, _ in _severe(origin, reading.schema):
            if counter.key not in _FEW_AT_BOOT:
                _count(events, counter, frame.total(counter) or 0)
        most = max(most or 0, sum(events.values()))
    return most


def _count(events: dict[str, int], counter: Counter, count: int) -> None:
    """Add a counter to events by kind: of those that tell of the same ones the largest counts."""
    kind = _SAME_EVENT.get(counter.key, counter.key)
    events[kind] = max(events.get(kind, 0), count)


@lru_cache
def _severe(origin: Origin, schema: Schema) -> tuple[tuple[Counter, int], ...]:
    """Return the counters of a table that are more than a note, and their places in it."""
    return tuple(
        (counter, schema.index[counter.key])
        for counter in fault_counters(origin, schema)
        if counter.severity is not Severity.NOTE and not counter.gauge
    )


def meaningful(frame: PortFrame) -> Iterable[tuple[Origin, Reading]]:
    """Return the tables that count on this link: the errors of RDMA do so on InfiniBand alone."""
    tables = frame.now.readings
    if Origin.RDMA_ERRORS not in tables or frame.now.link.is_infiniband:
        return tables.items()
    return [table for table in tables.items() if table[0] is not Origin.RDMA_ERRORS]
