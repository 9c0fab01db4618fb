"""The command lines of throughput tools, at this end and, to copy, at the far one."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from mlxtop.load.iperf3 import Iperf3
from mlxtop.load.request import LoadRequest
from mlxtop.model.identity import Port
from mlxtop.model.load import Direction, Tool

CONNECT = 3
"""Seconds that the control connection may take."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one process does of a test."""

    port: int
    streams: int
    of: int
    """Streams of all processes."""
    core: int | None = None
    cores: str | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """Where one process sends to, and from."""

    target: str
    source: str | None
    device: str | None
    share: Share


def iperf3_command(tool: Iperf3, request: LoadRequest, layout: Layout) -> tuple[str, ...]:
    """One client. Rates come as lines of JSON, else as text in kbit/s, which rounds nothing off."""
    share = layout.share
    argv = ["taskset", "-c", share.cores] if share.cores else []
    argv += ["iperf3", "-c", layout.target, "-p", str(share.port)]
    argv += ["-t", str(request.seconds), "-i", f"{request.interval:g}", "-P", str(share.streams)]
    if request.omit:
        argv += ["-O", str(request.omit)]
    argv += {Direction.RECEIVE: ["-R"], Direction.BOTH: ["--bidir"]}.get(request.direction, [])
    if request.udp:
        argv.append("-u")
    if request.bitrate:
        argv += ["-b", str(int(request.bitrate / share.of))]
    if layout.source:
        argv += ["-B", layout.source]
    if layout.device:
        argv += ["--bind-dev", layout.device]
    if share.core is not None and "--affinity" in tool.options:
        argv += ["-A", str(share.core)]
    if request.zero_copy:
        argv.append("-Z")
    if "--connect-timeout" in tool.options:
        argv += ["--connect-timeout", str(CONNECT * 1000)]
    if tool.json_stream:
        return (*argv, "--json-stream")
    flush = ["--forceflush"] if "--forceflush" in tool.options else []
    return (*argv, "-V", "-f", "k", *flush)


def iperf3_server(request: LoadRequest, processes: int) -> tuple[str, ...]:
    """One-shot servers, a line each."""
    first = request.first_port
    lines = [f"iperf3 -s -1 -p {first + n}" for n in range(processes)]
    return (*(f"{line} &" for line in lines[:-1]), lines[-1])


def server_command(tool: Iperf3, port: int, idle: int = 120) -> tuple[str, ...]:
    """A one-shot server here; where it can, it ends itself when nobody comes."""
    argv = ("iperf3", "-s", "-1", "-p", str(port))
    flush = ("--forceflush",) if "--forceflush" in tool.options else ()
    waits = ("--idle-timeout", str(idle)) if "--idle-timeout" in tool.options else ()
    return (*argv, *flush, *waits)


def _perftest_options(request: LoadRequest) -> list[str]:
    """Options that both ends must share."""
    argv = ["-D", str(request.seconds), "-F"]
    if request.seconds < 6:
        argv += ["-f", "1"]  # the margins at both ends are 2 s otherwise, and nothing is left
    if request.tool is not Tool.IB_SEND_LAT:
        argv.append("--report_gbits")
        if request.streams and request.streams > 1:
            argv += ["-q", str(request.streams)]
    if request.direction is Direction.BOTH:
        argv.append("-b")
    elif request.direction is Direction.RECEIVE:
        argv.append("--reversed")
    if request.port:
        argv += ["-p", str(request.port)]
    return argv


def perftest_command(
    request: LoadRequest, port: Port, gid: int | None, target: str
) -> tuple[str, ...]:
    """The client; `gid` is the index of its RoCE address."""
    place = ["-d", port.rdma or "", "-i", str(port.rdma_port or 1)]
    gids = [] if gid is None else ["-x", str(gid)]
    return (str(request.tool), *place, *gids, *_perftest_options(request), target)


def perftest_server(request: LoadRequest, roce: bool) -> tuple[str, ...]:
    """The server, with the names of the far end's device left to fill in."""
    gids = ["-x", "GID_INDEX"] if roce else []
    return (shlex.join([str(request.tool), "-d", "DEVICE", *gids, *_perftest_options(request)]),)
