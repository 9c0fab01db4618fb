"""What the kernel log says has happened, gathered by a thread of its own."""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Event

from mlxtop.model.counters import Severity
from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.sources.kernel.kernel_log import parse_event
from mlxtop.system.answers import reason
from mlxtop.system.door import System

MODULE_KINDS = frozenset(
    {
        IncidentKind.MODULE_PLUGGED,
        IncidentKind.MODULE_UNPLUGGED,
        IncidentKind.MODULE_FAULT,
        IncidentKind.MODULE_DISABLED,
        IncidentKind.LINK_UP,
    }
)
"""After these a module may be another one."""


class KernelLogFollower:
    """Incidents since the last `take`; `reason` says why there can be none."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._queue: SimpleQueue[Incident] = SimpleQueue()
        self.reason: str | None = None

    def start(self, stop: Event) -> None:
        """Follow the log until `stop`; what is in it already comes first."""
        if self._system.captured:
            self._follow(stop)
        else:
            self._system.clock.thread(self._follow, "kernel log", stop)

    def tell_lost(self, what: str, tick: float) -> None:
        """Note that the kernel dropped events."""
        text = f"{what} were lost: what happened then is not known"
        self._queue.put(Incident(IncidentKind.LOST, text, Severity.WARNING, tick, source="kernel"))

    def take(self, note: Callable[[Incident], None]) -> tuple[Incident, ...]:
        """What has come since the last call; each is also handed to `note`."""
        found: list[Incident] = []
        while True:
            try:
                found.append(self._queue.get_nowait())
            except Empty:
                break
            note(found[-1])
        return tuple(found)

    def _follow(self, stop: Event) -> None:
        try:
            for record in self._system.kernel_log(stop):
                if record.lost:
                    self.tell_lost(f"{record.lost} kernel messages", record.seconds)
                if (incident := parse_event(record)) is not None:
                    self._queue.put(incident)
        except OSError as error:
            self.reason = reason(error, self._system.captured)
