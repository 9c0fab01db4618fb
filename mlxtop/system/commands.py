"""Running commands: no terminal, bounded output, and nobody left behind.

Commands are started from one thread that lives as long as the program, since the kernel sends the
signal of PR_SET_PDEATHSIG when the *thread* that forked ends. A program of its own asks for that
signal and becomes the command: Python that runs between fork and exec in a program with threads can
find a lock held that nobody gives back. What makes load runs below a supervisor, which ends with us
together with everything that was started there.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from queue import SimpleQueue
from threading import Event, Lock, Thread
from uuid import uuid4

from mlxtop.system import supervisor
from mlxtop.system.door import OUTPUT_LIMIT, Finished
from mlxtop.system.owner import search_path, which

LINE_LIMIT = 1 << 20
"""Bytes of a line at most; the rest of it is dropped."""
_CHUNK = 1 << 16
_GRACE = 1.0
"""Seconds between SIGTERM and SIGKILL, and for the last output of one that has ended."""
_POLL = 0.1
"""Seconds until a `stop` is noticed at the latest."""
_LEFTOVERS = 40
"""Reads of what is left in the pipes, more than two pipes of the largest size hold."""
_MARK = "MLXTOP_COMMAND"
_ENVIRONMENT = 1 << 18
"""Bytes of a process's environment that are looked at."""
_BIND = """
import ctypes, os, signal, sys
parent, *argv = sys.argv[1:]
ctypes.CDLL(None).prctl(1, int(signal.SIGKILL), 0, 0, 0)  # PR_SET_PDEATHSIG
for number in (signal.SIGPIPE, signal.SIGXFSZ):  # which Python ignores
    signal.signal(number, signal.SIG_DFL)
try:
    if os.getppid() == int(parent):
        os.execv(argv[0], argv)
except OSError as error:
    print(argv[0], "cannot be started:", error.strerror, file=sys.stderr)
sys.exit(126)
"""
"""Becomes the command in its arguments, and dies with the process that the first of them names."""

Sink = Callable[[bytes], None]


class Reach(Enum):
    """How much of a command ends when this program is killed."""

    NOTHING = None
    """It changes something and outlives us."""
    COMMAND = ("-I", "-S", "-c", _BIND)
    """The command itself, but nothing that it started."""
    TREE = ("-I", "-S", supervisor.__file__)
    """Everything that it started, by a supervisor."""


@dataclass(slots=True)
class _Output:
    """What is kept of a stream of bytes."""

    kept: bytearray = field(default_factory=bytearray)
    cut: bool = False

    def add(self, data: bytes) -> None:
        """Keep `data` as far as there is room."""
        room = OUTPUT_LIMIT - len(self.kept)
        self.kept += data[:room]
        self.cut = self.cut or len(data) > room

    def text(self) -> str:
        """Return the kept bytes as text."""
        return self.kept.decode("utf-8", "replace")


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
            self.finish()
        self._keep(rest)

    def _keep(self, piece: bytes) -> None:
        self._rest += piece[: LINE_LIMIT - len(self._rest)]

    def finish(self) -> None:
        """Hand over what is there as a line."""
        whole = self._rest.decode("utf-8", "replace")
        self._rest.clear()
        self._line(whole)

    def end(self) -> None:
        """Hand over a last line that has no end."""
        if self._rest:
            self.finish()


class _Child:
    """A started command, its session of processes, and how to end it."""

    def __init__(self, process: subprocess.Popen[bytes], mark: str, supervised: bool) -> None:
        self._process = process
        self._supervised = supervised
        self._mark = f"{_MARK}={mark}".encode()
        self.exited = os.pidfd_open(process.pid)

    def alive(self, seconds: float = 0.0) -> bool:
        """Return whether the command itself still runs after waiting up to `seconds`."""
        poll = select.poll()
        poll.register(self.exited, select.POLLIN)
        return not poll.poll(seconds * 1000)

    def status(self) -> int:
        """Wait for the end; the exit status, negative for a signal."""
        return self._process.wait()

    def close(self) -> None:
        """Give back the descriptor."""
        os.close(self.exited)

    def end(self, hunt: bool) -> int:
        """End the command and its group, SIGTERM before SIGKILL; the exit status.

        `hunt` also ends those that left the group. One that is beyond signals, in the kernel,
        counts as killed and is reaped by `subprocess` some time after it comes back.
        """
        if self.alive():
            self._signal(signal.SIGTERM)
            if self.alive(_GRACE):
                self._kill()
        status = -signal.SIGKILL if self.alive(_GRACE) else self.status()
        deadline = time.monotonic() + _GRACE
        if self._signal(signal.SIGTERM):
            while self._signal(0) and time.monotonic() < deadline:
                time.sleep(0.01)
            self._signal(signal.SIGKILL)
        if hunt:
            for pid in _carriers(self._mark):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
        return status

    def _kill(self) -> None:
        """Kill the command; a supervisor first kills those that have left the group."""
        if self._supervised:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.exited, supervisor.GONE)
            if not self.alive(_GRACE):
                return
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> bool:
        """Signal the group; False when nobody is left in it."""
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            return False
        except PermissionError:
            return False  # all that is left runs as somebody else, through sudo
        return True


def _carriers(mark: bytes) -> Iterator[int]:
    """Yield processes whose environment holds `mark`."""
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/environ", "rb") as file:
                marked = mark in file.read(_ENVIRONMENT).split(b"\0")
        except OSError:
            continue
        if marked:
            yield int(name)


def _launch(path: str, arguments: list[str], fds: tuple[int, int, int], reach: Reach) -> _Child:
    """Start a command in a session of its own. Raises OSError."""
    mark = uuid4().hex
    source, out, err = fds
    binder = [sys.executable, *reach.value, str(os.getpid())] if reach.value else []
    process = subprocess.Popen(
        [*binder, path, *arguments],
        stdin=source,
        stdout=out,
        stderr=err,
        cwd="/",  # what lies where we were started is nobody's to read, as make would
        env={**os.environ, "LC_ALL": "C", "PATH": search_path(), _MARK: mark},
        start_new_session=True,
    )
    return _Child(process, mark, reach is Reach.TREE)


@contextlib.contextmanager
def memory(content: bytes = b"") -> Iterator[int]:
    """Return a file in memory."""
    fd = os.memfd_create("mlxtop")
    try:
        while content:
            content = content[os.write(fd, content) :]
        os.lseek(fd, 0, os.SEEK_SET)
        yield fd
    finally:
        os.close(fd)


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

    def _start(self, argv: Sequence[str], fds: tuple[int, int, int], reach: Reach) -> _Child:
        """Start a command in the starting thread."""
        path = which(argv[0])
        if path is None:
            raise FileNotFoundError(errno.ENOENT, "not installed", argv[0])
        results: SimpleQueue[_Child | Exception] = SimpleQueue()

        def job() -> None:
            try:
                results.put(_launch(path, list(argv[1:]), fds, reach))
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
        with memory(stdin.encode()) as source:
            status, ended = self._pump(
                argv,
                source,
                (out.add, err.add),
                lambda: time.monotonic() >= deadline,
                Reach.COMMAND,
            )
        return Finished(status, out.text(), err.text(), ended, out.cut or err.cut)

    def stream(self, argv: Sequence[str], line: Callable[[str], None], stop: Event) -> Finished:
        """Run a command and hand over its lines until `stop`; see `System.stream`."""
        lines, err = _Lines(line), _Output()
        with memory() as source:
            status, _ = self._pump(argv, source, (lines.add, err.add), stop.is_set, Reach.TREE)
        lines.end()
        return Finished(status, "", err.text(), cut=err.cut)

    def change(self, argv: Sequence[str], stdin: str) -> Finished:
        """Run a command that changes something: it has all the time it wants and outlives us.

        It writes to memory rather than to a pipe, whose end would kill it when we die.
        """
        with memory(stdin.encode()) as source, memory() as out, memory() as err:
            child = self._start(argv, (source, out, err), Reach.NOTHING)
            status = child.status()
            child.close()
            texts = []
            for fd in (out, err):
                output = _Output()
                output.add(os.pread(fd, OUTPUT_LIMIT + 1, 0))
                texts.append(output)
        return Finished(
            status, texts[0].text(), texts[1].text(), cut=any(text.cut for text in texts)
        )

    def _pump(
        self,
        argv: Sequence[str],
        source: int,
        sinks: tuple[Sink, Sink],
        over: Callable[[], bool],
        reach: Reach,
    ) -> tuple[int, bool]:
        """Hand over a command's outputs until it ends or `over`: its status, and whether `over`."""
        (out, out_write), (err, err_write) = os.pipe(), os.pipe()
        readers = dict(zip((out, err), sinks, strict=True))
        try:
            try:
                child = self._start(argv, (source, out_write, err_write), reach)
            finally:
                os.close(out_write)
                os.close(err_write)
            ended = True
            try:
                ended = _read(child, readers, over)
                _drain(readers, 0.0)
            finally:
                status = child.end(hunt=ended or bool(readers) or reach is Reach.TREE)
                child.close()
            _drain(readers, _GRACE)
            return status, ended
        finally:
            os.close(out)
            os.close(err)


def _take(fd: int, readers: dict[int, Sink]) -> None:
    """Hand over what can be read now; a reader at its end is dropped."""
    if data := os.read(fd, _CHUNK):
        readers[fd](data)
    else:
        del readers[fd]


def _read(child: _Child, readers: dict[int, Sink], over: Callable[[], bool]) -> bool:
    """Read until the command has exited, False, or it is `over`, True."""
    poll = select.poll()
    for fd in (*readers, child.exited):
        poll.register(fd, select.POLLIN)
    while not over():
        ready = [fd for fd, _ in poll.poll(_POLL * 1000)]
        for fd in ready:
            if fd in readers:
                _take(fd, readers)
                if fd not in readers:
                    poll.unregister(fd)
        if child.exited in ready:
            return False
    return True


def _drain(readers: dict[int, Sink], seconds: float) -> None:
    """Read what is left in the pipes, waiting for more up to `seconds`."""
    poll = select.poll()
    for fd in readers:
        poll.register(fd, select.POLLIN)
    for _ in range(_LEFTOVERS):
        ready = poll.poll(seconds * 1000) if readers else []
        if not ready:
            return
        for fd, _ in ready:
            _take(fd, readers)
            if fd not in readers:
                poll.unregister(fd)
