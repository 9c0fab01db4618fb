"""Where the programs that measure run: on the card's own cores, or across the machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from mlxtop.analysis.port_view import PortView, port_view
from mlxtop.analysis.verdict import LIGHT
from mlxtop.doctor.check import Case, CouldNotTell, Finding, Nothing, Outcome
from mlxtop.model.cores import format_cores, parse_cores
from mlxtop.model.counters import Severity
from mlxtop.model.frame import PortFrame
from mlxtop.model.identity import Function, Port
from mlxtop.model.tuning import LoadProgram

_NUMA = "man 8 numactl; man 1 taskset"
MOST_PORTS = 64
"""Ports that one program is compared with: it serves no more at a time."""


def local_cores(function: Function | None) -> frozenset[int]:
    """The cores of the card's node; empty where the machine has one node, or does not tell."""
    if function is None or function.numa_node is None or not function.local_cpus:
        return frozenset()
    return _cores(function.local_cpus)


@lru_cache(64)
def _cores(text: str) -> frozenset[int]:
    return frozenset(parse_cores(text))


def check_test_programs(case: Case) -> Iterator[Outcome]:
    """Programs that measure run on cores of the card's own node."""
    looked = False
    named = _by_name(case)
    busy = [frame for _, frame, _ in case.each() if _busy(port_view(case.frame, frame.id))]
    for program in case.tuning.host.programs:
        ports = list(_ports_of(program, named)) or busy
        if not ports:
            continue
        looked = True
        name = f"{program.name} (PID {program.pid})"
        if program.cpus is None:
            yield CouldNotTell(
                f"{name}: its cores", f"/proc/{program.pid}/status does not tell them"
            )
            continue
        functions = [case.frame.function(frame.now.port.id) for frame in ports[:MOST_PORTS]]
        cores = {local_cores(function) for function in functions}
        if all(local and local.isdisjoint(program.cpus) for local in cores):
            yield _elsewhere(name, program, ports[0].now.port, functions[0])
    if not looked:
        yield Nothing("no iperf3, perftest or the like at work")


def _by_name(case: Case) -> Mapping[str, list[PortFrame]]:
    """Return the ports to judge by the names of their devices."""
    found: dict[str, list[PortFrame]] = {}
    for _, frame, _ in case.each():
        port = frame.now.port
        for name in filter(None, (port.netdev, port.rdma, *port.extra_netdevs)):
            found.setdefault(name, []).append(frame)
    return found


def _ports_of(program: LoadProgram, named: Mapping[str, list[PortFrame]]) -> Iterator[PortFrame]:
    """Yield the ports that a command line names, each once, in their order."""
    words = {word.rpartition("%")[2].rpartition("=")[2] for word in program.words}
    frames = {frame.now.port.id: frame for word in words for frame in named.get(word, ())}
    yield from (frames[port] for port in sorted(frames))


def _busy(view: PortView) -> bool:
    measured, speed = view.measured, view.now.now.link.speed
    return measured is not None and bool(speed) and measured.rate >= LIGHT * (speed or 0)


def _elsewhere(name: str, program: LoadProgram, port: Port, function: Function | None) -> Finding:
    there = format_cores(local_cores(function))
    node = function.numa_node if function else None
    return Finding(
        Severity.NOTE,
        port.netdev or port.rdma or str(port.id),
        f"{name} may run on cores {format_cores(program.cpus or ())} only, the card is at cores"
        f" {there} (/proc/{program.pid}/status, local_cpulist)",
        "every byte crosses the link between the processors: this measures the machine rather"
        " than the card",
        f"taskset -acp {there} {program.pid}, or start it with numactl --cpunodebind={node}"
        f" --membind={node}",
        _NUMA,
    )
