"""Started programs: bound to our life as far as they should be, and ended with all they started.

The kernel sends the signal of PR_SET_PDEATHSIG when the *thread* that forked ends, so a command is
to be started from one that lives as long as the program. A program of its own, `supervisor`, asks
for that signal and becomes the command: Python that runs between fork and exec in a program with
threads can find a lock held that nobody gives back.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from uuid import uuid4

from mlxtop.system import supervisor
from mlxtop.system.door import OUTPUT_LIMIT, Finished, os_error
from mlxtop.system.own_module import alone
from mlxtop.system.owner import Owner, groups_of, search_path, which

GRACE_S = 1.0
"""Time between SIGTERM and SIGKILL, and for the last output of one that has ended."""
_MARK = "MLXTOP_COMMAND"
_ENVIRONMENT = 1 << 18
"""Bytes of a process's environment that are looked at."""


class Reach(Enum):
    """The part of a command that ends when this program is killed."""

    NOTHING = None
    """It changes something and outlives us."""
    COMMAND = "command"
    """The command itself, but nothing that it started."""
    TREE = "tree"
    """Everything that it started, by a supervisor."""


class Child:
    """A started command, its session of processes, and how to end it."""

    def __init__(
        self, path: str, arguments: Sequence[str], fds: Sequence[int], reach: Reach
    ) -> None:
        """Start a command with these standard descriptors. Raises OSError."""
        self._supervised = reach is Reach.TREE
        mark = uuid4().hex
        self._mark = f"{_MARK}={mark}".encode()
        binder = [*alone(supervisor.__name__), reach.value, str(os.getpid())]
        source, out, err = fds
        self._process = subprocess.Popen(
            [*(binder if reach.value else ()), path, *arguments],
            stdin=source,
            stdout=out,
            stderr=err,
            cwd="/",  # what lies where we were started is nobody's to read, as make would
            env={**os.environ, "LC_ALL": "C", "PATH": search_path(), _MARK: mark},
            start_new_session=True,
        )
        self.exited = os.pidfd_open(self._process.pid)

    def alive(self, seconds: float = 0.0) -> bool:
        """Return whether the command itself still runs after waiting up to `seconds`."""
        poll = select.poll()
        poll.register(self.exited, select.POLLIN)
        return not poll.poll(seconds * 1000)

    def wait(self) -> int:
        """Wait for the end; return the exit status, negative for a signal."""
        return self._process.wait()

    def close(self) -> None:
        """Give back the descriptor."""
        os.close(self.exited)

    def end(self, hunt: bool) -> int:
        """End the command and its group, SIGTERM before SIGKILL; return the exit status.

        `hunt` also ends those that left the group. One that is beyond signals, in the kernel,
        counts as killed and is reaped by `subprocess` some time after it comes back.
        """
        if self.alive():
            self._signal(signal.SIGTERM)
            if self.alive(GRACE_S):
                self._kill()
        status = -signal.SIGKILL if self.alive(GRACE_S) else self.wait()
        deadline = time.monotonic() + GRACE_S
        if self._signal(signal.SIGTERM):
            while self._signal(0) and time.monotonic() < deadline:
                time.sleep(0.01)
            self._signal(signal.SIGKILL)
        for pid in _carriers(self._mark) if hunt else ():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        return status

    def _kill(self) -> None:
        """Kill the command; a supervisor first kills those that have left the group."""
        if self._supervised:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.exited, supervisor.GONE)
            if not self.alive(GRACE_S):
                return
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> bool:
        """Signal the group; return whether anybody is left in it who can be signalled.

        All that is left may run as somebody else, through sudo.
        """
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)
            return True
        return False


def _carriers(mark: bytes) -> Iterator[int]:
    """Yield processes whose environment holds `mark`."""
    for name in filter(str.isdecimal, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{name}/environ", "rb") as file:
            if mark in file.read(_ENVIRONMENT).split(b"\0"):
                yield int(name)


def program(argv: Sequence[str]) -> str:
    """Return the path of a command's program. Raises FileNotFoundError."""
    path = which(argv[0])
    if path is None:
        raise FileNotFoundError(errno.ENOENT, "not installed", argv[0])
    return path


def piped(argv: Sequence[str], owner: Owner) -> subprocess.Popen[bytes]:
    """Start a command as a user, without a terminal, with pipes to and from us. Raises OSError.

    It ends by itself when we are gone: its input ends then.
    """
    path = program(argv)
    environ = {**os.environ, "HOME": owner.home}
    for name in ("LANG", "LC_ALL", "LC_MESSAGES", "LANGUAGE"):
        environ.pop(name, None)
    other = os.geteuid() == 0 and owner.uid != 0
    return subprocess.Popen(
        [path, *argv[1:]],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        cwd="/",
        env=environ,
        start_new_session=True,
        user=owner.uid if other else None,
        group=owner.gid if other else None,
        extra_groups=groups_of(owner) if other else None,
    )


@contextlib.contextmanager
def memory(content: str = "") -> Iterator[int]:
    """Yield the descriptor of a file in memory that holds `content`."""
    fd = os.memfd_create("mlxtop")
    try:
        data = content.encode()
        while data:
            data = data[os.write(fd, data) :]
        os.lseek(fd, 0, os.SEEK_SET)
        yield fd
    finally:
        os.close(fd)


def finished(status: int, out: int, err: int) -> Finished:
    """Return how a command ended that wrote to files in memory."""
    outputs = [os.pread(fd, OUTPUT_LIMIT + 1, 0) for fd in (out, err)]
    stdout, stderr = (data[:OUTPUT_LIMIT].decode("utf-8", "replace") for data in outputs)
    return Finished(status, stdout, stderr, cut=max(map(len, outputs)) > OUTPUT_LIMIT)


def foreground(argv: Sequence[str], stdin: str | None = None) -> Finished:
    """Run a command with our terminal, or `stdin`, as its input, keeping what it prints.

    It stays in our process group, as sudo needs to ask for a password; Ctrl-C is for it alone.
    It writes to memory, since the end of a pipe would kill it if we died. Raises OSError.
    """
    path = program(argv)
    # A handler, unlike SIG_IGN, is not inherited by the command.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    wakeup = signal.set_wakeup_fd(-1)  # an event loop shall not hear of it later either
    try:
        with memory(stdin or "") as source, memory() as out, memory() as err:
            done = subprocess.run(
                [path, *argv[1:]],
                stdin=None if stdin is None else source,
                stdout=out,
                stderr=err,
                cwd="/",
                env={**os.environ, "LC_ALL": "C"},
                check=False,
            )
            return finished(done.returncode, out, err)
    finally:
        signal.set_wakeup_fd(wakeup)
        signal.signal(signal.SIGINT, before)


class Attendant:
    """A program of ours that waits at a pipe until we write, or die, which closes it."""

    def __init__(self, module: str, first: bytes, ready: bytes, fds: Sequence[int] = ()) -> None:
        """Start a module, write `first`, and wait until it has printed `ready`.

        It forks itself off, and gets `fds` too. Raises OSError where it does not get so far.
        """
        started = subprocess.Popen(
            alone(module),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=tuple(fds),
        )
        if started.stdin is None or started.stdout is None:
            raise os_error(errno.EPIPE)
        self._pipe = started.stdin
        answer = b""
        with contextlib.suppress(BrokenPipeError):
            self._pipe.write(first)
            self._pipe.flush()
            answer = started.stdout.readline()
        started.stdout.close()
        started.wait()  # the one that waits is its grandchild
        if answer != ready:
            self.close(b"")
            raise OSError(errno.ESRCH, f"{module} did not start")

    def close(self, last: bytes) -> None:
        """Write the last words and close the pipe."""
        with contextlib.suppress(OSError):
            self._pipe.write(last)
            self._pipe.flush()
        with contextlib.suppress(OSError):
            self._pipe.close()


def run_quietly(
    argv: Sequence[str], seconds: float, environ: Mapping[str, str], text: str = ""
) -> None:
    """Run a command with `text` as input and no output, for so long at most.

    Whatever becomes of it is not told.
    """
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        subprocess.run(
            list(argv),
            env=dict(environ),
            input=text.encode(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
            check=False,
        )


def can_be_continued() -> bool:
    """Return whether a shell would continue our job when it is stopped, as with Ctrl-Z.

    The kernel calls a group orphaned whose parents are all of it or of another session
    (credentials(7)); nobody continues it.
    """
    group, parent = os.getpgrp(), os.getppid()
    try:
        while os.getpgid(parent) == group:
            parent = _parent_of(parent)
        return os.getsid(parent) == os.getsid(0)
    except (OSError, ValueError, IndexError):
        return False


def _parent_of(process: int) -> int:
    with open(f"/proc/{process}/stat", "rb") as file:
        return int(file.read().rpartition(b")")[2].split()[1])
