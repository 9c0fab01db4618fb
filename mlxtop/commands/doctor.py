"""`mlxtop doctor`: why is this link not as fast as it could be, and what to do about it."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import partial
from itertools import islice
from threading import Event

from mlxtop.analysis.port_view import Ceiling, port_view
from mlxtop.commands.arguments import host
from mlxtop.commands.udev_rules import FILE, udev_rules
from mlxtop.doctor.check import Report
from mlxtop.doctor.inspect import inspect, probe, watch
from mlxtop.link_type.survey import read_stored
from mlxtop.model.frame import Frame
from mlxtop.model.identity import Port, PortId, PortKind
from mlxtop.model.sample import SourceKind
from mlxtop.outputs import console
from mlxtop.present.clean import clean
from mlxtop.present.doctor import report_lines, summary
from mlxtop.present.text import plain
from mlxtop.sampler.facts import EVERYTHING
from mlxtop.sampler.live import LiveSource
from mlxtop.sampler.source import frames
from mlxtop.settings import Settings
from mlxtop.system.door import System

UNKNOWN = 3
"""Exit status when nothing could be judged."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ports, probe and rules."""
    parser.add_argument("port", nargs="*", metavar="PORT", help="netdev, RDMA or PCI name or glob")
    parser.add_argument(
        "--probe",
        type=host,
        metavar="HOST",
        help="also ping HOST with undivided packets of the full MTU",
    )
    parser.add_argument(
        "--udev-rules",
        action="store_true",
        help="print udev rules that pin the ports' present names by PCI path and port number"
        " (no .link file: it cannot match dev_port, which tells two ports of one function apart)",
    )


def matches(port: Port, pattern: str) -> bool:
    """Return True where a name or glob means a port."""
    names = (port.netdev, port.rdma, port.function, str(port.id), *port.extra_netdevs)
    return any(name is not None and fnmatchcase(name, pattern) for name in names)


def choose(frame: Frame, patterns: Sequence[str], everything: bool) -> tuple[PortId, ...]:
    """Return the ports to judge. Raises ValueError for a pattern that means none."""
    if "ports" in frame.sample.absent:
        raise ValueError(frame.sample.absent["ports"])
    for pattern in patterns:
        if not any(matches(port.now.port, pattern) for port in frame.ports.values()):
            raise ValueError(f"no port is called {pattern!r}")
    return tuple(
        port_id
        for port_id, port in frame.ports.items()
        if any(matches(port.now.port, pattern) for pattern in patterns)
        or (not patterns and (everything or port.now.port.kind is not PortKind.VIRTUAL))
    )


def run(args: argparse.Namespace, system: System, settings: Settings) -> int:
    """Print the report; 0 fine, 1 warning, 2 critical, 3 nothing could be judged."""
    interval = 0.5 if system.captured else min(settings.interval, 1.0)
    source = LiveSource(
        system,
        interval,
        settings.all,
        settings.include,
        incidents=True,
        calm=0.0,
        wants=frozenset() if args.udev_rules else EVERYTHING,
        ask_card=read_stored,
    )
    stop = Event()
    try:
        if args.udev_rules:
            return _print_rules(source, args, settings)
        pick = partial(choose, patterns=args.port, everything=settings.all)
        seen = list(watch(source, stop, pick))
        frame = seen[-1]
        ports = pick(frame)
        chosen = ports if args.port else ()
        probes = tuple(probe(system, frame, args.probe, chosen)) if args.probe else ()
        incidents = [incident for one in seen for incident in one.sample.incidents]
        found = inspect(frame, ports, incidents, before=seen[0], probes=probes)
        if args.json:
            console.say_json(document(found))
        else:
            ceilings = [
                (frame.ports[port].now.port.name, port_view(frame, port).ceiling) for port in ports
            ]
            _print_text(source, found, ceilings)
        return found.status
    finally:
        stop.set()
        source.close()


def document(report: Report) -> dict[str, object]:
    """Return the report for JSON: findings, the worst first, and what could not be told."""
    return {
        "findings": [
            {
                "severity": finding.severity,
                "subject": finding.subject,
                "seen": finding.evidence,
                "why": finding.why,
                "advice": finding.advice,
                "reference": finding.reference,
            }
            for finding in report.findings
        ],
        "could_not_tell": [
            {"check": unknown.label, "reason": unknown.reason} for unknown in report.could_not_tell
        ],
    }


def _print_text(source: LiveSource, report: Report, ceilings: list[tuple[str, Ceiling]]) -> None:
    demo = "DEMO  " if source.kind is SourceKind.DEMO else ""
    columns = shutil.get_terminal_size((100, 24)).columns
    lines = [f"{demo}{clean(source.label)}: {summary(report)}"]
    lines += [plain(line) for line in report_lines(report, ceilings, min(columns, 120))]
    console.say(*(line.rstrip() for line in lines))


def _print_rules(source: LiveSource, args: argparse.Namespace, settings: Settings) -> int:
    """Print rules on standard output, ports without a rule on standard error; as JSON both."""
    frame = next(islice(frames(source, Event()), 1))
    chosen = choose(frame, args.port, settings.all)
    rules, left_out = udev_rules(frame.ports[port].now for port in chosen)
    if args.json:
        ports = [{"port": name, "reason": why} for name, why in left_out]
        console.say_json({"file": FILE, "rules": rules, "left_out": ports})
        return 0 if rules else UNKNOWN
    console.warn(*(f"mlxtop: {name}: {why}" for name, why in left_out))
    if not rules:
        console.warn("mlxtop: no port has a name to pin")
        return UNKNOWN
    console.say(*rules)
    return 0
