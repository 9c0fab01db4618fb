"""Locks between programs, so that one tool at a time works on a card.

flock(2): the lock goes with the descriptor, so that a killed program leaves none behind.
"""

from __future__ import annotations

import errno
import fcntl
import os
import pwd
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from mlxtop.system.door import REGISTERS

_RETRY = 0.05
_LOCKS = 1 << 20
"""Bytes of /proc/locks that are read at most."""


@contextmanager
def claim(path: str, seconds: float) -> Iterator[None]:
    """Hold the lock of a PCI device's directory; see `System.claim`.

    Who may not open its registers has nothing to lock: only root's tools can work on a card.
    """
    lock = f"{path}/{REGISTERS}"
    try:
        fd = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, PermissionError):
        yield
        return
    try:
        deadline = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise BlockingIOError(errno.EAGAIN, lock_holder(lock), lock) from None
                time.sleep(_RETRY)
        yield
    finally:
        os.close(fd)


def lock_holder(*paths: str) -> str:
    """Return who holds the lock of one of these files: command, process and user, in words.

    /proc/locks: proc_locks(5), device numbers in hexadecimal.
    """
    try:
        with open("/proc/locks", encoding="ascii", errors="replace") as file:
            locks = file.read(_LOCKS)
        places = [os.stat(path) for path in paths]
        holders = (parse_locks(locks, place.st_dev, place.st_ino) for place in places)
        pid = next(filter(None, holders))
        user = os.stat(f"/proc/{pid}").st_uid
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            name = file.read(64).strip()
    except (OSError, StopIteration):
        return "a process that cannot be seen from here"
    with suppress(KeyError):
        return f"{name}, process {pid} of {pwd.getpwuid(user).pw_name}"
    return f"{name}, process {pid} of user {user}"


def parse_locks(text: str, device: int, inode: int) -> int | None:
    """Return the process that holds a flock(2) of a file; None where it is not told.

    >>> parse_locks("1: FLOCK  ADVISORY  WRITE 4321 00:15:77 0 EOF", 0x15, 77)
    4321
    """
    place = f"{os.major(device):02x}:{os.minor(device):02x}:{inode}"
    for line in text.splitlines():
        words = line.split()  # those that wait have an arrow after the number
        if len(words) > 5 and words[1] == "FLOCK" and words[5] == place and words[4].isdecimal():
            return int(words[4]) or None
    return None
