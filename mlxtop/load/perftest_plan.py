"""Plans a test by a tool of perftest, over the RDMA device of the way's port."""

from __future__ import annotations

from collections.abc import Iterator

from mlxtop.load import perftest
from mlxtop.load.commands import Planning
from mlxtop.load.rates import carriers, queue_pairs
from mlxtop.load.request import LoadPlan, LoadRequest
from mlxtop.load.route import LoadRefused, Way, port_names
from mlxtop.model.load import Direction, Tool
from mlxtop.sources.kernel.gids import read_gid_index


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


def plan(planning: Planning) -> LoadPlan:
    """Return the plan with the commands of a perftest tool."""
    system, _, plan, way, remarks = planning
    request = plan.request
    port = way.port.now.port
    planning.installed(request.tool, "perftest")
    if port.rdma is None:
        raise LoadRefused(f"{port.name} has no RDMA device")
    options = planning.ask(request.tool, "--help")
    _check_options(planning, options)
    pairs = queue_pairs(request, way)
    remarks.notes.extend(_shared_device(request, way, pairs))
    request = request._replace(streams=pairs)
    gid = None
    if not way.port.now.link.is_infiniband:
        place = port.rdma, port.rdma_port or 1
        gid = read_gid_index(system, *place, way.source, (way.device, port.netdev))
    words = perftest.parse_version(planning.ask(request.tool, "--version"))
    return plan._replace(
        streams=pairs,
        commands=(perftest.client_command(request, port, gid, way.target),),
        server=perftest.far_server(request, gid is not None),
        shared=tuple(perftest.shared_options(request._replace(port=None))),
        tool_version=words,
    )


def _check_options(planning: Planning, options: str) -> None:
    """Refuse what the tool, or this version of it, cannot do."""
    request, tool = planning.request, planning.request.tool
    if request.udp or request.amount or request.test or (request.processes or 1) > 1:
        planning.refuse(f"{tool} has no UDP, amount, test by name or several processes")
    if request.latency and (request.direction is not Direction.SEND or request.bitrate):
        planning.refuse("a latency test has no direction and no bitrate")
    elif request.direction is Direction.RECEIVE and "--reversed" not in options:
        planning.refuse(f"this {tool} cannot receive; run it at the far end")
    if request.bitrate and "--rate_limit" not in options:
        planning.refuse(f"this {tool} cannot limit its rate")
    if request.rdma_cm and "--rdma_cm" not in options:
        planning.refuse(f"this {tool} cannot connect by rdma_cm")
    if tool in (Tool.IB_ATOMIC_BW, Tool.IB_ATOMIC_LAT) and request.size not in (None, 8):
        planning.refuse("an atomic operation has 8 bytes")
