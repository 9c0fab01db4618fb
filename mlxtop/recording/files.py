"""Files of recordings: where they are, how they are made, and how long they are kept.

A file belongs to the person who asked, also under sudo, and only they can read it. Its name has the
machine and the time of its start. Only whole files that mlxtop wrote itself are ever deleted.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import time
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from mlxtop.change.log import log_path, private_directory
from mlxtop.recording.lines import GZIP, HEAD_BEGINS
from mlxtop.system.owner import STATE, Owner, invoking_owner, rights_of

SUFFIX = ".mlxrec"
KEEP_S, MAX_BYTES = 48 * 3600.0, 10**9
"""Seconds and bytes for which recordings are kept if nothing else is said, now or when they were
made."""
HOLD_S = 900
"""Seconds of the past that are held if nothing else is said."""
LEAST_SHARE, LEAST_BYTES = 0.05, 2 * 10**9
"""A disk with less free space than both is left alone."""
MOST = 1000
"""Recordings of one second at most."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}-[0-9]{8}T[0-9]{6}Z(-[0-9]{1,3})?\.mlxrec")

_KEPT = re.compile(rb'"keep":\[([0-9.]{1,32}),([0-9]{1,18})\]')
_RUN = re.compile(r"[0-9]{8}T[0-9]{6}Z(-[0-9]{1,3})?(\.far)?")


def own_recordings(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of the recordings of the person who asked, also through sudo."""
    return Path(log_path(invoking_owner(environ), environ)).parent / "recordings"


def run_recording(run: str, *folders: Path) -> Path | None:
    """Return the recording of a load run, by its id, or of its far end; None where there is none.

    `folders` are those of runs; without any, of the person who asked.
    """
    state = own_recordings().parent
    for folder in (folders or (state / "runs", state / "demo-runs")) if _RUN.fullmatch(run) else ():
        path = folder / (run + SUFFIX)
        with rights_of(invoking_owner()):
            if path.is_file():
                return path
    return None


def file_name(host: str, wall: float) -> str:
    """Return the name of a recording, without what tells it from another of the same second.

    >>> file_name("pacu", 1795158435.0), file_name("../a b", 0.0)
    ('pacu-20261120T070715Z', 'a-b-19700101T000000Z')
    """
    word = re.sub(r"[^A-Za-z0-9._]+", "-", host).strip("-._")[:64] or "host"
    return f"{word}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(wall))}"


def new_file_in(directory: Path, host: str, wall: float, is_own: bool = True) -> tuple[Path, int]:
    """Make a file in a folder; return its path and descriptor. Raises OSError.

    A folder of mlxtop's own (`is_own`) is made where it is missing, and is its owner's alone.
    """
    owner = invoking_owner()
    if is_own:
        with rights_of(owner):
            if directory.parent.name == STATE:
                private_directory(str(directory.parent), owner.uid)
            private_directory(str(directory), owner.uid)
    name = file_name(host, wall)
    for number in range(1, MOST):
        path = directory / f"{name}{'' if number == 1 else f'-{number}'}{SUFFIX}"
        try:
            return path, new_file(path)
        except FileExistsError:
            continue
    raise FileExistsError(errno.EEXIST, "too many recordings in one second", str(path))


def new_file(path: Path) -> int:
    """Make a file of the person who asked where they may write. Raises OSError."""
    try:
        with rights_of(invoking_owner()):
            return _create(path)
    except PermissionError:
        return _create(path)  # root's place, through sudo


def _create(path: Path) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    return os.open(path, flags, 0o600)


def is_full(free: int, total: int) -> bool:
    """Return whether a disk of so many bytes has too little free space to go on.

    >>> is_full(10**9, 10**11), is_full(10**9, 10**10), is_full(3 * 10**9, 10**12)
    (True, False, False)
    """
    return free < LEAST_SHARE * total and free < LEAST_BYTES


def disk_is_full(fd: int) -> bool:
    """Return whether the disk of a file has too little free space. Raises OSError."""
    disk = os.fstatvfs(fd)
    return is_full(disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize)


class OldFile(NamedTuple):
    """A recording in the folder."""

    ended: float
    """Epoch second of its last byte."""
    size: int
    name: str
    keep_s: float = 0.0
    most: int = 0
    """What was to be kept when it was made, 0 where nobody said."""


def outdated(
    files: list[OldFile], now: float, keep_s: float | None, most: int | None, used: int = 0
) -> list[OldFile]:
    """Return the files to delete: the oldest, until the rest is young and small enough.

    `used`: bytes beside them. Where nothing is said it counts what was said when they were made:
    a screen that records for a minute must not end what is kept for a week.
    """
    if most is None:
        most = max([MAX_BYTES, *(one.most for one in files)])
    gone: list[OldFile] = []
    size = used + sum(one.size for one in files)
    for one in sorted(files):
        keep = max(KEEP_S, one.keep_s) if keep_s is None else keep_s
        if now - one.ended > keep or size > most:
            gone.append(one)
            size -= one.size
    return gone


def tidy(
    directory: Path, current: Path | None, now: float, keep_s: float | None, most: int | None
) -> list[str]:
    """Delete recordings that are too old, or too much, but `current`; return their names.

    Raises OSError.
    """
    with rights_of(invoking_owner()):
        place = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            files = list(_old_files(place, invoking_owner()))
            mine = [one for one in files if current is not None and one.name == current.name]
            others = [one for one in files if one not in mine]
            gone = outdated(others, now, keep_s, most, sum(one.size for one in mine))
            for one in gone:
                os.unlink(one.name, dir_fd=place)
        finally:
            os.close(place)
    return [one.name for one in gone]


def _old_files(place: int, owner: Owner) -> Iterator[OldFile]:
    """Yield the recordings in a folder that mlxtop wrote, by name, owner and first line."""
    for name in os.listdir(place):
        if not _NAME.fullmatch(name):
            continue
        try:
            fd = os.open(
                name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=place
            )
        except OSError:
            continue
        try:
            status = os.fstat(fd)
            is_own = stat.S_ISREG(status.st_mode) and status.st_uid == owner.uid
            begin = _begin(fd) if is_own else b""
            if begin.startswith(HEAD_BEGINS):
                kept = _KEPT.search(begin)
                keep_s, most = (float(kept[1]), int(kept[2])) if kept else (0.0, 0)
                yield OldFile(status.st_mtime, status.st_size, name, keep_s, most)
        finally:
            os.close(fd)


def _begin(fd: int) -> bytes:
    """Return what a file begins with, unpacked; nothing where it is not packed."""
    try:
        return zlib.decompressobj(GZIP).decompress(os.pread(fd, 1024, 0), 1024)
    except zlib.error:
        return b""
