"""Files of sysfs that are read every few seconds, kept open: each read makes their text anew.

fs/kernfs/file.c, fs/seq_file.c. A descriptor stays with the thread that opened it, so that none
is closed under a read, and is given back soon after devices came, went or changed their names.
"""

from __future__ import annotations

import os
import re
import threading
from functools import lru_cache
from time import monotonic

_OFTEN = re.compile(
    r"^/sys/.*/(?:(?:hw_)?counters/[^/]+|temp\d+_(?:input|highest)|speed|mode"
    r"|ports/\d+/(?:state|phys_state|rate|lid|sm_lid))$"
)
"""Counters, sensors and states of links."""
PAGE = 4096
"""Bytes of an attribute at most."""
HIGHEST = 512
"""Descriptors from here on are not kept: others need some, too."""
KEPT = 30.0
"""Seconds until a file is opened anew, where no event tells that a name means another device."""


@lru_cache(4096)
def often(path: str) -> bool:
    """Return whether a path is one that is read every few seconds."""
    return _OFTEN.match(path) is not None


class _Open:
    """A descriptor that is closed when nobody knows it any more."""

    __slots__ = ("fd",)

    def __init__(self, path: str) -> None:
        self.fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK)

    def __del__(self) -> None:
        if hasattr(self, "fd"):
            os.close(self.fd)


class _Mine(threading.local):
    """The open files of a thread."""

    def __init__(self) -> None:
        self.files: dict[str, _Open] = {}
        self.until = 0.0
        self.generation = 0


class FdCache:
    """Reads attributes of sysfs, one system call each."""

    def __init__(self) -> None:
        self._mine = _Mine()
        self._generation = 0

    def forget(self) -> None:
        """Open every file anew: names may mean other devices now."""
        self._generation += 1

    def read(self, path: str) -> bytes:
        """Return the content of an attribute now. Raises OSError."""
        mine, now = self._mine, monotonic()
        if now > mine.until or mine.generation != self._generation:
            mine.files.clear()
            mine.until, mine.generation = now + KEPT, self._generation
        file = mine.files.pop(path, None)
        if file is not None:
            try:
                data = os.pread(file.fd, PAGE, 0)
            except OSError:
                file = None  # the device is gone, and may be back under its name
        if file is None:
            file = _Open(path)
            data = os.pread(file.fd, PAGE, 0)
        if file.fd < HIGHEST:
            mine.files[path] = file
        return data
