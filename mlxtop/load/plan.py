"""Plans a throughput test: its commands follow from the request and the hardware."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mlxtop.analysis.limits import line_limit
from mlxtop.load import iperf2, iperf3_plan, nuttcp, perftest_plan, ping, qperf
from mlxtop.load.commands import Planning, Remarks
from mlxtop.load.rates import expected_rate, link_speed
from mlxtop.load.request import LoadMember, LoadPlan, LoadRequest
from mlxtop.load.route import LoadRefused, Way, find_way
from mlxtop.model.frame import Frame
from mlxtop.model.linkrate import Protocol
from mlxtop.model.load import Tool
from mlxtop.sources.kernel.rdma_objects import read_users
from mlxtop.system.door import System

JUMBO_FROM_BPS = 10e9
MOST_USERS = 3
"""Users of a device that are named."""

_PLANS: dict[Tool, Callable[[Planning], LoadPlan]] = {
    Tool.IPERF3: iperf3_plan.plan,
    Tool.IPERF: iperf2.plan,
    Tool.NUTTCP: nuttcp.plan,
    Tool.QPERF: qperf.plan,
    Tool.PING: ping.plan,
}
"""The tool's part of a plan; perftest has one for its whole family."""


def plan_load(system: System, frame: Frame, request: LoadRequest) -> LoadPlan:
    """Return the test as it would be run, or with the reasons why it cannot be."""
    remarks = Remarks([], [], [])
    plan = LoadPlan(request)
    try:
        if system.captured:
            raise LoadRefused("a captured machine runs nothing")
        way = find_way(system, frame, request)
        remarks.warnings.extend(way.warnings)
        remarks.notes.extend(way.notes)
        plan = _bounds(frame, request, way, remarks)
        remarks.warnings.extend(_rdma_users(system, way))
        part = _PLANS.get(request.tool, perftest_plan.plan)
        plan = part(Planning(system, frame, plan, way, remarks))
        if request.latency:
            plan = plan._replace(ceiling=None, expected=None, bound_by=None)
    except LoadRefused as refused:
        remarks.refusals.append(str(refused))
    except OSError as error:
        remarks.refusals.append(f"{request.tool} cannot be asked: {error.strerror or error}")
    refusals, warnings, notes = map(tuple, remarks)
    return plan._replace(refusals=refusals, warnings=warnings, notes=notes)


def _rdma_users(system: System, way: Way) -> Iterator[str]:
    """Yield who moves data by RDMA over the ports of a test: it takes bandwidth from them."""
    for device in dict.fromkeys(port.now.port.rdma for port in way.members.ports):
        try:
            users = read_users(system, device) if device else []
        except OSError:
            continue  # the test goes on without: it breaks nothing
        for user in users[:MOST_USERS]:
            who = f"{user.name} (PID {user.pid})" if user.pid else user.name
            yield f"{who} uses {device} with {user.qp_count} QPs: the test takes bandwidth from it"
        if len(users) > MOST_USERS:
            yield f"{len(users) - MOST_USERS} more use {device}: mlxtop rdma {device}"


def _remark_on_port(request: LoadRequest, way: Way, remarks: Remarks) -> None:
    """Warn where no sensor guards the test; note where larger packets would carry more."""
    now, carriers = way.port.now, way.members.ports
    line = line_limit(now.link)
    if not any(port.now.temperatures for port in way.guarded if port not in carriers):
        remarks.warnings.extend(
            f"{port.now.port.name} has no temperature sensor that can be read: nothing will "
            "stop the test when it gets hot"
            for port in carriers
            if not port.now.temperatures
        )
    if (
        request.protocol is not Protocol.RDMA
        and not request.latency
        and not now.link.is_infiniband
        and line is not None
        and line.usable >= JUMBO_FROM_BPS
        and (now.link.mtu or 0) <= 1500
    ):
        remarks.notes.append(
            f"MTU {now.link.mtu}: with 9000 at both ends and in between, more gets through for "
            "less CPU"
        )


def _bounds(frame: Frame, request: LoadRequest, way: Way, remarks: Remarks) -> LoadPlan:
    """Return the plan as far as port and line settle it."""
    _remark_on_port(request, way, remarks)
    now, carriers = way.port.now, way.members.ports
    expected, bound_by = expected_rate(frame, request, way, None)
    ceiling, _ = expected_rate(frame, request._replace(bitrate=None), way, None)
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
        ceiling=ceiling,
        expected=expected,
        bound_by=bound_by,
    )
