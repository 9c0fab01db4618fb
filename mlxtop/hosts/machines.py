"""Frames of several machines, each sampled by a thread, gathered by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from threading import Event
from typing import NamedTuple, Protocol, runtime_checkable

from mlxtop.model.frame import Frame
from mlxtop.model.machine import MachineState, Reach, SeenMachine
from mlxtop.sampler.source import Source, frames
from mlxtop.system.clock import Clock, Queue
from mlxtop.system.door import System
from mlxtop.watch.watch import Watch

LIVE = Reach(MachineState.LIVE)


@runtime_checkable
class Reached(Protocol):
    """A source that may be lost and come back."""

    @property
    def reach(self) -> Reach:
        """Return how it is reached now."""

    def listen(self, tell: Callable[[], None]) -> None:
        """Have `tell` called, in the thread that samples, when that has changed."""


class Machine(NamedTuple):
    """A machine with the name by which it was asked for."""

    name: str
    source: Source
    system: System | None = None
    """What answers here; None where it is read from afar."""

    @property
    def reach(self) -> Reach:
        """Return how it is reached now."""
        reach = getattr(self.source, "reach", LIVE)  # asking for `Reached` costs more than it all
        return reach if isinstance(reach, Reach) else LIVE

    def close(self) -> None:
        """Stop every reader and close the machine."""
        self.source.close()


class Arrival(NamedTuple):
    """A frame of a machine; None where how it is reached has changed, or it has ended."""

    machine: Machine
    frame: Frame | None
    reach: Reach
    error: Exception | None = None
    ended: bool = False
    """Nothing more will come of it."""


def gather(machines: Sequence[Machine], stop: Event, clock: Clock) -> Iterator[Arrival]:
    """Yield what comes of each machine until `stop`, or until all have ended."""
    queue = clock.queue()

    def follow(machine: Machine) -> None:
        error: Exception | None = None
        try:
            for frame in frames(machine.source, stop):
                queue.put(Arrival(machine, frame, machine.reach))
        except Exception as failure:
            error = failure
        queue.put(Arrival(machine, None, machine.reach, error, ended=True))
        queue.put(None)

    for machine in machines:
        if isinstance(machine.source, Reached):
            machine.source.listen(partial(_tell, machine, queue))
        clock.thread(follow, f"machine {machine.name}", machine)
    left = len(machines)
    while left:
        arrival = queue.get()
        if arrival is None:
            left -= 1
        else:
            yield arrival


def _tell(machine: Machine, queue: Queue[Arrival | None]) -> None:
    queue.put(Arrival(machine, None, machine.reach))


def seen_machine(name: str, watch: Watch, reach: Reach, now: float) -> SeenMachine | None:
    """Return a machine as it was last seen; None before its first frame. `now`: our clock."""
    if watch.frame is None:
        return None
    age = max(0.0, now - reach.since) if reach.state is MachineState.LOST else 0.0
    known = reach.offset, reach.why, reach.clock
    return SeenMachine(name, watch.frame, reach.state, age, *known)
