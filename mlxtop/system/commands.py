"""Running commands: no terminal, bounded output, and nobody left behind.

Commands are started from one thread that lives as long as the program, see `process`. What makes
load runs below a supervisor, which ends with us together with everything that was started there.
"""

from __future__ import annotations

import os
import selectors
import time
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from threading import Event, Lock, Thread

from mlxtop.system import process
from mlxtop.system.door import OUTPUT_LIMIT, Finished
from mlxtop.system.process import Child, Reach, memory

LINE_LIMIT = 1 << 20
"""Bytes of a line at most; the rest of it is dropped."""
_CHUNK = 1 << 16
_POLL_S = 0.1
"""Time until a `stop` is noticed at the latest."""
_LEFTOVERS = 40
"""Reads of what is left in the pipes, more than two pipes of the largest size hold."""

Sink = Callable[[bytes], None]


class _Output:
    """Keeps the beginning of a stream of bytes."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self.cut = False

    def add(self, data: bytes) -> None:
        room = OUTPUT_LIMIT - len(self._kept)
        self._kept += data[:room]
        self.cut = self.cut or len(data) > room

    def text(self) -> str:
        return self._kept.decode("utf-8", "replace")


class _Lines:
    """Cuts a stream of bytes into lines and hands them over without their ends."""

    def __init__(self, line: Callable[[str], None]) -> None:
        self._line = line
        self._rest = bytearray()

    def add(self, data: bytes) -> None:
        """Hand over the lines that `data` completes."""
        *lines, rest = data.split(b"\n")
        for piece in lines:
            self._keep(piece)
            self._finish()
        self._keep(rest)

    def end(self) -> None:
        """Hand over a last line that has no end."""
        if self._rest:
            self._finish()

    def _keep(self, piece: bytes) -> None:
        self._rest += piece[: LINE_LIMIT - len(self._rest)]

    def _finish(self) -> None:
        whole = self._rest.decode("utf-8", "replace")
        self._rest.clear()
        self._line(whole)


class Commands:
    """Starts commands from its own thread and reads what they print."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._lock = Lock()
        self._thread: Thread | None = None

    def close(self) -> None:
        """End the starting thread, and with it every command that does not change anything."""
        with self._lock:
            if self._thread is not None:
                self._jobs.put(None)
                self._thread = None

    def _serve(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()

    def _start(self, argv: Sequence[str], fds: Sequence[int], reach: Reach) -> Child:
        """Start a command in the starting thread."""
        path = process.program(argv)
        results: SimpleQueue[Child | Exception] = SimpleQueue()

        def job() -> None:
            try:
                results.put(Child(path, argv[1:], fds, reach))
            except Exception as error:  # is raised again where it is waited for
                results.put(error)

        with self._lock:
            if self._thread is None:
                self._thread = Thread(target=self._serve, name="commands", daemon=True)
                self._thread.start()
            self._jobs.put(job)
        result = results.get()
        if isinstance(result, Exception):
            raise result
        return result

    def run(self, argv: Sequence[str], timeout: float, stdin: str) -> Finished:
        """Run a command to its end or the timeout; see `System.run`."""
        out, err = _Output(), _Output()
        deadline = time.monotonic() + timeout

        def over() -> bool:
            return time.monotonic() >= deadline

        status, ended = self._pump(argv, stdin, (out.add, err.add), over, Reach.COMMAND)
        return Finished(status, out.text(), err.text(), ended, out.cut or err.cut)

    def stream(self, argv: Sequence[str], line: Callable[[str], None], stop: Event) -> Finished:
        """Run a command and hand over its lines until `stop`; see `System.stream`."""
        lines, err = _Lines(line), _Output()
        status, _ = self._pump(argv, "", (lines.add, err.add), stop.is_set, Reach.TREE)
        lines.end()
        return Finished(status, "", err.text(), cut=err.cut)

    def change(self, argv: Sequence[str], stdin: str) -> Finished:
        """Run a command that changes something: it has all the time it wants and outlives us.

        It writes to memory rather than to a pipe, whose end would kill it when we die.
        """
        with memory(stdin) as source, memory() as out, memory() as err:
            child = self._start(argv, (source, out, err), Reach.NOTHING)
            status = child.wait()
            child.close()
            return process.finished(status, out, err)

    def _pump(
        self,
        argv: Sequence[str],
        stdin: str,
        sinks: tuple[Sink, Sink],
        over: Callable[[], bool],
        reach: Reach,
    ) -> tuple[int, bool]:
        """Hand over a command's outputs until it ends or `over`: its status, and whether `over`."""
        (out, out_write), (err, err_write) = os.pipe(), os.pipe()
        try:
            try:
                with memory(stdin) as source:
                    child = self._start(argv, (source, out_write, err_write), reach)
            finally:
                os.close(out_write)
                os.close(err_write)
            with selectors.PollSelector() as pipes:
                for fd, sink in zip((out, err), sinks, strict=True):
                    pipes.register(fd, selectors.EVENT_READ, sink)
                ended = True
                try:
                    ended = _read(child, pipes, over)
                    _drain(pipes, 0.0)
                finally:
                    hunt = ended or bool(pipes.get_map()) or reach is Reach.TREE
                    status = child.end(hunt)
                    child.close()
                _drain(pipes, process.GRACE_S)
            return status, ended
        finally:
            os.close(out)
            os.close(err)


def _take(pipes: selectors.BaseSelector, seconds: float) -> list[int]:
    """Wait for and hand over what can be read; return what was ready. A pipe at its end goes."""
    ready = [key for key, _ in pipes.select(seconds)]
    for key in ready:
        if key.data is None:
            continue  # the child's
        if data := os.read(key.fd, _CHUNK):
            key.data(data)
        else:
            pipes.unregister(key.fd)
    return [key.fd for key in ready]


def _read(child: Child, pipes: selectors.BaseSelector, over: Callable[[], bool]) -> bool:
    """Read until the command has exited, False, or it is `over`, True."""
    pipes.register(child.exited, selectors.EVENT_READ)
    try:
        while not over():
            if child.exited in _take(pipes, _POLL_S):
                return False
        return True
    finally:
        pipes.unregister(child.exited)


def _drain(pipes: selectors.BaseSelector, seconds: float) -> None:
    """Read what is left in the pipes, waiting for more up to `seconds`."""
    for _ in range(_LEFTOVERS):
        if not pipes.get_map() or not _take(pipes, seconds):
            return
