"""Play a recording from its beginning and collect what happened between two times.

Everything is read once, in the order of the recording, and only sums are kept. A Watch runs along,
from the beginning or from a quarter of an hour before the time that is asked for; only from the
beginning it can number the events.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf, isinf
from time import localtime, strftime

from mlxtop.analysis.port_view import port_view
from mlxtop.health.observe import HealthWatch
from mlxtop.model.frame import Frame
from mlxtop.model.identity import PortId, PortKind
from mlxtop.model.sample import AerError, Sample
from mlxtop.recording.between import Progress, moments_until
from mlxtop.recording.events import EventLog
from mlxtop.recording.mask import SampleMask
from mlxtop.recording.moments import WARM_S, Moment
from mlxtop.recording.recording import Recording
from mlxtop.recording.survey import played
from mlxtop.recording.when import Named
from mlxtop.report.port import Axis, PortTimes, Step
from mlxtop.report.values import Gap, LoadRun, NumberedCause, Report
from mlxtop.watch.causes import causes, subject_of
from mlxtop.watch.event_list import TimedIncident
from mlxtop.watch.watch import Watch

MOST_PORTS = 1024
MOST_GAPS = 1000
MOST_ERRORS = 1000
"""Kinds of PCIe errors at most."""
CLOCK_SET_S = 2.0
"""Seconds by which wall clock and tick part from each other when the clock is set."""


def numbered_causes(
    events: Iterable[TimedIncident], begin: float, *, whole: bool
) -> list[NumberedCause]:
    """Return events by their cause in order, without those that were over before `begin`.

    They are numbered from 1 where they are all of the recording.
    """
    shown = [one for one in causes(events) if one.until is None or one.until >= begin]
    numbered = enumerate(reversed(shown), 1)
    return [NumberedCause(number if whole else None, one) for number, one in numbered]


def all_numbered_causes(
    recording: Recording, events: Iterable[TimedIncident]
) -> list[NumberedCause]:
    """Return all events of a recording by their cause, with the numbers that a report has."""
    return numbered_causes(events, _axis(recording).begin, whole=True)


def events_named(causes: Iterable[NumberedCause]) -> list[Named]:
    """Return events by number, time and words, for `time_in`."""
    return [
        Named(number or 0, one.begin, f"{subject_of(one.lead.incident)} {one.lead.incident.text}")
        for number, one in causes
    ]


def named_events(recording: Recording, progress: Progress | None = None) -> list[Named]:
    """Return all events of a recording as `events_named` does. Raises OSError."""
    whole = _Collector(recording, Axis(-inf, inf), None, progress, with_ports=False).run(())
    return events_named(whole.incidents)


def collect(
    recording: Recording,
    since: float | None = None,
    until: float | None = None,
    *,
    loads: Iterable[LoadRun] = (),
    mask: SampleMask | None = None,
    progress: Progress | None = None,
) -> Report:
    """Return what happened between two times, `mask` applied to it. Raises OSError.

    `loads`: those that ran on that machine; what was at another time is left out.
    """
    span = Axis(-inf if since is None else since, inf if until is None else until)
    collector = _Collector(recording, span, mask, progress)
    report = collector.run(tuple(loads))
    return mask.value(report) if mask else report


def _axis(recording: Recording) -> Axis:
    walls = [place.wall for place in recording.places]
    return Axis(min(walls), max(*walls, recording.end))


class _Collector:
    def __init__(
        self,
        recording: Recording,
        span: Axis,
        mask: SampleMask | None,
        progress: Progress | None,
        *,
        with_ports: bool = True,
    ) -> None:
        self._recording = recording
        self._since, self._until = span
        self._mask, self._progress, self._with_ports = mask, progress, with_ports
        whole = _axis(recording)
        self._first = 0 if isinf(span.begin) else recording.find(span.begin - WARM_S)
        self._axis = Axis(max(whole.begin, span.begin), min(whole.end, span.end))
        self._ports: dict[PortId, PortTimes] = {}
        self._gaps: list[Gap] = []
        self._aer: dict[str, int] = {}
        self._log = EventLog()
        self._seconds, self._samples = 0.0, 0
        self._last: Sample | None = None
        self._health = HealthWatch()
        """Of all times: a link remembers over a new start of the machine."""
        self._newest: Frame | None = None
        """Of the report's time."""

    def run(self, loads: tuple[LoadRun, ...]) -> Report:
        """Play the recording and return the report."""
        watch = Watch(verdicts=False, frames=False, forecasts=False)
        moments = moments_until(self._recording, self._first, self._until, self._progress)
        for moment, frame in played(moments):
            if moment.restarts:
                watch = Watch(verdicts=False, frames=False, forecasts=False)
            watch.health = self._health
            watch.ingest(frame)
            self._log.follow(watch)
            self._take(moment, frame, watch)
            self._last = moment.sample
        return self._report(loads)

    def _take(self, moment: Moment, frame: Frame, watch: Watch) -> None:
        sample, last = moment.sample, self._last
        inside = self._since <= sample.wall <= self._until
        if inside and last is not None:
            self._tell(moment, last)
        known = last is not None and not moment.restarts and moment.gap is None
        seconds = sample.tick - last.tick if known and last is not None else 0.0
        step = Step(sample.wall, max(0.0, min(seconds, sample.wall - self._since)))
        if inside:
            self._samples += 1
            self._seconds += step.seconds
            self._newest = frame
            if self._mask is not None:
                self._mask.learn(sample)
            if last is not None and not moment.restarts:
                self._take_aer(last, sample)
        if self._with_ports:
            self._take_ports(frame, watch, step, inside, moment.restarts)

    def _take_ports(
        self, frame: Frame, watch: Watch, step: Step, inside: bool, restarts: bool
    ) -> None:
        for port, one in frame.ports.items():
            if one.now.port.kind is not PortKind.PHYSICAL:
                continue
            times = self._ports.get(port)
            if times is None:
                if len(self._ports) >= MOST_PORTS:
                    self._recording.problems.tell(
                        f"more than {MOST_PORTS} ports: the rest is not shown"
                    )
                    continue
                times = self._ports[port] = PortTimes(self._axis)
            if restarts:
                times.forget()
            if inside:
                times.take(port_view(frame, port), watch.heat, step)
            else:
                times.pass_by(one)

    def _tell(self, moment: Moment, last: Sample) -> None:
        """Tell of a gap, and of a clock that was set."""
        sample = moment.sample
        why = moment.gap or ("the machine or mlxtop was started again" if moment.restarts else None)
        if why is not None and len(self._gaps) < MOST_GAPS:
            self._gaps.append(Gap(last.wall, sample.wall, why))
        elif why is None:
            apart = (sample.wall - last.wall) - (sample.tick - last.tick)
            if abs(apart) > CLOCK_SET_S:
                way = "forward" if apart > 0 else "back"
                when = strftime("%F %T", localtime(last.wall))
                self._recording.problems.tell(
                    f"the clock was set {way} by {abs(apart):.0f} s after {when}"
                )

    def _take_aer(self, last: Sample, sample: Sample) -> None:
        for slot, status in sample.pcie.items():
            before = last.pcie.get(slot)
            if before is None or before.aer is status.aer:
                continue
            for error, count in status.aer.items():
                gain = count - before.aer.get(error, 0)
                if gain > 0 and not error.is_total:
                    self._add_aer(error, gain)

    def _add_aer(self, error: AerError, gain: int) -> None:
        name = str(error)
        if name in self._aer or len(self._aer) < MOST_ERRORS:
            self._aer[name] = self._aer.get(name, 0) + gain

    def _report(self, loads: tuple[LoadRun, ...]) -> Report:
        newest, axis = self._newest, self._axis
        there = newest.ports if newest else {}
        health = self._health.all()
        ports = (
            (id, times.result(id in there, health.get(id)))
            for id, times in sorted(self._ports.items())
        )
        sample = newest.sample if newest else None
        return Report(
            host=self._recording.host,
            kernel=sample.host.kernel if sample else None,
            source=str(self._recording.source),
            program=self._recording.program,
            cards=tuple(dict.fromkeys(one.family for one in sample.adapters)) if sample else (),
            begin=axis.begin,
            end=axis.end,
            seconds=self._seconds,
            samples=self._samples,
            ports=tuple(one for _, one in ports if one is not None),
            incidents=tuple(self._incidents()),
            dropped=self._log.dropped,
            pcie_errors=self._aer,
            loads=tuple(run for run in loads if run.begin <= axis.end and run.end >= axis.begin),
            gaps=tuple(self._gaps),
            problems=tuple(self._recording.problems.all()),
            masked=self._mask is not None,
        )

    def _incidents(self) -> Iterable[NumberedCause]:
        """Return what went on at some time of the report."""
        begin = _axis(self._recording).begin
        for one in numbered_causes(self._log.events, begin, whole=self._first == 0):
            ended = one.cause.until is not None and one.cause.until < self._since
            if one.cause.begin <= self._until and not ended:
                yield one
