"""From what a person asked for and what the hardware is to the commands of a throughput test.

Rules of thumb: 8 streams for 100G (see `load_expected`); iperf3 before 3.16 carries all its streams
on one core, hence several processes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from mlxtop.analysis.limits import line_limit
from mlxtop.load.commands import (
    Layout,
    Share,
    iperf3_command,
    iperf3_server,
    perftest_command,
    perftest_server,
)
from mlxtop.load.expected import expected_rate, link_speed
from mlxtop.load.iperf3 import INSTALL, Iperf3, probe
from mlxtop.load.perftest import parse_version, read_gid_index
from mlxtop.load.request import LoadMember, LoadPlan, LoadRequest
from mlxtop.load.route import LoadRefused, Way, find_way
from mlxtop.model.cores import parse_cores
from mlxtop.model.frame import Frame
from mlxtop.model.identity import Function
from mlxtop.model.load import Direction, Tool
from mlxtop.model.number import PORT, whole
from mlxtop.model.sample import LinkLayer
from mlxtop.system.door import System

PROCESS = 25e9
"""bit/s that one single-threaded process is planned for."""
STREAM_SHARE = 12.5e9
"""bit/s that one stream is planned for."""
MOST_STREAMS, MOST_PROCESSES = 16, 8
JUMBO_FROM = 10e9


class Refusals(NamedTuple):
    """What stands against a run, and what is only worth knowing."""

    refusals: list[str]
    warnings: list[str]
    notes: list[str]


def plan_load(system: System, frame: Frame, request: LoadRequest) -> LoadPlan:
    """The test as it would be run, or with the reasons why it cannot be."""
    said = Refusals([], [], [])
    if system.captured:
        said.refusals.append("a captured machine runs nothing")
    plan = LoadPlan(request, refusals=tuple(said.refusals))
    if said.refusals:
        return plan
    try:
        way = find_way(system, frame, request)
        said.warnings.extend(way.warnings)
        said.notes.extend(way.notes)
        plan = _bounds(frame, request, way, said)
        plan = (
            _iperf3(system, frame, plan, way, said)
            if request.tool is Tool.IPERF3
            else _perftest(system, plan, way, said)
        )
    except LoadRefused as refused:
        said.refusals.append(str(refused))
    except OSError as error:
        said.refusals.append(f"{request.tool} cannot be asked: {error.strerror or error}")
    return replace(
        plan,
        refusals=tuple(said.refusals),
        warnings=tuple(said.warnings),
        notes=tuple(said.notes),
    )


def _bounds(frame: Frame, request: LoadRequest, way: Way, said: Refusals) -> LoadPlan:
    """What port and line allow."""
    now = way.port.now
    line = line_limit(now.link)
    said.warnings.extend(_blind(way))
    if (
        request.tool is Tool.IPERF3
        and now.link.layer is not LinkLayer.INFINIBAND
        and line is not None
        and line.usable >= JUMBO_FROM
        and (now.link.mtu or 0) <= 1500
    ):
        said.notes.append(
            f"MTU {now.link.mtu}: with 9000 at both ends and in between, more gets through for "
            "less CPU"
        )
    expected, bound_by = expected_rate(frame, request, way, None)
    carrying = {port.now.port.id for port in way.members.ports}
    return LoadPlan(
        request,
        target=way.target,
        port=now.port.id,
        port_name=now.port.name,
        members=tuple(
            LoadMember(port.now.port.id, port.now.port.name, port.now.port.id in carrying)
            for port in way.guarded
        ),
        masters=way.members.masters,
        device=way.device,
        source=way.source,
        mtu=now.link.mtu,
        speed=link_speed(way),
        expected=expected,
        bound_by=bound_by,
    )


def _blind(way: Way) -> Iterator[str]:
    """Warn of ports that can get hot unnoticed."""
    for port in way.members.ports:
        apart = [one for one in way.guarded if one not in way.members.ports]
        if not port.now.temperatures and not any(one.now.temperatures for one in apart):
            yield (
                f"{port.now.port.name} has no temperature sensor that can be read: nothing will "
                "stop the test when it gets hot"
            )


@dataclass(frozen=True, slots=True)
class _Cores:
    """Where processes run: on cores of the card's node, if the machine has several nodes."""

    text: str | None
    numbers: tuple[int, ...]

    def pick(self, process: int) -> int | None:
        """A core of its own for a process; from the end, since interrupts begin at the front."""
        return self.numbers[-1 - process % len(self.numbers)] if self.numbers else None


def _cores(frame: Frame, request: LoadRequest, way: Way) -> _Cores:
    if request.affinity:
        text = None if request.affinity == "off" else request.affinity
        numbers = parse_cores(text)
        if text and not numbers:
            raise LoadRefused(f"{text!r} is no list of cores (like 0-7,16)")
        return _Cores(text, numbers)
    adapter = frame.adapter(way.port.now.port.id)
    functions: tuple[Function, ...] = adapter.functions if adapter else ()
    address = way.port.now.port.function
    text = next((f.local_cpus for f in functions if f.address == address), None)
    numbers = parse_cores(text)
    everywhere = len(numbers) >= (frame.sample.host.cpus or 0)
    return _Cores(None, ()) if everywhere else _Cores(text, numbers)


def _iperf3(system: System, frame: Frame, plan: LoadPlan, way: Way, said: Refusals) -> LoadPlan:
    request = plan.request
    tool = probe(system)
    if tool is None:
        raise LoadRefused(INSTALL)
    _check_options(tool, request, way, said)
    streams, processes = _layout(tool, request, plan.speed)
    if processes > 1 and not tool.threads and request.processes is None:
        said.notes.append(
            f"iperf3 {tool.words} uses one core a process (3.16 and later one a stream): "
            f"{processes} processes, so that {processes} servers are needed"
        )
    cores = _cores(frame, request, way)
    pinned = cores.text if tool.threads and system.which("taskset") else None
    may_bind = way.bind and "--bind-dev" in tool.options and _may_bind(frame)
    bind = way.device if may_bind else None
    commands = []
    for process in range(processes):
        share = Share(
            port=request.first_port + process,
            streams=_part(streams, processes, process),
            of=streams,
            core=None if tool.threads else cores.pick(process),
            cores=pinned,
        )
        layout = Layout(way.target, way.source if way.bind else None, bind, share)
        commands.append(iperf3_command(tool, request, layout))
    expected, bound_by = expected_rate(frame, request, way, streams)
    return replace(
        plan,
        streams=streams,
        commands=tuple(commands),
        server=iperf3_server(request, processes),
        tool_version=tool.words,
        expected=expected,
        bound_by=bound_by,
    )


def _part(streams: int, processes: int, process: int) -> int:
    """How many of the streams a process has, every one at least one."""
    return max(1, streams // processes + (process < streams % processes))


def _layout(tool: Iperf3, request: LoadRequest, rate: float | None) -> tuple[int, int]:
    """Streams in all, and processes."""
    rate = request.bitrate or rate
    streams = request.streams or min(MOST_STREAMS, math.ceil((rate or 1.0) / STREAM_SHARE))
    processes = request.processes
    if processes is None:
        wanted = 1 if tool.threads else math.ceil((rate or 1.0) / PROCESS)
        processes = min(MOST_PROCESSES, wanted, streams)
    return max(streams, processes), processes


def _may_bind(frame: Frame) -> bool:
    """Binding to a device needs CAP_NET_RAW before Linux 5.7."""
    host = frame.sample.host
    numbers = (host.kernel or "").split("-")[0].split(".")[:2]
    version = tuple(number for text in numbers if (number := whole(text, PORT)) is not None)
    return host.root or (len(version) == 2 and version >= (5, 7))


def _check_options(tool: Iperf3, request: LoadRequest, way: Way, said: Refusals) -> None:
    needed = {
        "--bidir": (request.direction is Direction.BOTH, "3.7"),
        "--reverse": (request.direction is Direction.RECEIVE, "3.0"),
        "--zerocopy": (request.zero_copy, "3.0"),
        "--omit": (request.omit > 0, "3.0"),
        "--bind-dev": (way.bind_device, "3.10"),
    }
    for option, (asked, since) in needed.items():
        if asked and option not in tool.options:
            said.refusals.append(f"iperf3 {tool.words} has no {option}; {since} and later have it")
    if request.udp and not request.bitrate:
        said.refusals.append("UDP needs a bitrate: -b 10G")
    if not tool.json_stream and "--forceflush" not in tool.options:
        said.warnings.append(
            f"iperf3 {tool.words} reports all intervals at the end; 3.1.5 and later as they come"
        )


def _perftest(system: System, plan: LoadPlan, way: Way, said: Refusals) -> LoadPlan:
    request = plan.request
    port = way.port.now.port
    path = system.which(request.tool)
    if path is None:
        raise LoadRefused(
            f"{request.tool} is not installed; on Debian and Ubuntu: apt install perftest"
        )
    if port.rdma is None:
        raise LoadRefused(f"{port.name} has no RDMA device")
    if request.udp or request.bitrate or (request.processes or 1) > 1:
        said.refusals.append(f"{request.tool} has no UDP, bitrate or several processes")
    usage = system.run([request.tool, "--help"], timeout=5.0)
    options = usage.stdout + usage.stderr
    if request.direction is Direction.RECEIVE and "--reversed" not in options:
        said.refusals.append(f"this {request.tool} cannot receive; run it at the far end")
    if request.direction is not Direction.SEND and request.tool is Tool.IB_SEND_LAT:
        said.refusals.append("a latency test has no direction")
    gid = None
    if way.port.now.link.layer is not LinkLayer.INFINIBAND:
        gid = read_gid_index(system, port.rdma, port.rdma_port or 1, way.source)
    version = system.run([request.tool, "--version"], timeout=5.0)
    words = parse_version(version.stdout + version.stderr)
    return replace(
        plan,
        streams=request.streams or 1,
        commands=(perftest_command(request, port, gid, way.target),),
        server=perftest_server(request, gid is not None),
        tool_version=words,
    )
