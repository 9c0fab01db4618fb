"""iperf3's JSON: the lines of `--json-stream` (3.17 and later).

https://software.es.net/iperf/invoking.html, `iperf_api.c` and `units.c` of the source.
"""

from __future__ import annotations

import json
from typing import Any

from mlxtop.model.load import (
    FlowResult,
    LoadError,
    LoadEvent,
    LoadInterval,
    LoadResult,
    LoadStart,
    mean,
)
from mlxtop.model.number import real

MICRO, MILLI = 1e-6, 1e-3


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _number(value: object, scale: float = 1.0) -> float | None:
    """Return a number times `scale`, or None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    number = real(value)
    return None if number is None else number * scale


def _count(value: object) -> int | None:
    number = _number(value)
    return None if number is None or number < 0 else int(number)


def parse_stream_line(line: str) -> list[LoadEvent]:
    """Return the events of one `--json-stream` line, none for any other text.

    >>> parse_stream_line('{"event":"error","data":"unable to connect"}')
    [LoadError(text='unable to connect')]
    """
    try:
        outer = _table(json.loads(line))
    except (ValueError, RecursionError):
        return []
    data = _table(outer.get("data"))
    event: LoadEvent | None = None
    match outer.get("event"):
        case "start":
            event = LoadStart()
        case "interval":
            event = _interval(data)
        case "end":
            event = _result(data)
        case "error":
            event = LoadError(str(outer.get("data")))
    return [] if event is None else [event]


def _interval(data: dict[str, Any]) -> LoadInterval | None:
    together = _table(data.get("sum"))
    start, end = _number(together.get("start")), _number(together.get("end"))
    bps = _number(together.get("bits_per_second"))
    if start is None or end is None or bps is None:
        return None
    receiving = together if "lost_packets" in together else _table(data.get("sum_bidir_reverse"))
    return LoadInterval(
        start=start,
        end=end,
        bps=bps,
        reverse_bps=_number(_table(data.get("sum_bidir_reverse")).get("bits_per_second")),
        retransmits=_count(together.get("retransmits")),
        rtt=mean(_number(_table(row).get("rtt"), MICRO) for row in _list(data.get("streams"))),
        **_datagrams(receiving),
        omitted=together.get("omitted") is True,
    )


def _flow(end: dict[str, Any], suffix: str) -> FlowResult | None:
    """Return one direction of the `end` table; 3.1 to 3.9 have a lone `sum` for UDP, as sent."""
    sent = _table(end.get("sum_sent" + suffix))
    received = _table(end.get("sum_received" + suffix))
    if not sent and not received:
        return None if suffix else _lone(_table(end.get("sum")))
    return FlowResult(
        sent_bps=_number(sent.get("bits_per_second")),
        received_bps=_number(received.get("bits_per_second")),
        retransmits=_count(sent.get("retransmits")),
        **_datagrams(received),
    )


def _lone(together: dict[str, Any]) -> FlowResult | None:
    bps = _number(together.get("bits_per_second"))
    if bps is None:
        return None
    datagrams = _datagrams(together)
    lost, packets = datagrams["lost"], datagrams["packets"]
    arrived = bps * (1 - lost / packets) if lost is not None and packets else None
    return FlowResult(sent_bps=bps, received_bps=arrived, **datagrams)


def _datagrams(row: dict[str, Any]) -> dict[str, Any]:
    """Return what only UDP has."""
    return {
        "jitter": _number(row.get("jitter_ms"), MILLI),
        "lost": _count(row.get("lost_packets")),
        "packets": _count(row.get("packets")),
    }


def _result(end: dict[str, Any]) -> LoadResult | None:
    flow = _flow(end, "")
    if flow is None:
        return None
    cpu = _table(end.get("cpu_utilization_percent"))
    longest = _table(end.get("sum_sent")) or _table(end.get("sum"))
    return LoadResult(
        seconds=_number(longest.get("seconds")),
        flow=flow,
        reverse=_flow(end, "_bidir_reverse"),
        cpu_local=_number(cpu.get("host_total")),
        cpu_remote=_number(cpu.get("remote_total")),
    )
