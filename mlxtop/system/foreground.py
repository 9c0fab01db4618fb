"""Commands that talk to the person on this terminal, and locks between programs.

flock(2): the lock goes with the descriptor, so that a killed program leaves none behind.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from mlxtop.system.commands import memory
from mlxtop.system.door import OUTPUT_LIMIT, Finished
from mlxtop.system.search import which

_RETRY = 0.05


def foreground(argv: Sequence[str], stdin: str | None = None) -> Finished:
    """Run a command with our terminal, or `stdin`, as its input, keeping what it prints.

    It stays in our process group, as sudo needs to ask for a password; Ctrl-C is for it alone.
    It writes to memory, since the end of a pipe would kill it if we died. Raises OSError.
    """
    path = which(argv[0])
    if path is None:
        raise FileNotFoundError(errno.ENOENT, "not installed", argv[0])
    # A handler, unlike SIG_IGN, is not inherited by the command.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    wakeup = signal.set_wakeup_fd(-1)  # an event loop shall not hear of it later either
    try:
        with memory((stdin or "").encode()) as source, memory() as out, memory() as err:
            done = subprocess.run(
                [path, *argv[1:]],
                stdin=None if stdin is None else source,
                stdout=out,
                stderr=err,
                env={**os.environ, "LC_ALL": "C"},
                check=False,
            )
            return Finished(done.returncode, _text(out), _text(err))
    finally:
        signal.set_wakeup_fd(wakeup)
        signal.signal(signal.SIGINT, before)


def _text(fd: int) -> str:
    return os.pread(fd, OUTPUT_LIMIT, 0).decode("utf-8", "replace")


@contextmanager
def claim(path: str, seconds: float) -> Iterator[None]:
    """Hold a directory's lock; BlockingIOError when it stays taken for `seconds`."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        deadline = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(_RETRY)
        yield
    finally:
        os.close(fd)
