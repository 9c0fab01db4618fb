"""Where the programs that measure run: on the card's own cores, or across the machine."""

from __future__ import annotations

from collections.abc import Iterator

from mlxtop.analysis.findings import Case, CouldNotTell, Finding, Nothing, Outcome
from mlxtop.analysis.port_view import PortView, port_view
from mlxtop.analysis.verdict import LIGHT
from mlxtop.model.cores import format_cores, parse_cores
from mlxtop.model.counters import Severity
from mlxtop.model.frame import PortFrame
from mlxtop.model.identity import Function, Port
from mlxtop.model.tuning import LoadProgram

_NUMA = "man 8 numactl; man 1 taskset"


def function_of(case: Case, frame: PortFrame) -> Function | None:
    """The PCI function of a port."""
    adapter = case.frame.adapter(frame.now.port.id)
    address = frame.now.port.function
    return next((f for f in adapter.functions if f.address == address), None) if adapter else None


def local_cores(function: Function | None) -> frozenset[int]:
    """The cores of the card's node; empty where the machine has one node, or does not tell."""
    if function is None or function.numa_node is None or not function.local_cpus:
        return frozenset()
    return frozenset(parse_cores(function.local_cpus))


def check_test_programs(case: Case) -> Iterator[Outcome]:
    """Programs that measure run on cores of the card's own node."""
    looked = False
    for program in case.tuning.host.programs:
        ports = list(_ports_of(case, program))
        if not ports:
            continue
        looked = True
        name = f"{program.name} (PID {program.pid})"
        if program.cpus is None:
            yield CouldNotTell(
                f"{name}: its cores", f"/proc/{program.pid}/status does not tell them"
            )
            continue
        cores = [local_cores(function_of(case, frame)) for frame in ports]
        if all(local and local.isdisjoint(program.cpus) for local in cores):
            yield _elsewhere(name, program, ports[0].now.port, function_of(case, ports[0]))
    if not looked:
        yield Nothing("no iperf3, perftest or the like at work")


def _ports_of(case: Case, program: LoadProgram) -> Iterator[PortFrame]:
    """The ports that a command line names; without a name, those that carry traffic."""
    frames = [frame for _, frame, _ in case.each()]
    named = [frame for frame in frames if _names(program, frame.now.port)]
    yield from named or (frame for frame in frames if _busy(port_view(case.frame, frame.id)))


def _names(program: LoadProgram, port: Port) -> bool:
    devices = {name for name in (port.netdev, port.rdma, *port.extra_netdevs) if name}
    words = {word.rpartition("%")[2].rpartition("=")[2] for word in program.words}
    return bool(words & devices)


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
