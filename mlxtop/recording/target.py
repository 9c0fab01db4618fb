"""Where a recording is written to: a file, one file a day in a folder, or standard output."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from time import localtime, strftime
from typing import NamedTuple

from mlxtop.model.sample import Sample
from mlxtop.recording import files
from mlxtop.system.clock import Clock

SYNC_S = 10.0
"""Seconds of samples that a loss of power may cost at most."""
TIDY_S = 600.0
"""Seconds from one look at old recordings to the next."""
_CUT = 4
"""A file in the folder ends at this part of the bytes that may be kept."""


class Target(NamedTuple):
    """A file to write: one that was named, or one a day in a folder."""

    path: Path | None = None
    directory: Path | None = None
    keep_s: float | None = None
    most: int | None = None
    """Seconds and bytes that are kept in the folder; None for as much as is kept there anyway."""
    is_own: bool = True
    """The folder is mlxtop's own, made and kept private by it."""
    fd: int | None = None
    """A descriptor that is open already: standard output."""


class WrittenFile:
    """A file that is being written."""

    def __init__(self, target: Target, path: Path | None, fd: int, clock: Clock) -> None:
        self.target = target
        self.path = path
        self._fd = fd
        self._clock = clock
        self._size = 0
        self._synced = self._tidied = clock.now()
        self._day: str | None = None

    @classmethod
    def made(cls, target: Target, sample: Sample | None, clock: Clock) -> WrittenFile:
        """Make the file. Raises OSError."""
        if target.fd is not None:
            return cls(target, None, target.fd, clock)
        if target.path is not None:
            return cls(target, target.path, files.new_file(target.path), clock)
        assert target.directory is not None
        assert sample is not None
        path, fd = files.new_file_in(target.directory, sample.host.name, sample.wall, target.is_own)
        one = cls(target, path, fd, clock)
        one._clean(sample.wall)
        return one

    def is_over(self, sample: Sample) -> bool:
        """Return whether the day, or the size of a file, is over: another one goes on."""
        if self.target.directory is None:
            return False
        day = strftime("%F", localtime(sample.wall))
        self._day = self._day or day
        return day != self._day or self._size >= (self.target.most or files.MAX_BYTES) / _CUT

    def write(self, data: bytes) -> None:
        """Write all of it. Raises OSError."""
        self._size += len(data)
        while data:
            data = data[os.write(self._fd, data) :]

    def sync(self) -> bool:
        """Bring all to the disk, now and then; return whether the disk is too full to go on."""
        now = self._clock.now()
        if self.path is None or now - self._synced < SYNC_S:
            return False
        self._synced = now
        os.fdatasync(self._fd)
        return files.disk_is_full(self._fd)

    def tidy(self, sample: Sample) -> None:
        """Delete what is too old or too much, now and then."""
        now = self._clock.now()
        if now - self._tidied >= TIDY_S:
            self._tidied = now
            self._clean(sample.wall)

    def _clean(self, wall: float) -> None:
        directory = self.target.directory
        if directory is not None:
            with suppress(OSError):
                files.tidy(directory, self.path, wall, self.target.keep_s, self.target.most)

    def close(self) -> None:
        """Bring all to the disk, and give the descriptor back. Raises OSError."""
        fd, self._fd = self._fd, -1  # closed once: the number may soon be another file's
        if self.path is None or fd < 0:
            return
        try:
            os.fdatasync(fd)
        finally:
            os.close(fd)
