"""Reads that can take long or hang: never in the thread that wants them, the newest value wins.

A firmware command that never returns leaves its reader in uninterruptible sleep. Such a read is
never queued twice, and whoever waits for it, waits no longer than a deadline.

One thread does all reads in turn, more where it is held up. With a thread for each reader, a
hundred of them wake in the same instant and wrestle for the interpreter at every system call: on a
machine with twelve ports that costs three times as much as the reads themselves.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from errno import ENODEV
from threading import Event, Lock
from typing import Generic, TypeVar

from mlxtop.model.identity import PortId
from mlxtop.model.sample import Problem, Slow
from mlxtop.system.clock import Clock, Queue

T = TypeVar("T")

HELD_UP = 0.02
"""Seconds that a job may take before the next one goes to another thread."""

BACK_OFF = 5
"""After a failure the next read comes this many times later, so that no log is filled."""

UNSUPPORTED_EVERY = 30.0
"""Seconds until a table that the driver does not have is asked for again."""


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
        """Return whether anything waits."""
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


class SlowReader(Generic[T]):
    """Calls `read` in a daemon thread, at most every `every` seconds of the machine's clock."""

    def __init__(
        self,
        what: str,
        read: Callable[[], T],
        every: float,
        deadline: float,
        worker: Workers | Clock,
        *,
        subject: PortId | str | None = None,
    ) -> None:
        """`what`: the thing, or the tool that reads it; `subject`: of which port or card.

        `worker`: shared with readers that are as quick, or the clock for one of its own.
        """
        self.subject = subject
        self.what = what
        self.value: T | None = None
        self.tick: float | None = None
        """The instant of `value`."""
        self.error: str | None = None
        """The reason why the last read gave nothing."""
        self.gone = False
        """The last read found that the device no longer answers (ENODEV)."""
        self.every = every
        self.unsupported_every = UNSUPPORTED_EVERY
        self.rest = 0.0
        """Pause after a read at least, in times of what it took."""
        self._took = 0.0
        self._fact: Slow[T] = Slow()
        self._read = read
        self.hung = False
        """The last wait for this reader was in vain: nobody should wait for it again."""
        self._deadline = deadline
        self._asked: float | None = None
        self._idle = Event()
        self._idle.set()
        self._closed = False
        self._shared = isinstance(worker, Workers)
        self._workers = worker if isinstance(worker, Workers) else Workers(what, worker)

    def poll(self, now: float) -> None:
        """Start a read if one is due and none is under way; returns at once."""
        if not self._idle.is_set() or self._closed:
            return
        if self._asked is not None and now - self._asked < self._pause() - 1e-3:
            return
        self._asked = now
        self._idle.clear()
        self.hung = False
        self._workers.put(self._run)

    def _pause(self) -> float:
        if self.error is not None:
            return max(self.every, 1.0) * BACK_OFF
        if self.tick is not None and self.value is None:
            return self.unsupported_every
        return max(self.every, self.rest * self._took)

    def settle(self, seconds: float) -> bool:
        """Wait until no read is under way, `seconds` at most; return whether that is so."""
        clock = self._workers.clock
        until = clock.now() + seconds
        while not (idle := self._idle.is_set()) and (left := until - clock.now()) > 0:
            if not clock.wait(min(HELD_UP, left), self._idle):
                self._workers.relieve()
        self.hung = not idle
        return idle

    def stale(self, now: float) -> bool:
        """Return whether a read has been under way for longer than the deadline."""
        asked = self._asked
        return not self._idle.is_set() and asked is not None and now - asked > self._deadline

    def fact(self, now: float) -> Slow[T]:
        """Return the newest value, when it was read, and why there is none newer."""
        late = f"no answer within {self._deadline:g} s" if self.stale(now) else self.error
        if (self.value, self.tick, late) != self._fact:
            self._fact = Slow(self.value, self.tick, late)
        return self._fact

    def problem(self, text: str) -> Problem:
        """Return what is wrong with this reader as data."""
        return Problem(self.what if self.subject is None else f"{self.subject} {self.what}", text)

    def busy(self) -> bool:
        """Return whether a read is under way."""
        return not self._idle.is_set()

    def again(self) -> None:
        """Make the next `poll` read at once: something is known to have changed."""
        self._asked = None
        self.error = None

    def close(self) -> None:
        """Read no more; one that hangs is left to the kernel."""
        self._closed = True
        if not self._shared:
            self._workers.close()

    def _run(self) -> None:
        asked = self._asked
        if self._closed:
            return
        clock = self._workers.clock
        began = clock.now()
        try:
            self.value, self.error = self._read(), None
            self.tick, self.gone = asked, False
        except OSError as error:
            self.gone = error.errno == ENODEV
            self.error = error.strerror or str(error) or type(error).__name__
        except Exception as error:
            # A reader must never end its thread: what it stumbled over is told instead.
            self.error = f"{type(error).__name__}: {error}"
        self._took = clock.now() - began
        self._idle.set()
