"""What there is to measure on a port: every tool's tests with their commands, or a sweep's points.

Nothing is changed for it: what another MTU or IPoIB mode would give is reckoned, not tried.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from mlxtop.analysis.limits import gbps, line_limit
from mlxtop.load.plan import plan_load
from mlxtop.load.request import PERFTEST_PORT, GuardOptions, LoadPlan, LoadRequest
from mlxtop.load.sweep import Axis, applied, check, duration, points, reckoned_s
from mlxtop.model.frame import Frame
from mlxtop.model.linkrate import Protocol, ethernet_goodput, infiniband_goodput
from mlxtop.model.load import DAY_S, Direction, Tool
from mlxtop.model.sample import LinkLayer
from mlxtop.system.door import System

ITEM_S = 5
"""Seconds of a test, unless another time is asked for."""
WARM_UP_S = 1
"""Seconds of slow start that iperf3 leaves out of a result."""
SIZES = (64, 4096, 65536, 1 << 20)
"""Bytes of the messages that RDMA is measured with."""
UDP_SHARE = 0.9
"""Part of what UDP could carry that is sent: more only tells how much is lost."""
USUAL_BPS = 1e9
_JUMBO, _STANDARD, _DATAGRAM, _CONNECTED = 9000, 1500, 2044, 65520


class Item(NamedTuple):
    """One test of a measurement."""

    key: str
    """What it is told by in a record: the same test has the same key."""
    name: str
    group: str
    """`TCP`, `UDP`, `RDMA`, `latency`."""
    plan: LoadPlan
    point: tuple[tuple[str, str], ...] = ()
    """Its place in a sweep."""
    reason: str | None = None
    """Why it cannot be measured."""

    def document(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "name": self.name,
            "group": self.group,
            "point": dict(self.point),
            "seconds": self.plan.request.seconds,
            "commands": list(self.plan.lines),
            "server": list(self.plan.server),
            "reason": self.reason,
        }


class MeasureOptions(NamedTuple):
    """Everything that a person chose for a measurement."""

    request: LoadRequest
    axes: tuple[Axis, ...] = ()
    guard: GuardOptions = GuardOptions()
    budget_s: float | None = None
    resume: str | None = None
    """Id of a measurement that goes on here."""
    note: str = ""


class MeasurePlan(NamedTuple):
    """A measurement ready to run."""

    host: str
    items: tuple[Item, ...]
    notes: tuple[str, ...] = ()
    guard: str | None = None
    refusal: str | None = None
    """Why nothing of it can be measured."""

    @property
    def possible(self) -> tuple[Item, ...]:
        return tuple(item for item in self.items if item.reason is None)

    @property
    def seconds(self) -> float:
        """Return how long it takes, about."""
        return reckoned_s([item.plan.request for item in self.possible])

    @property
    def servers(self) -> tuple[str, ...]:
        """Return what has to run at the far end, for all tests."""
        lines = (line for item in self.possible for line in lasting(item.plan))
        return tuple(dict.fromkeys(lines))

    def document(self) -> dict[str, Any]:
        return {
            "host": self.host,
            "seconds": self.seconds,
            "tests": [item.document() for item in self.items],
            "server": list(self.servers),
            "notes": list(self.notes),
            "guard": self.guard,
            "refusal": self.refusal,
        }


def lasting(plan: LoadPlan) -> Iterator[str]:
    """Yield a test's servers so that they go on after it, in the background."""
    for line in plan.server:
        once = line.removesuffix(" &")
        if plan.request.tool.perftest:  # it ends with each test
            yield f"while {once}; do :; done &"
        elif plan.request.tool is Tool.NUTTCP:  # it goes to the background itself
            yield once
        else:
            yield f"{once.replace(' -1', '')} &"


class _Wanted(NamedTuple):
    key: str
    name: str
    group: str
    request: LoadRequest
    point: tuple[tuple[str, str], ...] = ()


def plan_measure(
    system: System, frame: Frame, request: LoadRequest, axes: Sequence[Axis] = ()
) -> MeasurePlan:
    """Return what makes sense on the way to a host, or the points of a sweep.

    Raises ValueError, with the reckoned time, for a sweep that is too large.
    """
    check(axes, request)
    first = plan_load(system, frame, request)
    if first.port is None:
        refusal = first.refusals[0] if first.refusals else "there is no port to measure"
        return MeasurePlan(request.host, (), refusal=refusal)
    rdma = frame.ports[first.port].now.port.rdma is not None
    wanted = list(_sweep(request, axes) if axes else _everything(request, first, rdma))
    items = tuple(_item(system, frame, one) for one in _own_ports(wanted))
    plan = MeasurePlan(request.host, items, tuple(_notes(frame, first)))
    if plan.seconds > DAY_S:
        return plan._replace(refusal=f"it takes {duration(plan.seconds)}: at most a day")
    return plan


def _item(system: System, frame: Frame, wanted: _Wanted) -> Item:
    plan = plan_load(system, frame, wanted.request)
    reason = plan.refusals[0] if plan.refusals else None
    mtu = dict(wanted.point).get("mtu")
    if reason is None and mtu is not None and mtu != str(plan.mtu):
        reason = f"the MTU is {plan.mtu} now: nothing is changed for a measurement"
    return Item(wanted.key, wanted.name, wanted.group, plan, wanted.point, reason)


def _group(request: LoadRequest) -> str:
    return "latency" if request.latency else str(request.protocol)


def _sweep(base: LoadRequest, axes: Sequence[Axis]) -> Iterator[_Wanted]:
    for point in points(axes):
        request = applied(base, point)
        key = " ".join(f"{name}={value}" for name, value in point)
        yield _Wanted(key, key, _group(request), request, point)


def _everything(base: LoadRequest, first: LoadPlan, rdma: bool) -> Iterator[_Wanted]:
    """Yield every tool's tests."""
    bare = base._replace(tool=Tool.IPERF3, udp=False, bitrate=None, size=None, test=None, omit=0)
    plain = bare._replace(omit=WARM_UP_S)
    one = plain._replace(streams=1, processes=1)
    udp = plain._replace(udp=True, bitrate=UDP_SHARE * (first.ceiling or USUAL_BPS))
    back, both = Direction.RECEIVE, Direction.BOTH
    yield _Wanted("tcp-1", "TCP, one stream", "TCP", one)
    yield _Wanted("tcp", "TCP, as planned", "TCP", plain)
    yield _Wanted("tcp-reverse", "TCP, reverse", "TCP", plain._replace(direction=back))
    yield _Wanted("tcp-both", "TCP, both ways", "TCP", plain._replace(direction=both))
    yield _Wanted("udp", "UDP", "UDP", udp)
    yield _Wanted("iperf", "TCP by iperf 2", "TCP", bare._replace(tool=Tool.IPERF))
    nuttcp = bare._replace(tool=Tool.NUTTCP)
    yield _Wanted("nuttcp", "TCP by nuttcp", "TCP", nuttcp)
    yield _Wanted("nuttcp-udp", "UDP by nuttcp", "UDP", udp._replace(tool=Tool.NUTTCP, omit=0))
    qperf = bare._replace(tool=Tool.QPERF, streams=None, processes=None, test="tcp_bw")
    yield _Wanted("qperf", "TCP by qperf", "TCP", qperf)
    yield from _latencies(bare, rdma)
    if rdma:
        yield from _rdma(bare)


def _latencies(plain: LoadRequest, rdma: bool) -> Iterator[_Wanted]:
    one = plain._replace(streams=None, processes=None)
    yield _Wanted("ping", "ping, whole MTU", "latency", one._replace(tool=Tool.PING))
    tcp = one._replace(tool=Tool.QPERF, test="tcp_lat")
    yield _Wanted("tcp-lat", "TCP latency by qperf", "latency", tcp)
    if not rdma:
        return
    tools = (Tool.IB_WRITE_LAT, Tool.IB_READ_LAT, Tool.IB_SEND_LAT, Tool.IB_ATOMIC_LAT)
    for tool in tools:
        what = tool.split("_")[1]
        yield _Wanted(str(tool), f"RDMA {what} latency", "latency", one._replace(tool=tool))
    qperf = one._replace(tool=Tool.QPERF, test="rc_lat")
    yield _Wanted("rc-lat", "RDMA latency by qperf", "latency", qperf)


def _rdma(plain: LoadRequest) -> Iterator[_Wanted]:
    one = plain._replace(streams=None, processes=None)
    for tool in (Tool.IB_WRITE_BW, Tool.IB_READ_BW, Tool.IB_SEND_BW):
        what = tool.split("_")[1]
        for size in SIZES:
            request = one._replace(tool=tool, size=size)
            yield _Wanted(f"{tool}-{size}", f"RDMA {what}, {_bytes(size)}", "RDMA", request)
    qperf = one._replace(tool=Tool.QPERF, test="rc_rdma_write_bw")
    yield _Wanted("rc-write", "RDMA write by qperf", "RDMA", qperf)


def _bytes(size: int) -> str:
    """Return a number of bytes in words.

    >>> _bytes(64), _bytes(4096), _bytes(1 << 20)
    ('64 B', '4 KiB', '1 MiB')
    """
    for step, unit in ((1 << 20, "MiB"), (1 << 10, "KiB")):
        if size >= step:
            return f"{size // step} {unit}"
    return f"{size} B"


def _own_ports(wanted: Iterable[_Wanted]) -> Iterator[_Wanted]:
    """Give each test of perftest a port of its own: its servers wait side by side."""
    port = PERFTEST_PORT
    for one in wanted:
        if one.request.tool.perftest and one.request.port is None:
            yield one._replace(request=one.request._replace(port=port))
            port += 1
        else:
            yield one


def _notes(frame: Frame, plan: LoadPlan) -> Iterator[str]:
    """Yield what another MTU or mode would leave of the line for TCP."""
    assert plan.port is not None
    link = frame.ports[plan.port].now.link
    line = line_limit(link)
    if line is None or link.mtu is None:
        return
    if link.layer is not LinkLayer.INFINIBAND:
        other = _JUMBO if link.mtu < _JUMBO else _STANDARD
        now, then = (ethernet_goodput(Protocol.TCP, mtu) for mtu in (link.mtu, other))
        if now and then:
            text = f"MTU {link.mtu} leaves {gbps(now * line.usable)} Gb/s of the line for TCP"
            yield f"{text}; {other} would leave {gbps(then * line.usable)}"
        return
    connected = link.ipoib_mode == "connected"
    mode = link.ipoib_mode or "datagram"
    now = infiniband_goodput(Protocol.TCP, link.mtu, connected=connected)
    if not now:
        return
    text = f"IPoIB is {mode}, MTU {link.mtu}: TCP gets {gbps(now * line.usable)} Gb/s of the line"
    if not connected and not frame.ports[plan.port].now.port.is_mlx4:
        yield f"{text}; this card has no connected mode"
        return
    other_mode, other = ("datagram", _DATAGRAM) if connected else ("connected", _CONNECTED)
    then = infiniband_goodput(Protocol.TCP, other, connected=not connected)
    if then:
        yield f"{text}; {other_mode} with {other} would leave {gbps(then * line.usable)}"
        few = "more" if connected else "fewer"
        yield f"{other_mode} has {few} packets for a core to handle; nothing is changed for this"
