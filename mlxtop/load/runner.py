"""A load test from its first frame to its record.

`run` takes as long as the test and needs a thread. Frames come in by `frame`; `changed` is called
when there is news, which `status` returns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import Event, RLock
from typing import Any

from mlxtop.analysis.counter_check import CounterCheck
from mlxtop.analysis.port_view import port_view
from mlxtop.load.guard import SILENCE_S, HeatGuard
from mlxtop.load.hold import Hold
from mlxtop.load.known_bytes import PATIENCE_S, CounterCourse
from mlxtop.load.outcome import HeatReport, LoadStatus, Outcome, Phase, interval_document
from mlxtop.load.processes import LoadStreams, mean_bps
from mlxtop.load.rates import LoadCourse, usual_verdict
from mlxtop.load.request import LoadPlan, Timing
from mlxtop.load.run_log import RunWriter
from mlxtop.load.soak import Soak, soak
from mlxtop.model.frame import Frame
from mlxtop.model.identity import PortId
from mlxtop.model.load import LoadInterval, LoadResult, total
from mlxtop.system.door import System

POLL_S = 0.5
"""Seconds between two looks at what has happened."""
RAMP_S = 2.0
"""Seconds after the start in which a verdict would be about slow start."""
COOL_C = 0.5
"""°C above the temperature at the start from which a sensor has cooled down."""


def far_rates(frame: Frame, ports: Iterable[PortId]) -> dict[str, float | None]:
    """Return what ports of the far end carry, bit/s."""
    flows = [port_view(frame, port).throughput for port in ports if port in frame.ports]
    return {
        "rx_bps": total(flow.rx_bps for flow in flows),
        "tx_bps": total(flow.tx_bps for flow in flows),
    }


class LoadRun:
    """One run: made, given frames, and run once."""

    def __init__(
        self,
        system: System,
        plan: LoadPlan,
        guard: HeatGuard,
        *,
        timing: Timing,
        record: RunWriter | None = None,
        changed: Callable[[], None] | None = None,
    ) -> None:
        """`record` must have its first line already; the run closes it."""
        self._system = system
        self._plan = plan
        self._guard = guard
        self._timing = timing
        self._record = record
        self._changed = changed or (lambda: None)
        self._lock = RLock()
        self._streams = LoadStreams(system, plan)
        self._phase = Phase.WAITING
        self._since = self._began = system.now()
        self._intervals: list[LoadInterval] = []
        self._course = LoadCourse(plan)
        self._counters = CounterCourse(plan)
        self._stopping: str | None = None
        self._heat_reason: str | None = None
        """Why the guard has stopped the load; None where it has not."""
        self._cancelled = Event()
        self._load: tuple[float, float] | None = None
        self._cooled: float | None = None
        self._held: Hold | None = None
        self._far_heard = self._began
        """When the newest frame of the far end came."""

    def frame(self, frame: Frame) -> None:
        """Take a frame, from any thread; the guard decides here and now."""
        with self._lock:
            if self._phase is Phase.DONE:
                return
            reason = self._guard.look(frame)
            self._note(frame)
            self._stop_for_heat(reason)
        self._changed()

    def far_frame(self, frame: Frame) -> None:
        """Take a frame of the far end, from any thread."""
        with self._lock:
            far = self._guard.far
            if far is None or self._phase is Phase.DONE:
                return
            self._far_heard = self._system.now()
            reason = far.look(frame)
            self._write(
                "far",
                phase=str(self._phase),
                sensors={sensor.name: sensor.last for sensor in far.sensors},
                **far_rates(frame, far.ports),
            )
            self._stop_for_heat(reason)
        self._changed()

    def _silent(self) -> str | None:
        """Return why the load has to stop, when one of the ends tells nothing any more."""
        now, far = self._system.now(), self._guard.far
        reason = self._guard.silent(now)
        if reason is None and far is not None and far.guarding:
            quiet = now - self._far_heard
            if quiet >= SILENCE_S:
                reason = f"no reading of {far.host} for {quiet:.0f} s"
        return reason

    def cancel(self, why: str = "cancelled") -> None:
        """End the run as soon as possible, from any thread; what is there is kept."""
        with self._lock:
            self._stop(why)
        self._cancelled.set()

    def _stop(self, why: str) -> None:
        if self._stopping is None and self._phase not in (Phase.COUNTING, Phase.COOLING):
            self._stopping = why
            self._write("event", text=why)
        self._streams.halt()

    def _stop_for_heat(self, reason: str | None) -> None:
        """Stop the load, where the guard has a reason and there still is a load."""
        with self._lock:
            if reason is None or self._phase in (Phase.COUNTING, Phase.COOLING):
                return
            if self._stopping is None:
                self._heat_reason = reason
            self._stop(f"stopped by the heat guard: {reason}")

    def _write(self, kind: str, **values: Any) -> None:
        if self._record is not None:
            at = round(self._system.now() - self._began, 3)
            self._record.write(kind, t=at, **values)

    def _note(self, frame: Frame) -> None:
        if not self._course.note(frame, self._phase, self._guard.joined):
            return
        carried = self._course.carried(frame)
        self._write(
            "heat",
            phase=str(self._phase),
            sensors={sensor.name: sensor.last for sensor in self._guard.sensors},
            rx_bps=total(one.rx_bps for one in carried),
            tx_bps=total(one.tx_bps for one in carried),
            cpu_percent=self._course.cpu,
        )
        port = frame.ports.get(self._plan.port) if self._plan.port is not None else None
        if port is not None and self._counters.checks:
            before = self._phase in (Phase.WAITING, Phase.BASELINE)
            self._counters.note(port, loaded=not before)
        loaded = frame.sample.tick - self._since if self._phase is Phase.LOAD else 0.0
        if loaded >= RAMP_S and self._intervals and not self._streams.halted:
            self._course.judge(frame)

    def status(self) -> LoadStatus:
        """Return the state of now, in any thread."""
        with self._lock:
            seconds = self._system.now() - self._since
            counted = [interval for interval in self._intervals if not interval.omitted]
            request = self._plan.request
            lasts = {
                Phase.BASELINE: self._timing.baseline,
                Phase.LOAD: float(request.seconds + request.omit),
                Phase.COOLING: self._timing.cooldown,
            }.get(self._phase)
            return LoadStatus(
                phase=self._phase,
                seconds=seconds,
                left=None if lasts is None else max(0.0, lasts - seconds),
                intervals=tuple(self._intervals),
                mean_bps=mean_bps((interval.bps, interval.seconds) for interval in counted),
                retransmits=total(interval.retransmits for interval in counted),
                sensors=self._guard.sensors,
                blind=self._guard.blind,
                stopping=self._stopping,
                cpu=self._course.cpu,
            )

    def run(self) -> Outcome:
        """Run the test to its end; return its outcome."""
        try:
            if self._timing.baseline > 0 and self._stopping is None:
                self._enter(Phase.BASELINE)
                self._wait(self._timing.baseline, lambda: self._stopping is not None)
            if self._stopping is None:
                self._enter(Phase.LOAD)
                self._run_load()
                self._count_to_the_end()
            cool = self._guard.sensors and self._loaded and not self._cancelled.is_set()
            if self._load is not None and cool:
                self._enter(Phase.COOLING)
                began = self._system.now()
                self._wait(self._timing.cooldown, self._cool)
                self._cooled = self._system.now() - began
                self._guard.settle()
            return self._outcome()
        finally:
            self._streams.halt()
            with self._lock:
                self._phase = Phase.DONE
            if self._record is not None:
                self._record.close()
            self._changed()

    @property
    def _loaded(self) -> bool:
        """Return whether anything flowed; tools without intervals tell it by their result."""
        return bool(self._intervals) or self._streams.result(()) is not None

    def _enter(self, phase: Phase) -> None:
        with self._lock:
            self._phase = phase
            self._since = self._system.now()
            self._write("event", text=str(phase))
        self._changed()

    def _wait(self, seconds: float, over: Callable[[], bool]) -> None:
        until = self._system.now() + seconds
        while self._system.now() < until and not over():
            if self._system.wait(POLL_S, self._cancelled):
                return

    def _run_load(self) -> None:
        began = self._system.now()
        self._streams.start()
        while self._streams.running:
            for interval in self._streams.step(POLL_S):
                with self._lock:
                    self._intervals.append(interval)
                    self._write("interval", **interval_document(interval))
                self._changed()
            self._stop_for_heat(self._silent())
        self._load = began, self._system.now()

    def _count_to_the_end(self) -> None:
        """Wait until the counters were read once more, where they can be checked."""
        sound = self._stopping is None and self._streams.error is None and self._held is None
        if sound and self._counters.checks:
            assert self._load is not None
            self._enter(Phase.COUNTING)
            ended = self._load[1]
            self._wait(PATIENCE_S, lambda: self._counters.complete(ended))

    def _checked(self, result: LoadResult | None) -> CounterCheck | None:
        """Return the counters against what was moved; None where that is not known."""
        complete = self._stopping is None and self._streams.error is None
        if not complete or result is None or self._load is None or self._held is not None:
            return None
        if not self._counters.checks:
            return None
        check = self._counters.check(result, self._intervals, self._load[1])
        return check._replace(kept=not self._system.demo)

    def _cool(self) -> bool:
        """Return whether every sensor that can be read is back at its temperature before."""
        return not self._timing.soak and all(
            sensor.problem is not None
            or (
                sensor.last is not None
                and sensor.start is not None
                and sensor.last <= sensor.start + COOL_C
            )
            for sensor in self._guard.sensors
        )

    def _soaks(self) -> tuple[Soak, ...]:
        """Return the warm-up of every sensor, against what its port carried."""
        if not self._timing.soak or self._load is None:
            return ()
        points, rate = self._guard.points, self._course.rate
        return tuple(
            soak(one.name, points(one.name), one.limits, self._load, rate(one.port))
            for one in self._guard.own_sensors
        )

    def _outcome(self) -> Outcome:
        with self._lock:
            result = self._streams.result(self._intervals)
            error, guard = self._streams.error, self._guard
            outcome = Outcome(
                plan=self._plan,
                ended=self._stopping or (f"failed: {error}" if error else "complete"),
                failed=error is not None or result is None,
                result=result,
                intervals=tuple(self._intervals),
                heat=HeatReport(
                    guard.options.armed, self._heat_reason, guard.sensors, self._cooled
                ),
                verdict=usual_verdict(self._course.verdicts),
                moved=self._course.moved(),
                soak=self._soaks(),
                hold=self._held,
                counters=self._checked(result),
                run=self._record.id if self._record else None,
                problem=self._record.problem if self._record else None,
            )
            self._write("end", **outcome.end_document())
            return outcome
