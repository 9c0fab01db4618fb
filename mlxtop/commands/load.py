"""`mlxtop load HOST`: a throughput test with a heat guard, without a screen.

What is asked for goes to stdout, progress to stderr; with `--json` stdout gets one object.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, TypeVar

from mlxtop.commands.arguments import between, constants, host
from mlxtop.commands.load_session import FrontEnd
from mlxtop.load.hold import HOLD_TIME_S
from mlxtop.load.request import (
    GUARDED_INTERVAL_S,
    IPERF3_PORT,
    GuardOptions,
    LoadOptions,
    LoadRequest,
    Timing,
)
from mlxtop.model.load import Direction, Tool, typed_bits, typed_seconds, typed_size
from mlxtop.model.number import real
from mlxtop.outputs import console
from mlxtop.present.text import Role

if TYPE_CHECKING:
    from mlxtop.hosts.machines import Machine
    from mlxtop.load.session import SessionView
    from mlxtop.model.frame import Frame
    from mlxtop.settings import Settings
    from mlxtop.system.door import System

_CPUS = re.compile(r"off|\d{1,4}(?:-\d{1,4})?(?:,\d{1,4}(?:-\d{1,4})?)*", re.ASCII)
SSH_HELP = "HOST is reached by ssh: its server is started there, and its heat guarded too"
T = TypeVar("T")


def argument(parse: Callable[[str], T]) -> Callable[[str], T]:
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
    seconds, bits = argument(typed_seconds), argument(typed_bits)
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
    size = argument(typed_size)
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
    add("--ssh", action="store_true", help=SSH_HELP)


def run(
    args: argparse.Namespace, system: System, settings: Settings, far: Machine | None = None
) -> int:
    """Run the test, or a server; return 0 when it is complete.

    `far`: the far end, where that is read too.
    """
    from mlxtop.commands.load_far import drive, far_by_ssh
    from mlxtop.sampler.facts import Fact
    from mlxtop.sampler.live import LiveSource

    if settings.readonly:
        raise ValueError("load sends traffic: not with --readonly")
    if args.server:
        if args.tool is not Tool.IPERF3:
            raise ValueError("--server is iperf3's; a perftest tool is started without HOST")
        if args.host or args.plan or args.hold or args.soak or args.ssh:
            raise ValueError("--server serves the far end here: without HOST, --plan and the like")
    elif not args.host:
        raise ValueError("load needs HOST, or --server")
    interval, wants = min(settings.interval, GUARDED_INTERVAL_S), frozenset({Fact.PORTS})
    live = LiveSource(system, interval, settings.all, settings.include, wants=wants)
    with closing(live) as source:
        front = _FrontEnd(args, system)
        if args.server:
            guard, ports = GuardOptions.choose(args.guard, args.ahead), args.port or IPERF3_PORT
            count = args.processes or 1
            return front.serve(
                source, lambda frame: front.session.serve(ports, count, frame, guard)
            )
        chosen = options(args)

        def start(host: str, frame: Frame) -> object:
            at = chosen._replace(request=chosen.request._replace(host=host))
            return front.session.start(frame, at, args.plan)

        machine = far or far_by_ssh(args, settings)
        return drive(front, source, machine, start)


def options(args: argparse.Namespace) -> LoadOptions:
    """Return what was chosen for the test."""
    if args.hold and (args.soak or args.guard == "off"):
        raise ValueError("--hold needs the heat guard, and does not go with --soak")
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


class _FrontEnd(FrontEnd):
    """Drives one load test, or the servers of one."""

    def report(self, view: SessionView) -> None:
        from mlxtop.present.load import guard_text, plan_runs

        if view.plan is not None and "plan" not in self.shown:
            for text, role in plan_runs(view.plan):
                copied = any(line in text for line in (*view.plan.lines, *view.plan.server))
                self.tell(f"mlxtop: {text}" if role is Role.CRITICAL else text, role, whole=copied)
            if not view.plan.refusals:
                self.tell(*guard_text(view.guard, view.sensors))
            self.shown.add("plan")
        self.report_run(view)

    def finish(self, view: SessionView) -> int:
        from mlxtop.present.load import outcome_runs

        plan, outcome = view.plan, view.outcome
        if outcome is not None:
            if self.args.json:
                console.say_json(outcome.document())
            else:
                console.show_sentences(*outcome_runs(outcome))
        elif plan is not None and self.args.json:
            console.say_json({"plan": plan.document(), "result": None})
        if self.signalled is not None:
            return self.signalled
        if outcome is None:
            return int(plan is None or bool(plan.refusals) or view.problem is not None)
        if outcome.ended == "complete":
            return int(outcome.hold is not None and outcome.hold.bps is None)
        if "stopping" not in self.shown:
            console.warn(f"mlxtop: {outcome.ended}")
        return 1
