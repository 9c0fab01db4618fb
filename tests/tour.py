"""A walk through the live screen on a simulated machine whose clock the walker moves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from threading import Event

from textual.pilot import Pilot

from mlxtop.cli.screens import screen, several_screen
from mlxtop.hosts.machines import Machine
from mlxtop.lab import ManualClock, load_joined, load_lab
from mlxtop.model.sample import Problem
from mlxtop.sampler.facts import Fact
from mlxtop.sampler.live import LiveSource
from mlxtop.settings import Settings
from mlxtop.tui.app import MlxtopApp


class Walk:
    """The application on one machine, and time."""

    def __init__(self, app: MlxtopApp, pilot: Pilot[int], clock: ManualClock) -> None:
        self.app = app
        self.pilot = pilot
        self.problems: dict[str, Problem] = {}
        """What samples could not read, by subject."""
        self._clock = clock

    async def until(self, condition: Callable[[], bool], seconds: float = 10.0) -> bool:
        """Let the loop run until something holds, for so many seconds; says whether it does."""
        for _ in range(round(seconds * 100)):
            if condition():
                return True
            await self.pilot.pause(0.01)
        return condition()

    async def forward(self, seconds: float) -> None:
        """Let the machine's time pass, sample by sample, until the last one is on the screen."""
        goal = self._clock.now() + seconds
        while self._clock.now() < goal - 1e-6:
            await self._step(self.app.source.interval)
        await self.pilot.pause()

    async def _step(self, seconds: float) -> None:
        """One sample; while its readers wait for what hangs, more time has to pass."""
        tick = self._tick()
        for _ in range(20):
            self._clock.wait(seconds, Event())
            assert await self.until(lambda: self._tick() > tick or self._clock.resting(), 60.0)
            await self.pilot.pause()
            if self._tick() > tick:
                break
        else:
            raise AssertionError("no sample came")
        newest = self.app.state.newest
        for problem in newest.sample.problems if newest else ():
            self.problems[problem.subject] = problem

    def _tick(self) -> float:
        newest = self.app.state.newest
        return newest.sample.tick if newest else 0.0

    async def press(self, *keys: str) -> None:
        """Type, and wait until it is drawn."""
        for key in keys:
            await self.pilot.press(key)
            await self.pilot.pause()

    def text(self) -> str:
        """What is on the screen."""
        strips = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip) for strip in strips)


@asynccontextmanager
async def walk(
    machine: str,
    size: tuple[int, int] = (120, 40),
    interval: float = 1.0,
    settings: Settings | None = None,
    wants: frozenset[Fact] = frozenset(),
) -> AsyncIterator[Walk]:
    """The application on `machine`, with its first sample on the screen.

    `a+b` are two machines that cables join. `wants`: slow facts to read, such as `ON_SCREEN`,
    which the command line asks for.
    """
    clock, settings = ManualClock(), settings or Settings()
    names = machine.split("+")
    systems = load_joined(names, clock) if len(names) > 1 else {machine: load_lab(machine, clock)}
    sources = {
        name: LiveSource(system, interval, incidents=True, wants=wants)
        for name, system in systems.items()
    }
    if len(sources) > 1:
        machines = [Machine(name, source, systems[name]) for name, source in sources.items()]
        app = several_screen(machines, settings)
    else:
        app = screen(sources[machine], systems[machine], settings)
    try:
        async with app.run_test(size=size) as pilot:
            walking = Walk(app, pilot, clock)
            assert await walking.until(lambda: app.state.newest is not None)
            yield walking
    finally:
        for source in sources.values():
            source.close()
