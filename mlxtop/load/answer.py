"""The one sentence that a measurement ends in: TCP, RDMA and latency against what is usable."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mlxtop.analysis.limits import gbps
from mlxtop.load.measure_log import latency_us
from mlxtop.load.record import Line, number

GAIN = 1.1
"""Factor by which several streams have to beat one for that one to be told to be full."""
LOSS = 0.001
"""Share of lost datagrams from which it is told."""


def sentence(rows: Sequence[Line]) -> str:
    """Return the answer, as far as the rows have one.

    >>> tcp = {"group": "TCP", "streams": 1, "bps": 46.5e9, "ceiling_bps": 58.4e9}
    >>> more = tcp | {"streams": 8, "bps": 57.9e9}
    >>> sentence([tcp, more])
    'TCP 46.5 of 58.4 Gb/s usable: one core a stream is full; 8 streams reach 57.9.'
    """
    good = [row for row in rows if not row.get("failed")]
    parts = [*_heat(rows), *_tcp(good), *_mtu(good), *_udp(good), *_rdma(good), *_latency(good)]
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
    if hot:
        yield f"Too hot in {len(hot)} of {len(rows)} tests: what follows may be too little"


def _tcp(rows: Sequence[Line]) -> Iterator[str]:
    one_way = [row for row in _of(rows, "TCP") if number(row.get("reverse_bps")) is None]
    if not one_way:
        return
    ceilings = [c for row in one_way if (c := number(row.get("ceiling_bps"))) is not None]
    usable = f" of {gbps(max(ceilings))}" if ceilings else ""
    sent = [row for row in one_way if row.get("direction") != "receive"] or one_way
    best = max(sent, key=_rate)
    single = max((row for row in sent if row.get("streams") == 1), key=_rate, default=best)
    streams = number(best.get("streams")) or 0.0
    if streams > 1 and _rate(best) >= GAIN * _rate(single):
        text = f"TCP {gbps(_rate(single))}{usable} Gb/s usable: one core a stream is full"
        text += f"; {streams:.0f} streams reach {gbps(_rate(best))}"
    else:
        text = f"TCP {gbps(_rate(best))}{usable} Gb/s usable{_limited(best)}"
    back = max((_rate(row) for row in one_way if row.get("direction") == "receive"), default=0.0)
    apart = sent is not one_way and not 1 / GAIN <= back / _rate(best) <= GAIN
    yield f"{text}; the other way {gbps(back)}" if back and apart else text


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


def _udp(rows: Sequence[Line]) -> Iterator[str]:
    udp = _of(rows, "UDP")
    if not udp:
        return
    best = max(udp, key=_rate)
    result = best.get("result")
    figures = result if isinstance(result, dict) else {}
    lost, packets = number(figures.get("lost")), number(figures.get("packets"))
    share = lost / packets if lost is not None and packets else 0.0
    yield f"UDP {gbps(_rate(best))}" + (f" with {100 * share:.1f} % lost" if share >= LOSS else "")


def _rdma(rows: Sequence[Line]) -> Iterator[str]:
    rdma = _of(rows, "RDMA")
    if rdma:
        yield f"RDMA {gbps(max(map(_rate, rdma)))}"


def _latency(rows: Sequence[Line]) -> Iterator[str]:
    """Yield the shortest latency over RDMA, else of TCP, else half a round trip of ping."""
    latencies = [row for row in rows if row.get("group") == "latency"]
    rdma = [row for row in latencies if str(row.get("tool")).startswith("ib_")]
    rest = [row for row in latencies if row.get("tool") == "qperf"]
    for part, what in ((rdma, ""), (rest, "")):
        figures = [us for row in part if (us := latency_us(row, "typical", "average")) is not None]
        if figures:
            yield f"Latency {min(figures):.1f} µs{what}"
            return
    trips = [us for row in latencies if (us := latency_us(row, "typical", "average")) is not None]
    if trips:
        yield f"Round trip {min(trips):.0f} µs"
