"""Reports of a throughput test while it runs and at its end, whatever tool runs it.

The words are iperf3's: `sent` is what the sending side put into its sockets, `received` what the
other side got out of them. A test has one direction of its own; a bidirectional one has a second,
`reverse`, from the far end to this host.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar


class Tool(StrEnum):
    """The program that makes the load."""

    IPERF3 = "iperf3"
    IPERF = "iperf"
    NUTTCP = "nuttcp"
    QPERF = "qperf"
    PING = "ping"
    IB_WRITE_BW = "ib_write_bw"
    IB_READ_BW = "ib_read_bw"
    IB_SEND_BW = "ib_send_bw"
    IB_ATOMIC_BW = "ib_atomic_bw"
    IB_WRITE_LAT = "ib_write_lat"
    IB_READ_LAT = "ib_read_lat"
    IB_SEND_LAT = "ib_send_lat"
    IB_ATOMIC_LAT = "ib_atomic_lat"

    @property
    def perftest(self) -> bool:
        """Return whether it belongs to perftest, which measures RDMA alone."""
        return self.startswith("ib_")

    @property
    def latency(self) -> bool:
        """Return whether it measures times; qperf does both."""
        return self.endswith("_lat") or self is Tool.PING


class Direction(StrEnum):
    """The way of the data, from this host."""

    SEND = "send"
    RECEIVE = "receive"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class LoadStart:
    """The far end has answered and the test begins."""


@dataclass(frozen=True, slots=True)
class LoadInterval:
    """The data of one report interval, all streams together."""

    start: float
    """Seconds since the test began to count."""
    end: float
    bps: float
    """The test's own direction, bit/s, as the side saw it that reports."""
    reverse_bps: float | None = None
    """The other direction of a bidirectional test, as received here, bit/s."""
    retransmits: int | None = None
    """TCP segments sent again; only a sender knows."""
    rtt: float | None = None
    """Mean round trip over the sending streams, seconds."""
    jitter: float | None = None
    """UDP, seconds."""
    lost: int | None = None
    packets: int | None = None
    omitted: bool = False
    """Warm-up that `--omit` leaves out of the result; its time counts apart, from 0."""

    @property
    def seconds(self) -> float:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class FlowResult:
    """One direction over the whole test; None for what a side did not report."""

    sent_bps: float | None = None
    received_bps: float | None = None
    retransmits: int | None = None
    lost: int | None = None
    packets: int | None = None
    jitter: float | None = None
    """Seconds."""

    @property
    def bps(self) -> float | None:
        """Return bit/s as received, else as sent."""
        return self.sent_bps if self.received_bps is None else self.received_bps


@dataclass(frozen=True, slots=True)
class Latency:
    """A latency test's figures, seconds; a test of fixed duration has the average alone."""

    min: float | None = None
    max: float | None = None
    typical: float | None = None
    average: float | None = None
    p99: float | None = None
    p999: float | None = None


@dataclass(frozen=True, slots=True)
class LoadResult:
    """The whole test."""

    seconds: float | None
    flow: FlowResult
    reverse: FlowResult | None = None
    cpu_local: float | None = None
    """Percent of one core that the tool used here."""
    cpu_remote: float | None = None
    latency: Latency | None = None
    setup: Mapping[str, str] = field(default_factory=dict)
    """Settings as the tool names them, `rdma_cm QPs`; empty where it prints none."""


@dataclass(frozen=True, slots=True)
class LoadError:
    """A failure, in the tool's words."""

    text: str


LoadEvent = LoadStart | LoadInterval | LoadResult | LoadError


N = TypeVar("N", int, float)


def total(values: Iterable[N | None]) -> N | None:
    """Return the sum of the numbers, or None where there are none."""
    numbers = [value for value in values if value is not None]
    return sum(numbers) if numbers else None


def every(values: Iterable[N | None]) -> N | None:
    """Return the sum of the numbers, or None where one is missing.

    >>> every((1, 2)), every((1, None))
    (3, None)
    """
    numbers = list(values)
    return None if None in numbers else total(numbers)


def mean(values: Iterable[float | None]) -> float | None:
    """Return the mean of the numbers, or None where there are none."""
    numbers = [value for value in values if value is not None]
    return sum(numbers) / len(numbers) if numbers else None


def join_intervals(parts: Sequence[LoadInterval]) -> LoadInterval:
    """Return the same interval of several processes as one: rates and counts add up."""
    if len(parts) == 1:
        return parts[0]
    return LoadInterval(
        start=min(part.start for part in parts),
        end=max(part.end for part in parts),
        bps=sum(part.bps for part in parts),
        reverse_bps=total(part.reverse_bps for part in parts),
        retransmits=total(part.retransmits for part in parts),
        rtt=mean(part.rtt for part in parts),
        jitter=mean(part.jitter for part in parts),
        lost=every(part.lost for part in parts),
        packets=total(part.packets for part in parts),
        omitted=parts[0].omitted,
    )


def join_flows(parts: Sequence[FlowResult]) -> FlowResult:
    """Return one direction over several processes; what one of them lacks is unknown."""
    return FlowResult(
        sent_bps=every(part.sent_bps for part in parts),
        received_bps=every(part.received_bps for part in parts),
        retransmits=total(part.retransmits for part in parts),
        lost=every(part.lost for part in parts),
        packets=total(part.packets for part in parts),
        jitter=mean(part.jitter for part in parts),
    )


def join_results(parts: Sequence[LoadResult]) -> LoadResult:
    """Return the results of processes that ran side by side as one."""
    if len(parts) == 1:
        return parts[0]
    reverses = [part.reverse for part in parts if part.reverse is not None]
    return LoadResult(
        seconds=max((part.seconds for part in parts if part.seconds is not None), default=None),
        flow=join_flows([part.flow for part in parts]),
        reverse=join_flows(reverses) if reverses else None,
        cpu_local=total(part.cpu_local for part in parts),
        cpu_remote=total(part.cpu_remote for part in parts),
        latency=parts[0].latency,
        setup=parts[0].setup,
    )


DAY_S = 86400
LEAST_BITS = 1000.0

_SECONDS = re.compile(r"(\d{1,6}) ?(s|m|h)?", re.ASCII)
_BITS = re.compile(r"(\d{1,6}(?:\.\d{1,6})?) ?([KMGT]?)", re.ASCII | re.IGNORECASE)
_STEPS = {"": 1.0, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}


def typed_seconds(text: str) -> int:
    """Return whole seconds: of a number, or one with s, m or h. Raises ValueError.

    >>> typed_seconds("90"), typed_seconds("15m")
    (90, 900)
    """
    match = _SECONDS.fullmatch(text)
    seconds = int(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2] or "s"] if match else 0
    if not 1 <= seconds <= DAY_S:
        raise ValueError(f"{text!r} is no time from 1s to 24h (like 30, 15m, 1h)")
    return seconds


_SIZE = re.compile(r"(\d{1,9}) ?([KMG]?)", re.ASCII | re.IGNORECASE)
_BINARY = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
MOST_BYTES = 1 << 50


def typed_size(text: str) -> int:
    """Return bytes: of `64`, `8K`, `50G`, in powers of 1024. Raises ValueError.

    >>> typed_size("8k"), typed_size("65536")
    (8192, 65536)
    """
    match = _SIZE.fullmatch(text)
    size = int(match[1]) * _BINARY[match[2].upper()] if match else 0
    if not 1 <= size <= MOST_BYTES:
        raise ValueError(f"{text!r} is no number of bytes (like 64, 8K, 50G)")
    return size


def typed_bits(text: str) -> float:
    """Return bit/s: of `10G`, `500M`. Raises ValueError.

    >>> typed_bits("2.5G")
    2500000000.0
    """
    match = _BITS.fullmatch(text)
    bits = float(match[1]) * _STEPS[match[2].upper()] if match else 0.0
    if bits < LEAST_BITS:
        raise ValueError(f"{text!r} is no rate in bit/s (like 500M, 10G)")
    return bits
