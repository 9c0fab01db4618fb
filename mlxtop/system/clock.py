"""The clock that threads wait by: this computer's; simulated machines can bring another."""

from __future__ import annotations

import time
from collections.abc import Callable
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Queue(Protocol[T]):
    """Hands things from thread to thread, first in, first out."""

    def put(self, item: T, /) -> None:
        """Add a thing; returns at once."""

    def get(self) -> T:
        """Take the oldest thing, waiting until there is one."""

    def empty(self) -> bool:
        """Return whether there is nothing to take."""


class Clock(Protocol):
    """Seconds that pass, and threads that wait for them or for each other."""

    def now(self) -> float:
        """Return monotonic seconds."""

    def wall(self) -> float:
        """Return seconds since the epoch; they are only ever shown."""

    def wait(self, seconds: float | None, stop: Event) -> bool:
        """Let time pass until `stop` is set, `seconds` at most; return whether `stop` is set."""

    def thread(self, target: Callable[..., object], name: str, *arguments: Any) -> Thread:
        """Start a daemon thread that takes part; raises RuntimeError where there is no room."""

    def take_part(self) -> None:
        """Let simulated time stand still while the calling thread runs, until it ends."""

    def queue(self) -> Queue[Any]:
        """Return a queue; simulated time does not stand still for those who wait at it."""


class RealClock:
    """The clock of this computer."""

    def now(self) -> float:
        return time.monotonic()

    def wall(self) -> float:
        return time.time()

    def wait(self, seconds: float | None, stop: Event) -> bool:
        return stop.wait(seconds)

    def thread(self, target: Callable[..., object], name: str, *arguments: Any) -> Thread:
        thread = Thread(target=target, args=arguments, name=name, daemon=True)
        thread.start()
        return thread

    def take_part(self) -> None:
        pass

    def queue(self) -> Queue[Any]:
        return SimpleQueue()
