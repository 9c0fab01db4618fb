"""The servers that this host runs for the far end, guarded by its own sensors.

They end with the test that each serves, when they are told to, and when a sensor gets too warm or
none can be read any more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Event, Lock
from typing import NamedTuple

from mlxtop.load.guard import HeatGuard
from mlxtop.load.iperf3 import INSTALL, probe, server_command
from mlxtop.load.request import GuardOptions
from mlxtop.model.frame import Frame
from mlxtop.model.identity import PortKind
from mlxtop.model.sample import LinkState
from mlxtop.system.door import System

WATCH_S = 5.0
"""Seconds between two looks at whether frames still come."""
SERVER_LINES = 200
"""Lines of the servers that are kept."""


class ServerView(NamedTuple):
    """The servers as a front end shows them."""

    running: int = 0
    """Servers that have not ended."""
    failed: bool = False
    """One could not be started, as when its port is in use, or was ended for heat."""
    lines: tuple[str, ...] = ()
    """The newest lines that they printed."""
    printed: int = 0
    """Lines that they printed in all."""


class Servers:
    """One-shot iperf3 servers on consecutive ports."""

    def __init__(self, system: System, changed: Callable[[], None]) -> None:
        self._system = system
        self._changed = changed
        self._lock = Lock()
        self._view = ServerView()
        self._lines: deque[str] = deque(maxlen=SERVER_LINES)
        self._end = Event()
        self._ended = Event()
        self._ended.set()
        self._guard: HeatGuard | None = None

    def view(self) -> ServerView:
        with self._lock:
            return self._view._replace(lines=tuple(self._lines))

    def start(
        self,
        first: int,
        count: int,
        frame: Frame | None = None,
        options: GuardOptions | None = None,
    ) -> None:
        """Start servers, unless some are running; with a `frame` its ports are guarded."""
        with self._lock:
            if self._view.running:
                return
            self._view = ServerView(running=count)
            self._end = Event()
            self._ended.clear()
            self._lines.clear()
            self._guard = None
        if frame is not None:
            self._begin_guard(frame, options or GuardOptions())
        self._system.clock.thread(self._start, "servers", first, count)

    def _begin_guard(self, frame: Frame, options: GuardOptions) -> None:
        """Guard every port that traffic can come in by; tell what will be done."""
        ports = [
            port
            for port, one in frame.ports.items()
            if one.now.port.kind is PortKind.PHYSICAL and one.now.link.state is LinkState.UP
        ]
        guard = HeatGuard(ports, options)
        reason = guard.look(frame)
        self._guard = guard
        self._say(f"server: {guard.promise}")
        if reason is not None:
            self._end_for_heat(reason)
        self._system.clock.thread(self._watch, "servers' guard", guard)

    def _watch(self, guard: HeatGuard) -> None:
        """End the servers when no frame comes any more."""
        while not self._system.wait(WATCH_S, self._ended) and guard is self._guard:
            reason = None if self._end.is_set() else guard.silent(self._system.now())
            if reason is not None:
                self._end_for_heat(reason)

    def frame(self, frame: Frame) -> None:
        """Take a frame, in the thread that samples; the guard decides here and now."""
        guard = self._guard
        if guard is None or not self._view.running or self._end.is_set():
            return
        reason = guard.look(frame)
        if reason is not None:
            self._end_for_heat(reason)

    def _end_for_heat(self, reason: str) -> None:
        with self._lock:
            self._view = self._view._replace(failed=True)
        self._say(f"server ended by the heat guard: {reason}")
        self.stop()

    def _start(self, first: int, count: int) -> None:
        try:
            tool = probe(self._system)
            if tool is None:
                raise FileNotFoundError(INSTALL)
        except OSError as error:
            self._say(str(error.strerror or error))
            with self._lock:
                self._view = self._view._replace(running=0, failed=True)
                self._ended.set()
            self._changed()
            return
        for number in range(count):
            argv = server_command(tool, first + number)
            self._say("here: " + " ".join(argv))
            self._system.clock.thread(self._serve, "iperf3 server", argv)

    def _serve(self, argv: tuple[str, ...]) -> None:
        end, failure = self._end, None
        try:
            ended = self._system.stream(argv, self._say, end)
            if ended.status and not end.is_set():
                failure = ended.stderr.strip() or f"iperf3 ended with status {ended.status}"
        except OSError as error:
            failure = f"iperf3 cannot be run: {error.strerror or error}"
        finally:
            if failure is not None:
                self._say(failure)
            with self._lock:
                left = self._view.running - 1
                failed = self._view.failed or failure is not None
                self._view = self._view._replace(running=left, failed=failed)
                if not left:
                    self._ended.set()
            self._changed()

    def _say(self, line: str) -> None:
        with self._lock:
            self._lines.append(line)
            self._view = self._view._replace(printed=self._view.printed + 1)
        self._changed()

    def stop(self) -> None:
        self._end.set()

    def wait(self, seconds: float) -> None:
        """Wait until all have ended, so many seconds at most."""
        self._system.clock.wait(seconds, self._ended)
