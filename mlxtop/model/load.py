"""What a throughput test says while it runs and at its end, whatever tool ran it.

The words are iperf3's: `sent` is what the sending side put into its sockets, `received` what the
other side got out of them. A test has one direction of its own; a bidirectional one has a second,
`reverse`, from the far end to this host.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Tool(StrEnum):
    """The program that makes the load."""

    IPERF3 = "iperf3"
    IB_WRITE_BW = "ib_write_bw"
    IB_READ_BW = "ib_read_bw"
    IB_SEND_BW = "ib_send_bw"
    IB_SEND_LAT = "ib_send_lat"


class Direction(StrEnum):
    """Which way the data goes, seen from this host."""

    SEND = "send"
    RECEIVE = "receive"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class LoadStart:
    """The test has begun: what the tool says of itself and of what it does."""

    version: str | None = None
    protocol: str | None = None
    """TCP or UDP; None where the tool does not say."""
    streams: int | None = None
    host: str | None = None
    port: int | None = None
    reverse: bool = False
    bidir: bool = False
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class LoadInterval:
    """What was carried in one report interval, all streams together."""

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
        """Length of the interval."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class FlowResult:
    """One direction over the whole test; None for what a side did not tell."""

    sent_bps: float | None = None
    received_bps: float | None = None
    retransmits: int | None = None
    sent_bytes: int | None = None
    received_bytes: int | None = None
    lost: int | None = None
    packets: int | None = None
    jitter: float | None = None
    """Seconds."""


@dataclass(frozen=True, slots=True)
class Latency:
    """A latency test's figures, seconds; a test of fixed duration tells the average alone."""

    minimum: float | None = None
    maximum: float | None = None
    typical: float | None = None
    average: float | None = None
    deviation: float | None = None
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


@dataclass(frozen=True, slots=True)
class LoadError:
    """What went wrong, in the tool's words."""

    text: str


LoadEvent = LoadStart | LoadInterval | LoadResult | LoadError


def total(values: Iterable[float | None]) -> float | None:
    """The sum of what is known; None when nothing is.

    >>> total([1.0, None, 2.0]), total([None])
    (3.0, None)
    """
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _count(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def join_intervals(parts: Sequence[LoadInterval]) -> LoadInterval:
    """The same interval of several processes as one: rates and counts add up."""
    if len(parts) == 1:
        return parts[0]
    return LoadInterval(
        start=min(part.start for part in parts),
        end=max(part.end for part in parts),
        bps=sum(part.bps for part in parts),
        reverse_bps=total(part.reverse_bps for part in parts),
        retransmits=_count(part.retransmits for part in parts),
        rtt=_mean(part.rtt for part in parts),
        jitter=_mean(part.jitter for part in parts),
        lost=_count(part.lost for part in parts),
        packets=_count(part.packets for part in parts),
        omitted=parts[0].omitted,
    )


def join_flows(parts: Sequence[FlowResult]) -> FlowResult:
    """One direction over several processes; a rate that one of them lacks is unknown."""

    def every(value: Callable[[FlowResult], float | None]) -> float | None:
        values = [value(part) for part in parts]
        return None if None in values else total(values)

    return FlowResult(
        sent_bps=every(lambda part: part.sent_bps),
        received_bps=every(lambda part: part.received_bps),
        retransmits=_count(part.retransmits for part in parts),
        sent_bytes=_count(part.sent_bytes for part in parts),
        received_bytes=_count(part.received_bytes for part in parts),
        lost=_count(part.lost for part in parts),
        packets=_count(part.packets for part in parts),
        jitter=_mean(part.jitter for part in parts),
    )


def join_results(parts: Sequence[LoadResult]) -> LoadResult:
    """The results of processes that ran side by side."""
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
    )
