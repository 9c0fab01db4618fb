"""Load tests on simulated machines, in simulated time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event

from mlxtop.lab import LabSystem, ManualClock, load_lab
from mlxtop.load.outcome import Outcome
from mlxtop.load.plan import plan_load
from mlxtop.load.request import LoadPlan, LoadRequest
from mlxtop.load.run_log import RunWriter
from mlxtop.load.runner import LoadRun, Timing
from mlxtop.load.session import Watch, guard_of
from mlxtop.model.frame import Frame
from mlxtop.sampler.live import LiveSource
from mlxtop.sampler.source import frames
from mlxtop.system.door import System

BRIEF = Timing(cooldown=0.0)


def install(system: LabSystem, **versions: str | None) -> None:
    """Give a simulated machine other versions of tools, or take them away."""
    tools = dict(system.world.spec.tools)
    for name, version in versions.items():
        tools.pop(name, None)
        if version is not None:
            tools[name] = version
    object.__setattr__(system.world.spec, "tools", tools)


def first_frame(system: System) -> Frame:
    """One look at a machine."""
    stop = Event()
    source = LiveSource(system, everything=True)
    frame = next(frames(source, stop))
    stop.set()
    return frame


def planned(request: LoadRequest, name: str = "pacu") -> LoadPlan:
    """A test as it would be run on a simulated machine."""
    system = load_lab(name, ManualClock())
    return plan_load(system, first_frame(system), request)


def run_load(
    system: System,
    request: LoadRequest,
    *,
    timing: Timing = BRIEF,
    armed: bool = True,
    sensors: Sequence[str] | None = None,
    record: Path | None = None,
    started: Callable[[LoadRun], None] = lambda run: None,
) -> Outcome:
    """Run a test to its end, its frames read by a thread of their own."""
    stop, over = Event(), Event()
    source = LiveSource(system, patience=5.0)
    found = frames(source, stop)
    frame = next(found)
    plan = plan_load(system, frame, request)
    assert plan.refusals == () and plan.port is not None
    writer = RunWriter(record, system.wall()) if record else None
    if writer:
        writer.begin(started=system.wall(), plan=plan.document(), note="", fingerprint={})
    watch = Watch(armed, None if sensors is None else frozenset(sensors))
    run = LoadRun(system, plan, guard_of(plan, watch), timing=timing, record=writer)

    def feed() -> None:
        for each in found:
            run.frame(each)
        over.set()

    run.frame(frame)
    started(run)
    system.clock.thread(feed, "frames")
    try:
        return run.run()
    finally:
        stop.set()
        system.clock.wait(5.0, over)
        source.close()


def simulated(name: str = "pacu", seed: int = 0) -> LabSystem:
    """A simulated machine whose time passes when all wait for it."""
    return load_lab(name, ManualClock(), seed)
