"""`mlxtop metrics`: what the ports do, for Prometheus: printed, in a file, or served for scrapes.

With `--dashboard`, `--rules` and `--unit` it prints what Grafana, Prometheus and systemd want.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from ipaddress import ip_address
from threading import Event
from typing import TYPE_CHECKING

from mlxtop.commands.arguments import UsageError, constants, host
from mlxtop.commands.metrics_target import serve, tell_once, write_again
from mlxtop.outputs import console
from mlxtop.settings import MAX_INTERVAL, MIN_INTERVAL
from mlxtop.system.service_unit import exec_start, own_program, protect_home

if TYPE_CHECKING:
    from mlxtop.commands.exporter import Exporter
    from mlxtop.model.frame import Frame
    from mlxtop.path.follow import PathFollower
    from mlxtop.recording.recording import Recording
    from mlxtop.sampler.live import LiveSource
    from mlxtop.sampler.source import Source
    from mlxtop.settings import Settings
    from mlxtop.system.door import System

ADDRESS, PORT = "127.0.0.1", 9838
EVERY_S = 5.0
"""Seconds between samples while scrapes are served."""
SHARED = {
    "dashboard": "grafana/mlxtop.json",
    "rules": "prometheus/mlxtop.rules.yml",
    "unit": "systemd/mlxtop-metrics.service",
}
"""Option to the file below `share` that it prints."""
PROGRAM = "/usr/local/bin/mlxtop"
"""The program in the shipped unit, in whose place the one comes that prints it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add where the metrics go, and what else can be printed."""
    add = parser.add_argument
    add("--textfile", metavar="FILE", help="write for node_exporter's textfile collector: X.prom")
    add(
        "--listen",
        nargs="?",
        const=(ADDRESS, PORT),
        type=_place,
        metavar="ADDR:PORT",
        help=f"serve scrapes; without a value at {ADDRESS}:{PORT}",
    )
    add(
        *("-d", "--delay"),
        dest="every",
        type=_seconds,
        metavar="SECONDS",
        help=f"with --listen seconds between samples, {EVERY_S:g} if not told; with --textfile"
        " write again and again, once if not told",
    )
    add("--vfs", action="store_true", help="virtual functions too, each by itself")
    add(
        *("--allow-host",),
        action="append",
        type=host,
        metavar="NAME",
        help="with --listen: a name by which scrapers call this machine, beside its own",
    )
    add("--cert", metavar="FILE", help="with --listen: serve TLS with this certificate")
    add("--key", metavar="FILE", help="the certificate's key, where it is not in the same file")
    add("--client-ca", metavar="FILE", help="let in who has a certificate of this authority only")
    print_ = constants(parser, "shared")
    print_("--dashboard", const="dashboard", help="print a dashboard for Grafana")
    print_("--rules", const="rules", help="print alert and recording rules for Prometheus")
    print_("--unit", const="unit", help="print a systemd unit that serves scrapes")


def _seconds(text: str) -> float:
    from mlxtop.model.number import real

    seconds = real(text)
    if seconds is None or not MIN_INTERVAL <= seconds <= MAX_INTERVAL:
        raise argparse.ArgumentTypeError(f"{text!r} is not from 0.1 to 60 seconds")
    return seconds


def _place(text: str) -> tuple[str, int]:
    """Return address and port. Raises ArgumentTypeError.

    >>> _place("[::1]:80"), _place(":9839"), _place("10.0.0.3")
    (('::1', 80), ('127.0.0.1', 9839), ('10.0.0.3', 9838))
    """
    match = re.fullmatch(r"(?:\[([0-9a-fA-F:.]+)\]|([^:\[\]]*))(?::(\d{1,5}))?", text, re.ASCII)
    address = (match[1] or match[2] or ADDRESS) if match else ""
    address = ADDRESS if address == "localhost" else address
    port = int(match[3] or PORT) if match else 0
    try:
        ip_address(address)
    except ValueError:
        address = ""
    if not address or port > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no address and port, such as 10.0.0.3:9838")
    return address, port


def run(args: argparse.Namespace, system: System, settings: Settings) -> int:
    """Print, write or serve; 0, and 1 where there is no port."""
    check(args)
    if args.shared:
        console.write(shared(args.shared))
        return 0
    from mlxtop.commands.exporter import Exporter
    from mlxtop.health.store import store_of
    from mlxtop.path.follow import follow

    every = args.every or args.interval
    again = args.listen or (args.textfile and every)
    pace = (every or EVERY_S) if again else (0.5 if system.captured else 1.0)
    with closing(_source(system, settings, pace, once=not again)) as source:
        paths = follow(source, system, settings.path, _complain)
        store = store_of(system, may_write=not settings.readonly)
        exporter = Exporter(source.kind, system.now, args.vfs, health=store)
        if again:
            go_on = partial(_follow, source, exporter, paths)
            if args.listen:
                return serve(args, exporter.render, go_on)
            return write_again(args.textfile, exporter.text, go_on)
        return tell_once(args, paths.over(_until_known(source)), exporter, settings)


def run_recorded(
    args: argparse.Namespace, recording: Recording, wall: float | None, settings: Settings
) -> int:
    """Print or write what a scrape would have got at a time of a recording, else at its end."""
    check(args)
    if args.listen or args.shared:
        raise UsageError("--from goes with metrics that are printed, or with --textfile")
    from mlxtop.commands.exporter import Exporter
    from mlxtop.model.sample import SourceKind
    from mlxtop.recording.moments import WARM_S
    from mlxtop.recording.then import frames_between

    until = recording.end if wall is None else wall
    exporter = Exporter(SourceKind.REPLAY, lambda: 0.0, args.vfs)
    return tell_once(args, frames_between(recording, until - WARM_S, wall), exporter, settings)


def check(args: argparse.Namespace) -> None:
    """Raise UsageError for what does not go together."""
    if args.json:
        raise UsageError("metrics have a format of their own: --json does not go with them")
    chosen = [f"--{what}" for what in ("textfile", "listen") if getattr(args, what)]
    chosen += [f"--{args.shared}"] if args.shared else []
    if len(chosen) > 1:
        raise UsageError(f"{' and '.join(chosen)} exclude each other")
    if args.textfile and not args.textfile.endswith(".prom"):
        raise UsageError(f"{args.textfile}: node_exporter reads files that end in .prom only")
    served = {"--allow-host": args.allow_host, "--cert": args.cert}
    for option, value in served.items():
        if value and not args.listen:
            raise UsageError(f"{option} goes with --listen")
    for option, value in {"--key": args.key, "--client-ca": args.client_ca}.items():
        if value and not args.cert:
            raise UsageError(f"{option} goes with --cert")
    if args.every and not (args.listen or args.textfile):
        raise UsageError("--delay goes with --listen or --textfile")


def shared(name: str) -> str:
    """Return a shipped file; a unit starts the program that prints it."""
    from importlib.resources import files  # not at the start of other subcommands

    text = files("mlxtop").joinpath("share", SHARED[name]).read_text("utf-8")
    if name != "unit":
        return text
    program = own_program()
    text = text.replace("ProtectHome=yes", f"ProtectHome={protect_home(program)}")
    return text.replace(PROGRAM, exec_start(program))


def _source(system: System, settings: Settings, every: float, once: bool = False) -> LiveSource:
    """Return samples of the machine; `once`: tools may run at once, as nobody looks any longer."""
    from mlxtop.link_type.survey import read_stored
    from mlxtop.sampler.facts import ON_SCREEN, RDMA
    from mlxtop.sampler.live import CALM_S, LiveSource

    return LiveSource(
        system,
        every,
        settings.all,
        settings.include,
        incidents=True,
        calm=0.0 if once else CALM_S,
        wants=ON_SCREEN | RDMA,
        ask_card=read_stored,
    )


def _complain(text: str) -> None:
    console.warn(f"mlxtop: {text}")


def _until_known(source: Source) -> Iterator[Frame]:
    """Yield frames until all is known that can be, with two readings of each counter."""
    from mlxtop.doctor.inspect import watch

    stop = Event()
    yield from watch(source, stop, lambda frame: frame.ports)
    stop.set()


def _follow(
    source: Source,
    exporter: Exporter,
    paths: PathFollower,
    stop: Event,
    after: Callable[[], None],
) -> None:
    """Take frames in until stopped; a captured machine gives one and stays as it is."""
    from mlxtop.sampler.source import frames

    for frame in paths.over(frames(source, stop)):
        exporter.take(frame)
        after()
    stop.wait()
    exporter.close()
