"""`mlxtop doctor`: why is this link not as fast as it could be, and what to do about it.

With `--udev-rules` it prints rules that pin the names of ports by PCI path and port number.
https://man7.org/linux/man-pages/man7/udev.7.html; `dev_port` numbers the ports of one function
from 0 (Documentation/ABI/testing/sysfs-class-net); `dev_id` does not tell them apart everywhere.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import partial
from threading import Event
from time import localtime, strftime

from mlxtop.analysis.port_view import Ceiling, port_view
from mlxtop.commands.arguments import host
from mlxtop.commands.mending import did_you_mean
from mlxtop.doctor.check import Probe, Report
from mlxtop.doctor.inspect import inspect, probe, watch
from mlxtop.health.link_health import LinkHealth
from mlxtop.health.store import looked_at, store_of
from mlxtop.link_type.survey import read_stored
from mlxtop.model.frame import Frame
from mlxtop.model.identity import Port, PortId, PortKind
from mlxtop.model.sample import PortSample, SourceKind
from mlxtop.outputs import console
from mlxtop.present.doctor import ROLES, report_lines, summary
from mlxtop.present.text import Role
from mlxtop.recording.recording import Recording
from mlxtop.recording.then import frames_between, incidents_up_to
from mlxtop.sampler.facts import JUDGED
from mlxtop.sampler.live import LiveSource
from mlxtop.sampler.source import frames
from mlxtop.settings import Settings
from mlxtop.system.door import System
from mlxtop.watch.congestion import followed

OBSERVED_S = 30.0
"""Seconds of a recording before the time that is judged: the slowest counters are read twice."""
UNKNOWN = 3
"""Exit status when nothing could be judged."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ports, probe and rules."""
    parser.add_argument("port", nargs="*", metavar="PORT", help="netdev, RDMA or PCI name or glob")
    probing = "also ping HOST with undivided packets of the full MTU"
    parser.add_argument("--probe", type=host, metavar="HOST", help=probing)
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
            names = [port.now.port.name for port in frame.ports.values()]
            question = did_you_mean(pattern, names)
            raise ValueError(f"no port is called {pattern!r}{question}")
    return tuple(
        port_id
        for port_id, port in frame.ports.items()
        if any(matches(port.now.port, pattern) for pattern in patterns)
        or (not patterns and (everything or port.now.port.kind is not PortKind.VIRTUAL))
    )


def run(args: argparse.Namespace, system: System, settings: Settings) -> int:
    """Print the report; 0 fine, 1 warning, 2 critical, 3 nothing could be judged."""
    source = LiveSource(
        system,
        0.5 if system.captured else min(settings.interval, 1.0),
        settings.all,
        settings.include,
        incidents=True,
        calm=0.0,
        wants=frozenset() if args.udev_rules else JUDGED,
        ask_card=read_stored,
    )
    stop = Event()
    try:
        if args.udev_rules:
            return _print_rules(source, stop, args, settings)
        return _print_report(system, source, stop, args, settings)
    finally:
        stop.set()
        source.close()


def run_recorded(
    args: argparse.Namespace, recording: Recording, wall: float | None, settings: Settings
) -> int:
    """Print the report of a recorded time; the status is that of `run`."""
    if args.probe or args.udev_rules:
        raise ValueError("--probe and --udev-rules are of this machine, not of a recording")
    until = recording.end if wall is None else wall
    observed = list(frames_between(recording, until - OBSERVED_S, until))
    frame = observed[-1]
    ports = choose(frame, args.port, settings.all)
    incidents = incidents_up_to(recording, frame)
    congestion = followed(observed)
    report = inspect(frame, ports, incidents, before=observed[0], congestion=congestion)
    when = strftime("%F %T", localtime(frame.sample.wall))
    return show_report(report, frame, ports, f"REPLAY {when}  {recording.host}", args.json)


def _print_report(
    system: System, source: LiveSource, stop: Event, args: argparse.Namespace, settings: Settings
) -> int:
    pick = partial(choose, patterns=args.port, everything=settings.all)
    with console.waiting(f"looking at {source.label}"):
        observed = list(watch(source, stop, pick))
    frame = observed[-1]
    ports = pick(frame)
    chosen = ports if args.port else ()
    with console.waiting(f"asking {args.probe}"):
        probes = tuple(probe(system, frame, args.probe, chosen)) if args.probe else ()
    store = store_of(system, may_write=not settings.readonly)
    report = judged(observed, ports, probes, looked_at(store, observed))
    if store.problem:
        console.warn(f"mlxtop: the history of links: {store.problem}")
    demo = "DEMO  " if source.kind is SourceKind.DEMO else ""
    return show_report(report, frame, ports, source.label, args.json, mark=demo)


def judged(
    observed: Sequence[Frame],
    ports: Sequence[PortId],
    probes: tuple[Probe, ...] = (),
    health: Mapping[PortId, LinkHealth] | None = None,
) -> Report:
    """Return the report on ports after some frames of their machine."""
    incidents = [incident for one in observed for incident in one.sample.incidents]
    return inspect(
        *(observed[-1], ports, incidents),
        before=observed[0],
        probes=probes,
        congestion=followed(observed),
        health=health,
    )


def show_report(
    report: Report,
    frame: Frame,
    ports: Sequence[PortId],
    title: str,
    as_json: bool,
    *,
    mark: str = "",
) -> int:
    """Print a report; return its status."""
    if as_json:
        console.say_json(document(report))
        return report.status
    ceilings = [(frame.ports[port].now.port.name, port_view(frame, port).ceiling) for port in ports]
    _show(report, title, ceilings, mark)
    return report.status


def show_links(report: Report) -> None:
    """Print a report about the links between several machines."""
    _show(report, "between the machines", ())


def _show(
    report: Report, title: str, ceilings: Sequence[tuple[str, Ceiling]], mark: str = ""
) -> None:
    columns = console.columns(120, least=1)
    worst = ROLES[report.findings[0].severity] if report.findings else Role.GOOD
    head = ((mark, Role.BADGE), (f"{title}: ", Role.STRONG), (summary(report), worst))
    console.show(head, *report_lines(report, ceilings, columns))


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


def _print_rules(
    source: LiveSource, stop: Event, args: argparse.Namespace, settings: Settings
) -> int:
    """Print rules on standard output, ports without a rule on standard error; as JSON both."""
    frame = next(frames(source, stop))
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


FILE = "/etc/udev/rules.d/70-mlxtop-names.rules"
_PLAIN = re.compile(r"[A-Za-z0-9_.-]{1,15}")
_KERNELS_OWN = re.compile(r"^(?:eth|ib)\d+$")
_ETHERNET, _INFINIBAND = 1, 32
"""ARPHRD_ETHER and ARPHRD_INFINIBAND."""

_HEAD = (
    f"# Names of ConnectX ports, pinned by mlxtop doctor --udev-rules; goes to {FILE}",
    "# Rules rather than .link files: those cannot match dev_port, the port of a function.",
    "# To try: udevadm control --reload; then reboot, or reload the driver.",
)


def udev_rules(ports: Iterable[PortSample]) -> tuple[list[str], list[tuple[str, str]]]:
    """Return the lines of a rules file, and the ports without a rule with the reason."""
    lines: list[str] = []
    left_out: list[tuple[str, str]] = []
    for sample in ports:
        port = sample.port
        if port.kind is PortKind.VIRTUAL or port.function is None:
            left_out.append((port.name, "no PCI device"))
        elif port.netdev is None:
            left_out.append((port.name, "no network device, so no name"))
        elif not _PLAIN.fullmatch(port.netdev):
            left_out.append((port.name, "its name cannot stand in a rule"))
        else:
            if _KERNELS_OWN.match(port.netdev):
                lines.append(
                    f"# {port.netdev} is a name that the kernel gives itself; another one is safer"
                )
            lines.append(_rule(sample, port.netdev, port.function))
    return [*_HEAD, *lines] if lines else [], left_out


def _rule(sample: PortSample, netdev: str, function: str) -> str:
    port = sample.port
    infiniband = sample.link.is_infiniband
    # One function has all ports on mlx4, and one each on mlx5, where dev_port is always 0.
    number = port.id.number - 1 if port.is_mlx4 else 0
    conditions = [
        'SUBSYSTEM=="net"',
        'ACTION=="add"',
        f'KERNELS=="{function}"',
        f'ATTR{{dev_port}}=="{number}"',
        f'ATTR{{type}}=="{_INFINIBAND if infiniband else _ETHERNET}"',
    ]
    if infiniband:
        conditions.append('KERNEL!="*.*"')
    if port.representors:
        conditions.append('ATTR{phys_port_name}=="p[0-9]*"')
    return ", ".join([*conditions, f'NAME="{netdev}"'])
