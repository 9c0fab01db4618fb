"""What there is to measure on a port: every tool's tests with their commands, or a sweep's points.

What another MTU or IPoIB mode would give is reckoned; it is tried only where a person wants the
change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from mlxtop.analysis.limits import gbps, line_limit
from mlxtop.change.plan import Plan
from mlxtop.load.mtu import CONNECTED, MtuChange, Setting, obstacle, other, present, setting
from mlxtop.load.perftest import again
from mlxtop.load.plan import plan_load
from mlxtop.load.request import PERFTEST_PORT, GuardOptions, LoadPlan, LoadRequest
from mlxtop.load.sweep import Axis, applied, check, duration, points, reckoned_s
from mlxtop.model.frame import Frame
from mlxtop.model.linkrate import Protocol, ethernet_goodput, infiniband_goodput
from mlxtop.model.load import DAY_S, Direction, Tool
from mlxtop.system.door import System

ITEM_S = 5
"""Seconds of a test, unless another time is asked for."""
COOL_S = 180.0
"""Seconds that sensors are given after a test to get back to the temperature at the start."""
WARM_UP_S = 1
"""Seconds of slow start that iperf3 leaves out of a result."""
SIZES = (64, 4096, 65536, 1 << 20)
"""Bytes of the messages that RDMA is measured with."""
UDP_SHARE = 0.9
"""Part of what UDP could carry that is sent: more only tells how much is lost."""
USUAL_BPS = 1e9


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
    setting: Setting | None = None
    """What is changed for it; None where nothing is."""

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
    change_mtu: bool = False
    """Set another MTU or IPoIB mode for some tests."""


class MeasurePlan(NamedTuple):
    """A measurement ready to run."""

    host: str
    items: tuple[Item, ...]
    notes: tuple[str, ...] = ()
    guard: str | None = None
    sensors: bool = False
    """There are sensors, whose cooling down is waited for."""
    refusal: str | None = None
    """Why nothing of it can be measured."""
    mtu: MtuChange | None = None
    """What is changed for some tests."""

    @property
    def change(self) -> Plan | None:
        """Return what is changed, with its way back, for a person to see before."""
        return self.mtu.plan() if self.mtu is not None else None

    @property
    def possible(self) -> tuple[Item, ...]:
        return tuple(item for item in self.items if item.reason is None)

    @property
    def seconds(self) -> float:
        """Return how long it takes, about."""
        return reckoned_s([item.plan.request for item in self.possible])

    @property
    def most_seconds(self) -> float:
        """Return how long it takes where the card is never cool before the next test has to be."""
        pause = {"pause": COOL_S} if self.sensors else {}
        return reckoned_s([item.plan.request for item in self.possible], **pause)

    @property
    def servers(self) -> tuple[str, ...]:
        """Return what has to run at the far end, for all tests."""
        lines = (line for item in self.possible for line in lasting(item.plan))
        return tuple(dict.fromkeys(lines))

    def document(self) -> dict[str, Any]:
        return {
            "host": self.host,
            "seconds": self.seconds,
            "most_seconds": self.most_seconds,
            "tests": [item.document() for item in self.items],
            "server": list(self.servers),
            "notes": list(self.notes),
            "guard": self.guard,
            "refusal": self.refusal,
            "changes": list(self.change.lines(sudo=False)) if self.change else [],
            "undo": list(self.change.undo_lines(sudo=False)) if self.change else [],
        }


def lasting(plan: LoadPlan) -> Iterator[str]:
    """Yield a test's servers so that they go on after it, in the background."""
    for line in plan.server:
        once = line.removesuffix(" &")
        if plan.request.tool.perftest:  # it ends with each test
            yield f"{again(once)} &"
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
    setting: Setting | None = None


def plan_measure(
    system: System,
    frame: Frame,
    request: LoadRequest,
    axes: Sequence[Axis] = (),
    change_mtu: bool = False,
) -> MeasurePlan:
    """Return what makes sense on the way to a host, or the points of a sweep.

    With `change_mtu` other MTUs and IPoIB modes are tests too, where nothing needs the port.
    Raises ValueError, with the reckoned time, for a sweep that is too large.
    """
    check(axes, request)
    first = plan_load(system, frame, request)
    if first.port is None:
        refusal = first.refusals[0] if first.refusals else "there is no port to measure"
        return MeasurePlan(request.host, (), refusal=refusal)
    rdma = frame.ports[first.port].now.port.rdma is not None
    now = present(frame, first)
    wanted = list(_sweep(request, axes, now) if axes else _everything(request, first, rdma))
    if change_mtu and now is not None and not axes:
        wanted += _changed(request, other(now, frame.ports[first.port].now.port.is_mlx4))
    changes = dict.fromkeys(one.setting for one in wanted if one.setting not in (None, now))
    against = "--change-mtu sets it for these tests"
    if change_mtu and changes:
        against = obstacle(system, frame, first) or ""
    items = tuple(_item(system, frame, one, now, against) for one in _own_ports(wanted))
    plan = MeasurePlan(request.host, items, tuple(_notes(frame, first, change_mtu)))
    if changes and not against and now is not None and first.device is not None:
        plan = plan._replace(mtu=MtuChange(first.device, now, tuple(filter(None, changes))))
    if plan.seconds > DAY_S:
        return plan._replace(refusal=f"it takes {duration(plan.seconds)}: at most a day")
    return plan


def _item(system: System, frame: Frame, wanted: _Wanted, now: Setting | None, against: str) -> Item:
    """Return a test; `against`: why nothing is changed for it."""
    plan = plan_load(system, frame, wanted.request)
    reason = plan.refusals[0] if plan.refusals else None
    change = wanted.setting if wanted.setting != now else None
    if reason is None and change is not None and against:
        reason = f"{now.words if now else 'the MTU'} is set now: {against}"
    return Item(wanted.key, wanted.name, wanted.group, plan, wanted.point, reason, change)


def _group(request: LoadRequest) -> str:
    return "latency" if request.latency else str(request.protocol)


def _sweep(base: LoadRequest, axes: Sequence[Axis], now: Setting | None) -> Iterator[_Wanted]:
    for point in points(axes):
        request = applied(base, point)
        if request.tool is Tool.IPERF3 and "omit" not in dict(point):
            request = request._replace(omit=WARM_UP_S)  # as in the table of every tool
        key = " ".join(f"{name}={value}" for name, value in point)
        mtu = dict(point).get("mtu")
        change = setting(now, int(mtu)) if now is not None and mtu is not None else None
        yield _Wanted(key, key, _group(request), request, point, change)


def _changed(base: LoadRequest, to: Setting | None) -> Iterator[_Wanted]:
    """Yield the tests of TCP with another MTU or mode."""
    if to is None:
        return
    plain = base._replace(tool=Tool.IPERF3, omit=WARM_UP_S)
    one = plain._replace(streams=1, processes=1)
    key = f"mtu={to.mtu}"
    yield _Wanted(f"tcp-1 {key}", f"TCP, one stream, {key}", "TCP", one, setting=to)
    yield _Wanted(f"tcp {key}", f"TCP, as planned, {key}", "TCP", plain, setting=to)


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


def _notes(frame: Frame, plan: LoadPlan, change_mtu: bool) -> Iterator[str]:
    """Yield what another MTU or mode would leave of the line for TCP."""
    assert plan.port is not None
    link = frame.ports[plan.port].now.link
    line, now = line_limit(link), present(frame, plan)
    if line is None or now is None:
        return
    is_mlx4 = frame.ports[plan.port].now.port.is_mlx4
    share, then = _share(now), other(now, is_mlx4)
    if not share:
        return
    head = f"{now.words} leaves {gbps(share * line.usable)} Gb/s of the line for TCP"
    if now.mode is not None:
        head = f"IPoIB is {now.words}: TCP gets {gbps(share * line.usable)} Gb/s of the line"
    if then is None:
        yield f"{head}; this card has no connected mode"
        return
    if left := _share(then):
        yield f"{head}; {then.words} would leave {gbps(left * line.usable)}"
    if then.mode is not None:
        few = "fewer" if then.mode == CONNECTED else "more"
        tried = "" if change_mtu else "; --change-mtu tries it"
        yield f"{then.mode} has {few} packets for a core to handle{tried}"


def _share(one: Setting) -> float | None:
    """Return the part of a line that is left for TCP."""
    if one.mode is None:
        return ethernet_goodput(Protocol.TCP, one.mtu)
    return infiniband_goodput(Protocol.TCP, one.mtu, connected=one.mode == CONNECTED)
