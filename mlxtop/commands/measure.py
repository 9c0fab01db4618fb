"""`mlxtop measure HOST`: every tool's tests on the way to a host, or a sweep, in one table.

The table goes to stdout, progress to stderr; `--json`, `--csv`, `--markdown` are other forms of it.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import closing
from typing import TYPE_CHECKING

from mlxtop.commands.arguments import between, constants, host
from mlxtop.commands.load import SSH_HELP, argument
from mlxtop.commands.load_session import FrontEnd
from mlxtop.load.measure import ITEM_S, MeasureOptions
from mlxtop.load.request import GUARDED_INTERVAL_S, GuardOptions, LoadRequest
from mlxtop.load.sweep import check, parse_axis
from mlxtop.model.load import Direction, Tool, typed_bits, typed_seconds, typed_size
from mlxtop.outputs import console

if TYPE_CHECKING:
    from mlxtop.hosts.machines import Machine
    from mlxtop.load.measure_run import MeasureView
    from mlxtop.load.session import SessionView
    from mlxtop.model.frame import Frame
    from mlxtop.settings import Settings
    from mlxtop.system.door import System


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the arguments of `measure`."""
    add = parser.add_argument
    seconds, axis = argument(typed_seconds), argument(parse_axis)
    add("host", nargs="?", type=host, metavar="HOST", help="far end, where the servers run")
    add("--via", metavar="PORT", help="port to load; else the one that the route to HOST uses")
    add("-t", "--time", type=seconds, metavar="TIME", help=f"of each test: 30, 5m ({ITEM_S})")
    add("--plan", action="store_true", help="show tests, commands and length, and run nothing")
    text = "measure an option's values: streams=1,2,4 or size=64..8M; up to twice"
    add("--sweep", type=axis, action="append", default=[], metavar="AXIS", help=text)
    add("--tool", type=Tool, choices=list(Tool), metavar="TOOL", help="of a sweep (iperf3)")
    add("-P", "--parallel", type=between(1, 1024), metavar="N", help="streams of a sweep")
    add("-l", "--size", type=argument(typed_size), metavar="SIZE", help="bytes of a message")
    add("-b", "--bitrate", type=argument(typed_bits), metavar="RATE", help="of all streams")
    add("-u", "--udp", action="store_true", help="sweep by UDP; needs --bitrate")
    add("--test", metavar="NAME", help="qperf's, of a sweep: rc_bw")
    parser.set_defaults(direction=Direction.SEND)
    way = constants(parser, "direction")
    way("-R", "--reverse", const=Direction.RECEIVE, help="sweep by receiving")
    way("--bidir", const=Direction.BOTH, help="sweep by sending and receiving")
    text = "set another MTU or IPoIB mode for some tests, and put it back (root)"
    add("--change-mtu", action="store_true", help=text)
    add("--yes", action="store_true", help="with --change-mtu: do not ask")
    add("--budget", type=seconds, metavar="TIME", help="end before this time is used up: 10m")
    text = "go on with a measurement that was broken off (the last)"
    add("--resume", nargs="?", const="last", metavar="ID", help=text)
    guards = ("all", "module", "asic", "off")
    add("--guard", choices=guards, default="all", help="sensors that stop")
    add("--ahead", type=between(0, 600), default=15, metavar="S", help="before a forecast limit")
    add("--note", default="", metavar="TEXT", help="kept with the measurement")
    add("--ssh", action="store_true", help=SSH_HELP)
    add("--csv", action="store_true", help="comma-separated values")
    add("--markdown", action="store_true", help="a table to paste into a forum")


def run(
    args: argparse.Namespace, system: System, settings: Settings, far: Machine | None = None
) -> int:
    """Run the measurement; return 0 when it is complete.

    `far`: the far end, where that is read too.
    """
    from mlxtop.commands.load_far import drive, far_by_ssh
    from mlxtop.sampler.facts import Fact
    from mlxtop.sampler.live import LiveSource

    if settings.readonly:
        raise ValueError("measure sends traffic: not with --readonly")
    if sum((args.json, args.csv, args.markdown)) > 1:
        raise ValueError("--json, --csv and --markdown exclude each other")
    chosen = options(args, system)
    wants = frozenset({Fact.PORTS})
    interval = min(settings.interval, GUARDED_INTERVAL_S)
    live = LiveSource(system, interval, settings.all, settings.include, wants=wants)
    with closing(live) as source:
        front = _FrontEnd(args, system, settings.ascii)

        def start(host: str | None, frame: Frame) -> None:
            front.begin(frame, _to_host(chosen, host))

        return drive(front, source, far or far_by_ssh(args, settings), start)


def _to_host(chosen: MeasureOptions, host: str | None) -> MeasureOptions:
    """Return a measurement with the address of its far end. Raises ValueError."""
    before = chosen.request.host
    if chosen.resume is not None and host and host != before:
        raise ValueError(f"{chosen.resume} was to {before}, not {host}")
    return chosen._replace(request=chosen.request._replace(host=host or before))


def options(args: argparse.Namespace, system: System) -> MeasureOptions:
    """Return what was chosen, or what a measurement that goes on was begun with."""
    guard = GuardOptions.choose(args.guard, args.ahead)
    sweeps = {"tool": args.tool, "streams": args.parallel, "size": args.size, "test": args.test}
    sweeps |= {"bitrate": args.bitrate, "udp": args.udp or None}
    given = {name: value for name, value in sweeps.items() if value is not None}
    if args.resume is not None:
        turned = args.direction is not Direction.SEND
        if given or turned or args.sweep or args.time or args.via:
            raise ValueError("--resume goes on with the tests as they were planned: no options")
        return _resumed(args, system, guard)
    if not args.host:
        raise ValueError("measure needs HOST, or --resume")
    if (given or args.direction is not Direction.SEND) and not args.sweep:
        raise ValueError("without --sweep every tool is measured: tool and options go with one")
    seconds = args.time or ITEM_S
    request = LoadRequest(args.host, args.via, direction=args.direction, seconds=seconds, **given)
    check(args.sweep, request)
    budget = None if args.budget is None else float(args.budget)
    return MeasureOptions(
        *(request, tuple(args.sweep), guard, budget), note=args.note, change_mtu=args.change_mtu
    )


def _resumed(args: argparse.Namespace, system: System, guard: GuardOptions) -> MeasureOptions:
    from mlxtop.load.measure_log import find_measured, read_measured
    from mlxtop.load.record import table
    from mlxtop.load.run_log import own_runs

    directory = own_runs(demo=system.demo)
    record = read_measured(directory, find_measured(directory, args.resume))
    if record.complete:
        raise ValueError(f"{record.id} is complete: there is nothing to go on with")
    fields = table(record.head.get("request"))
    try:
        request = LoadRequest(**fields)._replace(
            tool=Tool(fields["tool"]), direction=Direction(fields["direction"])
        )
        axes = tuple(parse_axis(text) for text in record.head.get("sweep") or ())
    except (TypeError, KeyError, ValueError) as error:
        raise ValueError(f"{record.id} cannot go on: its record is damaged ({error})") from None
    budget = None if args.budget is None else float(args.budget)
    note = args.note or str(record.head.get("note") or "")
    change = args.change_mtu or record.head.get("change_mtu") is True
    return MeasureOptions(request, axes, guard, budget, record.id, note, change)


class _FrontEnd(FrontEnd):
    """Drives one measurement from the command line."""

    def __init__(self, args: argparse.Namespace, system: System, ascii_only: bool) -> None:
        super().__init__(args, system)
        self._ascii = ascii_only
        self._rows = 0
        self._current: str | None = None

    def begin(self, frame: Frame, chosen: MeasureOptions) -> None:
        """Start, once a person has agreed to what is changed. Raises ValueError without that."""
        from mlxtop.load.measure import plan_measure
        from mlxtop.present.measure import change_runs

        if chosen.change_mtu and not self.args.plan and not self.args.yes:
            plan = plan_measure(self.system, frame, chosen.request, chosen.axes, change_mtu=True)
            if plan.change is not None:
                console.warn(*(text for text, _ in change_runs(plan)))
                _agreed()
        self.session.measure(frame, chosen, self.args.plan)

    def report(self, view: SessionView) -> None:
        from mlxtop.present.measure import plan_runs
        from mlxtop.present.text import Role

        measure = view.measure
        if measure is None:
            self.report_run(view)
            return
        if "measure" not in self.shown:
            self.shown.add("measure")
            for text, role in plan_runs(measure.plan):
                if role is Role.CRITICAL:
                    console.warn(f"mlxtop: {text}")
                elif not self.args.plan:
                    console.warn(text)
                elif not self.args.json:
                    console.say(text)
        if measure.current is not None and measure.current != self._current:
            self._current = measure.current
            self.tell(measure.progress, Role.STRONG)
            self.begin_run()
        self.report_run(view)

    def finish(self, view: SessionView) -> int:
        measure = view.measure
        if measure is not None and not self.args.plan and measure.plan.refusal is None:
            self._say(measure)
        elif measure is not None and self.args.json:
            console.say_json(measure.plan.document())
        if (status := self.signalled) is not None:
            return status
        if measure is None or measure.plan.refusal is not None or view.problem is not None:
            return 1
        if self.args.plan:
            return 0
        if measure.ended != "complete":
            console.warn(f"mlxtop: {measure.ended}")
            return 1
        failed = all(row.get("failed") for row in measure.rows)
        if failed and measure.plan.servers:
            ask = "do the servers run at the far end?"
            console.warn(f"mlxtop: {ask} --plan lists them, --ssh starts them")
        return int(failed)

    def _say(self, measure: MeasureView) -> None:
        from mlxtop.outputs.csv_rows import named
        from mlxtop.present.measure import all_cells, csv_rows, markdown, table_lines

        if self.args.json:
            console.say_json(measure.document())
        elif self.args.csv:
            console.write(named(csv_rows(measure.rows)))
        elif self.args.markdown:
            console.say(*markdown(all_cells(measure), measure.sentence))
        else:
            from mlxtop.present.measure_chart import chart
            from mlxtop.present.text import Role

            drawn = chart(measure, self._ascii)
            console.say(*table_lines(all_cells(measure)), *([""] if drawn else []), *drawn)
            console.show_sentences((measure.sentence, Role.STRONG))
            if measure.id:
                console.say(f"recorded as {measure.id} (mlxtop runs show {measure.id})")


def _agreed() -> None:
    """Ask whether a change is to be made. Raises ValueError where nobody says yes."""
    if not sys.stdin.isatty():
        raise ValueError("--change-mtu asks before it changes anything, and nobody is there: --yes")
    console.warn("Do it? [y/N] ", end="")
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise ValueError("nothing was changed and nothing measured")
