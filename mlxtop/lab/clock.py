"""Time of a simulated machine: a clock that stands still while anybody has something to do."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Condition, Event, Lock, Thread, current_thread
from typing import Any, Generic, TypeVar

T = TypeVar("T")

_GLANCE = 0.03
_POLL = 0.01
"""Real seconds between looks at events that threads set which do not take part."""


class Either(Event):
    """Set as soon as one of two others is."""

    def __init__(self, one: Event, other: Event) -> None:
        super().__init__()
        self._both = one, other

    def is_set(self) -> bool:
        """Return whether one of them is set."""
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


@dataclass(slots=True)
class _Waiting:
    """A thread's wait: over at an instant, or as soon as something holds."""

    end: float
    holds: Callable[[], object]
    woken: Condition = field(repr=False)

    def over(self, now: float) -> bool:
        """Return whether the thread can go on."""
        return now >= self.end or bool(self.holds())


class ManualClock:
    """Simulated time: it passes only while every thread that takes part waits for it.

    It then goes to the earliest end of their waits, so that they take turns as they would in real
    time, and no real time is lost. The thread that makes the clock takes part, and those of
    `thread` and `take_part`, until they end; others while they wait. Who takes part and does
    anything else than wait by this clock holds time still, be it sleeping: so wait for another
    thread's work by `wait` or at a `queue`.
    """

    EPOCH = 1_760_000_000.0

    def __init__(self) -> None:
        self._now = 0.0
        self._lock = Lock()
        self._running: set[Thread] = {current_thread()}
        """Those who take part and do not wait."""
        self._waiting: dict[Thread, _Waiting] = {}

    def now(self) -> float:
        """Return the seconds that have passed."""
        return self._now

    def wall(self) -> float:
        """Return a fixed day in 2025, moved with the clock."""
        return self.EPOCH + self._now

    def wait(self, seconds: float | None, stop: Event) -> bool:
        """Let time pass until `stop` is set, `seconds` at most; return whether `stop` is set."""
        with self._lock:
            end = math.inf if seconds is None else self._now + max(seconds, 0.0)
            self._wait(end, stop.is_set, _POLL)
        return stop.is_set()

    def thread(self, target: Callable[..., object], name: str, *arguments: Any) -> Thread:
        """Start a daemon thread that takes part before this returns."""

        def run() -> None:
            try:
                target(*arguments)
            finally:
                with self._lock:
                    self._running.discard(current_thread())
                    self._go_on()

        thread = Thread(target=run, name=name, daemon=True)
        with self._lock:  # time cannot pass between the start and its entry here
            thread.start()
            self._running.add(thread)
        return thread

    def take_part(self) -> None:
        """Let time stand still while the calling thread runs, until it ends."""
        with self._lock:
            self._running.add(current_thread())

    def queue(self) -> _Queue[Any]:
        """Return a queue at which threads can wait for each other."""
        return _Queue(self)

    def resting(self) -> bool:
        """Return whether every other thread that takes part waits, and none can go on now."""
        with self._lock:
            self._bury()
            return self._running <= {current_thread()} and not self._ready()

    def _wait(self, end: float, holds: Callable[[], object], poll: float | None) -> None:
        """Wait with the lock held; `poll`: real seconds between looks at `holds`."""
        me = current_thread()
        waiting = _Waiting(end, holds, Condition(self._lock))
        takes_part = me in self._running
        self._running.discard(me)
        self._waiting[me] = waiting
        try:
            while not waiting.over(self._now):
                self._go_on()
                if not waiting.over(self._now):
                    waiting.woken.wait(poll)
        finally:
            del self._waiting[me]
            if takes_part:
                self._running.add(me)

    def _go_on(self) -> None:
        """Wake who can go on; if nobody runs or can, let time pass to the earliest end."""
        ready = self._ready()
        if not ready and self._waiting:
            self._bury()
            end = min(waiting.end for waiting in self._waiting.values())
            if not self._running and end < math.inf:
                self._now = end
                ready = self._ready()
        for waiting in ready:
            waiting.woken.notify()

    def _ready(self) -> list[_Waiting]:
        return [waiting for waiting in self._waiting.values() if waiting.over(self._now)]

    def _bury(self) -> None:
        """Forget threads that have ended."""
        self._running = {thread for thread in self._running if thread.is_alive()}


class _Queue(Generic[T]):
    """A queue whose waiting threads let simulated time pass."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self._items: deque[T] = deque()

    def put(self, item: T, /) -> None:
        """Add a thing and wake who waits for it."""
        with self._clock._lock:
            self._items.append(item)
            if len(self._items) == 1:  # else who waits for it is being woken already
                self._clock._go_on()

    def get(self) -> T:
        """Take the oldest thing, waiting until there is one."""
        with self._clock._lock:
            self._clock._wait(math.inf, self._items.__len__, None)
            return self._items.popleft()

    def empty(self) -> bool:
        """Return whether there is nothing to take."""
        return not self._items
