"""qperf: its tests by name, how it is run, and what its figures and units mean.

https://github.com/linux-rdma/qperf: `src/qperf.c` has tests and units, which are decimal.
"""

from __future__ import annotations

import re
from collections import deque

from mlxtop.load.commands import Planning, pinned
from mlxtop.load.rates import expected_rate
from mlxtop.load.reader import FarEnd, Heard, explain_text
from mlxtop.load.request import LoadPlan, LoadRequest
from mlxtop.load.route import LoadRefused
from mlxtop.model.linkrate import Protocol
from mlxtop.model.load import Direction, FlowResult, Latency, LoadEvent, LoadResult
from mlxtop.model.number import real
from mlxtop.system.door import Finished

PACKAGE = "qperf"
USUAL = "tcp_bw"
TESTS = (
    *("tcp_bw", "tcp_lat", "udp_bw", "udp_lat"),
    *("rc_bw", "rc_lat", "rc_bi_bw", "uc_bw", "uc_lat", "uc_bi_bw", "ud_bw", "ud_lat", "ud_bi_bw"),
    *("rc_rdma_read_bw", "rc_rdma_read_lat", "rc_rdma_write_bw", "rc_rdma_write_lat"),
    *("rc_rdma_write_poll_lat", "uc_rdma_write_bw", "uc_rdma_write_lat", "uc_rdma_write_poll_lat"),
    *("rc_compare_swap_mr", "rc_fetch_add_mr"),
)
_VALUE = re.compile(
    r"^\s+(\w{1,30})\s+=\s+(\d{1,18}(?:\.\d{1,9})?)\s*(?:([KMGT]?)(bytes/sec|B/sec|/sec)"
    r"|(ns|us|ms|sec)|% cpus)?\s*$",
    re.ASCII,
)
_STEPS = {"": 1.0, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "sec": 1.0}
_KEPT_LINES = 200
_VERSION = re.compile(r"^qperf (\d{1,2}(?:\.\d{1,3}){1,3})", re.MULTILINE | re.ASCII)


def parse_value(line: str) -> tuple[str, float] | None:
    """Return the name and value of a line, in bytes/s, operations/s, seconds or percent.

    >>> parse_value("    bw  =  3.96 GB/sec"), parse_value("    latency  =  11.1 us")
    (('bw', 3960000000.0), ('latency', 1.11e-05))
    """
    match = _VALUE.match(line)
    if match is None:
        return None
    name, number, step, per, unit = match.groups()
    scale = _STEPS[step] if per else _SECONDS.get(unit or "", 1.0)
    value = real(float(number) * scale)
    return None if value is None else (name, round(value, 15))


def parse_report(text: str) -> LoadResult | None:
    """Return the result of one test, or None where the text has none."""
    values = dict(filter(None, map(parse_value, text.splitlines())))
    bw, latency = values.get("bw"), values.get("latency")
    sent, received = values.get("send_bw", bw), values.get("recv_bw", bw)
    rate = values.get("msg_rate") if bw is None and sent is None and latency is None else None
    if sent is None and received is None and latency is None and rate is None:
        return None
    flow = FlowResult(
        sent_bps=None if sent is None else sent * 8,
        received_bps=None if received is None else received * 8,
    )
    near = values.get("loc_cpus_used", values.get("send_cpus_used"))
    far = values.get("rem_cpus_used", values.get("recv_cpus_used"))
    return LoadResult(
        values.get("time"),
        flow,
        cpu_local=near,
        cpu_remote=far,
        latency=None if latency is None else Latency(average=latency),
        setup={} if rate is None else {"operations a second": f"{rate:.0f}"},
    )


class QperfReader:
    """Keeps the report of a qperf until its end; it has no intervals."""

    def __init__(self, request: LoadRequest) -> None:
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._both = "_bi_" in (request.test or "")

    def feed(self, line: str) -> list[LoadEvent]:
        self._lines.append(line[:1000])
        return []

    def finish(self) -> list[LoadEvent]:
        result = parse_report("\n".join(self._lines))
        if result is None:
            return []
        if not self._both or result.flow.sent_bps is None:
            return [result]
        # it tells the sum of both directions
        half = FlowResult(result.flow.sent_bps / 2, result.flow.sent_bps / 2)
        halved = LoadResult(result.seconds, half, half, result.cpu_local, result.cpu_remote)
        return [halved]

    def failure(self, ended: Finished, heard: Heard, at: FarEnd) -> str | None:
        if heard.result is not None and not ended.status:
            return None
        printed = "\n".join((ended.stderr, *self._lines))
        return explain_text(printed, "qperf", at)


def plan(planning: Planning) -> LoadPlan:
    """Return the plan with the command of qperf."""
    request, way = planning.request, planning.way
    planning.installed("qperf", PACKAGE)
    version = _VERSION.search(planning.ask("qperf", "--version"))
    test = request.test or USUAL
    if test not in TESTS:
        raise LoadRefused(f"qperf has no test {test!r} that is known here ({', '.join(TESTS)})")
    _check(planning, test)
    expected, bound_by = expected_rate(planning.frame, request, way, 1)
    place = []
    if request.protocol is Protocol.RDMA:
        port = way.port.now.port
        if port.rdma is None:
            raise LoadRefused(f"{port.name} has no RDMA device")
        # it knows no GID index: on RoCE rdma_cm has to find the device, by the address
        roce = not way.port.now.link.is_infiniband
        connects = request.rdma_cm or roce
        place = ["-cm1"] if connects else ["-li", f"{port.rdma}:{port.rdma_port or 1}"]
    rows: list[tuple[object, list[str]]] = [
        (request.port, ["-lp", str(request.port)]),
        (request.size, ["-m", str(request.size)]),
        (request.direction is Direction.RECEIVE, ["-f1"]),
    ]
    more = [word for wanted, words in rows if wanted for word in words]
    seconds = ["-t", str(request.seconds)]
    argv = [*pinned(planning), "qperf", "-uu", "-v", *seconds, *place, *more, way.target, test]
    listen = f" -lp {request.port}" if request.port else ""
    return planning.plan._replace(
        streams=1,
        commands=(tuple(argv),),
        server=(f"qperf{listen}",),
        tool_version=version[1] if version else None,
        expected=expected,
        bound_by=bound_by,
    )


def _check(planning: Planning, test: str) -> None:
    request = planning.request
    if request.protocol is not Protocol.RDMA:
        planning.only_to_device()
    if request.direction is Direction.BOTH and "_bi_" not in test:
        planning.refuse("qperf measures both directions by its tests rc_bi_bw, uc_bi_bw, ud_bi_bw")
    if request.udp or request.bitrate or request.amount or request.omit or request.zero_copy:
        planning.refuse("qperf has no -u (--test udp_bw), bitrate, amount, warm-up or zero copy")
    if (request.streams or 1) > 1 or (request.processes or 1) > 1:
        planning.refuse("qperf has one stream")
