"""Plans a test by iperf3: how many streams and processes, on which cores, bound to what.

Rules of thumb: 8 streams for 100G (see `rates`); iperf3 before 3.16 carries all its streams
on one core, hence several processes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from mlxtop.load.commands import Planning, cores_of, may_bind
from mlxtop.load.iperf3 import INSTALL, Client, Iperf3, client_command, far_servers, probe
from mlxtop.load.rates import expected_rate
from mlxtop.load.request import LoadPlan, LoadRequest
from mlxtop.load.route import LoadRefused
from mlxtop.model.load import Direction

PROCESS_BPS = 25e9
"""bit/s that one single-threaded process is planned for."""
STREAM_SHARE_BPS = 12.5e9
"""bit/s that one stream is planned for."""
MOST_STREAMS, MOST_PROCESSES = 16, 8


def plan(planning: Planning) -> LoadPlan:
    """Return the plan with the commands of iperf3."""
    request, plan = planning.request, planning.plan
    tool = probe(planning.system)
    if tool is None:
        raise LoadRefused(INSTALL)
    _check_options(planning, tool)
    streams, processes = layout(tool, request, plan.speed)
    if processes > 1 and not tool.threads and request.processes is None:
        planning.remarks.notes.append(
            f"iperf3 {tool.words} uses one core a process (3.16 and later one a stream): "
            f"{processes} processes, so that {processes} servers are needed"
        )
    clients = _clients(planning, tool, streams, processes)
    expected, bound_by = expected_rate(planning.frame, request, planning.way, streams)
    return plan._replace(
        streams=streams,
        commands=tuple(client_command(tool, request, client) for client in clients),
        server=far_servers(request, processes),
        tool_version=tool.words,
        expected=expected,
        bound_by=bound_by,
    )


def _clients(planning: Planning, tool: Iperf3, streams: int, processes: int) -> Iterator[Client]:
    """Yield the processes: which streams each carries, on which core, bound to what."""
    system, frame, plan, way, _ = planning
    text, cores = cores_of(frame, plan.request, way)
    bindable = way.bind and "--bind-dev" in tool.options and may_bind(frame)
    for process in range(processes):
        yield Client(
            way.target,
            planning.bound_source,
            way.device if bindable else None,
            port=plan.request.first_port + process,
            streams=part_of(streams, processes, process),
            of=streams,
            # from the end, since interrupts begin at the front
            core=None if tool.threads else cores[-1 - process % len(cores)],
            cores=text if tool.threads and system.which("taskset") else None,
        )


def part_of(streams: int, processes: int, process: int) -> int:
    """Return the streams of one of several processes."""
    return max(1, streams // processes + (process < streams % processes))


def layout(tool: Iperf3, request: LoadRequest, rate: float | None) -> tuple[int, int]:
    """Return the number of streams and of processes."""
    rate = request.bitrate or rate
    streams = request.streams or min(MOST_STREAMS, math.ceil((rate or 1.0) / STREAM_SHARE_BPS))
    processes = request.processes
    if processes is None:
        wanted = 1 if tool.threads else math.ceil((rate or 1.0) / PROCESS_BPS)
        processes = min(MOST_PROCESSES, wanted, streams)
    return max(streams, processes), processes


def _check_options(planning: Planning, tool: Iperf3) -> None:
    """Refuse what this iperf3 cannot do, and tell what it cannot tell."""
    request, remarks = planning.request, planning.remarks
    needed = {
        "--bidir": (request.direction is Direction.BOTH, "3.7"),
        "--reverse": (request.direction is Direction.RECEIVE, "3.0"),
        "--zerocopy": (request.zero_copy, "3.0"),
        "--omit": (request.omit > 0, "3.0"),
        "--bind-dev": (planning.way.bind_device, "3.10"),
    }
    for option, (asked, since) in needed.items():
        if asked and option not in tool.options:
            planning.refuse(f"iperf3 {tool.words} has no {option}; {since} and later have it")
    planning.only_kernel()
    if not tool.options & {"--json-stream", "--forceflush"}:
        remarks.warnings.append(
            f"iperf3 {tool.words} reports all intervals at the end; 3.1.5 and later as they come"
        )
