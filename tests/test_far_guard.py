"""A load through a cable between two simulated machines, guarded at both ends."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event

import pytest

from mlxtop.lab import LabSystem, ManualClock, load_joined
from mlxtop.load.far import FarEnd
from mlxtop.load.guard import HeatGuard
from mlxtop.load.outcome import Outcome
from mlxtop.load.plan import plan_load
from mlxtop.load.request import GuardOptions, LoadRequest
from mlxtop.load.runner import LoadRun
from mlxtop.model.frame import Frame
from mlxtop.sampler.live import LiveSource
from mlxtop.sampler.source import frames
from tests.load_lab import BRIEF, follow

PORT = "enp67s0np0"
STOPPED = "stopped by the heat guard: fry module at "
SECONDS = 300
SHUTDOWN_C = 85.0
"""°C at which the simulated modules switch themselves off."""


class FarFrames:
    """Frames of the far machine, read by a thread of their own and given to a run."""

    def __init__(self, system: LabSystem) -> None:
        self.stop, self.over = Event(), Event()
        self.system, self.source = system, LiveSource(system, patience=5.0)
        self._frames = frames(self.source, self.stop)
        self.first = next(self._frames)
        self.hottest = 0.0

    def begin(self, take: Callable[[Frame], None]) -> None:
        """Give every frame to `take`, and note the highest temperature of a module."""

        def feed() -> None:
            for frame in self._frames:
                for one in frame.ports.values():
                    sensor = one.now.sensor("module")
                    self.hottest = max(self.hottest, (sensor and sensor.celsius) or 0.0)
                take(frame)
            self.over.set()

        self.system.clock.thread(feed, "far frames")

    def end(self) -> None:
        """Read no more."""
        self.stop.set()
        self.system.clock.wait(5.0, self.over)
        self.source.close()


def run_to_fry(seed: int, *, watched: bool = True) -> tuple[Outcome, float]:
    """Send from pacu to fry, whose guard is asked too where it is `watched`.

    Returns the outcome, and the highest temperature of fry's module.
    """
    systems = load_joined(("pacu", "fry"), ManualClock(), seed)
    here, far = systems["pacu"], FarFrames(systems["fry"])

    def make(frame: Frame) -> LoadRun:
        plan = plan_load(here, frame, LoadRequest("10.0.0.3", seconds=SECONDS))
        assert plan.refusals == ()
        guard = HeatGuard.of(plan, GuardOptions())
        if watched:
            guard.far = FarEnd("fry", far.first, PORT).guard(GuardOptions())
        return LoadRun(here, plan, guard, timing=BRIEF)

    try:
        outcome = follow(here, make, lambda run: far.begin(run.far_frame))
    finally:
        far.end()
    return outcome, far.hottest


def is_stopped_for_fry(seed: int) -> bool:
    """Return whether the guard ended the load for fry's module, before that switched itself off."""
    outcome, hottest = run_to_fry(seed)
    told = outcome.ended == f"stopped by the heat guard: {outcome.heat.reason}"
    return told and outcome.ended.startswith(STOPPED) and hottest < SHUTDOWN_C


def test_the_guard_ends_a_load_for_the_module_of_the_far_end() -> None:
    assert is_stopped_for_fry(0)


def test_without_the_far_guard_the_module_of_the_far_end_switches_itself_off() -> None:
    outcome, hottest = run_to_fry(0, watched=False)
    assert not outcome.ended.startswith("stopped by the heat guard")
    assert hottest >= SHUTDOWN_C - 1.0


@pytest.mark.slow
def test_in_a_hundred_runs_it_is_the_far_module_that_ends_the_load() -> None:
    assert [seed for seed in range(100) if not is_stopped_for_fry(seed)] == []
