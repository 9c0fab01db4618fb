"""`mlxtop load HOST`: a throughput test with a heat guard, without a screen.

What is asked for goes to stdout, progress to stderr; with `--json` stdout gets one object.
"""

from __future__ import annotations

import argparse
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Event
from typing import TYPE_CHECKING

from mlxtop.commands.arguments import between, host
from mlxtop.load.request import LoadPlan, LoadRequest
from mlxtop.model.load import Direction, Tool
from mlxtop.model.quantity import typed_bits, typed_seconds
from mlxtop.outputs import console

if TYPE_CHECKING:
    from mlxtop.load.outcome import Outcome
    from mlxtop.load.runner import LoadRun
    from mlxtop.load.session import LoadWish
    from mlxtop.model.frame import Frame
    from mlxtop.sampler.live import LiveSource
    from mlxtop.settings import Settings
    from mlxtop.system.door import System

_CPUS = re.compile(r"off|\d{1,4}(?:-\d{1,4})?(?:,\d{1,4}(?:-\d{1,4})?)*", re.ASCII)
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _seconds(text: str) -> int:
    try:
        return typed_seconds(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _bits(text: str) -> float:
    try:
        return typed_bits(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _interval(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0.1 <= found <= 60:
        raise argparse.ArgumentTypeError(f"{text!r} is not from 0.1 to 60 seconds")
    return found


def _cpus(text: str) -> str:
    if not _CPUS.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no list of cores (like 0-7,16), nor off")
    return text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `load` takes."""
    add = parser.add_argument
    add("host", nargs="?", type=host, metavar="HOST", help="far end, where the server runs")
    add("--via", metavar="PORT", help="port to load; else the one that the route to HOST uses")
    add("-t", "--time", type=_seconds, default=10, metavar="TIME", help="length: 30, 15m (10)")
    add("-P", "--parallel", type=between(1, 1024), metavar="N", help="streams in all")
    way = parser.add_mutually_exclusive_group()
    way.add_argument("-R", "--reverse", action="store_true", help="receive instead of sending")
    way.add_argument("--bidir", action="store_true", help="send and receive")
    add("-O", "--omit", type=between(0, 60), default=0, metavar="S", help="warm-up, not counted")
    add("--interval", type=_interval, default=1.0, metavar="S", help="between reports (1)")
    add("-u", "--udp", action="store_true", help="UDP; needs --bitrate")
    add("-b", "--bitrate", type=_bits, metavar="RATE", help="of all streams at most: 10G")
    add("-p", "--port", type=between(1, 65000), metavar="N", help="first port of the server")
    add("--processes", type=between(1, 64), metavar="N", help="iperf3s on consecutive ports")
    family = parser.add_mutually_exclusive_group()
    family.add_argument("-4", dest="family", action="store_const", const=4, help="IPv4 only")
    family.add_argument("-6", dest="family", action="store_const", const=6, help="IPv6 only")
    add("-Z", "--zerocopy", action="store_true", help="send without copying (sendfile)")
    add("-A", "--affinity", type=_cpus, metavar="CPUS", help="cores to use, or off (the card's)")
    add("--tool", type=Tool, choices=list(Tool), default=Tool.IPERF3, help="what makes the load")
    add("--soak", type=_seconds, metavar="TIME", help="thermal soak: baseline, load, cool-down")
    add(
        "--guard", choices=("all", "module", "asic", "off"), default="all", help="sensors that stop"
    )
    add("--ahead", type=between(0, 600), default=15, metavar="S", help="before a forecast limit")
    add("--cooldown", type=between(0, 3600), metavar="S", help="how long it is followed (30)")
    add("--note", default="", metavar="TEXT", help="kept with the run")
    add("--plan", action="store_true", help="show what would be run, and run nothing")
    add("--server", action="store_true", help="serve one test here for the far end")


def run(args: argparse.Namespace, system: System, settings: Settings) -> int:
    """Run the test; 0 when it is complete."""
    from mlxtop.sampler.live import LiveSource

    if settings.readonly:
        raise ValueError("load sends traffic: not with --readonly")
    if args.server:
        return _serve(args, system)
    if not args.host:
        raise ValueError("load needs HOST, or --server")
    source = LiveSource(system, min(settings.interval, 1.0), settings.all, settings.include)
    try:
        return _Test(args, system, source).run()
    finally:
        source.close()


def request(args: argparse.Namespace) -> LoadRequest:
    """What was asked for."""
    direction = Direction.BOTH if args.bidir else Direction.SEND
    return LoadRequest(
        host=args.host,
        via=args.via,
        tool=args.tool,
        direction=Direction.RECEIVE if args.reverse else direction,
        seconds=args.soak or args.time,
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
    )


class _Test:
    """One test of the command line."""

    def __init__(self, args: argparse.Namespace, system: System, source: LiveSource) -> None:
        self._args = args
        self._system = system
        self._source = source
        self._stop = Event()
        self._told = 0
        self._signal: int | None = None

    def run(self) -> int:
        """Plan it, show it, run it, tell what came of it."""
        from mlxtop.load.plan import plan_load
        from mlxtop.present.load import plan_lines
        from mlxtop.sampler.source import frames

        found = frames(self._source, self._stop)
        frame = next(found)
        if "ports" in frame.sample.absent:
            raise ValueError(frame.sample.absent["ports"])
        plan = plan_load(self._system, frame, request(self._args))
        for line in plan_lines(plan):
            console.warn(f"mlxtop: {line}" if line.startswith("refused") else line)
        if plan.refusals or self._args.plan:
            if self._args.json:
                console.say_json({"plan": plan.document(), "result": None})
            return 1 if plan.refusals else 0
        self._source.guarded = True
        try:
            outcome = self._measure(plan, frame, found)
        finally:
            self._stop.set()
        return self._finish(outcome)

    def _measure(self, plan: LoadPlan, frame: Frame, found: Iterator[Frame]) -> Outcome:
        from mlxtop.load.run_log import own_runs
        from mlxtop.load.session import prepare

        test, problem = prepare(
            self._system,
            frame,
            plan,
            wish(self._args),
            runs=own_runs(),
            tell=lambda: self._tell(test),
        )
        if problem is not None:
            console.warn(f"mlxtop: {problem}")
        with self._signals(test):
            test.frame(frame)
            self._system.clock.thread(self._feed, "frames", found, test)
            self._source.guarded = True
            return test.run()

    def _feed(self, found: Iterator[Frame], test: LoadRun) -> None:
        for frame in found:
            test.frame(frame)

    @contextmanager
    def _signals(self, test: LoadRun) -> Iterator[None]:
        """What ends the program ends the test in order, and so does what stops the program.

        Stopped, it could not watch temperatures, and the load would go on.
        """

        def caught(number: int, _: object) -> None:
            self._signal = self._signal or number
            test.cancel(f"interrupted ({signal.Signals(number).name})")

        numbers = (*SIGNALS, signal.SIGTSTP)
        before = {number: signal.signal(number, caught) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _tell(self, test: LoadRun) -> None:
        """Say the intervals that are new; called from the threads of the run."""
        from mlxtop.present.load import interval_line

        status = test.status()
        fresh, self._told = status.intervals[self._told :], len(status.intervals)
        for interval in fresh:
            console.warn(interval_line(interval, status.sensors))

    def _finish(self, outcome: Outcome) -> int:
        from mlxtop.present.load import outcome_lines

        if self._args.json:
            console.say_json(outcome.document())
        else:
            console.say(*outcome_lines(outcome))
        if self._signal is not None:
            return 128 + self._signal
        if outcome.ended == "complete":
            return 0
        console.warn(f"mlxtop: {outcome.ended}")
        return 1


def wish(args: argparse.Namespace) -> LoadWish:
    """All that was chosen for the test."""
    from mlxtop.load.runner import Timing
    from mlxtop.load.session import LoadWish, Watch

    chosen = None if args.guard in ("all", "off") else frozenset([args.guard])
    watch = Watch(args.guard != "off", chosen, args.ahead)
    timing = Timing.for_soak(args.soak) if args.soak else Timing()
    if args.cooldown is not None:
        timing = replace(timing, cooldown=float(args.cooldown))
    return LoadWish(request(args), watch, timing, args.note)


def _serve(args: argparse.Namespace, system: System) -> int:
    """Servers for the far end, until each has served a test, or a signal."""
    from mlxtop.load.request import IPERF3_PORT
    from mlxtop.load.server import IperfServers

    if args.tool is not Tool.IPERF3:
        raise ValueError("--server is iperf3's; a perftest tool is started without HOST")
    stop = Event()
    caught: list[int] = []

    def end(number: int, _: object) -> None:
        caught.append(number)
        stop.set()

    for number in SIGNALS:
        signal.signal(number, end)
    servers = IperfServers(system, console.warn)
    for command in servers.start(args.port or IPERF3_PORT, args.processes or 1):
        console.warn(f"here: {command}")
    try:
        while servers.running and not stop.wait(0.1):
            pass
    finally:
        servers.stop()
    while servers.running:
        stop.wait(0.05) if not stop.is_set() else Event().wait(0.05)
    return 128 + caught[0] if caught else int(servers.failed)
