"""iperf3's JSON: the lines of `--json-stream` (3.17 and later) and the document of `-J`.

https://software.es.net/iperf/invoking.html, `iperf_api.c` and `units.c` of the source.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from mlxtop.model.load import (
    FlowResult,
    LoadError,
    LoadEvent,
    LoadInterval,
    LoadResult,
    LoadStart,
)
from mlxtop.model.number import real

MICRO, MILLI = 1e-6, 1e-3


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _number(value: object, scale: float = 1.0) -> float | None:
    """Return a number times `scale`, or None for what is none that can be measured."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    number = real(value)
    return None if number is None else number * scale


def _count(value: object) -> int | None:
    number = _number(value)
    return None if number is None or number < 0 else int(number)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _load(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def parse_stream_line(line: str) -> list[LoadEvent]:
    """The events of one `--json-stream` line; none for what is no such line.

    >>> parse_stream_line('{"event":"error","data":"unable to connect"}')
    [LoadError(text='unable to connect')]
    """
    outer = _table(_load(line))
    data = outer.get("data")
    match outer.get("event"):
        case "start":
            return [_start(_table(data))]
        case "interval":
            interval = _interval(_table(data))
            return [] if interval is None else [interval]
        case "end":
            result = _result(_table(data))
            return [] if result is None else [result]
        case "error":
            return [LoadError(str(data))]
    return []


def parse_document(text: str) -> list[LoadEvent]:
    """The events of a whole `-J` document, in their order; none for what is no such document."""
    document = _table(_load(text))
    return list(_document(document)) if document else []


def _document(document: dict[str, Any]) -> Iterator[LoadEvent]:
    start = _table(document.get("start"))
    if start.get("connected"):
        yield _start(start)
    for item in _list(document.get("intervals")):
        interval = _interval(_table(item))
        if interval is not None:
            yield interval
    error = _text(document.get("error"))
    if error is not None:
        yield LoadError(error)
    result = _result(_table(document.get("end")))
    if result is not None:
        yield result


def _start(data: dict[str, Any]) -> LoadStart:
    test = _table(data.get("test_start"))
    target = _table(data.get("connecting_to"))
    return LoadStart(
        version=_text(data.get("version")),
        protocol=_text(test.get("protocol")),
        streams=_count(test.get("num_streams")),
        host=_text(target.get("host")),
        port=_count(target.get("port")),
        reverse=bool(_count(test.get("reverse"))),
        bidir=bool(_count(test.get("bidir"))),
        seconds=_number(test.get("duration")),
    )


def _interval(data: dict[str, Any]) -> LoadInterval | None:
    together = _table(data.get("sum"))
    start, end = _number(together.get("start")), _number(together.get("end"))
    bps = _number(together.get("bits_per_second"))
    if start is None or end is None or bps is None:
        return None
    round_trips = [
        trip
        for stream in map(_table, _list(data.get("streams")))
        if (trip := _number(stream.get("rtt"), MICRO)) is not None
    ]
    receiving = together if "lost_packets" in together else _table(data.get("sum_bidir_reverse"))
    return LoadInterval(
        start=start,
        end=end,
        bps=bps,
        reverse_bps=_number(_table(data.get("sum_bidir_reverse")).get("bits_per_second")),
        retransmits=_count(together.get("retransmits")),
        rtt=sum(round_trips) / len(round_trips) if round_trips else None,
        jitter=_number(receiving.get("jitter_ms"), MILLI),
        lost=_count(receiving.get("lost_packets")),
        packets=_count(receiving.get("packets")),
        omitted=together.get("omitted") is True,
    )


def _flow(end: dict[str, Any], suffix: str) -> FlowResult | None:
    """One direction of the `end` table; 3.1 to 3.9 have a lone `sum` for UDP, as sent."""
    sent = _table(end.get("sum_sent" + suffix))
    received = _table(end.get("sum_received" + suffix))
    if not sent and not received:
        return None if suffix else _lone(_table(end.get("sum")))
    return FlowResult(
        sent_bps=_number(sent.get("bits_per_second")),
        received_bps=_number(received.get("bits_per_second")),
        retransmits=_count(sent.get("retransmits")),
        sent_bytes=_count(sent.get("bytes")),
        received_bytes=_count(received.get("bytes")),
        lost=_count(received.get("lost_packets")),
        packets=_count(received.get("packets")),
        jitter=_number(received.get("jitter_ms"), MILLI),
    )


def _lone(together: dict[str, Any]) -> FlowResult | None:
    bps = _number(together.get("bits_per_second"))
    if bps is None:
        return None
    lost, packets = _count(together.get("lost_packets")), _count(together.get("packets"))
    return FlowResult(
        sent_bps=bps,
        received_bps=bps * (1 - lost / packets) if lost is not None and packets else None,
        sent_bytes=_count(together.get("bytes")),
        lost=lost,
        packets=packets,
        jitter=_number(together.get("jitter_ms"), MILLI),
    )


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
