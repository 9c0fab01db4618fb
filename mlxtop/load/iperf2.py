"""iperf 2: how `iperf` is probed and run, and what its report means.

https://sourceforge.net/p/iperf2/code/: `src/ReportOutputs.c` has the report's rows. Up to 2.0.x a
row begins `[  3]  0.0-10.0 sec`, from 2.1 on `[  1] 0.0000-10.0123 sec`; `-e` adds columns, and
from 2.2 on the number of streams to the sum, `[SUM-4]`.
"""

from __future__ import annotations

import re
import shlex
from typing import NamedTuple

from mlxtop.load.commands import Planning, may_bind, pinned
from mlxtop.load.iperf3 import parse_options
from mlxtop.load.iperf3_plan import MOST_STREAMS, STREAM_SHARE_BPS
from mlxtop.load.rates import expected_rate
from mlxtop.load.reader import FarEnd, Heard, explain_text
from mlxtop.load.request import LoadPlan, LoadRequest
from mlxtop.load.route import LoadRefused
from mlxtop.model import load
from mlxtop.model.load import Direction, FlowResult, LoadEvent, LoadInterval, LoadResult
from mlxtop.model.number import real
from mlxtop.system.door import Finished

PACKAGE = "iperf"
_VERSION = re.compile(r"^iperf version (\d{1,2}\.\d{1,3}(?:\.\d{1,3})?)", re.MULTILINE | re.ASCII)
_NUMBER = r"(\d{1,15}(?:\.\d{1,9})?)"
_ROW = re.compile(
    rf"\[ *(SUM|FD\d+|\*? ?\d+)(?:(?<=SUM)-\d+)?\] +{_NUMBER}- *{_NUMBER} +sec"
    rf" +{_NUMBER} +([KMGT]?)Bytes +{_NUMBER} +([KMGT]?)bits/sec(.*)",
    re.ASCII | re.IGNORECASE,
)
_LOST = re.compile(rf"{_NUMBER} +ms +(\d{{1,12}})/ *(\d{{1,12}})", re.ASCII)
_SENT = re.compile(r"^ *\d{1,12}/\d{1,12} +(\d{1,12})\b(?! *pps)", re.ASCII)
"""Columns of `-e`: writes, errors, retransmits; UDP has packets a second there."""
_RTT = re.compile(r"[\dKM)]/(\d{1,9})(?:\(\d{1,9}\))? us", re.ASCII)
_STEPS = {"": 1.0, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_FRAGMENT = 0.02
"""Share of an interval by which its length may be off."""


class Row(NamedTuple):
    """One line of a report."""

    name: str
    """`1`, `*1` for what is received here, `SUM`, `FD1` for both directions together."""
    start: float
    end: float
    bps: float
    retransmits: int | None = None
    rtt: float | None = None
    jitter: float | None = None
    lost: int | None = None
    packets: int | None = None

    @property
    def is_report(self) -> bool:
        """Return whether a UDP server tells here what has arrived."""
        return self.packets is not None


def parse_version(text: str) -> str | None:
    """Return the version of iperf 2, or None where the text has none, as that of iperf3.

    >>> parse_version("iperf version 2.1.8 (12 August 2022) pthreads"), parse_version("iperf 3.12")
    ('2.1.8', None)
    """
    match = _VERSION.search(text)
    return match[1] if match else None


def parse_row(line: str) -> Row | None:
    """Return a row of a report, or None for any other line.

    >>> parse_row("[SUM] 0.0000-41.5723 sec  200 GBytes  41.3 Gbits/sec")
    Row(name='SUM', start=0.0, end=41.5723, bps=41300000000.0, retransmits=None, rtt=None, \
jitter=None, lost=None, packets=None)
    >>> parse_row("[SUM-4] 0.0000-1.0000 sec  2246784 KBytes  18405656 Kbits/sec  17555/0  9").name
    'SUM'
    >>> row = parse_row("[  1] 0.0-2.0 sec  12779 KBytes  52344 Kbits/sec   0.030 ms 7/8902 (0.1%)")
    >>> row.lost, row.packets
    (7, 8902)
    """
    match = _ROW.match(line.strip())
    if match is None:
        return None
    name, start, end, _, _, rate, step, rest = match.groups()
    begin, stop, bps = real(start), real(end), real(float(rate) * _STEPS[step.upper()])
    if begin is None or stop is None or bps is None or stop < begin:
        return None
    row = Row(name.replace(" ", ""), begin, stop, bps)
    if lost := _LOST.search(rest):
        jitter, gone, packets = lost.groups()
        return row._replace(jitter=float(jitter) / 1e3, lost=int(gone), packets=int(packets))
    sent, rtt = _SENT.match(rest), _RTT.search(rest)
    return row._replace(
        retransmits=int(sent[1]) if sent else None,
        rtt=float(rtt[1]) * 1e-6 if rtt else None,
    )


class Iperf2Reader:
    """Reads the report of one iperf; never raises."""

    def __init__(self, request: LoadRequest, streams: int) -> None:
        self._interval = request.interval
        self._streams = streams
        self._direction = request.direction
        self._rows: list[Row] = []
        """Of the interval that is being reported."""
        self._totals: dict[str, Row] = {}
        self._reports: list[Row] = []
        self._newest: dict[str, float] = {}
        """End of the last interval of each stream."""

    def feed(self, line: str) -> list[LoadEvent]:
        row = parse_row(line)
        if row is None or row.name.startswith("FD"):
            return []
        if row.is_report:
            self._reports.append(row)
            return []
        if self._is_total(row):
            self._totals.setdefault(row.name, row)
            return []
        self._newest[row.name] = row.end
        self._rows.append(row)
        interval = self._complete()
        return [] if interval is None else [interval]

    def _is_total(self, row: Row) -> bool:
        """Return whether a row is about the whole test: it begins anew, or is no whole interval."""
        whole = abs(row.end - row.start - self._interval) <= _FRAGMENT * self._interval
        return not whole or (row.start == 0.0 and row.name in self._newest)

    def _complete(self) -> LoadInterval | None:
        """Return the interval when every row of it has come."""
        both = self._direction is Direction.BOTH
        rows, streams = self._rows, [row for row in self._rows if row.name != "SUM"]
        summed = [row for row in rows if row.name == "SUM"]
        wanted = self._streams * (2 if both else 1)
        if len(streams) < wanted or (self._streams > 1 and not both and not summed):
            return None
        self._rows = []
        last = (summed or streams)[0]
        sent, received = _sides(streams)
        own, back = (received, sent) if self._direction is Direction.RECEIVE else (sent, received)
        total = summed[0].bps if summed and not both else sum(row.bps for row in own or back)
        return LoadInterval(
            start=last.start,
            end=last.end,
            bps=total,
            reverse_bps=sum(row.bps for row in received) if both else None,
            retransmits=load.total(row.retransmits for row in streams),
            rtt=load.mean(row.rtt for row in streams),
        )

    def finish(self) -> list[LoadEvent]:
        totals = [row for name, row in self._totals.items() if name != "SUM"]
        if not totals:
            return []
        sent, received = _sides(totals)
        summed = self._totals.get("SUM")
        if self._direction is Direction.BOTH:
            return [
                LoadResult(
                    max(row.end for row in totals),
                    FlowResult(sent_bps=_sum(sent), retransmits=_retransmits(totals)),
                    FlowResult(received_bps=_sum(received)),
                )
            ]
        bps = _sum(totals) if summed is None else summed.bps
        receives = self._direction is Direction.RECEIVE
        flow = FlowResult(
            sent_bps=None if receives else bps,
            received_bps=bps if receives else None,
            retransmits=_retransmits(totals),
        )
        if self._reports and not receives:
            flow = _reported(flow, self._reports)
        return [LoadResult(max(row.end for row in totals), flow)]

    def failure(self, ended: Finished, heard: Heard, at: FarEnd) -> str | None:
        """Return what went wrong: iperf ends with status 0 when nobody listens."""
        if heard.reported and not ended.status:
            return None
        return explain_text(f"{ended.stderr}\n{_complaints(ended.stdout)}", "iperf", at)


def _complaints(stdout: str) -> str:
    lines = (line for line in stdout.splitlines() if not line.startswith(("[", "-", "Client")))
    return "\n".join(lines)


def _sides(rows: list[Row]) -> tuple[list[Row], list[Row]]:
    """Return what is sent from here, and what is received."""
    received = [row for row in rows if row.name.startswith("*")]
    return [row for row in rows if row not in received], received


def _sum(rows: list[Row]) -> float | None:
    return load.total(row.bps for row in rows)


def _retransmits(rows: list[Row]) -> int | None:
    return load.total(row.retransmits for row in rows)


def _reported(flow: FlowResult, reports: list[Row]) -> FlowResult:
    """Return a flow of UDP with what its server says has arrived."""
    return FlowResult(
        sent_bps=flow.sent_bps,
        received_bps=sum(row.bps for row in reports),
        lost=load.total(row.lost for row in reports),
        packets=load.total(row.packets for row in reports),
        jitter=load.mean(row.jitter for row in reports),
    )


def plan(planning: Planning) -> LoadPlan:
    """Return the plan with the command of iperf 2."""
    request, way = planning.request, planning.way
    planning.installed("iperf", PACKAGE)
    version = parse_version(planning.ask("iperf", "--version"))
    if version is None:
        raise LoadRefused("the iperf of this machine is not iperf 2; --tool iperf3 runs the other")
    options = parse_options(planning.ask("iperf", "--help"))
    _check_options(planning, options, version)
    speed = planning.plan.speed or 1.0
    streams = request.streams or min(MOST_STREAMS, int(-(-speed // STREAM_SHARE_BPS)))
    expected, bound_by = expected_rate(planning.frame, request, way, streams)
    argv = [*pinned(planning), "iperf", "-c", way.target, "-p", str(request.first_port)]
    argv += ["-n", str(request.amount)] if request.amount else ["-t", str(request.seconds)]
    argv += ["-i", f"{request.interval:g}", "-P", str(streams), "-f", "k"]
    device = f"%{way.device}" if version >= "2.1" and may_bind(planning.frame) else ""
    source = planning.bound_source
    ways = {Direction.RECEIVE: ["-R"], Direction.BOTH: ["--full-duplex"]}
    rows: list[tuple[object, list[str]]] = [
        ("--enhanced" in options, ["-e"]),
        (request.udp, ["-u"]),
        (request.bitrate, ["-b", str(int((request.bitrate or 0.0) / streams))]),
        (request.size, ["-l", str(request.size)]),
        (source, ["-B", f"{source}{device}"]),
        (True, ways.get(request.direction, [])),
    ]
    argv += [word for wanted, words in rows if wanted for word in words]
    shared = ("-u",) if request.udp else ()
    server = shlex.join(["iperf", "-s", *shared, "-p", str(request.first_port)])
    return planning.plan._replace(
        streams=streams,
        commands=(tuple(argv),),
        server=(server,),
        shared=shared,
        tool_version=version,
        expected=expected,
        bound_by=bound_by,
    )


def _check_options(planning: Planning, options: frozenset[str], version: str) -> None:
    """Refuse what this iperf cannot do."""
    request = planning.request
    planning.only_to_device()
    if request.direction is not Direction.SEND and "--full-duplex" not in options:
        planning.refuse(f"iperf {version} cannot receive by one connection; 2.1 and later can")
    if request.omit or request.zero_copy or (request.processes or 1) > 1:
        planning.refuse("iperf 2 has no warm-up, zero copy or several processes")
    planning.only_kernel()
