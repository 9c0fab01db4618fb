"""The thread that samples for the screen; it begins while the rest of the screen is loaded."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from threading import Event, Thread

from mlxtop.model.frame import Frame
from mlxtop.sampler.source import Source, Stop, frames

BACKLOG = 4096
"""Frames kept while nobody can take them."""


class Feed:
    """Frames of a source, put down by one thread and taken by another."""

    def __init__(self, source: Source) -> None:
        self.stop = Stop()
        self.error: Exception | None = None
        """What ended the source before it was told to."""
        self.tap: Callable[[Frame], None] | None = None
        """Gets every frame at once, in the thread that samples."""
        self._source = source
        self._frames: deque[Frame] = deque(maxlen=BACKLOG)
        self._announced = Event()
        self._tell: Callable[[], None] | None = None
        self._thread: Thread | None = None

    def start(self) -> None:
        """Begin, unless that was done."""
        if self._thread is None:
            self._thread = Thread(target=self._run, name="frames", daemon=True)
            self._thread.start()

    def listen(self, tell: Callable[[], None]) -> None:
        """Have `tell` called, in the thread that samples, when there is something to take."""
        self._tell = tell
        if self._announced.is_set():
            tell()

    def take(self) -> Iterator[Frame]:
        """Yield all frames that have come, oldest first."""
        self._announced.clear()
        while self._frames:
            yield self._frames.popleft()

    def _run(self) -> None:
        try:
            for frame in frames(self._source, self.stop):
                self._frames.append(frame)
                if self.tap is not None:
                    self.tap(frame)
                self._announce()
        except Exception as failure:
            self.error = failure
        self._announce()

    def _announce(self) -> None:
        if not self._announced.is_set():
            self._announced.set()
            if self._tell is not None:
                self._tell()
