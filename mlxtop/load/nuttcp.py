"""nuttcp: how it is probed and run, and what its `-fparse` report means.

https://www.nuttcp.net/: a line an interval, `megabytes=… real_sec=… rate_Mbps=…`, and one with
`real_seconds=` about the whole test. Rates are those of the receiving side, MB are 2^20 bytes.
"""

from __future__ import annotations

import re

from mlxtop.load.commands import Planning, pinned
from mlxtop.load.rates import expected_rate
from mlxtop.load.reader import FarEnd, Heard, explain_text
from mlxtop.load.request import LoadPlan, LoadRequest
from mlxtop.model.load import Direction, FlowResult, LoadEvent, LoadInterval, LoadResult
from mlxtop.model.number import COUNT, real, whole
from mlxtop.system.door import Finished

PACKAGE = "nuttcp"
_PAIR = re.compile(r"([A-Za-z][\w-]{0,30})=([-+.\w]{1,40})", re.ASCII)
_VERSION = re.compile(r"nuttcp-(\d{1,2}(?:\.\d{1,3}){1,3})", re.ASCII)
_DATAGRAM_HEADERS = {4: 28, 6: 48}


def parse_version(text: str) -> str | None:
    """Return the version, or None where the text has none.

    >>> parse_version("nuttcp-6.1.2")
    '6.1.2'
    """
    match = _VERSION.search(text)
    return match[1] if match else None


def parse_pairs(line: str) -> dict[str, str]:
    """Return the values of a line by their keys, none for any other line.

    >>> parse_pairs("megabytes=46.1064 real_seconds=2.00 rate_Mbps=193.3759")["rate_Mbps"]
    '193.3759'
    """
    pairs = dict(_PAIR.findall(line))
    return pairs if "rate_Mbps" in pairs else {}


def _number(pairs: dict[str, str], key: str, scale: float = 1.0) -> float | None:
    value = real(pairs.get(key, ""))
    return None if value is None or value < 0 else value * scale


def _count(pairs: dict[str, str], key: str) -> int | None:
    return whole(pairs.get(key, ""), COUNT)


class NuttcpReader:
    """Reads the output of one nuttcp; never raises."""

    def __init__(self, request: LoadRequest) -> None:
        self._request = request
        self._second = 0.0
        self._result: LoadResult | None = None
        self._empty = False
        """It says that TCP carried nothing, which is no rate."""

    def feed(self, line: str) -> list[LoadEvent]:
        pairs = parse_pairs(line)
        bps = _number(pairs, "rate_Mbps", 1e6)
        if bps is None:
            return []
        if "real_seconds" in pairs:
            self._empty = not _number(pairs, "megabytes") and "pkt" not in pairs
            self._result = None if self._empty else self._whole(pairs, bps)
            return []
        start, self._second = self._second, self._second + (_number(pairs, "real_sec") or 0.0)
        retransmits = _count(pairs, "retrans")
        lost, packets = _count(pairs, "drop"), _count(pairs, "pkt")
        interval = LoadInterval(
            start, self._second, bps, retransmits=retransmits, lost=lost, packets=packets
        )
        return [interval] if interval.seconds >= self._request.interval / 2 else []

    def _whole(self, pairs: dict[str, str], bps: float) -> LoadResult:
        lost, packets = _count(pairs, "drop"), _count(pairs, "pkt")
        sent = None
        if lost is not None and packets and lost < packets:
            sent = bps / (1 - lost / packets)
        flow = FlowResult(sent, bps, _count(pairs, "retrans"), lost, packets)
        near, far = "tx_cpu", "rx_cpu"
        if self._request.direction is Direction.RECEIVE:
            near, far = far, near
        seconds = _number(pairs, "real_seconds")
        cpu = _number(pairs, near), _number(pairs, far)
        return LoadResult(seconds, flow, cpu_local=cpu[0], cpu_remote=cpu[1])

    def finish(self) -> list[LoadEvent]:
        return [] if self._result is None else [self._result]

    def failure(self, ended: Finished, heard: Heard, at: FarEnd) -> str | None:
        if heard.result is not None and not ended.status:
            return None
        if self._empty and not ended.status:
            return "nuttcp moved nothing and ended: its server may be busy with another test"
        return explain_text(f"{ended.stderr}\n{ended.stdout}", "nuttcp", at)


def plan(planning: Planning) -> LoadPlan:
    """Return the plan with the command of nuttcp."""
    request, way = planning.request, planning.way
    planning.installed("nuttcp", PACKAGE)
    version = parse_version(planning.ask("nuttcp", "-V"))
    _check(planning)
    streams = request.streams or 1
    expected, bound_by = expected_rate(planning.frame, request, way, streams)
    argv = [*pinned(planning), "nuttcp", "-fparse", f"-i{max(1, round(request.interval))}"]
    size = request.size or (_whole_datagram(planning) if request.udp else None)
    length = f"-T{request.seconds}"
    if request.amount:
        length = f"-n{max(1, request.amount // (size or 65536))}"
    rows: list[tuple[object, list[str]]] = [
        (True, [length]),
        (streams > 1, [f"-N{streams}"]),
        (size, [f"-l{size}"]),
        (request.udp, ["-u"]),
        (request.bitrate, [f"-R{(request.bitrate or 0.0) / 1e6:.0f}m"]),
        (request.direction is Direction.RECEIVE, ["-r"]),
        (request.port, ["-P", str(request.port), "-p", str((request.port or 0) + 1)]),
        (request.family, [f"-{request.family}"]),
    ]
    argv += [word for wanted, words in rows if wanted for word in words]
    return planning.plan._replace(
        streams=streams,
        commands=((*argv, way.target),),
        server=(f"nuttcp -S -P {request.first_port}",),
        tool_version=version,
        expected=expected,
        bound_by=bound_by,
    )


def _whole_datagram(planning: Planning) -> int | None:
    """Return the bytes of a datagram that fills a packet."""
    mtu = planning.way.port.now.link.mtu
    headers = _DATAGRAM_HEADERS[6 if ":" in planning.way.target else 4]
    return mtu - headers if mtu and mtu > headers else None


def _check(planning: Planning) -> None:
    request = planning.request
    planning.only_to_device()
    if request.direction is Direction.BOTH:
        planning.refuse("nuttcp measures one direction: run it there and back, or use iperf3")
    if request.omit or request.zero_copy or (request.processes or 1) > 1:
        planning.refuse("nuttcp has no warm-up, zero copy or several processes")
    planning.only_kernel()
