"""Counters of RoCE's transport, and where packets wait on the way into memory.

NVIDIA, Understanding mlx5 Linux counters and status parameters; drivers/infiniband/hw/mlx5/
counters.c, drivers/infiniband/hw/mlx4/main.c (diag_basic)
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from mlxtop.model.catalogue import CATALOGUE, RDMA, STALLED_RD, STALLED_WR, counters_of
from mlxtop.model.counters import Counter, Origin, Schema
from mlxtop.model.frame import PortFrame

NOTIFICATIONS = (
    *("np_ecn_marked_roce_packets", "np_cnp_sent", "rp_cnp_handled", "rp_cnp_ignored"),
    *("roce_slow_restart", "roce_slow_restart_trans", "roce_slow_restart_cnps"),
)
"""`hw_counters` of congestion control."""
RETRIES = (
    *("out_of_sequence", "packet_seq_err", "implied_nak_seq_err", "duplicate_request"),
    *("local_ack_timeout_err", "roce_adp_retrans", "roce_adp_retrans_to", "rnr_nak_retry_err"),
    *("rx_icrc_encapsulated", "out_of_buffer"),
    *("rq_num_oos", "sq_num_oos", "rq_num_dup", "sq_num_to", "sq_num_rnr", "rq_num_rnr"),
    "sq_num_tree",
)
"""`hw_counters` of loss, repetition and receivers that were not ready; the last are mlx4's."""


class Queue(NamedTuple):
    """The busiest receive queue of the kernel's network stack."""

    number: int
    share: float
    """Of all packets that the queues received."""
    packets: float
    """A second."""
    of: int
    """Queues that there are."""


def hardware(frame: PortFrame, keys: tuple[str, ...]) -> tuple[Counter, ...]:
    """Return those of `hw_counters` that the port has, by their names."""
    reading = frame.now.readings.get(Origin.RDMA_HW)
    return _hardware(reading.schema, keys) if reading is not None else ()


@lru_cache(maxsize=64)
def _hardware(schema: Schema, keys: tuple[str, ...]) -> tuple[Counter, ...]:
    return tuple(CATALOGUE[Origin.RDMA_HW, key] for key in keys if key in schema.index)


def marked_share(frame: PortFrame) -> float | None:
    """Return the share of the RDMA packets received that had an ECN mark; None without any."""
    packets = frame.rate(RDMA.rx_packets)
    marks = frame.rate(CATALOGUE[Origin.RDMA_HW, "np_ecn_marked_roce_packets"])
    return min(marks / packets, 1.0) if packets and marks is not None else None


def stalls(frame: PortFrame) -> dict[str, int]:
    """Return the percent of the last second for which the card waited for PCIe, by direction."""
    values = {"rx": frame.total(STALLED_WR), "tx": frame.total(STALLED_RD)}
    return {way: value for way, value in values.items() if value is not None}


@lru_cache(maxsize=64)
def _queues(schema: Schema) -> tuple[Counter, ...]:
    counters = counters_of(Origin.DRIVER, schema)
    return tuple(counter for counter in counters if counter.family == "rx{n}_packets")


def hottest_queue(frame: PortFrame) -> Queue | None:
    """Return the receive queue with the most packets; None where none is counted or none came."""
    reading = frame.now.readings.get(Origin.DRIVER)
    counters = _queues(reading.schema) if reading is not None else ()
    rates = {counter.number or 0: frame.rate(counter) or 0.0 for counter in counters}
    together = sum(rates.values())
    if not together:
        return None
    number = max(rates, key=rates.__getitem__)
    return Queue(number, rates[number] / together, rates[number], len(rates))
