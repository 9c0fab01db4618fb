"""Time of a simulated machine: the real clock for people, one that the test moves for tests."""

from __future__ import annotations

import threading
import time
from threading import Condition, Event, get_ident
from typing import Protocol

_GLANCE = 0.03


class Clock(Protocol):
    """Seconds that pass; `wall` is only ever shown."""

    def now(self) -> float:
        """Monotonic seconds."""

    def wall(self) -> float:
        """Seconds since the epoch."""

    def wait(self, seconds: float, stop: Event) -> bool:
        """Let time pass, ending early with `stop`; says whether `stop` is set."""


class Either(Event):
    """Set as soon as one of two others is."""

    def __init__(self, one: Event, other: Event) -> None:
        super().__init__()
        self._both = one, other

    def is_set(self) -> bool:
        """Whether one of them is set."""
        return any(each.is_set() for each in self._both)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for one of them, looking every few hundredths of a second."""
        end = None if timeout is None else time.monotonic() + timeout
        while not self.is_set():
            left = _GLANCE if end is None else min(_GLANCE, end - time.monotonic())
            if left <= 0:
                return False
            time.sleep(left)
        return True


class RealClock:
    """The clock of this computer."""

    def now(self) -> float:
        """Monotonic seconds."""
        return time.monotonic()

    def wall(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def wait(self, seconds: float, stop: Event) -> bool:
        """Sleep until the time is over or `stop` is set."""
        return stop.wait(max(seconds, 0.0))


class ManualClock:
    """Time that moves by `advance`, and with `auto` by waiting for it, which then takes no time.

    With several threads that wait, time goes to the earliest end of their waits once all of them
    wait, so that they take turns as they would in real time; a thread that has something else to
    do for longer than `GRACE` real seconds no longer counts. Without `auto` a thread that waits
    sleeps until another has moved the clock far enough.
    """

    EPOCH = 1_760_000_000.0
    GRACE = 0.1

    def __init__(self, auto: bool = True) -> None:
        self._auto = auto
        self._now = 0.0
        self._moved = Condition()
        self._waiting: dict[int, float] = {}
        self._left: dict[int, float] = {}
        """Thread to the real instant at which it last stopped waiting."""

    def now(self) -> float:
        """Seconds moved so far."""
        return self._now

    def wall(self) -> float:
        """A fixed day in 2025, moved with the clock."""
        return self.EPOCH + self._now

    def advance(self, seconds: float) -> None:
        """Let time pass and wake those for whom it is enough."""
        with self._moved:
            self._now += seconds
            self._moved.notify_all()

    def wait(self, seconds: float, stop: Event) -> bool:
        """Let others go first, or time pass (`auto`), until the time is over or `stop` is set."""
        me = get_ident()
        with self._moved:
            until = self._now + max(seconds, 0.0)
            self._waiting[me] = until
            self._left.pop(me, None)
            while self._now < until and not stop.is_set():
                if self._auto and self._all_wait():
                    self._now = min(self._waiting.values())
                    self._moved.notify_all()
                else:
                    self._moved.wait(0.01)
            del self._waiting[me]
            self._left[me] = time.monotonic()
        return stop.is_set()

    def _all_wait(self) -> bool:
        """Whether every thread that takes part is waiting for a later time than now."""
        if any(until <= self._now for until in self._waiting.values()):
            return False
        recent = time.monotonic() - self.GRACE
        alive = {thread.ident for thread in threading.enumerate()} if self._left else set()
        self._left = {
            thread: left for thread, left in self._left.items() if left > recent and thread in alive
        }
        return not self._left
