"""Where the programs that measure run: on the card's own cores, or across the machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from mlxtop.analysis.port_view import port_view
from mlxtop.analysis.verdict import LIGHT
from mlxtop.doctor.check import Case, CouldNotTell, Need, Outcomes, PortCase, Subject, check
from mlxtop.model.identity import Function
from mlxtop.model.number import format_cores, parse_cores
from mlxtop.model.tuning import LoadProgram

_NUMA = "man 8 numactl; man 1 taskset"
_MOST_PORTS = 64
"""Ports that one program is compared with: it serves no more at a time."""


def local_cores(function: Function | None) -> frozenset[int]:
    """Return the cores of the card's node; none where there is one node, or it is not known."""
    if function is None or function.numa_node is None or not function.local_cpus:
        return frozenset()
    return _cores(function.local_cpus)


@lru_cache(64)
def _cores(text: str) -> frozenset[int]:
    return frozenset(parse_cores(text))


class _Program(NamedTuple):
    """A program that measures, and the ports that it uses."""

    program: LoadProgram
    ports: list[PortCase]


def _programs(case: Case) -> Iterator[_Program]:
    """Yield programs with the ports that their command names, or else all that are busy."""
    named: dict[str, list[PortCase]] = {}
    for port in case.each():
        identity = port.now.port
        for name in filter(None, (identity.netdev, identity.rdma, *identity.extra_netdevs)):
            named.setdefault(name, []).append(port)
    busy = [port for port in case.each() if _is_busy(port)]
    for program in case.host.programs:
        if ports := _ports_of(program, named) or busy:
            yield _Program(program, ports)


def _ports_of(program: LoadProgram, named: Mapping[str, list[PortCase]]) -> list[PortCase]:
    """Return the ports that a command line names, each once, in their order."""
    words = {word.rpartition("%")[2].rpartition("=")[2] for word in program.words}
    ports = {port.now.port.id: port for word in words for port in named.get(word, ())}
    return [ports[key] for key in sorted(ports)]


def _is_busy(port: PortCase) -> bool:
    measured = port_view(port.case.frame, port.frame.id).measured
    return measured is not None and port.speed > 0 and measured.rate >= LIGHT * port.speed


@check(
    "cores of test programs",
    needs=Need("no iperf3, perftest or the like at work", _programs),
    explains="A program reaches the card fastest from the cores of the card's own node"
    " (local_cpulist); from others all data crosses the link between the processors. mlxtop load"
    " starts its own on the right ones.",
    normal="free to run there, or bound there with numactl or taskset",
)
def _place(subject: _Program) -> Outcomes:
    program, ports = subject
    name, first = f"{program.name} (PID {program.pid})", ports[0]
    if program.cpus is None:
        reason = f"/proc/{program.pid}/status does not tell them"
        yield CouldNotTell(name, "its cores", reason)
        return
    functions = [port.case.frame.function(port.now.port.id) for port in ports[:_MOST_PORTS]]
    places = set(map(local_cores, functions))
    if not all(local and local.isdisjoint(program.cpus) for local in places):
        return
    there = format_cores(local_cores(functions[0]))
    node = functions[0].numa_node if functions[0] else None
    device = first.now.port
    yield Subject(device.netdev or device.rdma or str(device.id)).note(
        f"{name} may run on cores {format_cores(program.cpus)} only, the card is at cores"
        f" {there} (/proc/{program.pid}/status, local_cpulist)",
        "every byte crosses the link between the processors: this measures the machine rather"
        " than the card",
        f"taskset -acp {there} {program.pid}, or start it with numactl --cpunodebind={node}"
        f" --membind={node}",
        _NUMA,
    )
