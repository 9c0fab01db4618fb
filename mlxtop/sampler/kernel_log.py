"""What the kernel log says has happened, gathered by a thread of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from threading import Event, Lock

from mlxtop.model.counters import Severity
from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.sampler.card_places import CardPlaces
from mlxtop.sampler.incident_fold import IncidentFold
from mlxtop.sources.kernel.kernel_log import read_record
from mlxtop.system.answers import reason
from mlxtop.system.door import KernelRecord, System

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
BATCH, SHARE = 32, 0.2
"""Lines after which the thread looks at the time it took, and the share of time that it may take
while a log is flooded. What it leaves waits in the kernel, which counts what it had to drop."""
GAP_S = 60.0
"""Seconds without a loss after which the next one is another gap."""
PAUSE_S = 0.05
"""Seconds of a pause at most."""


class KernelLogFollower:
    """Incidents that changed since the last `take`; `reason` says why there can be none."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._lock = Lock()
        self._fold = IncidentFold(CardPlaces(system))
        self._lost: list[Incident] = []
        self._dropped, self._dropped_at, self._told = 0, 0.0, 0
        self._gap_begun, self._gap = 0.0, 0
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
        one = Incident(IncidentKind.LOST, text, Severity.WARNING, tick, source="kernel")
        with self._lock:
            self._lost.append(one)

    def take(self, note: Callable[[Incident], None]) -> tuple[Incident, ...]:
        """Return what is new or has changed since the last call; each is also handed to `note`."""
        with self._lock:
            incidents = (*self._fold.take(self._system.now()), *self._lost, *self._dropped_lines())
            self._lost.clear()
        for one in incidents:
            note(one)
        return incidents

    def _add_dropped(self, record: KernelRecord) -> None:
        """Count lines that the kernel dropped; in one gap, where they are not far apart."""
        if not self._dropped or record.seconds - self._dropped_at > GAP_S:
            self._gap, self._gap_begun = self._gap + 1, record.seconds
            self._dropped = self._told = 0
        self._dropped += record.lost
        self._dropped_at = record.seconds

    def _dropped_lines(self) -> Iterator[Incident]:
        """Yield the gap in the log, where it has grown since the last call."""
        if self._dropped == self._told:
            return
        self._told = self._dropped
        yield Incident(
            IncidentKind.LOST,
            f"{self._dropped} kernel messages were lost: what happened then is not known",
            Severity.WARNING,
            self._gap_begun,
            source="kernel",
            until=self._dropped_at,
            key=f"kernel log gap {self._gap}",
        )

    def _follow(self, stop: Event) -> None:
        records = self._system.kernel_log(stop)
        if not self._system.captured and not self._system.demo:
            records = paced(records, stop.wait)
        try:
            for record in records:
                self._add(record)
        except OSError as error:
            self.reason = reason(error, self._system.captured)

    def _add(self, record: KernelRecord) -> None:
        if record.lost:
            with self._lock:
                self._add_dropped(record)
        line = read_record(record)
        if line is not None:
            with self._lock:
                self._fold.add(line)
        elif self._fold.awaits_backtrace:
            with self._lock:
                self._fold.add_backtrace(record.text, record.seconds)


def paced(
    records: Iterable[KernelRecord],
    wait: Callable[[float], object],
    clock: Callable[[], float] = time.thread_time,
) -> Iterator[KernelRecord]:
    """Yield records, with pauses in a flood, so that the readers of counters are never held up.

    `clock` counts the seconds that the thread works: while it waits for lines nothing is paused.
    """
    began = clock()
    for number, record in enumerate(records, 1):
        yield record
        if number % BATCH == 0:
            ended = clock()
            wait(min(PAUSE_S, max(0.0, (ended - began) * (1 - SHARE) / SHARE)))
            began = clock()
