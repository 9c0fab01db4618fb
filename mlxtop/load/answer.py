"""The one sentence that a measurement ends in: TCP, RDMA and latency against what is usable."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mlxtop.analysis.limits import gbps
from mlxtop.analysis.verdict import Limit
from mlxtop.load.measure_log import latency_us
from mlxtop.load.record import Line, number, table
from mlxtop.model.load import Tool

GAIN = 1.1
"""Factor by which several streams have to beat one for that one to be told to be full."""
LOSS = 0.001
"""Share of lost datagrams from which it is told."""
BUSY_PERCENT = 90.0
"""Percent of a core from which a tool with one stream is kept from sending more by it."""


def sentence(rows: Sequence[Line]) -> str:
    """Return the answer, as far as the rows have one.

    >>> tcp = {"group": "TCP", "streams": 1, "bps": 46.5e9, "ceiling_bps": 58.4e9}
    >>> more = tcp | {"streams": 8, "bps": 57.9e9}
    >>> tcp["limited_by"] = "CPU"
    >>> sentence([tcp, more])
    'TCP 46.5 of 58.4 Gb/s usable: one core a stream is full; 8 streams reach 57.9.'
    """
    good = [row for row in rows if not row.get("failed")]
    rates = [*_tcp(good), *_mtu(good)]
    rates += _best(good, "UDP", alone=not rates)
    rates += _best(good, "RDMA", alone=not rates)
    parts = [*_heat(rows), *rates, *_latency(good)]
    missing = sum(1 for row in rows if row.get("failed"))
    if missing:
        parts.append(f"{missing} of {len(rows)} tests failed")
    return " ".join(f"{part}." for part in parts) or "Nothing was measured."


def _rate(row: Line) -> float:
    return number(row.get("bps")) or 0.0


def _of(rows: Sequence[Line], group: str) -> list[Line]:
    return [row for row in rows if row.get("group") == group and _rate(row) > 0]


def _heat(rows: Sequence[Line]) -> Iterator[str]:
    hot = [row for row in rows if row.get("hot")]
    stopped = [row for row in rows if row.get("stopped")]
    if stopped:
        yield f"The heat guard stopped {len(stopped)} of {len(rows)} tests"
    elif hot:
        yield f"Too hot in {len(hot)} of {len(rows)} tests: a warning limit was reached"


def _tcp(rows: Sequence[Line]) -> Iterator[str]:
    one_way = [row for row in _of(rows, "TCP") if number(row.get("reverse_bps")) is None]
    if not one_way:
        return
    ceilings = [c for row in one_way if (c := number(row.get("ceiling_bps"))) is not None]
    usable = f" of {gbps(max(ceilings))} Gb/s usable" if ceilings else " Gb/s"
    sent = [row for row in one_way if row.get("direction") != "receive"] or one_way
    best = max(sent, key=_rate)
    single = max((row for row in sent if row.get("streams") == 1), key=_rate, default=best)
    streams = number(best.get("streams")) or 0.0
    if streams > 1 and _rate(best) >= GAIN * _rate(single):
        why = ": one core a stream is full" if _fills_core(single) else " by one stream"
        text = f"TCP {gbps(_rate(single))}{usable}{why}"
        text += f"; {streams:.0f} streams reach {gbps(_rate(best))}"
    else:
        text = f"TCP {gbps(_rate(best))}{usable}{_limited(best)}"
    back = _other_way(one_way)
    yield text if back is None else f"{text}; the other way {gbps(back)}"


def _other_way(rows: Sequence[Line]) -> float | None:
    """Return what is received, where that is another rate than what as many streams send."""
    best: dict[tuple[bool, float | None], float] = {}
    for row in rows:
        key = row.get("direction") == "receive", number(row.get("streams"))
        best[key] = max(best.get(key, 0.0), _rate(row))
    for (received, streams), rate in best.items():
        sent = best.get((False, streams))
        if received and sent is not None and not 1 / GAIN <= rate / sent <= GAIN:
            return rate
    return None


def _fills_core(row: Line) -> bool:
    """Return whether a core at either end was full under a test's only stream."""
    result = table(row.get("result"))
    ends = (number(result.get(f"cpu_{end}_percent")) or 0.0 for end in ("local", "remote"))
    return row.get("limited_by") == Limit.CPU or max(ends) >= BUSY_PERCENT


def _limited(row: Line) -> str:
    limit, ceiling = row.get("limited_by"), number(row.get("ceiling_bps"))
    if ceiling and _rate(row) >= 0.9 * ceiling:
        return ""
    return f", limited by {limit}" if isinstance(limit, str) else ""


def _mtu(rows: Sequence[Line]) -> Iterator[str]:
    """Yield what packets of another size make of as many streams of TCP, the fewest measured."""
    best: dict[float, dict[float, float]] = {}
    """Rates by streams and MTU."""
    for row in _of(rows, "TCP"):
        streams, mtu = number(row.get("streams")), number(row.get("mtu"))
        one_way = row.get("direction") == "send" and number(row.get("reverse_bps")) is None
        if streams is not None and mtu is not None and one_way:
            sizes = best.setdefault(streams, {})
            sizes[mtu] = max(sizes.get(mtu, 0.0), _rate(row))
    for _, sizes in sorted(best.items()):
        if len(sizes) > 1:
            low, high = min(sizes), max(sizes)
            if 1 / GAIN < sizes[high] / sizes[low] < GAIN:
                yield f"MTU {low:.0f} carries as much as MTU {high:.0f}"
            else:
                yield f"MTU {low:.0f} {gbps(sizes[low])}, MTU {high:.0f} {gbps(sizes[high])}"
            return


def _best(rows: Sequence[Line], group: str, *, alone: bool) -> Iterator[str]:
    """Yield the best rate of UDP or RDMA; `alone`, nothing has told unit and ceiling yet."""
    group_rows = _of(rows, group)
    if not group_rows:
        return
    best = max(group_rows, key=_rate)
    text, ceiling = f"{group} {gbps(_rate(best))}", number(best.get("ceiling_bps"))
    if alone:
        text += " Gb/s" if ceiling is None else f" of {gbps(ceiling)} Gb/s usable"
    result = table(best.get("result"))
    lost, packets = number(result.get("lost")), number(result.get("packets"))
    share = lost / packets if lost is not None and packets else 0.0
    yield text + (f" with {100 * share:.1f} % lost" if share >= LOSS else "")


def _latency(rows: Sequence[Line]) -> Iterator[str]:
    """Yield the shortest latency over RDMA, else of TCP or UDP, else a round trip of ping.

    perftest's medians come before qperf's averages.
    """
    figures: dict[str, list[float]] = {}
    for row in rows:
        us = latency_us(row, "typical", "average")
        if row.get("group") == "latency" and us is not None:
            figures.setdefault(_path(row), []).append(us)
    words = {"RDMA": "Latency", "qperf RDMA": "Latency", "TCP": "TCP latency", "UDP": "UDP latency"}
    for path, title in words.items():
        if path in figures:
            yield f"{title} {min(figures[path]):.1f} µs"
            return
    if trips := figures.get("ping"):
        yield f"Round trip {min(trips):.0f} µs"


def _path(row: Line) -> str:
    """Return what a latency was measured over: `RDMA`, `qperf RDMA`, `TCP`, `UDP`, `ping`."""
    tool = row.get("tool")
    if tool != Tool.QPERF:
        return "ping" if tool == Tool.PING else "RDMA"
    transport = str(row.get("test") or row.get("key") or "tcp").split("_")[0].split("-")[0]
    return transport.upper() if transport in ("tcp", "udp") else "qperf RDMA"
