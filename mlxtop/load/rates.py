"""The rate that the ports of a load test can reach, and what they carried and met while it ran.

About 30 Gb/s a stream on a fast core: https://fasterdata.es.net/host-tuning/linux/100g-tuning/
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from mlxtop.analysis.faults import fault_counters
from mlxtop.analysis.limits import gbps, line_limit, pcie_limit
from mlxtop.analysis.port_view import port_view
from mlxtop.analysis.throughput import Throughput
from mlxtop.analysis.verdict import Verdict, judge_together
from mlxtop.load.members import Together
from mlxtop.load.outcome import Moved, Phase
from mlxtop.load.request import LoadPlan, LoadRequest
from mlxtop.load.route import Way, port_names
from mlxtop.model.frame import Frame, PortFrame
from mlxtop.model.identity import PortId, slot_of
from mlxtop.model.linkrate import Protocol
from mlxtop.model.load import Direction, mean, total
from mlxtop.model.pcie import Direction as Pcie
from mlxtop.model.sample import LinkState

STREAM_BPS = 30e9
"""bit/s of one TCP stream on a fast core, at most."""


QUEUE_PAIRS_A_PORT = 4
"""Queue pairs for each port of a shared RDMA device (RoCE LAG): each of them takes one port."""


def queue_pairs(request: LoadRequest, way: Way) -> int:
    """Return the queue pairs of an RDMA test: enough for all ports of a shared RDMA device."""
    if request.streams or request.latency:
        return request.streams or 1
    ports = max(map(len, _choices(request, way, several=True)), default=1)
    return 1 if ports == 1 else QUEUE_PAIRS_A_PORT * ports


def _choices(request: LoadRequest, way: Way, several: bool) -> Sequence[Together]:
    """Return the ports that carry a test together, for each way that it can take.

    RDMA takes the ports of its device, whatever the hash of the route; `several` queue pairs are
    spread over those of a bond that share it (RoCE LAG).
    """
    if request.protocol is not Protocol.RDMA:
        return way.members.choices
    lag = way.port.now.port.rdma_lag
    if lag is None:
        return ((way.port,),)
    active = [port for port in way.members.active if port.now.port.rdma_lag == lag] or [way.port]
    return (tuple(active),) if several else tuple((port,) for port in active)


def carriers(request: LoadRequest, way: Way) -> Sequence[Together]:
    """Return the ports that carry a test together, for each way that it can take."""
    return _choices(request, way, several=queue_pairs(request, way) > 1)


def link_speed(request: LoadRequest, way: Way) -> int | None:
    """Return bit/s of the links that carry the test together, or None where one is unknown."""
    sums = []
    for choice in carriers(request, way):
        lines = [line_limit(port.now.link) for port in _lines(choice)]
        if all(lines):
            sums.append(sum(line.usable for line in lines if line))
    return max(sums, default=None)


def _lines(ports: Sequence[PortFrame]) -> list[PortFrame]:
    """Return ports of which each has a line of its own: one of those that share a cage."""
    return list({port.now.port.cage or port.id: port for port in ports}.values())


def expected_rate(
    frame: Frame, request: LoadRequest, way: Way, streams: int | None
) -> tuple[float | None, str | None]:
    """Return the most bit/s of data in one direction, and what bounds it.

    `streams` None leaves the processor out of account.
    """
    choices = [_together(frame, request, choice) for choice in carriers(request, way)]
    if not any(choices):
        return None, None
    bounds = [max(choice for choice in choices if choice)]
    if streams and request.protocol is not Protocol.RDMA:
        rate = STREAM_BPS * streams
        bounds.append((rate, f"CPU: about 30 Gb/s a stream, {streams} of them"))
    if request.bitrate:
        bounds.append((request.bitrate, f"the bitrate asked for, {gbps(request.bitrate)} Gb/s"))
    return min(bounds)


def _together(
    frame: Frame, request: LoadRequest, ports: Sequence[PortFrame]
) -> tuple[float, str] | None:
    """Return bit/s of data that ports carry together, and what bounds it."""
    by_path: dict[str, list[PortFrame]] = {}
    for port in ports:
        status, function = frame.pcie(port.id), port.now.port.function
        shared = function is not None and status is not None and bool(status.path.links)
        key = slot_of(function or "") if shared else str(port.id)
        by_path.setdefault(key, []).append(port)
    parts = [_behind_one_path(frame, request, group) for group in by_path.values()]
    bounds = [part for part in parts if part is not None]
    if len(bounds) < len(parts):
        return None
    total_rate = sum(rate for rate, _ in bounds), "; ".join(text for _, text in bounds)
    own = _lines(ports)
    cages = _line_bound(request, own) if len(own) < len(ports) else None
    return min(total_rate, cages) if cages is not None else total_rate


def _line_bound(request: LoadRequest, ports: Sequence[PortFrame]) -> tuple[float, str] | None:
    """Return what the lines of ports carry together; None where one is unknown."""
    protocol = request.protocol
    lines = [line for port in ports if (line := line_limit(port.now.link)) is not None]
    if len(lines) < len(ports) or not all(protocol in line.goodput for line in lines):
        return None
    rate = sum(line.goodput[protocol] for line in lines)
    usable = sum(line.usable for line in lines)
    links = "link" if len(ports) == 1 else f"links of {port_names(ports)}"
    return rate, f"{links}: {gbps(usable)} Gb/s, {protocol} {gbps(rate)}"


def _behind_one_path(
    frame: Frame, request: LoadRequest, ports: Sequence[PortFrame]
) -> tuple[float, str] | None:
    """Return the same of ports that share a PCIe link, if they have one."""
    line = _line_bound(request, _lines(ports))
    bounds = [line] if line is not None else []
    pcie = pcie_limit(frame, ports[0].id, None)
    if pcie is not None:
        unused = {Direction.SEND: Pcie.RX, Direction.RECEIVE: Pcie.TX}.get(request.direction)
        rate = min(pcie.usable[way] for way in (Pcie.RX, Pcie.TX) if way is not unused)
        where = pcie.path.limiting.device if pcie.path.limiting else "the card"
        share = f"{gbps(pcie.raw)} Gb/s at {where}, {gbps(rate)} of it data"
        bounds.append((rate, f"PCIe: {share}"))
    return min(bounds, default=None)


@dataclass(slots=True)
class _PortCourse:
    """One port during the run."""

    first: PortFrame
    last: PortFrame
    rates: list[float] = field(default_factory=list)
    """bit/s of the busier direction while the load ran."""


class LoadCourse:
    """The ports that carry one test; several of them are summed and judged together."""

    def __init__(self, plan: LoadPlan) -> None:
        self.verdicts: list[Verdict] = []
        """One for each frame under load."""
        self.cpu: float | None = None
        """Percent of the busiest core."""
        self._carriers = [member.port for member in plan.members if member.carries]
        self._streams = plan.streams
        self._courses: dict[PortId, _PortCourse] = {}

    def note(self, frame: Frame, phase: Phase, joined: Iterable[PortId]) -> bool:
        """Keep what a frame has of the ports and of those that `joined`; False without any."""
        self._carriers += [port for port in joined if port not in self._carriers]
        ports = self._ports(frame)
        if ports:
            self.cpu = max(frame.sample.cpu.busy, default=None) if frame.sample.cpu else None
        for port, now in ports.items():
            course = self._courses.setdefault(port, _PortCourse(now, now))
            if phase in (Phase.WAITING, Phase.BASELINE):
                course.first = course.last = now
            elif phase is Phase.LOAD:
                course.last = now
        return bool(ports)

    def _ports(self, frame: Frame) -> dict[PortId, PortFrame]:
        return {port: frame.ports[port] for port in self._carriers if port in frame.ports}

    def carried(self, frame: Frame) -> list[Throughput]:
        return [port_view(frame, port).throughput for port in self._ports(frame)]

    def judge(self, frame: Frame) -> None:
        """Keep what limits the ports under load, and what they carry."""
        ports = self._ports(frame)
        up = {port: now for port, now in ports.items() if now.now.link.state is LinkState.UP}
        streams = self._streams if len(ports) == 1 else None  # nobody knows how they are spread
        verdicts: dict[str, tuple[Verdict, float]] = {}
        for port, now in (up or ports).items():
            own = port_view(frame, port).ceiling_of(streams)
            rate = own.measured.rate if own.measured else 0.0
            verdicts[now.now.port.name] = own.verdict, rate
            if own.measured is not None:
                self._courses[port].rates.append(rate)
        if verdicts:
            self.verdicts.append(judge_together(verdicts))

    def rate(self, port: PortId | None) -> float | None:
        """Return the mean bit/s of a port under load, of all for one that carries nothing."""
        courses = [self._courses[port]] if port in self._courses else self._courses.values()
        return total(mean(one.rates) for one in courses)

    def moved(self) -> tuple[Moved, ...]:
        """Return the error counters that grew, with their port's name where there are several."""
        moved = []
        for course in self._courses.values():
            port = f"{course.first.now.port.name} " if len(self._courses) > 1 else ""
            for origin, reading in course.last.now.readings.items():
                for counter in fault_counters(origin, reading.schema):
                    old, new = course.first.total(counter), course.last.total(counter)
                    if not counter.gauge and old is not None and new is not None and new > old:
                        severity = str(counter.severity)
                        moved.append(Moved(port + counter.key, new - old, severity, counter.help))
        return tuple(moved)


def usual_verdict(verdicts: list[Verdict]) -> Verdict | None:
    """Return the verdict that came most often while the load ran, the last one of that kind."""
    if not verdicts:
        return None
    limit = Tally(verdict.limit for verdict in verdicts).most_common(1)[0][0]
    return next(verdict for verdict in reversed(verdicts) if verdict.limit is limit)
