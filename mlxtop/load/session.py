"""The load tests of one front end, be it a screen or a command: planned and run, one at a time.

A front end gives the session every frame from the thread that samples, and asks for `view` when
`changed` was called. Only `close` waits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Event, Lock
from typing import Any, NamedTuple

from mlxtop.change.privilege import ActionContext
from mlxtop.load.far import FarEnd, served
from mlxtop.load.guard import READINGS, HeatGuard
from mlxtop.load.guarded_plan import NOTHING, guarded_load, guarded_measure
from mlxtop.load.hold_run import HoldRun
from mlxtop.load.measure import MeasureOptions, MeasurePlan
from mlxtop.load.measure_log import read_measured
from mlxtop.load.measure_run import Measurement, MeasureView, begin_record
from mlxtop.load.mtu import MtuSwitch
from mlxtop.load.outcome import LoadStatus, Outcome, SensorHeat
from mlxtop.load.plan import plan_load
from mlxtop.load.record import Line
from mlxtop.load.request import GuardOptions, LoadOptions, LoadPlan, LoadRequest
from mlxtop.load.route import LoadRefused
from mlxtop.load.run_files import MakeSamples, RunFiles
from mlxtop.load.runner import LoadRun
from mlxtop.load.servers import Servers
from mlxtop.model.frame import Frame
from mlxtop.model.identity import PortId
from mlxtop.sampler.miscounts import Miscounts
from mlxtop.sources.kernel.neighbours import Neighbour, read_neighbours
from mlxtop.system.door import System
from mlxtop.watch.heat import HeatWatch, SensorTrack

FAREWELL_S = 4.0
"""Seconds that `close` waits for processes to end and the record to be finished."""


class SessionView(NamedTuple):
    """A session as a front end shows it."""

    busy: bool = False
    """A test is being planned or run."""
    plan: LoadPlan | None = None
    status: LoadStatus | None = None
    """While it runs."""
    outcome: Outcome | None = None
    measure: MeasureView | None = None
    """The measurement that the tests are part of."""
    problem: str | None = None
    guard: GuardOptions = GuardOptions()
    """What was chosen for the heat guard of that plan."""
    sensors: tuple[SensorHeat, ...] = ()
    """The sensors that can stop it, with their limits."""
    neighbours: tuple[Neighbour, ...] = ()
    """Hosts on the links of this machine, which may be a far end."""
    serving: int = 0
    """Servers of this host that have not ended."""
    server_failed: bool = False
    """A server could not be started, as when its port is in use."""
    server_lines: tuple[str, ...] = ()
    """The newest lines of the servers."""
    server_printed: int = 0
    """Lines that they printed in all."""


class LoadSession:
    """The load tests and servers of one front end."""

    def __init__(
        self,
        system: System,
        runs: Path,
        changed: Callable[[], None],
        samples: MakeSamples | None = None,
    ) -> None:
        """Record tests below `runs`; call `changed`, from threads, when there is news.

        `samples` makes the file for the Samples of a run beside the file of its record.
        """
        self._make_samples = samples
        self._files: RunFiles | None = None
        self._system = system
        self._runs = runs
        self._changed = changed
        self._lock = Lock()
        self._view = SessionView()
        self._run: LoadRun | None = None
        self._ended = Event()
        self._ended.set()
        self._cancelled: str | None = None
        self._tracks: dict[tuple[PortId, str], SensorTrack] = {}
        self._measurement: Measurement | None = None
        self._newest: Frame | None = None
        self._servers = Servers(system, changed)
        self.far: FarEnd | None = None
        """The far end, where its machine is read too."""
        self.miscounts: Miscounts | None = None
        """Gets what tests prove of the counters."""
        self.find_far: Callable[[LoadRequest, Frame], FarEnd | None] | None = None
        """Returns the far end of a test, where it is one of several machines on the screen.

        Raises LoadRefused. `Frame`: of this end.
        """

    def view(self) -> SessionView:
        """Return the state of now, in any thread."""
        with self._lock:
            run, view = self._run, self._view
        status = run.status() if run is not None and view.busy else None
        running, failed, lines, printed = self._servers.view()
        return view._replace(
            status=status,
            serving=running,
            server_failed=failed,
            server_lines=lines,
            server_printed=printed,
        )

    def frame(self, frame: Frame) -> None:
        """Give a frame to the run, in the thread that sampled it."""
        self._newest = frame
        run, files = self._run, self._files
        if run is not None:
            run.frame(frame)
        if files is not None:
            files.put(frame)
        self._servers.frame(frame)

    def far_frame(self, frame: Frame) -> None:
        """Give a frame of the far end to the run, in the thread that sampled it."""
        if self.far is not None:
            self.far.newest = frame
        run, files = self._run, self._files
        if files is not None:
            files.put_far(frame)
        if run is not None:
            run.far_frame(frame)

    def start(
        self,
        frame: Frame,
        options: LoadOptions,
        only_plan: bool = False,
        heat: HeatWatch | None = None,
    ) -> bool:
        """Plan a test and, if nothing stands against it, run it; False while one is under way.

        `heat` is what the front end has followed up to that frame; the guard goes on from there.
        """
        return self._begin(frame, heat, "load", self._test, frame, options, only_plan)

    def _begin(
        self,
        frame: Frame,
        heat: HeatWatch | None,
        name: str,
        work: Callable[..., None],
        *arguments: Any,
    ) -> bool:
        """Forget the test before and start a thread; False while one is under way."""
        with self._lock:
            if self._view.busy:
                return False
            self._view = self._view._replace(
                busy=True, plan=None, outcome=None, measure=None, problem=None
            )
            self._run = self._cancelled = self._measurement = None
            self._tracks = heat.copies(READINGS) if heat is not None else {}
            self._newest = frame
            self._ended.clear()
            self._system.clock.thread(self._whole, name, work, *arguments)
        return True

    def _whole(self, work: Callable[..., None], *arguments: Any) -> None:
        try:
            work(*arguments)
        except LoadRefused as refused:
            self._update(problem=str(refused))
        except Exception as error:
            # whatever happens to a test, the front end goes on and tells of it
            self._update(problem=f"{type(error).__name__}: {error}")
        finally:
            with self._lock:
                self._run = self._measurement = None
            self._update(busy=False)
            self._ended.set()

    def _to_far(self, frame: Frame, request: LoadRequest) -> LoadRequest:
        """Look for the far end among the machines on the screen; return the test of its address.

        Raises LoadRefused.
        """
        if self.find_far is None:
            return request
        self.far = self.find_far(request, frame)
        address = self.far.address if self.far is not None else None
        return request._replace(host=address) if address else request

    def _test(self, frame: Frame, options: LoadOptions, only_plan: bool) -> None:
        options = options._replace(request=self._to_far(frame, options.request))
        plan, guard = self._planned(frame, options)
        self._update(plan=plan, guard=guard.options, sensors=guard.guarding)
        if not plan.refusals and not only_plan:
            self._measure(frame, plan, guard, options)

    def measure(
        self,
        frame: Frame,
        options: MeasureOptions,
        only_plan: bool = False,
        heat: HeatWatch | None = None,
    ) -> bool:
        """Plan a measurement and run its tests; False while something is under way."""
        return self._begin(frame, heat, "measure", self._tests, frame, options, only_plan)

    def _tests(self, frame: Frame, options: MeasureOptions, only_plan: bool) -> None:
        options = options._replace(request=self._to_far(frame, options.request))
        before: dict[str, Line] = {}
        if options.resume is not None:
            before = read_measured(self._runs, options.resume).by_key
        plan = guarded_measure(self._system, frame, options, self.far)
        self._update(measure=MeasureView(plan))
        if plan.refusal is None and not only_plan:
            self._run_measure(frame, plan, options, before)

    def _run_measure(
        self,
        frame: Frame,
        plan: MeasurePlan,
        options: MeasureOptions,
        before: Mapping[str, Line],
    ) -> None:
        record = None
        try:
            record = begin_record(self._system, self._runs, frame, plan, options)
        except OSError as error:
            why = f"this measurement is not recorded: {error.filename}: {error.strerror}"
            self._update(problem=why)
        measurement = Measurement(self._system, plan, options, self._measured)
        with self._lock:
            self._measurement = measurement
            if self._cancelled is not None:
                measurement.cancel(self._cancelled)
        switch = MtuSwitch(ActionContext(self._system), plan, lambda: self._newest)
        try:
            measurement.run(self._one, record, before, switch.set)
        finally:
            if (complaint := switch.end()) is not None:
                self._update(problem=f"NOT put back: {complaint}")
            if record is not None:
                record.close()

    def _measured(self, view: MeasureView) -> None:
        """Take the news of a measurement; the outcome of the test before is not the next one's."""
        before = self._view.measure
        if view.current is not None and (before is None or before.current != view.current):
            self._update(measure=view, outcome=None)
        else:
            self._update(measure=view)

    def _one(self, options: LoadOptions, starts: Mapping[str, float]) -> Outcome | str:
        """Run one test of a measurement with the newest frame; return why, where it is refused."""
        frame = self._newest
        assert frame is not None
        plan, guard = self._planned(frame, options, starts)
        self._update(plan=plan, guard=guard.options, sensors=guard.guarding, outcome=None)
        refusal = next(iter(plan.refusals), None) or guard.lost(starts)
        if refusal is not None:
            self._update(problem=f"{options.note}: {refusal}")
            return refusal
        self._measure(frame, plan, guard, options)
        outcome = self._view.outcome
        assert outcome is not None
        return outcome

    def find_neighbours(self) -> None:
        """Look for hosts that may be a far end, in a thread."""
        self._system.clock.thread(self._find_neighbours, "neighbours")

    def _find_neighbours(self) -> None:
        with suppress(OSError):
            self._update(neighbours=read_neighbours(self._system))

    def _planned(
        self, frame: Frame, options: LoadOptions, starts: Mapping[str, float] = NOTHING
    ) -> tuple[LoadPlan, HeatGuard]:
        """Return the test as it would be run, and its guard, which has seen one frame."""
        plan = plan_load(self._system, frame, options.request)
        return guarded_load(
            *(self._system, frame, options, plan, self.far), tracks=self._tracks, starts=starts
        )

    def _measure(
        self, frame: Frame, plan: LoadPlan, guard: HeatGuard, options: LoadOptions
    ) -> None:
        files = RunFiles(self._system, self._runs, self._make_samples)
        files.begin(frame, plan, options.note, self.far)
        run = (HoldRun if options.hold else LoadRun)(
            *(self._system, plan, guard),
            timing=options.timing,
            record=files.record,
            changed=self._changed,
        )
        run.frame(frame)
        with self._lock:
            self._run, self._files = run, files
            cancelled = self._cancelled
        if files.problem is not None:
            self._update(problem=files.problem)
        if cancelled is not None:
            run.cancel(cancelled)
        try:
            with served(self.far, plan, once=not options.hold) as failure:
                if failure is not None:
                    run.cancel(f"failed: {failure}")
                outcome = run.run()
        finally:
            with self._lock:
                self._run = self._files = None
            files.close()
            if files.problem is not None:
                self._update(problem=files.problem)
        self._learn(frame, outcome)
        self._update(outcome=outcome)

    def _learn(self, frame: Frame, outcome: Outcome) -> None:
        """Keep which counters are wrong, or right again."""
        check, port = outcome.counters, outcome.plan.port
        if check is None or port is None or self.miscounts is None or not check.conclusive:
            return
        problem = self.miscounts.learn(frame, port, check.miscount(outcome.run or ""))
        if problem is not None:
            self._update(problem=problem)

    def _update(self, **changes: Any) -> None:
        with self._lock:
            self._view = self._view._replace(**changes)
        self._changed()

    def cancel(self, why: str = "cancelled") -> None:
        """End the test as soon as possible."""
        with self._lock:
            self._cancelled = why
            run = self._run
            if self._measurement is not None:
                self._measurement.cancel(why)
        if run is not None:
            run.cancel(why)

    def serve(
        self,
        first: int,
        count: int = 1,
        frame: Frame | None = None,
        options: GuardOptions | None = None,
    ) -> None:
        """Start one-shot iperf3 servers on consecutive ports, unless some are running.

        With a `frame` the sensors of its ports are guarded: they end when one gets too warm.
        """
        self._servers.start(first, count, frame, options)

    def stop_serving(self) -> None:
        self._servers.stop()

    def close(self, why: str = "mlxtop ended") -> None:
        """End everything; waits a moment for the record to be finished, and for the servers."""
        self.stop_serving()
        self.cancel(why)
        self._system.clock.wait(FAREWELL_S, self._ended)
        self._servers.wait(FAREWELL_S)
