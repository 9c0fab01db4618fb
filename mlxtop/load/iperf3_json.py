"""iperf3's JSON: the lines of `--json-stream` (3.17 and later).

https://software.es.net/iperf/invoking.html, `iperf_api.c` and `units.c` of the source.
"""

from __future__ import annotations

import json
from typing import Any

from mlxtop.load.record import table
from mlxtop.model import load
from mlxtop.model.number import real

MICRO, MILLI = 1e-6, 1e-3


def _number(row: object, key: str, scale: float = 1.0) -> float | None:
    """Return a number of an object times `scale`, or None for anything else."""
    value = table(row).get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    number = real(value)
    return None if number is None else number * scale


def _count(row: dict[str, Any], key: str) -> int | None:
    number = _number(row, key)
    return None if number is None or number < 0 else int(number)


def parse_stream_line(line: str) -> list[load.LoadEvent]:
    """Return the events of one `--json-stream` line, none for any other text.

    >>> parse_stream_line('{"event":"error","data":"unable to connect"}')
    [LoadError(text='unable to connect')]
    """
    try:
        outer = table(json.loads(line))
    except (ValueError, RecursionError):
        return []
    data = table(outer.get("data"))
    event: load.LoadEvent | None = None
    match outer.get("event"):
        case "start":
            event = load.LoadStart()
        case "interval":
            event = _interval(data)
        case "end":
            event = _result(data)
        case "error":
            event = load.LoadError(str(outer.get("data") or ""))
    return [] if event is None else [event]


def _interval(data: dict[str, Any]) -> load.LoadInterval | None:
    together, back = table(data.get("sum")), table(data.get("sum_bidir_reverse"))
    start, end, bps = (_number(together, key) for key in ("start", "end", "bits_per_second"))
    if start is None or end is None or bps is None:
        return None
    streams = data.get("streams")
    return load.LoadInterval(
        start=start,
        end=end,
        bps=bps,
        reverse_bps=_number(back, "bits_per_second"),
        retransmits=_count(together, "retransmits"),
        rtt=load.mean(
            _number(row, "rtt", MICRO) for row in (streams if isinstance(streams, list) else ())
        ),
        **_datagrams(together if "lost_packets" in together else back),
        omitted=together.get("omitted") is True,
    )


def _flow(end: dict[str, Any], suffix: str) -> load.FlowResult | None:
    """Return one direction of the `end` table; 3.1 to 3.9 have a lone `sum` for UDP, as sent."""
    sent, received = (table(end.get(f"sum_{side}{suffix}")) for side in ("sent", "received"))
    if not sent and not received:
        return None if suffix else _lone(table(end.get("sum")))
    return load.FlowResult(
        sent_bps=_number(sent, "bits_per_second"),
        received_bps=_number(received, "bits_per_second"),
        retransmits=_count(sent, "retransmits"),
        **_datagrams(received),
    )


def _lone(together: dict[str, Any]) -> load.FlowResult | None:
    bps = _number(together, "bits_per_second")
    if bps is None:
        return None
    datagrams = _datagrams(together)
    lost, packets = datagrams["lost"], datagrams["packets"]
    arrived = bps * (1 - lost / packets) if lost is not None and packets else None
    return load.FlowResult(sent_bps=bps, received_bps=arrived, **datagrams)


def _datagrams(row: dict[str, Any]) -> dict[str, Any]:
    """Return what only UDP has."""
    return {
        "jitter": _number(row, "jitter_ms", MILLI),
        "lost": _count(row, "lost_packets"),
        "packets": _count(row, "packets"),
    }


def _result(end: dict[str, Any]) -> load.LoadResult | None:
    flow = _flow(end, "")
    if flow is None:
        return None
    cpu = end.get("cpu_utilization_percent")
    return load.LoadResult(
        seconds=_number(table(end.get("sum_sent")) or end.get("sum"), "seconds"),
        flow=flow,
        reverse=_flow(end, "_bidir_reverse"),
        cpu_local=_number(cpu, "host_total"),
        cpu_remote=_number(cpu, "remote_total"),
    )
