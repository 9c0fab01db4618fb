"""Drives a load session from the command line: signals, progress on stderr, answers on stdout."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Event
from typing import TYPE_CHECKING

from mlxtop.load.outcome import Phase
from mlxtop.outputs import console
from mlxtop.present.text import Role

if TYPE_CHECKING:
    from mlxtop.load.session import SessionView
    from mlxtop.model.frame import Frame
    from mlxtop.sampler.live import LiveSource
    from mlxtop.system.door import System

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SILENCE_S, LATE_S = 1.0, 1.6
"""Seconds without a line after which one is printed; the second where reports are to come."""
POLL_S = 0.1
"""Seconds after which a signal is acted upon at the latest."""


class FrontEnd:
    """Drives one load session; what it reports and how it ends is for those that derive from it."""

    def __init__(self, args: argparse.Namespace, system: System) -> None:
        from mlxtop.load.run_log import own_runs
        from mlxtop.load.session import LoadSession
        from mlxtop.recording.of_run import RunSamples

        self.args = args
        self.system = system
        self._changed = Event()
        self._signal: int | None = None
        self.shown: set[str] = set()
        self._intervals = self._lines = 0
        """Intervals and lines of servers that were printed."""
        self._aim: float | None = None
        """bit/s that a hold asked for when it was told last."""
        self._told = float("-inf")
        """When the newest line was printed, monotonic seconds."""
        runs, samples = own_runs(demo=system.demo), partial(RunSamples, system)
        self.session = LoadSession(system, runs, self._changed.set, samples)

    def drive(
        self, source: LiveSource, start: Callable[[Frame], object], *, measuring: bool
    ) -> int:
        """Start something with the first frame and follow it to its end; `measuring` samples on."""
        from mlxtop.sampler.source import frames

        stop = Event()
        self.session.miscounts = source.miscounts
        feed = frames(source, stop)
        with console.waiting(f"looking at {source.label}"):
            first = next(feed)
        if "ports" in first.sample.absent:
            raise ValueError(first.sample.absent["ports"])
        if measuring:
            source.guarded = True
            self.system.clock.thread(self._feed, "frames", feed)
        try:
            # stopped, this program could not watch temperatures, and the load would go on
            with self._signals(*SIGNALS, signal.SIGTSTP):
                start(first)
                return self.finish(self._follow(lambda view: view.busy))
        except BaseException:
            self.session.close()
            raise
        finally:
            stop.set()

    def _feed(self, feed: Iterator[Frame]) -> None:
        for frame in feed:
            self.session.frame(frame)

    def serve(self, source: LiveSource, start: Callable[[Frame], object]) -> int:
        """Serve the far end until each server has served a test, it gets too warm, or a signal."""
        from mlxtop.sampler.source import frames

        stop = Event()
        feed = frames(source, stop)
        first = next(feed)
        try:
            with self._signals(*SIGNALS):
                source.guarded = True
                start(first)
                self.system.clock.thread(self._feed, "frames", feed)
                view = self._follow(lambda view: view.serving > 0)
        finally:
            stop.set()
        return int(view.server_failed) if self.signalled is None else self.signalled

    @property
    def signalled(self) -> int | None:
        """Return the exit status of a signal that came, None without one."""
        return None if self._signal is None else 128 + self._signal

    def begin_run(self) -> None:
        """Forget what was reported: another test begins."""
        self._intervals, self._aim = 0, None
        self.shown.discard("stopping")

    @contextmanager
    def _signals(self, *numbers: signal.Signals) -> Iterator[None]:
        """Keep the first signal, which ends in order what is running."""

        def keep(number: int, _: object) -> None:
            self._signal = self._signal or number

        before = {number: signal.signal(number, keep) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _follow(self, going_on: Callable[[SessionView], bool]) -> SessionView:
        """Report what is new until nothing goes on any more; return the last state."""
        ending = False
        while True:
            self._changed.clear()
            view = self.session.view()
            self.report(view)
            if self._silent(view):
                self._say_what_goes_on(view)
            # while a test is being planned nothing runs: a slow name server is not waited for
            if not going_on(view) or (ending and view.busy and view.plan is None):
                return view
            while not self.system.wait(POLL_S, self._changed):
                if (self._signal is not None and not ending) or self._silent(view):
                    break
            if self._signal is not None and not ending:
                ending = True
                self.session.cancel(f"interrupted ({signal.Signals(self._signal).name})")
                self.session.stop_serving()

    def report(self, view: SessionView) -> None:
        """Print what is new."""
        raise NotImplementedError

    def finish(self, view: SessionView) -> int:
        """Print the answer; return the exit status."""
        raise NotImplementedError

    def tell(self, text: str, role: Role = Role.TEXT, *, whole: bool = False) -> None:
        """Print a line of progress; `whole` leaves it as it is, to be copied."""
        if whole:
            console.tell(((text, role),))
        else:
            console.tell_folded(text, role)
        self._told = self.system.now()

    def _silent(self, view: SessionView) -> bool:
        """Return whether nothing was printed for so long that a person takes it for hung."""
        if not view.busy and not view.serving:
            return False
        reports = view.status is not None and view.status.phase is Phase.LOAD
        quick = view.plan is not None and view.plan.request.interval <= SILENCE_S
        return self.system.now() - self._told >= (LATE_S if reports and quick else SILENCE_S)

    def _say_what_goes_on(self, view: SessionView) -> None:
        """Print how a running test stands; on a terminal also what else is waited for."""
        from mlxtop.present.load import status_line

        if view.status is not None and view.status.phase is not Phase.DONE:
            self.tell(status_line(view.status), Role.DIM)
            return
        if view.plan is None:
            what = "the route and the tool" if view.busy else "the far end"
            console.progress(f"waiting for {what} …")
        self._told = self.system.now()

    def report_run(self, view: SessionView) -> None:
        """Print intervals, lines of servers and what the guard does, as far as they are new."""
        from mlxtop.present.load import hold_line, interval_line

        if view.problem is not None and "problem" not in self.shown:
            self.tell(f"mlxtop: {view.problem}", Role.WARNING)
            self.shown.add("problem")
        if (run := view.status or view.outcome) is not None:
            for interval in run.intervals[self._intervals :]:
                self.tell(interval_line(interval, run.sensors))
            self._intervals = max(self._intervals, len(run.intervals))
        if (status := view.status) is not None:
            if status.stopping is not None and "stopping" not in self.shown:
                self.tell(f"mlxtop: {status.stopping}", Role.CRITICAL)
                self.shown.add("stopping")
            if status.phase is Phase.LOAD and status.aim_bps not in (None, self._aim):
                self._aim = status.aim_bps
                self.tell(hold_line(status), Role.STRONG)
        fresh = view.server_printed - self._lines
        self._lines = view.server_printed
        if fresh:
            console.warn(*view.server_lines[-fresh:])
