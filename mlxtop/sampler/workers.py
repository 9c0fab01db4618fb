"""Threads that do what may hang: one does everything in turn, more where it is held up.

With a thread for each reader, a hundred of them wake in the same instant and wrestle for the
interpreter at every system call: on a machine with twelve ports that costs three times as much as
the reads themselves.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from threading import Lock

from mlxtop.system.clock import Clock, Queue

HELD_UP = 0.02
"""Seconds that a job may take before the next one goes to another thread."""


class Workers:
    """Does jobs in the order in which they come; a job must not raise."""

    def __init__(self, name: str, clock: Clock) -> None:
        self.name = name
        self.clock = clock
        self._due: Queue[Callable[[], object] | None] = clock.queue()
        self._lock = Lock()
        self._idle = 0
        """Threads that wait for a job."""
        self.moved = -math.inf
        """When, by the clock, a job was last begun, or a thread for it."""
        self._closed = False

    def put(self, job: Callable[[], object]) -> None:
        """Have a job done; returns at once."""
        self._due.put(job)
        if self.clock.now() - self.moved >= HELD_UP:
            self.relieve()

    @property
    def behind(self) -> bool:
        """Whether anything waits."""
        return not self._due.empty()

    def relieve(self) -> None:
        """Add a thread for what waits if none is idle: to be called while `behind`."""
        with self._lock:
            if self.behind and not self._idle and not self._closed:
                self.moved = self.clock.now()
                with suppress(RuntimeError):  # no room for a thread now
                    self.clock.thread(self._work, self.name)

    def close(self) -> None:
        """Let the threads end; one that hangs is left to the kernel."""
        with self._lock:
            self._closed = True
            for _ in range(self._idle):
                self._due.put(None)

    def _work(self) -> None:
        while True:
            with self._lock:
                if self._closed or self._idle:
                    return  # one that waits is enough
                self._idle += 1
            job = self._due.get()
            with self._lock:
                self._idle -= 1
                self.moved = self.clock.now()
            if job is None:
                return
            job()
