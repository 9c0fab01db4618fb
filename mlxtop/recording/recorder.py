"""The recorder: Samples go in, and a thread of its own writes them.

It can hold the last minutes in memory (the flight recorder) and write a file, one of both or both
at once. What it holds can be saved at any time, and the file then goes on from there.

Writing never delays sampling: what cannot be taken in is dropped, and a gap is recorded. A file
that cannot be written ends; the program goes on, and `problem` says why.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Event, Lock
from typing import NamedTuple

from mlxtop.model.incident import Incident
from mlxtop.model.sample import Sample, SourceKind
from mlxtop.recording.lines import Line, Lines, Members
from mlxtop.recording.target import Target, WrittenFile
from mlxtop.system.clock import Clock

BACKLOG = 64
"""Samples that may wait to be written."""
HELD_MEMBER_S = 300.0
"""Seconds of a gzip member of what is held; the oldest is dropped as a whole."""
MOST_HELD = 32 << 20
"""Bytes that are held at most, but for the newest two members."""


class Piece(NamedTuple):
    """Bytes of a member, and the tick of the Sample that they are of."""

    tick: float
    data: bytes


class Recorder:
    """Writes Samples in a thread of its own."""

    def __init__(
        self,
        clock: Clock,
        kind: SourceKind = SourceKind.LIVE,
        interval: float = 1.0,
        *,
        hold_s: float = 0.0,
        backlog: int = BACKLOG,
        keep: tuple[float, int] | None = None,
    ) -> None:
        """`hold_s`: seconds that are held in memory, 0 for none; `keep`: what the file says."""
        self.problem: str | None = None
        """Why the last file has ended before it was told to."""
        self.path: Path | None = None
        """The file that is being written."""
        self.last_path: Path | None = None
        """The newest file."""
        self.begin_tick: float | None = None
        """Tick of the first Sample in the file."""
        self.written = 0
        """Samples that are in a file, so that no end of the program loses them."""
        self.dropped = 0
        """Samples that were dropped since the start."""
        self._clock = clock
        self._lines = Lines(kind, interval, keep=keep)
        if hold_s:
            self._lines.member_s = HELD_MEMBER_S
        self._members = Members()
        self.hold_s = hold_s
        """Seconds that are held at least, once they have passed."""
        self._held: deque[list[Piece]] = deque()
        self._backlog = backlog
        self._waiting = 0
        self._missed: list[Incident] = []
        self._gap = 0
        self._lock = Lock()
        self._jobs = clock.queue()
        self._file: WrittenFile | None = None
        self._sample: Sample | None = None
        self._awaited: Target | None = None
        """A folder in which a file begins with the first Sample, which tells its name."""
        self._thread = clock.thread(self._work, "recorder")

    @property
    def is_writing(self) -> bool:
        """Return whether a file is being written."""
        return self._file is not None

    def put(self, sample: Sample) -> None:
        """Take a Sample in; returns at once.

        Incidents of Samples that are dropped go with the next one.
        """
        with self._lock:
            if self._waiting >= self._backlog:
                self.dropped += 1
                self._gap += 1
                self._missed += sample.incidents
                return
            self._waiting += 1
            gap, self._gap = self._gap, 0
            if self._missed:
                sample = sample._replace(incidents=(*self._missed, *sample.incidents))
                self._missed = []
        self._jobs.put(lambda: self._take(sample, gap))

    def write_to(self, target: Target) -> None:
        """Begin a file with what is held, and go on with it; one that is written ends."""
        self._jobs.put(lambda: self._begin(target))

    def stop_writing(self, why: str = "stopped") -> None:
        """End the file; what is held goes on."""
        self._jobs.put(lambda: self._finish(why))

    def held(self) -> list[list[Piece]]:
        """Return the members that are held, the oldest first; the last one may have no end yet."""
        with self._lock:
            return [list(member) for member in self._held]

    def flush(self, seconds: float = 10.0) -> bool:
        """Wait until all that was put in so far is written; return whether it is."""
        done = Event()
        self._jobs.put(done.set)
        return self._clock.wait(seconds, done)

    def close(self, why: str = "stopped") -> None:
        """End the file and the thread, and bring everything to the disk."""
        self.stop_writing(why)
        done = Event()
        self._jobs.put(done.set)
        self._jobs.put(None)
        self._clock.wait(10.0, done)

    def _work(self) -> None:
        while True:
            job: Callable[[], object] | None = self._jobs.get()
            if job is None:
                return
            try:
                job()
            except Exception as error:  # of a Sample that cannot be written: the thread goes on
                self._lines.cut()
                self._fail(OSError(None, f"{type(error).__name__}: {error}"))

    def _take(self, sample: Sample, gap: int) -> None:
        with self._lock:
            self._waiting -= 1
        self._sample = sample
        if self._awaited is not None:
            self._begin(self._awaited)
        if self._file is None and not self.hold_s:
            return
        if gap and self._members.is_open:
            self._add(sample.tick, self._lines.gap(gap, "writing was too slow"))
        if self._file is not None and self._file.is_over(sample):
            self._rotate(sample)
        for line in self._lines.of(sample):
            self._add(sample.tick, line)
        if self._file is not None:
            self.written += 1
            self._keep_up(self._file, sample)

    def _add(self, tick: float, line: Line) -> None:
        if line.opens:
            self._emit(tick, self._members.finish())
            if self.hold_s:
                with self._lock:
                    self._held.append([])
                    self._forget(tick)
        self._emit(tick, self._members.add(line))

    def _emit(self, tick: float, data: bytes) -> None:
        """Hold bytes and write them."""
        with self._lock:
            if self._held and data:
                self._held[-1].append(Piece(tick, data))
        self._write(data)

    def _forget(self, tick: float) -> None:
        """Drop the oldest members; those that remain reach back far enough."""
        while len(self._held) > 2 and (
            tick - self._held[1][0].tick >= self.hold_s or self._held_bytes() > MOST_HELD
        ):
            self._held.popleft()

    def _held_bytes(self) -> int:
        return sum(len(piece.data) for member in self._held for piece in member)

    def _begin(self, target: Target) -> None:
        self._finish("another file was begun")
        self.problem = self._awaited = None
        if target.directory is not None and self._sample is None:
            self._awaited = target
            return
        sample = self._sample
        try:
            self._file = WrittenFile.made(target, sample, self._clock)
        except OSError as error:
            self.problem = f"recording: {error.filename or target.path}: {error.strerror or error}"
            return
        self.path = self.last_path = self._file.path
        first = next((piece.tick for member in self._held for piece in member), None)
        self.begin_tick = first if first is not None or sample is None else sample.tick
        for member in self._held:
            self._write(b"".join(piece.data for piece in member))
        if not self._held:
            self._lines.cut()

    def _rotate(self, sample: Sample) -> None:
        """Go on in another file of the same recording."""
        file = self._file
        assert file is not None
        self._emit(sample.tick, self._members.finish())
        self._lines.cut()
        try:
            file.close()
            self._file = WrittenFile.made(file.target, sample, self._clock)
            self.path = self.last_path = self._file.path
        except OSError as error:
            self._fail(error)

    def _write(self, data: bytes) -> None:
        if self._file is not None:
            try:
                self._file.write(data)
            except OSError as error:
                self._fail(error)

    def _keep_up(self, file: WrittenFile, sample: Sample) -> None:
        try:
            if file.sync():
                self._fail(OSError(None, "less than 5 % and 2 GB of the disk are free"))
            file.tidy(sample)
        except OSError as error:
            self._fail(error)

    def _fail(self, error: OSError) -> None:
        """End the file, never the program."""
        if self._file is None:
            return
        name = self._file.path or "standard output"
        self.problem = f"recording: {name}: {error.strerror or error}"
        with suppress(OSError):
            self._file.close()
        self._file = self.path = None

    def _finish(self, why: str) -> None:
        self._awaited = None
        if self._file is None:
            return
        tick = self._sample.tick if self._sample else 0.0
        if self._members.is_open:
            self._add(tick, self._lines.end(why))
            self._emit(tick, self._members.finish())
            self._lines.cut()
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
        self._file = self.path = None
