"""The load tests of one front end, be it a screen or a command: planned and run, one at a time.

A front end gives the session every frame from the thread that samples, and asks for `view` when
`changed` was called. Only `close` waits.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path
from threading import Event, Lock
from typing import Any, NamedTuple

from mlxtop.load.guard import HeatGuard
from mlxtop.load.iperf3 import INSTALL, probe, server_command
from mlxtop.load.outcome import LoadStatus, Outcome
from mlxtop.load.plan import plan_load
from mlxtop.load.request import LoadOptions, LoadPlan
from mlxtop.load.run_log import RunWriter, fingerprint
from mlxtop.load.runner import LoadRun
from mlxtop.model.frame import Frame
from mlxtop.system.door import System

FAREWELL_S = 4.0
"""Seconds that `close` waits for processes to end and the record to be finished."""
SERVER_LINES = 200
"""Lines of the servers that are kept."""


class SessionView(NamedTuple):
    """A session as a front end shows it."""

    busy: bool = False
    """A test is being planned or run."""
    plan: LoadPlan | None = None
    status: LoadStatus | None = None
    """While it runs."""
    outcome: Outcome | None = None
    problem: str | None = None
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

    def __init__(self, system: System, runs: Path, changed: Callable[[], None]) -> None:
        """Record tests below `runs`; call `changed`, from threads, when there is news."""
        self._system = system
        self._runs = runs
        self._changed = changed
        self._lock = Lock()
        self._view = SessionView()
        self._run: LoadRun | None = None
        self._ended = Event()
        self._ended.set()
        self._cancelled: str | None = None
        self._end_servers = Event()
        self._servers_ended = Event()
        self._servers_ended.set()
        self._lines: deque[str] = deque(maxlen=SERVER_LINES)

    def view(self) -> SessionView:
        """Return the state of now, in any thread."""
        with self._lock:
            run, view, lines = self._run, self._view, tuple(self._lines)
        status = run.status() if run is not None and view.busy else None
        return view._replace(status=status, server_lines=lines)

    def frame(self, frame: Frame) -> None:
        """Give a frame to the run, in the thread that sampled it."""
        run = self._run
        if run is not None:
            run.frame(frame)

    def start(self, frame: Frame, options: LoadOptions, only_plan: bool = False) -> bool:
        """Plan a test and, if nothing stands against it, run it; False while one is under way."""
        with self._lock:
            if self._view.busy:
                return False
            self._view = self._view._replace(busy=True, plan=None, outcome=None, problem=None)
            self._run = self._cancelled = None
            self._ended.clear()
            self._system.clock.thread(self._work, "load", frame, options, only_plan)
        return True

    def _work(self, frame: Frame, options: LoadOptions, only_plan: bool) -> None:
        try:
            plan = plan_load(self._system, frame, options.request)
            self._update(plan=plan)
            if not plan.refusals and not only_plan:
                self._measure(frame, plan, options)
        except Exception as error:
            # whatever happens to a test, the front end goes on and tells of it
            self._update(problem=f"{type(error).__name__}: {error}")
        finally:
            with self._lock:
                self._run = None
            self._update(busy=False)
            self._ended.set()

    def _measure(self, frame: Frame, plan: LoadPlan, options: LoadOptions) -> None:
        system, record, problem = self._system, None, None
        try:
            record = RunWriter(self._runs, system.wall())
        except OSError as error:
            problem = f"this run is not recorded: {error.filename}: {error.strerror}"
        else:
            record.begin(
                started=system.wall(),
                host=system.label,
                demo=system.demo,
                note=options.note,
                plan=plan.document(),
                fingerprint=fingerprint(frame, plan),
            )
        guard = HeatGuard.of(plan, options.guard)
        run = LoadRun(
            system, plan, guard, timing=options.timing, record=record, changed=self._changed
        )
        run.frame(frame)
        with self._lock:
            self._run = run
            cancelled = self._cancelled
        self._update(problem=problem)
        if cancelled is not None:
            run.cancel(cancelled)
        self._update(outcome=run.run())

    def _update(self, **changes: Any) -> None:
        with self._lock:
            self._view = self._view._replace(**changes)
        self._changed()

    def cancel(self, why: str = "cancelled") -> None:
        """End the test as soon as possible."""
        with self._lock:
            self._cancelled = why
            run = self._run
        if run is not None:
            run.cancel(why)

    def serve(self, first: int, count: int = 1) -> None:
        """Start one-shot iperf3 servers on consecutive ports, unless some are running."""
        with self._lock:
            if self._view.serving:
                return
            self._view = self._view._replace(serving=count, server_failed=False, server_printed=0)
            self._end_servers = Event()
            self._servers_ended.clear()
            self._lines.clear()
        self._system.clock.thread(self._start_servers, "servers", first, count)

    def _start_servers(self, first: int, count: int) -> None:
        try:
            tool = probe(self._system)
            if tool is None:
                raise FileNotFoundError(INSTALL)
        except OSError as error:
            self._server_line(str(error.strerror or error))
            self._update(serving=0, server_failed=True)
            self._servers_ended.set()
            return
        for number in range(count):
            argv = server_command(tool, first + number)
            self._server_line("here: " + " ".join(argv))
            self._system.clock.thread(self._serve, "iperf3 server", argv)

    def _serve(self, argv: tuple[str, ...]) -> None:
        end, failure = self._end_servers, None
        try:
            ended = self._system.stream(argv, self._server_line, end)
            if ended.status and not end.is_set():
                failure = ended.stderr.strip() or f"iperf3 ended with status {ended.status}"
        except OSError as error:
            failure = f"iperf3 cannot be run: {error.strerror or error}"
        finally:
            if failure is not None:
                self._server_line(failure)
            with self._lock:
                left = self._view.serving - 1
                failed = self._view.server_failed or failure is not None
                self._view = self._view._replace(serving=left, server_failed=failed)
                if not left:
                    self._servers_ended.set()
            self._changed()

    def _server_line(self, line: str) -> None:
        with self._lock:
            self._lines.append(line)
            self._view = self._view._replace(server_printed=self._view.server_printed + 1)
        self._changed()

    def stop_serving(self) -> None:
        self._end_servers.set()

    def close(self, why: str = "mlxtop ended") -> None:
        """End everything; waits a moment for the record to be finished, and for the servers."""
        self.stop_serving()
        self.cancel(why)
        for ended in (self._ended, self._servers_ended):
            self._system.clock.wait(FAREWELL_S, ended)
