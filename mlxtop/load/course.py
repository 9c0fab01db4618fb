"""What the ports of a load test carried, what limited them and which of their errors went on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from mlxtop.analysis.port_view import port_view
from mlxtop.analysis.throughput import Throughput
from mlxtop.analysis.verdict import Verdict, judge_together
from mlxtop.load.outcome import Moved, Phase, moved_between
from mlxtop.load.request import LoadPlan
from mlxtop.model.frame import Frame, PortFrame
from mlxtop.model.identity import PortId
from mlxtop.model.sample import LinkState
from mlxtop.model.tuning import Tuning


@dataclass(slots=True)
class _PortCourse:
    """What one port did during the run."""

    first: PortFrame
    last: PortFrame | None = None
    rates: list[float] = field(default_factory=list)
    """bit/s of the busier direction while the load ran."""


class LoadCourse:
    """The ports that carry one test; several of them are summed and judged together."""

    def __init__(self, plan: LoadPlan, tuning: Tuning | None) -> None:
        self.verdicts: list[Verdict] = []
        """One for each frame under load."""
        self.cpu: float | None = None
        """Percent of the busiest core."""
        self._carriers = [member.port for member in plan.members if member.carries]
        self._streams = plan.streams
        self._tuning = tuning
        self._courses: dict[PortId, _PortCourse] = {}

    def note(self, frame: Frame, phase: Phase, joined: Iterable[PortId]) -> bool:
        """Keep what a frame says of the ports and of those that `joined`; False without any."""
        self._carriers += [port for port in joined if port not in self._carriers]
        ports = self._ports(frame)
        if ports:
            self.cpu = max(frame.sample.cpu.busy, default=None) if frame.sample.cpu else None
        for port, now in ports.items():
            course = self._courses.setdefault(port, _PortCourse(now))
            if phase in (Phase.WAITING, Phase.BASELINE):
                course.first = now
            elif phase is Phase.LOAD:
                course.last = now
        return bool(ports)

    def _ports(self, frame: Frame) -> dict[PortId, PortFrame]:
        return {port: frame.ports[port] for port in self._carriers if port in frame.ports}

    def carried(self, frame: Frame) -> list[Throughput]:
        """What each port carried in the last interval."""
        return [port_view(frame, port).throughput for port in self._ports(frame)]

    def judge(self, frame: Frame) -> None:
        """Keep what limits the ports under load, and what they carry."""
        ports = self._ports(frame)
        up = {port: now for port, now in ports.items() if now.now.link.state is LinkState.UP}
        streams = self._streams if len(ports) == 1 else None  # nobody tells how they are spread
        verdicts: dict[str, tuple[Verdict, float]] = {}
        for port, now in (up or ports).items():
            own = port_view(frame, port).ceiling(self._tuning, streams)
            rate = own.measured.rate if own.measured else 0.0
            verdicts[now.now.port.name] = own.verdict, rate
            if own.measured is not None:
                self._courses[port].rates.append(rate)
        if verdicts:
            self.verdicts.append(judge_together(verdicts))

    def rate(self, port: PortId | None) -> float | None:
        """Mean bit/s of a port under load; of all together for one that carries nothing itself."""
        courses = [self._courses[port]] if port in self._courses else self._courses.values()
        return total(sum(one.rates) / len(one.rates) for one in courses if one.rates)

    def moved(self) -> tuple[Moved, ...]:
        """The error counters that went on, with their port's name where there are several."""
        several = len(self._courses) > 1
        return tuple(
            moved
            for course in self._courses.values()
            for moved in moved_between(
                course.first, course.last, f"{course.first.now.port.name} " if several else ""
            )
        )


def total(values: Iterable[float | None]) -> float | None:
    """The sum of what is known; None where nothing is.

    >>> total([1.0, None]), total([None])
    (1.0, None)
    """
    known = [value for value in values if value is not None]
    return sum(known) if known else None
