"""The processes of one load test: started together, read line by line, ended together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from queue import Full, Queue
from threading import Barrier, Event

from mlxtop.load.iperf2 import Iperf2Reader
from mlxtop.load.iperf3 import Iperf3Reader
from mlxtop.load.nuttcp import NuttcpReader
from mlxtop.load.perftest import PerftestReader
from mlxtop.load.ping import PingReader
from mlxtop.load.qperf import QperfReader
from mlxtop.load.reader import FarEnd, Heard, Reader
from mlxtop.load.request import LoadPlan
from mlxtop.model import load
from mlxtop.model.load import FlowResult, LoadError, LoadEvent, LoadInterval, LoadResult, Tool
from mlxtop.system.door import Finished, System

ANSWER_S = 8.0
"""Seconds that a server has to begin a test. There is no knocking at its port before: a
connection that is not a test uses up a one-shot server."""
OVERTIME_S = 20.0
"""Seconds that a test may take longer than it was asked to."""
SILENT_S = 60.0
"""Seconds that a test without a length may report nothing."""
WAITING = 1000
"""Lines that wait to be read at most; a process that prints more than that has to wait itself."""


@dataclass(slots=True)
class _Process:
    """One process and what it has reported so far."""

    argv: tuple[str, ...]
    reader: Reader
    intervals: dict[bool, list[LoadInterval]] = field(default_factory=lambda: {True: [], False: []})
    """By `omitted`."""
    result: LoadResult | None = None
    error: LoadError | None = None
    """The first one."""
    heard: bool = False
    ended: bool = False


News = tuple[int, str | Finished | OSError]


def reader_of(plan: LoadPlan) -> Reader:
    """Return what reads a process of a plan."""
    request = plan.request
    match request.tool:
        case Tool.IPERF3:
            return Iperf3Reader(request.interval)
        case Tool.IPERF:
            return Iperf2Reader(request, plan.streams)
        case Tool.NUTTCP:
            return NuttcpReader(request)
        case Tool.QPERF:
            return QperfReader(request)
        case Tool.PING:
            return PingReader()
    return PerftestReader(request.tool)


class LoadStreams:
    """Runs the commands of a plan; `step` is called until it says that all have ended."""

    def __init__(self, system: System, plan: LoadPlan) -> None:
        self._system = system
        self._plan = plan
        self._halt = Event()
        self._wake = Event()
        self._news: Queue[News] = Queue(WAITING)
        self._processes = [_Process(argv, reader_of(plan)) for argv in plan.commands]
        self._joined = {True: 0, False: 0}
        """Intervals that were put together, by `omitted`."""
        self._started = self._last_news = 0.0
        self.error: str | None = None
        """The first thing that went wrong, in one line."""

    def start(self) -> None:
        """Start every process, each read by a thread of its own."""
        self._started = self._last_news = self._system.now()
        ready = Barrier(len(self._processes) + 1)
        for number, process in enumerate(self._processes):
            name = f"load {number}"
            self._system.clock.thread(self._stream, name, number, process.argv, ready)
        ready.wait()

    def _stream(self, number: int, argv: tuple[str, ...], ready: Barrier) -> None:
        ready.wait()
        try:
            ended: Finished | OSError = self._system.stream(
                argv, lambda line: self._hand_over(number, line), self._halt
            )
        except OSError as error:
            ended = error
        self._news.put((number, ended))
        self._wake.set()

    def _hand_over(self, number: int, line: str) -> None:
        """Wait until there is room for a line; once the test is over it may be lost instead."""
        over = False
        while not over:
            over = self._halt.is_set()
            with suppress(Full):
                self._news.put((number, line), timeout=0.0 if over else 0.5)
                self._wake.set()
                return

    def halt(self) -> None:
        self._halt.set()

    @property
    def halted(self) -> bool:
        """Return whether the processes were ended before they did by themselves."""
        return self._halt.is_set()

    @property
    def running(self) -> bool:
        return not all(process.ended for process in self._processes)

    def step(self, patience: float) -> list[LoadInterval]:
        """Take what comes within `patience` seconds; return the intervals that are complete."""
        if self._news.empty():
            self._system.wait(patience, self._wake)
        self._wake.clear()
        if not self._news.empty():
            self._last_news = self._system.now()
        for _ in range(self._news.qsize()):
            number, news = self._news.get()
            process = self._processes[number]
            if isinstance(news, str):
                self._take(process, process.reader.feed(news))
            else:
                self._end(number, news)
        self._check_time()
        return self._complete()

    def _take(self, process: _Process, events: list[LoadEvent]) -> None:
        for event in events:
            process.heard = True
            if isinstance(event, LoadInterval):
                process.intervals[event.omitted].append(event)
            elif isinstance(event, LoadResult):
                process.result = event
            elif isinstance(event, LoadError):
                process.error = process.error or event

    def _end(self, number: int, ended: Finished | OSError) -> None:
        process = self._processes[number]
        process.ended = True
        if isinstance(ended, OSError):
            self._fail(f"{process.argv[0]} cannot be run: {ended.strerror or ended}")
            return
        for line in ended.stderr.splitlines():
            self._take(process, process.reader.feed(line))
        self._take(process, process.reader.finish())
        why = None if self._halt.is_set() else self._why(number, process, ended)
        if why is not None:
            self._fail(why)

    def _why(self, number: int, process: _Process, ended: Finished) -> str | None:
        """Return what went wrong with a process."""
        request = self._plan.request
        heard = Heard(process.result, any(process.intervals.values()), process.error)
        at = FarEnd(request.host, request.first_port + number)
        return process.reader.failure(ended, heard, at)

    def _fail(self, why: str) -> None:
        """Keep the first failure and end the others: a part of a test is no test."""
        if self.error is None and not self._halt.is_set():
            self.error = why
        self._halt.set()

    def _check_time(self) -> None:
        """Fail for a far end that takes the connection and is then silent, or never ends."""
        if self._halt.is_set():
            return
        request = self._plan.request
        passed = self._system.now() - self._started
        for number, process in enumerate(self._processes):
            streamed = "--json-stream" in process.argv or "--forceflush" in process.argv
            late = passed > ANSWER_S + request.interval and streamed and not process.heard
            if late and not process.ended:
                port = request.first_port + number
                self._fail(f"no iperf3 server answers at {request.host}, port {port}")
        if request.amount:  # as long as it reports something, it may go on
            if self._system.now() - self._last_news > SILENT_S:
                self._fail(f"{request.tool} has reported nothing for {SILENT_S:.0f} s")
        elif passed > request.seconds + request.omit + ANSWER_S + OVERTIME_S:
            self._fail(f"the test did not end within {passed:.0f} s")

    def _complete(self) -> list[LoadInterval]:
        """Return the intervals that every process which still runs has reported, put together."""
        complete = []
        for omitted, first in self._joined.items():
            reported = [process.intervals[omitted] for process in self._processes]
            awaited = [len(p.intervals[omitted]) for p in self._processes if not p.ended]
            end = min(awaited) if awaited else max(map(len, reported))
            for place in range(first, end):
                parts = [intervals[place] for intervals in reported if place < len(intervals)]
                complete.append(load.join_intervals(parts))
            self._joined[omitted] = end
        return complete

    def result(self, intervals: Sequence[LoadInterval]) -> LoadResult | None:
        """Return the whole test: from the results of the processes, else from its intervals."""
        results = [process.result for process in self._processes if process.result is not None]
        if len(results) == len(self._processes):
            joined = load.join_results(results)
            return _halted(joined) if self._halt.is_set() else joined
        counted = [interval for interval in intervals if not interval.omitted]
        return _from_intervals(counted, self._plan) if counted else None


def _halted(result: LoadResult) -> LoadResult:
    """Return a result without zeros: a test that ends early misses the far end's figures."""

    def clean(flow: FlowResult) -> FlowResult:
        sent, received = flow.sent_bps or None, flow.received_bps or None
        return replace(flow, sent_bps=sent, received_bps=received)

    reverse = clean(result.reverse) if result.reverse else None
    return replace(
        result, flow=clean(result.flow), reverse=reverse, cpu_remote=result.cpu_remote or None
    )


def _from_intervals(intervals: Sequence[LoadInterval], plan: LoadPlan) -> LoadResult:
    """Return the mean of what was reported, for processes that died without a result."""
    own = mean_bps((interval.bps, interval.seconds) for interval in intervals)
    back = [(interval.reverse_bps or 0.0, interval.seconds) for interval in intervals]
    both = any(interval.reverse_bps is not None for interval in intervals)
    sends = plan.request.direction != "receive"
    return LoadResult(
        seconds=sum(interval.seconds for interval in intervals),
        flow=FlowResult(
            sent_bps=own if sends else None,
            received_bps=None if sends else own,
            retransmits=load.total(i.retransmits for i in intervals),
        ),
        reverse=FlowResult(received_bps=mean_bps(back)) if both else None,
    )


def mean_bps(rates: Iterable[tuple[float, float]]) -> float | None:
    """Return the mean of rates that each lasted some seconds, or None where there are none."""
    parts = list(rates)
    seconds = sum(length for _, length in parts)
    return sum(rate * length for rate, length in parts) / seconds if seconds else None
