"""`mlxtop load HOST`: a throughput test with a heat guard, without a screen.

What is asked for goes to stdout, progress to stderr; with `--json` stdout gets one object.
"""

from __future__ import annotations

import argparse
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from threading import Event
from typing import TYPE_CHECKING, TypeVar

from mlxtop.commands.arguments import between, constants, host
from mlxtop.load.hold import HOLD_TIME_S
from mlxtop.load.request import IPERF3_PORT, GuardOptions, LoadOptions, LoadRequest, Timing
from mlxtop.model.load import Direction, Tool, typed_bits, typed_seconds, typed_size
from mlxtop.model.number import real
from mlxtop.outputs import console

if TYPE_CHECKING:
    from mlxtop.load.session import SessionView
    from mlxtop.model.frame import Frame
    from mlxtop.sampler.live import LiveSource
    from mlxtop.settings import Settings
    from mlxtop.system.door import System

_CPUS = re.compile(r"off|\d{1,4}(?:-\d{1,4})?(?:,\d{1,4}(?:-\d{1,4})?)*", re.ASCII)
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
POLL_S = 0.1
"""Seconds after which a signal is acted upon at the latest."""

T = TypeVar("T")


def _argument(parse: Callable[[str], T]) -> Callable[[str], T]:
    """Return a parser whose ValueError argparse prints."""

    def parsed(text: str) -> T:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return parsed


def _interval(text: str) -> float:
    seconds = real(text) or 0.0
    if not 0.1 <= seconds <= 60:
        raise argparse.ArgumentTypeError(f"{text!r} is not from 0.1 to 60 seconds")
    return seconds


def _cpus(text: str) -> str:
    if not _CPUS.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no list of cores (like 0-7,16), nor off")
    return text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the arguments of `load`."""
    add = parser.add_argument
    seconds, bits = _argument(typed_seconds), _argument(typed_bits)
    guards = ("all", "module", "asic", "off")
    add("host", nargs="?", type=host, metavar="HOST", help="far end, where the server runs")
    add("--via", metavar="PORT", help="port to load; else the one that the route to HOST uses")
    add("-t", "--time", type=seconds, metavar="TIME", help="length: 30, 15m (10; --hold: 30m)")
    add("-P", "--parallel", type=between(1, 1024), metavar="N", help="streams in all")
    parser.set_defaults(direction=Direction.SEND)
    way = constants(parser, "direction")
    way("-R", "--reverse", const=Direction.RECEIVE, help="receive instead of sending")
    way("--bidir", const=Direction.BOTH, help="send and receive")
    add("-O", "--omit", type=between(0, 60), default=0, metavar="S", help="warm-up, not counted")
    add("--interval", type=_interval, default=1.0, metavar="S", help="between reports (1)")
    add("-u", "--udp", action="store_true", help="UDP; needs --bitrate")
    add("-b", "--bitrate", type=bits, metavar="RATE", help="of all streams at most: 10G")
    add("-p", "--port", type=between(1, 65000), metavar="N", help="first port of the server")
    add("--processes", type=between(1, 64), metavar="N", help="iperf3s on consecutive ports")
    family = constants(parser, "family")
    family("-4", const=4, help="IPv4 only")
    family("-6", const=6, help="IPv6 only")
    add("-Z", "--zerocopy", action="store_true", help="send without copying (sendfile)")
    add("-A", "--affinity", type=_cpus, metavar="CPUS", help="cores to use, or off (the card's)")
    size = _argument(typed_size)
    add("-n", "--amount", type=size, metavar="SIZE", help="a stream, instead of for a time: 50G")
    add("-l", "--size", type=size, metavar="SIZE", help="bytes of a message: 64, 8K")
    add("--rdma-cm", action="store_true", help="perftest, qperf: connect by rdma_cm")
    add("--test", metavar="NAME", help="qperf's: tcp_lat, rc_rdma_write_bw (tcp_bw)")
    tools = "what makes the load: iperf3, iperf (2), nuttcp, qperf, ping, perftest's ib_*"
    add("--tool", type=Tool, choices=list(Tool), default=Tool.IPERF3, metavar="TOOL", help=tools)
    add("--hold", action="store_true", help="find the rate that the slot cools for ever")
    add("--soak", type=seconds, metavar="TIME", help="thermal soak: baseline, load, cool-down")
    add("--guard", choices=guards, default="all", help="sensors that stop")
    add("--ahead", type=between(0, 600), default=15, metavar="S", help="before a forecast limit")
    add("--cooldown", type=between(0, 3600), metavar="S", help="how long it is followed (30)")
    add("--note", default="", metavar="TEXT", help="kept with the run")
    add("--plan", action="store_true", help="show what would be run, and run nothing")
    add("--server", action="store_true", help="serve one test here for the far end")


def run(args: argparse.Namespace, system: System, settings: Settings) -> int:
    """Run the test, or a server; return 0 when it is complete."""
    from mlxtop.sampler.facts import Fact
    from mlxtop.sampler.live import LiveSource

    if settings.readonly:
        raise ValueError("load sends traffic: not with --readonly")
    if args.server:
        if args.tool is not Tool.IPERF3:
            raise ValueError("--server is iperf3's; a perftest tool is started without HOST")
    elif not args.host:
        raise ValueError("load needs HOST, or --server")
    interval, wants = min(settings.interval, 1.0), frozenset({Fact.PORTS})
    live = LiveSource(system, interval, settings.all, settings.include, wants=wants)
    with closing(live) as source:
        front = _FrontEnd(args, system)
        return front.serve(source) if args.server else front.test(source)


def options(args: argparse.Namespace) -> LoadOptions:
    """Return what was chosen for the test."""
    if args.hold and (args.soak or args.guard == "off"):
        raise ValueError("--hold goes without --soak, and with a heat guard")
    request = LoadRequest(
        host=args.host,
        via=args.via,
        tool=args.tool,
        direction=args.direction,
        seconds=args.soak or args.time or (HOLD_TIME_S if args.hold else 10),
        omit=args.omit,
        interval=args.interval,
        streams=args.parallel,
        processes=args.processes,
        udp=args.udp,
        bitrate=args.bitrate,
        port=args.port,
        family=args.family,
        zero_copy=args.zerocopy,
        affinity=args.affinity,
        size=args.size,
        amount=args.amount,
        rdma_cm=args.rdma_cm,
        test=args.test,
    )
    timing = Timing.for_soak(args.soak) if args.soak else Timing()
    if args.cooldown is not None:
        timing = timing._replace(cooldown=float(args.cooldown))
    guard = GuardOptions.choose(args.guard, args.ahead)
    return LoadOptions(request, guard, timing, args.note, args.hold)


class _FrontEnd:
    """Drives one load session from the command line."""

    def __init__(self, args: argparse.Namespace, system: System) -> None:
        from mlxtop.load.run_log import own_runs
        from mlxtop.load.session import LoadSession

        self._args = args
        self._system = system
        self._changed = Event()
        self._signal: int | None = None
        self._shown: set[str] = set()
        self._intervals = self._lines = 0
        """Intervals and lines of servers that were printed."""
        self._aim: float | None = None
        """bit/s that a hold asked for when it was told last."""
        self._cooled = -1
        """Second of the cool-down that was told last."""
        self._session = LoadSession(system, own_runs(demo=system.demo), self._changed.set)

    def test(self, source: LiveSource) -> int:
        """Plan a test, show the plan, run it and print its outcome."""
        from mlxtop.sampler.source import frames

        stop = Event()
        feed = frames(source, stop)
        first = next(feed)
        if "ports" in first.sample.absent:
            raise ValueError(first.sample.absent["ports"])
        if not self._args.plan:
            source.guarded = True
            self._system.clock.thread(self._feed, "frames", feed)
        try:
            # stopped, this program could not watch temperatures, and the load would go on
            with self._signals(*SIGNALS, signal.SIGTSTP):
                self._session.start(first, options(self._args), self._args.plan)
                return self._finish(self._follow(lambda view: view.busy))
        except BaseException:
            self._session.close()
            raise
        finally:
            stop.set()

    def _feed(self, feed: Iterator[Frame]) -> None:
        for frame in feed:
            self._session.frame(frame)

    def serve(self, source: LiveSource) -> int:
        """Serve the far end until each server has served a test, it gets too warm, or a signal."""
        from mlxtop.sampler.source import frames

        stop = Event()
        feed = frames(source, stop)
        first = next(feed)
        guard = GuardOptions.choose(self._args.guard, self._args.ahead)
        try:
            with self._signals(*SIGNALS):
                count = self._args.processes or 1
                source.guarded = True
                self._session.serve(self._args.port or IPERF3_PORT, count, first, guard)
                self._system.clock.thread(self._feed, "frames", feed)
                view = self._follow(lambda view: view.serving > 0)
        finally:
            stop.set()
        return 128 + self._signal if self._signal is not None else int(view.server_failed)

    @contextmanager
    def _signals(self, *numbers: signal.Signals) -> Iterator[None]:
        """Keep the first signal, which ends in order what is running."""

        def keep(number: int, _: object) -> None:
            self._signal = self._signal or number

        before = {number: signal.signal(number, keep) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _follow(self, going_on: Callable[[SessionView], bool]) -> SessionView:
        """Report what is new until nothing goes on any more; return the last state."""
        ending = False
        while True:
            self._changed.clear()
            view = self._session.view()
            self._report(view)
            # while a test is being planned nothing runs: a slow name server is not waited for
            if not going_on(view) or (ending and view.busy and view.plan is None):
                return view
            while not self._system.wait(POLL_S, self._changed):
                if self._signal is not None and not ending:
                    break
            if self._signal is not None and not ending:
                ending = True
                self._session.cancel(f"interrupted ({signal.Signals(self._signal).name})")
                self._session.stop_serving()

    def _report(self, view: SessionView) -> None:
        """Print the plan, intervals and lines that are new."""
        from mlxtop.load.outcome import Phase
        from mlxtop.present.load import cooling_line, hold_line, interval_line, plan_runs
        from mlxtop.present.text import Role

        if view.plan is not None and "plan" not in self._shown:
            for text, role in plan_runs(view.plan):
                console.warn(f"mlxtop: {text}" if role is Role.CRITICAL else text)
            self._shown.add("plan")
        if view.problem is not None and "problem" not in self._shown:
            console.warn(f"mlxtop: {view.problem}")
            self._shown.add("problem")
        if (run := view.status or view.outcome) is not None:
            for interval in run.intervals[self._intervals :]:
                console.warn(interval_line(interval, run.sensors))
            self._intervals = max(self._intervals, len(run.intervals))
        if (status := view.status) is not None:
            if status.stopping is not None and "stopping" not in self._shown:
                console.warn(f"mlxtop: {status.stopping}")
                self._shown.add("stopping")
            if status.phase is Phase.LOAD and status.aim_bps not in (None, self._aim):
                self._aim = status.aim_bps
                console.warn(hold_line(status))
            cooling = status.phase is Phase.COOLING
            if cooling and int(status.seconds) > self._cooled:
                self._cooled = int(status.seconds)
                console.warn(cooling_line(status))
        fresh = view.server_printed - self._lines
        self._lines = view.server_printed
        if fresh:
            console.warn(*view.server_lines[-fresh:])

    def _finish(self, view: SessionView) -> int:
        from mlxtop.present.load import outcome_runs

        plan, outcome = view.plan, view.outcome
        if outcome is not None:
            if self._args.json:
                console.say_json(outcome.document())
            else:
                console.say(*(text for text, _ in outcome_runs(outcome)))
        elif plan is not None and self._args.json:
            console.say_json({"plan": plan.document(), "result": None})
        if self._signal is not None:
            return 128 + self._signal
        if outcome is None:
            return int(plan is None or bool(plan.refusals) or view.problem is not None)
        if outcome.ended == "complete":
            return 0
        if "stopping" not in self._shown:
            console.warn(f"mlxtop: {outcome.ended}")
        return 1
