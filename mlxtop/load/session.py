"""Load tests for a front end: planned and run in threads, told by a nudge, ended with it.

A front end keeps one session, gives it every frame from the thread that samples, and asks `view`
when it was nudged. Nothing here waits but `close`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event, Lock

from mlxtop.load.fingerprint import fingerprint
from mlxtop.load.guard import AHEAD, HeatGuard
from mlxtop.load.outcome import LoadStatus, Outcome
from mlxtop.load.plan import plan_load
from mlxtop.load.request import LoadPlan, LoadRequest
from mlxtop.load.run_log import RunWriter
from mlxtop.load.runner import LoadRun, Timing
from mlxtop.load.server import IperfServers
from mlxtop.model.frame import Frame
from mlxtop.sampler.settings import read_tuning
from mlxtop.system.door import System

FAREWELL = 4.0
"""Seconds that `close` waits for processes to end and the record to be finished."""
SERVER_LINES = 200


@dataclass(frozen=True, slots=True)
class Watch:
    """What the heat guard does."""

    armed: bool = True
    sensors: frozenset[str] | None = None
    """Names (`asic`, `module`) that may stop the load; None for all."""
    ahead: float = AHEAD


BRIEF = Timing()


@dataclass(frozen=True, slots=True)
class LoadWish:
    """Everything that a person chose for one test."""

    request: LoadRequest
    watch: Watch = Watch()
    timing: Timing = BRIEF
    note: str = ""


def guard_of(plan: LoadPlan, watch: Watch) -> HeatGuard:
    """The guard of a test: for every port that its traffic can take."""
    ports = [member.port for member in plan.members]
    return HeatGuard(ports, watch.armed, watch.sensors, watch.ahead, masters=plan.masters)


def prepare(
    system: System,
    frame: Frame,
    plan: LoadPlan,
    wish: LoadWish,
    *,
    runs: Path,
    tell: Callable[[], None],
) -> tuple[LoadRun, str | None]:
    """A run ready to start, its record begun; and why there is no record, where there is none."""
    assert plan.port is not None
    ports = [frame.ports[member.port].now.port for member in plan.members if member.carries]
    tuning = read_tuning(system, ports, frame.sample.adapters)
    record, problem = None, None
    try:
        record = RunWriter(runs, system.wall())
    except OSError as error:
        problem = f"this run is not recorded: {error.filename}: {error.strerror}"
    else:
        record.begin(
            started=system.wall(),
            host=system.label,
            demo=system.demo,
            note=wish.note,
            plan=plan.document(),
            fingerprint=fingerprint(frame, plan, tuning),
        )
    watch = wish.watch
    guard = guard_of(plan, watch)
    run = LoadRun(system, plan, guard, timing=wish.timing, record=record, tuning=tuning, tell=tell)
    return run, problem


@dataclass(frozen=True, slots=True)
class SessionView:
    """A session as a screen shows it."""

    busy: bool = False
    """A test is being planned or run."""
    plan: LoadPlan | None = None
    status: LoadStatus | None = None
    """While it runs."""
    outcome: Outcome | None = None
    problem: str | None = None
    serving: int = 0
    """Servers of this host that have not ended."""
    server_lines: tuple[str, ...] = ()


class LoadSession:
    """The load tests of one front end, one at a time."""

    def __init__(self, system: System, runs: Path, changed: Callable[[], None]) -> None:
        """`changed` is called from threads."""
        self._system = system
        self._runs = runs
        self._changed = changed
        self._lock = Lock()
        self._view = SessionView()
        self._run: LoadRun | None = None
        self._ended = Event()
        self._ended.set()
        self._cancelled = False
        self._servers: IperfServers | None = None
        self._lines: deque[str] = deque(maxlen=SERVER_LINES)

    def view(self) -> SessionView:
        """What there is to show now, from any thread."""
        with self._lock:
            run, view, servers = self._run, self._view, self._servers
            lines = tuple(self._lines)
        return replace(
            view,
            status=run.status() if run is not None and view.busy else None,
            serving=servers.running if servers else 0,
            server_lines=lines,
        )

    def frame(self, frame: Frame) -> None:
        """Give a frame to the run, in the thread that sampled it."""
        run = self._run
        if run is not None:
            run.frame(frame)

    def start(self, frame: Frame, wish: LoadWish, only_plan: bool = False) -> bool:
        """Plan a test and, if nothing stands against it, run it; False while one is under way."""
        with self._lock:
            if self._view.busy:
                return False
            self._view = SessionView(busy=True)
            self._run, self._cancelled = None, False
            self._ended.clear()
            self._system.clock.thread(self._work, "load", frame, wish, only_plan)
        return True

    def _work(self, frame: Frame, wish: LoadWish, only_plan: bool) -> None:
        try:
            plan = plan_load(self._system, frame, wish.request)
            self._update(plan=plan)
            if plan.refusals or only_plan:
                return
            run, problem = prepare(
                self._system, frame, plan, wish, runs=self._runs, tell=self._changed
            )
            run.frame(frame)
            with self._lock:
                self._run = run
                cancelled = self._cancelled
            self._update(problem=problem)
            if cancelled:
                run.cancel()
            outcome = run.run()
            self._update(outcome=outcome)
        except Exception as error:
            # whatever happens to a test, the front end goes on and says what it was
            self._update(problem=f"{type(error).__name__}: {error}")
        finally:
            with self._lock:
                self._run = None
            self._update(busy=False)
            self._ended.set()

    def _update(self, **changes: object) -> None:
        with self._lock:
            self._view = replace(self._view, **changes)  # type: ignore[arg-type]
        self._changed()

    def cancel(self, why: str = "cancelled") -> None:
        """End the test as soon as possible."""
        with self._lock:
            self._cancelled = True
            run = self._run
        if run is not None:
            run.cancel(why)

    def serve(self, first: int, count: int = 1) -> None:
        """Serve tests of the far end, once each; what the servers print is kept."""
        if self._servers is not None and self._servers.running:
            return

        def tell(line: str) -> None:
            with self._lock:
                self._lines.append(line)
            self._changed()

        def begin() -> None:
            try:
                for command in servers.start(first, count):
                    tell(f"here: {command}")
            except OSError as error:
                tell(str(error.strerror or error))

        servers = IperfServers(self._system, tell)
        with self._lock:
            self._servers = servers
            self._lines.clear()
        self._system.clock.thread(begin, "servers")

    def stop_serving(self) -> None:
        """End the servers."""
        if self._servers is not None:
            self._servers.stop()

    def close(self, why: str = "mlxtop ended") -> None:
        """End everything; waits a moment for the record to be finished."""
        self.stop_serving()
        self.cancel(why)
        self._system.clock.wait(FAREWELL, self._ended)
