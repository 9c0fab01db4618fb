"""Plans a throughput test: its commands follow from the request and the hardware.

Rules of thumb: 8 streams for 100G (see `rates`); iperf3 before 3.16 carries all its streams
on one core, hence several processes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from mlxtop.analysis.limits import line_limit
from mlxtop.load import perftest
from mlxtop.load.iperf3 import INSTALL, Client, Iperf3, client_command, far_servers, probe
from mlxtop.load.rates import carriers, expected_rate, link_speed, queue_pairs
from mlxtop.load.request import LoadMember, LoadPlan, LoadRequest
from mlxtop.load.route import LoadRefused, Way, find_way, port_names
from mlxtop.model.frame import Frame
from mlxtop.model.identity import Function
from mlxtop.model.load import Direction, Tool
from mlxtop.model.number import kernel_version, parse_cores
from mlxtop.model.sample import LinkLayer
from mlxtop.system.door import System

PROCESS_BPS = 25e9
"""bit/s that one single-threaded process is planned for."""
STREAM_SHARE_BPS = 12.5e9
"""bit/s that one stream is planned for."""
MOST_STREAMS, MOST_PROCESSES = 16, 8
JUMBO_FROM_BPS = 10e9


class _Remarks(NamedTuple):
    """Objections to a run, and notes that are worth knowing before."""

    refusals: list[str]
    warnings: list[str]
    notes: list[str]


def plan_load(system: System, frame: Frame, request: LoadRequest) -> LoadPlan:
    """Return the test as it would be run, or with the reasons why it cannot be."""
    remarks = _Remarks([], [], [])
    plan = LoadPlan(request)
    try:
        if system.captured:
            raise LoadRefused("a captured machine runs nothing")
        way = find_way(system, frame, request)
        remarks.warnings.extend(way.warnings)
        remarks.notes.extend(way.notes)
        plan = _bounds(frame, request, way, remarks)
        if request.tool is Tool.IPERF3:
            plan = _iperf3(system, frame, plan, way, remarks)
        else:
            plan = _perftest(system, plan, way, remarks)
    except LoadRefused as refused:
        remarks.refusals.append(str(refused))
    except OSError as error:
        remarks.refusals.append(f"{request.tool} cannot be asked: {error.strerror or error}")
    refusals, warnings, notes = map(tuple, remarks)
    return plan._replace(refusals=refusals, warnings=warnings, notes=notes)


def _bounds(frame: Frame, request: LoadRequest, way: Way, remarks: _Remarks) -> LoadPlan:
    """Return the plan as far as port and line settle it."""
    now = way.port.now
    line = line_limit(now.link)
    carriers = way.members.ports
    if not any(port.now.temperatures for port in way.guarded if port not in carriers):
        remarks.warnings.extend(
            f"{port.now.port.name} has no temperature sensor that can be read: nothing will "
            "stop the test when it gets hot"
            for port in carriers
            if not port.now.temperatures
        )
    if (
        request.tool is Tool.IPERF3
        and now.link.layer is not LinkLayer.INFINIBAND
        and line is not None
        and line.usable >= JUMBO_FROM_BPS
        and (now.link.mtu or 0) <= 1500
    ):
        remarks.notes.append(
            f"MTU {now.link.mtu}: with 9000 at both ends and in between, more gets through for "
            "less CPU"
        )
    expected, bound_by = expected_rate(frame, request, way, None)
    return LoadPlan(
        request,
        target=way.target,
        port=now.port.id,
        port_name=now.port.name,
        members=tuple(LoadMember(p.id, p.now.port.name, p in carriers) for p in way.guarded),
        masters=way.members.masters,
        device=way.device,
        source=way.source,
        mtu=now.link.mtu,
        speed=link_speed(request, way),
        expected=expected,
        bound_by=bound_by,
    )


def _cores(
    frame: Frame, request: LoadRequest, way: Way
) -> tuple[str | None, tuple[int | None, ...]]:
    """Return the cores for processes as a list in text and as numbers; (None,) for any.

    They are those of the card's node, if the machine has several nodes.
    """
    if request.affinity:
        text = None if request.affinity == "off" else request.affinity
        numbers = parse_cores(text)
        if text and not numbers:
            raise LoadRefused(f"{text!r} is no list of cores (like 0-7,16)")
        return text, numbers or (None,)
    adapter = frame.adapter(way.port.now.port.id)
    functions: tuple[Function, ...] = adapter.functions if adapter else ()
    port = way.port.now.port
    used = (port.function, *port.extra_functions)
    texts = [f.local_cpus for f in functions if f.address in used and f.local_cpus]
    text = ",".join(texts) or None
    numbers = parse_cores(text)
    everywhere = len(numbers) >= (frame.sample.host.cpus or 0)
    return (None, (None,)) if everywhere else (text, numbers or (None,))


def _iperf3(system: System, frame: Frame, plan: LoadPlan, way: Way, remarks: _Remarks) -> LoadPlan:
    request = plan.request
    tool = probe(system)
    if tool is None:
        raise LoadRefused(INSTALL)
    _check_options(tool, request, way, remarks)
    streams, processes = _layout(tool, request, plan.speed)
    if processes > 1 and not tool.threads and request.processes is None:
        remarks.notes.append(
            f"iperf3 {tool.words} uses one core a process (3.16 and later one a stream): "
            f"{processes} processes, so that {processes} servers are needed"
        )
    text, cores = _cores(frame, request, way)
    pinned = text if tool.threads and system.which("taskset") else None
    may_bind = way.bind and "--bind-dev" in tool.options and _may_bind(frame)
    bind = way.device if may_bind else None
    commands = []
    for process in range(processes):
        client = Client(
            way.target,
            way.source if way.bind else None,
            bind,
            port=request.first_port + process,
            streams=_part(streams, processes, process),
            of=streams,
            # from the end, since interrupts begin at the front
            core=None if tool.threads else cores[-1 - process % len(cores)],
            cores=pinned,
        )
        commands.append(client_command(tool, request, client))
    expected, bound_by = expected_rate(frame, request, way, streams)
    return plan._replace(
        streams=streams,
        commands=tuple(commands),
        server=far_servers(request, processes),
        tool_version=tool.words,
        expected=expected,
        bound_by=bound_by,
    )


def _part(streams: int, processes: int, process: int) -> int:
    return max(1, streams // processes + (process < streams % processes))


def _layout(tool: Iperf3, request: LoadRequest, rate: float | None) -> tuple[int, int]:
    """Return the number of streams and of processes."""
    rate = request.bitrate or rate
    streams = request.streams or min(MOST_STREAMS, math.ceil((rate or 1.0) / STREAM_SHARE_BPS))
    processes = request.processes
    if processes is None:
        wanted = 1 if tool.threads else math.ceil((rate or 1.0) / PROCESS_BPS)
        processes = min(MOST_PROCESSES, wanted, streams)
    return max(streams, processes), processes


def _may_bind(frame: Frame) -> bool:
    """Return whether a socket may be bound to a device: before Linux 5.7 only with CAP_NET_RAW."""
    host = frame.sample.host
    return host.root or (kernel_version(host.kernel) or (0, 0)) >= (5, 7)


def _check_options(tool: Iperf3, request: LoadRequest, way: Way, remarks: _Remarks) -> None:
    needed = {
        "--bidir": (request.direction is Direction.BOTH, "3.7"),
        "--reverse": (request.direction is Direction.RECEIVE, "3.0"),
        "--zerocopy": (request.zero_copy, "3.0"),
        "--omit": (request.omit > 0, "3.0"),
        "--bind-dev": (way.bind_device, "3.10"),
    }
    for option, (asked, since) in needed.items():
        if asked and option not in tool.options:
            remarks.refusals.append(
                f"iperf3 {tool.words} has no {option}; {since} and later have it"
            )
    if request.udp and not request.bitrate:
        remarks.refusals.append("UDP needs a bitrate: -b 10G")
    if not tool.options & {"--json-stream", "--forceflush"}:
        remarks.warnings.append(
            f"iperf3 {tool.words} reports all intervals at the end; 3.1.5 and later as they come"
        )


def _shared_device(request: LoadRequest, way: Way, pairs: int) -> Iterator[str]:
    """Yield how an RDMA device that the members of a bond share spreads a test."""
    port = way.port.now.port
    if port.rdma_lag is None:
        return
    names = " or ".join(port_names(choice) for choice in carriers(request, way))
    if pairs > 1:
        yield f"{port.rdma} spreads {pairs} queue pairs over {names}; each takes one port"
    else:
        yield f"one queue pair takes one port of {port.rdma}: {names}"


def _perftest(system: System, plan: LoadPlan, way: Way, remarks: _Remarks) -> LoadPlan:
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
        remarks.refusals.append(f"{request.tool} has no UDP, bitrate or several processes")
    usage = system.run([request.tool, "--help"], timeout=5.0)
    options = usage.stdout + usage.stderr
    if request.direction is Direction.RECEIVE and "--reversed" not in options:
        remarks.refusals.append(f"this {request.tool} cannot receive; run it at the far end")
    if request.direction is not Direction.SEND and request.tool is Tool.IB_SEND_LAT:
        remarks.refusals.append("a latency test has no direction")
    pairs = queue_pairs(request, way)
    remarks.notes.extend(_shared_device(request, way, pairs))
    request = request._replace(streams=pairs)
    gid = None
    if way.port.now.link.layer is not LinkLayer.INFINIBAND:
        place = port.rdma, port.rdma_port or 1
        gid = perftest.read_gid_index(system, *place, way.source, (way.device, port.netdev))
    version = system.run([request.tool, "--version"], timeout=5.0)
    words = perftest.parse_version(version.stdout + version.stderr)
    return plan._replace(
        streams=pairs,
        commands=(perftest.client_command(request, port, gid, way.target),),
        server=perftest.far_server(request, gid is not None),
        tool_version=words,
    )
