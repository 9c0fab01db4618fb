"""Looks through a recording while it is made, so that it is open at once when somebody asks.

`main(FILE)` brings the index of a file up to date. It is a process of its own and waits for all
others, so that it delays no sample, and works as the person who asked, never as root for them.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

from mlxtop.recording.index import Index
from mlxtop.recording.recording import Recording
from mlxtop.recording.survey import Survey
from mlxtop.system.door import System
from mlxtop.system.own_module import with_packages
from mlxtop.system.owner import invoking_owner

EVERY_S = 1800.0
"""Seconds of a recording after which its index is brought up to date."""
LEAST_NICE = 19


class Preparer:
    """Starts the look when it is due, one after the other."""

    def __init__(self, system: System, stop: Event) -> None:
        """`stop` ends a look that is going on."""
        self._system, self._stop = system, stop
        self._is_own = not (system.demo or system.captured)
        self._path: Path | None = None
        self._begun = 0.0
        self.thread: Thread | None = None
        """That waits for the last look."""

    def advance(self, path: Path | None, tick: float) -> None:
        """Take in which file is being written at a tick; one that has ended is looked at last."""
        if path == self._path and tick - self._begun < EVERY_S:
            return
        done, self._path, self._begun = self._path, path, tick
        is_busy = self.thread is not None and self.thread.is_alive()
        if done is not None and self._is_own and not is_busy:
            self.thread = self._system.clock.thread(self._look, "index", done)

    def _look(self, path: Path) -> None:
        argv = [*with_packages("mlxtop.recording.prepare"), os.path.abspath(path)]
        with suppress(OSError):  # it is only a cache
            self._system.stream(argv, lambda line: None, self._stop)


def main(path: str) -> None:
    """Bring the index of a file up to date."""
    os.nice(LEAST_NICE)
    owner = invoking_owner()
    if owner.uid != os.geteuid():
        os.setgroups([])
        os.setgid(owner.gid)
        os.setuid(owner.uid)
        os.environ["HOME"] = owner.home
    index = Index.own()
    if index is not None and index.is_usable():
        Survey(Recording([Path(path)]), index).run(Event())
