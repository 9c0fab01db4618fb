"""`mlxtop metrics`: what the ports do, for Prometheus: printed, in a file, or served for scrapes.

With `--dashboard`, `--rules` and `--unit` it prints what Grafana, Prometheus and systemd want.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib.resources import files
from ipaddress import ip_address
from shlex import quote
from threading import Event, Lock
from typing import TYPE_CHECKING

from mlxtop.commands.arguments import UsageError, constants, host
from mlxtop.model.identity import PortKind
from mlxtop.outputs import console
from mlxtop.settings import MAX_INTERVAL, MIN_INTERVAL

if TYPE_CHECKING:
    from mlxtop.doctor.check import Report
    from mlxtop.model.frame import Frame
    from mlxtop.outputs.machine_metrics import FindingCount, Machine
    from mlxtop.outputs.openmetrics import Rendered
    from mlxtop.sampler.live import LiveSource
    from mlxtop.sampler.source import Source
    from mlxtop.settings import Settings
    from mlxtop.system.door import System

ADDRESS, PORT = "127.0.0.1", 9838
EVERY_S = 5.0
"""Seconds between samples while scrapes are served."""
EXAMINE_S = 60.0
"""Seconds between looks of the doctor."""
FRESH_S = 1.0
"""Seconds for which an answer is given again: many scrapes at once cost one."""
SHARED = {
    "dashboard": "grafana/mlxtop.json",
    "rules": "prometheus/mlxtop.rules.yml",
    "unit": "systemd/mlxtop-metrics.service",
}
"""Option to the file below `share` that it prints."""
PROGRAM = "/usr/local/bin/mlxtop"
"""The program in the shipped units."""


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
    _check(args)
    if args.shared:
        console.write(shared(args.shared))
        return 0
    exporter = Exporter(system, settings.all, args.vfs)
    if args.listen:
        return _serve(args, exporter, system, settings)
    if args.textfile and args.every:
        return _write_again(args, exporter, system, settings)
    with closing(_source(system, settings, 0.5 if system.captured else 1.0, once=True)) as source:
        _read_once(source, exporter)
    if args.textfile:
        write(args.textfile, exporter.text())
    else:
        console.write(exporter.text().decode())
    return 0 if _has_ports(exporter, settings) else 1


def _check(args: argparse.Namespace) -> None:
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
    text = files("mlxtop").joinpath("share", SHARED[name]).read_text("utf-8")
    own = shutil.which(sys.argv[0]) if os.path.basename(sys.argv[0]) == "mlxtop" else None
    return text.replace(PROGRAM, quote(os.path.abspath(own))) if own and name == "unit" else text


# Reading


def _source(system: System, settings: Settings, every: float, once: bool = False) -> LiveSource:
    from mlxtop.link_type.survey import read_stored
    from mlxtop.sampler.facts import ON_SCREEN
    from mlxtop.sampler.live import CALM_S, LiveSource

    return LiveSource(
        system,
        every,
        settings.all,
        settings.include,
        incidents=True,
        calm=0.0 if once else CALM_S,
        wants=ON_SCREEN,
        ask_card=read_stored,
    )


def _read_once(source: Source, exporter: Exporter) -> None:
    """Read until all is known that can be, with two readings of each counter."""
    from mlxtop.doctor.inspect import watch

    stop = Event()
    for frame in watch(source, stop, lambda frame: frame.ports):
        exporter.take(frame, examine=False)
    stop.set()
    exporter.examine()


def _has_ports(exporter: Exporter, settings: Settings) -> bool:
    """Return whether there is a port; else say so."""
    from mlxtop.outputs.headless import nothing_found

    frame = exporter.frame
    if frame is None or not frame.ports:
        absent = frame.sample.absent.get("ports") if frame else None
        console.warn(f"mlxtop: {absent or nothing_found(settings.all)}")
        return False
    return True


class Exporter:
    """The newest frame of a machine, its Watch and the doctor's findings, for scrapes.

    One thread takes frames in, another may ask for the metrics.
    """

    def __init__(self, system: System, everything: bool = False, with_vfs: bool = False) -> None:
        from mlxtop.watch.watch import Watch

        self._system = system
        self._everything = everything
        self._with_vfs = with_vfs
        self._lock = Lock()
        self._watch = Watch()
        self._findings: tuple[FindingCount, ...] = ()
        self._examined: Frame | None = None
        self._answers: dict[tuple[str, bool], tuple[float, Rendered]] = {}

    @property
    def frame(self) -> Frame | None:
        return self._watch.frame

    def take(self, frame: Frame, examine: bool = True) -> None:
        """Take a frame in; from the second on the doctor looks at it now and then."""
        with self._lock:
            first = self._watch.frame is None
            self._watch.ingest(frame)
        last = self._examined
        due = last is None or frame.sample.tick - last.sample.tick >= EXAMINE_S
        if examine and due and not (first and not self._system.captured):
            self.examine()

    def examine(self) -> None:
        """Let the doctor look at the newest frame."""
        frame = self._watch.frame
        if frame is None:
            return
        from mlxtop.doctor.inspect import inspect

        incidents = [event.incident for event in self._watch.events]
        ports = [port for port, its in frame.ports.items() if self._is_told(its.now.port.kind)]
        report = inspect(frame, ports, incidents, before=self._examined)
        findings = tuple(counted(report, frame))
        with self._lock:
            self._findings, self._examined = findings, frame

    def _is_told(self, kind: PortKind) -> bool:
        return kind is PortKind.PHYSICAL or (kind is PortKind.VF and self._with_vfs)

    def machines(self) -> list[Machine]:
        """Return the machine as it is now; empty before the first frame."""
        from mlxtop.model.sample import SourceKind
        from mlxtop.outputs.machine_metrics import Machine

        frame, system = self._watch.frame, self._system
        if frame is None:
            return []
        kind = SourceKind.DEMO if system.demo else SourceKind.LIVE
        kind = SourceKind.CAPTURED if system.captured else kind
        now = None if system.captured else system.now()
        return [Machine(frame, self._watch, self._findings, now, "", kind, self._with_vfs)]

    def text(self) -> bytes:
        """Return the text format."""
        from mlxtop.outputs.openmetrics import text

        with self._lock:
            return text(self.machines)

    def render(self, accept: str, zipped: bool) -> Rendered:
        """Return the answer to a scrape, the one before where that is not a second old."""
        from mlxtop.outputs.http_server import NOT_YET
        from mlxtop.outputs.openmetrics import chosen, render

        what = chosen(accept), zipped
        with self._lock:
            if self._watch.frame is None:
                raise NOT_YET
            told = self._answers.get(what)
            now = time.monotonic()
            if told is None or now - told[0] > FRESH_S:
                told = self._answers[what] = now, render(self.machines, accept, zipped)
            return told[1]


def counted(report: Report, frame: Frame) -> Iterator[FindingCount]:
    """Yield the findings of a report by check, with the port or card that each is about."""
    from mlxtop.doctor.check import Check, card_name
    from mlxtop.model.counters import Counter
    from mlxtop.model.identity import PortId
    from mlxtop.outputs.machine_metrics import FindingCount

    about: dict[str, PortId | str] = {}
    for card in frame.sample.adapters:
        name = card_name(card)
        about[name] = card.functions[0].address if card.functions else card.key
        for slot, function in card.slots.items():
            about[f"{name}, slot {slot}"] = function.address
    for port, its in frame.ports.items():
        about[quote(its.now.port.name)] = port
    for finding in report.findings:
        topic = finding.topic
        name = topic.key if isinstance(topic, Counter) else topic.name if topic else ""
        assert topic is None or isinstance(topic, Counter | Check)
        yield FindingCount(name, finding.severity, about.get(finding.subject))


# Writing


def write(path: str, text: bytes) -> None:
    """Replace a file as a whole, readable for all. Raises OSError; then it is as it was."""
    from mlxtop.system.owner import Owner
    from mlxtop.system.replace_file import replace_file

    path = os.path.abspath(path)
    folder = os.path.dirname(path)
    os.listdir(folder)  # a new one would be of no use: node_exporter does not look there
    try:
        before = os.stat(path)
    except FileNotFoundError:
        before = None
    try:
        replace_file(path, text, Owner(os.geteuid(), os.getegid(), "/"), before, mode=0o644)
    except OSError as error:
        if error.errno is None or error.filename:
            raise
        raise OSError(error.errno, error.strerror, path) from error


def _until_signal() -> Event:
    from mlxtop.sampler.source import Stop

    stop = Stop()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _follow(
    source: Source, exporter: Exporter, stop: Event, after: Callable[[], None] | None = None
) -> None:
    """Take frames in until stopped; a captured machine gives one and stays as it is."""
    from mlxtop.sampler.source import frames

    for frame in frames(source, stop):
        exporter.take(frame)
        if after is not None:
            after()
    stop.wait()


def _write_again(
    args: argparse.Namespace, exporter: Exporter, system: System, settings: Settings
) -> int:
    told = ""

    def write_now() -> None:
        nonlocal told
        trouble = ""
        try:
            write(args.textfile, exporter.text())
        except OSError as error:
            trouble = f"{args.textfile}: {error.strerror or error}"
        if trouble and trouble != told:
            console.warn(f"mlxtop: {trouble}")
        told = trouble

    with closing(_source(system, settings, args.every)) as source:
        _follow(source, exporter, _until_signal(), write_now)
    return 0


# Serving


def _serve(args: argparse.Namespace, exporter: Exporter, system: System, settings: Settings) -> int:
    from mlxtop.outputs.http_server import Server, tls_context, written

    tls = tls_context(args.cert, args.key, args.client_ca) if args.cert else None
    server = Server(exporter.render, _names(args.allow_host or ()), tls)
    with closing(_source(system, settings, args.every or EVERY_S)) as source:
        stop = _until_signal()
        address, port = server.start(*args.listen)
        place = written(address, port)
        console.warn(f"mlxtop: {'https' if tls else 'http'}://{place}/metrics")
        if not ip_address(address).is_loopback:
            who = "who has a certificate" if args.client_ca else "everybody"
            console.warn(f"mlxtop: {place} is no loopback address: {who} can read it from afar")
        try:
            _follow(source, exporter, stop)
        finally:
            server.close()
    return 0


def _names(more: list[str] | tuple[()]) -> frozenset[str]:
    """Return what this machine may be called in a Host header, in small letters."""
    own = socket.gethostname()
    names = ("localhost", own, own.partition(".")[0], *more)
    return frozenset(name.lower().removesuffix(".") for name in names if name)
