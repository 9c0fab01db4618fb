"""The histories of links in files, one a link: small, private, replaced as a whole.

They are in `links` of the state directory of the person who runs the program. Several programs may
write them: each joins what it knows with what is there, under a lock.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from threading import Event
from typing import Protocol

from mlxtop.health.link_health import LinkHealth, joined
from mlxtop.health.link_health_text import from_text, to_text
from mlxtop.health.observe import HealthWatch, key_of
from mlxtop.model.frame import Frame
from mlxtop.model.identity import PortId
from mlxtop.system.door import System
from mlxtop.system.owner import STATE, Owner, base_directory, invoking_owner, rights_of
from mlxtop.system.replace_file import make_folder, open_own, replace_file

SAVE_S = 600.0
"""Seconds between two writings."""
SAVE_FIRST_S = 60.0
"""Seconds after which the first summaries are written."""
READ_LIMIT = 1 << 20
CLOSE_S = 3.0
"""Seconds that the last writing may take at the end."""
ELSEWHERE = f"/var/lib/{STATE}/links"
"""Place on machines that are simulated or captured, and only read."""


def own_directory(environ: Mapping[str, str] = os.environ) -> str:
    """Return the folder of the person who asked, also through sudo."""
    owner = invoking_owner(environ)
    return f"{base_directory('XDG_STATE_HOME', '.local/state', owner, environ)}/{STATE}/links"


def read(path: str, owner: Owner) -> LinkHealth | None:
    """Return the history of a file of this owner; None for what is none. Raises OSError."""
    with open_own(path, owner) as file:
        if os.fstat(file.fileno()).st_uid != owner.uid:
            raise OSError(errno.EINVAL, "is not a file of this user", path)
        return from_text(file.read(READ_LIMIT).decode("utf-8", "replace"))


def save(path: str, owner: Owner, health: LinkHealth) -> None:
    """Write a history, joined with what is there. Raises OSError; the file is then as before."""
    folder = os.path.dirname(path)
    with rights_of(owner):
        make_folder(folder)
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        before: os.stat_result | None = None
        with suppress(FileNotFoundError):
            old = read(path, owner)
            with rights_of(owner):
                before = os.stat(path, follow_symlinks=False)
            health = joined(old, health) if old is not None else health
        replace_file(path, to_text(health).encode(), owner, before)
    finally:
        os.close(lock)


class HealthStore(Protocol):
    """Whoever remembers links from one start to the next."""

    problem: str
    """Why something could not be read or written."""

    def take(self, frame: Frame, watch: HealthWatch) -> None:
        """Give a Watch what was remembered, and remember what it knows now and then."""

    def settle(self) -> None:
        """Wait until all that was remembered is known."""

    def close(self) -> None:
        """Remember what is known at the end."""


class ReadHealth:
    """Histories that a simulated or captured machine brings; nothing is written."""

    problem = ""

    def __init__(self, system: System) -> None:
        self._system = system
        self._known: set[PortId] = set()

    def take(self, frame: Frame, watch: HealthWatch) -> None:
        for port in frame.ports.keys() - self._known:
            self._known.add(port)
            key = key_of(frame, port)
            if key is None:
                continue
            with suppress(OSError):
                text = self._system.read(f"{ELSEWHERE}/{key}.json")[:READ_LIMIT]
                health = from_text(text.decode("utf-8", "replace"))
                if health is not None:
                    watch.restore(port, health)

    def settle(self) -> None:
        pass

    def close(self) -> None:
        pass


class KeptHealth:
    """Histories in the state directory; a thread reads and writes them."""

    def __init__(
        self, system: System, directory: str | None = None, *, writes: bool = True
    ) -> None:
        self.problem = ""
        """Why the last reading or writing failed."""
        self._writes = writes
        self._owner = invoking_owner()
        self._directory = directory or own_directory()
        self._system = system
        self._keys: dict[PortId, str] = {}
        self._read: deque[tuple[PortId, LinkHealth]] = deque()
        self._jobs = system.clock.queue()
        self._begun = False
        self._due: float | None = None
        self._watch: HealthWatch | None = None

    def path(self, key: str) -> str:
        return f"{self._directory}/{key}.json"

    def take(self, frame: Frame, watch: HealthWatch) -> None:
        self._watch = watch
        for port in frame.ports.keys() - self._keys.keys():
            self._keys[port] = key = key_of(frame, port) or ""
            if key:
                self._put(("read", port, key, None))
        self._restore(watch)
        tick = frame.sample.tick
        if self._due is None:
            self._due = tick + SAVE_FIRST_S
        if tick >= self._due:
            self._due = tick + SAVE_S
            self._save_all()

    def _restore(self, watch: HealthWatch) -> None:
        """Give a Watch what was read meanwhile."""
        while self._read:
            port, health = self._read.popleft()
            watch.restore(port, health)

    def _put(self, job: tuple[str, PortId, str, LinkHealth | None]) -> None:
        if not self._begun:
            self._begun = True
            self._system.clock.thread(self._work, "link history")
        self._jobs.put(job)

    def _save_all(self) -> None:
        """Write what is known; it is joined with what is there, read before or not."""
        if not self._writes:
            return
        for port, health in (self._watch.all() if self._watch else {}).items():
            if key := self._keys.get(port):
                self._put(("save", port, key, health))

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            if isinstance(job, Event):
                job.set()
                return
            what, port, key, health = job
            try:
                if what == "save":
                    save(self.path(key), self._owner, health)
                elif (remembered := read(self.path(key), self._owner)) is not None:
                    self._read.append((port, remembered))
            except FileNotFoundError:
                pass
            except OSError as error:
                self.problem = f"{self.path(key)}: {error.strerror or error}"

    def settle(self) -> None:
        self._finish()
        if self._watch is not None:
            self._restore(self._watch)

    def close(self) -> None:
        self._save_all()
        self._finish()

    def _finish(self) -> None:
        """Wait until the thread has done all that it was asked for, and ends."""
        if self._begun:
            done = Event()
            self._jobs.put(done)
            self._system.clock.wait(CLOSE_S, done)
            self._begun = False


def store_of(system: System, may_write: bool = True) -> HealthStore:
    """Return what remembers the links of a machine."""
    if system.demo or system.captured:
        return ReadHealth(system)
    return KeptHealth(system, writes=may_write)


def looked_at(store: HealthStore, frames: Sequence[Frame]) -> Mapping[PortId, LinkHealth]:
    """Return what is remembered of links after a look of some frames, which is remembered too."""
    watch = HealthWatch()
    watch.begin(frames[0])
    store.take(frames[-1], watch)
    store.settle()
    watch.sum_up(frames[-1])
    store.close()
    return watch.all()
