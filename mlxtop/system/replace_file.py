"""Replace a file as a whole: whoever reads it finds the old content or the new one, never half.

open(2), rename(2) and fsync(2): https://man7.org/linux/man-pages/man2/rename.2.html.
What was written so is opened by `open_own`.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from secrets import token_hex
from typing import BinaryIO

from mlxtop.system.owner import Owner, rights_of, roots_own


@contextmanager
def open_own(path: str, owner: Owner) -> Iterator[BinaryIO]:
    """Open a file with the rights of `owner`; links are not followed, nor pipes waited for.

    Raises OSError, also for what is no file.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with rights_of(owner), open(path, "rb", opener=lambda it, _: os.open(it, flags)) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "is not a file", path)
        yield file


def replace_file(
    path: str, data: bytes, owner: Owner, before: os.stat_result | None, mode: int = 0o600
) -> None:
    """Give the file at an absolute path this content, with the rights of `owner`.

    `before` is the file as it was read, whose owner, group and mode stay; None for a new file,
    which gets `mode`, and by that is its owner's alone. A link stays, and what it leads to is
    replaced. Raises OSError, and then the file is as before.
    """
    with rights_of(owner):
        path = os.path.realpath(path)
        folder, name = os.path.split(path)
        if before is None:
            make_folder(folder)
        elif before.st_uid != owner.uid:
            raise PermissionError(f"{path} belongs to another user")
        elif not before.st_mode & stat.S_IWUSR:
            raise PermissionError(f"{path} is read-only")
        if os.geteuid() == owner.uid == 0 and not roots_own(folder):
            raise PermissionError(f"other users can change {folder}")
        place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _write_beside(place, name, data, before, mode)
            os.fsync(place)
        finally:
            os.close(place)


def make_folder(folder: str) -> None:
    """Make a directory and those above it, for their owner alone whatever the umask."""
    if not os.path.isdir(folder):
        make_folder(os.path.dirname(folder))
        with suppress(FileExistsError):  # another program was quicker
            os.mkdir(folder, 0o700)


def _write_beside(
    place: int, name: str, data: bytes, before: os.stat_result | None, mode: int
) -> None:
    """Write another file into a directory, and give it the name when it is complete."""
    beside = f".{name}.{token_hex(8)}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(beside, flags, 0o600, dir_fd=place)
    try:
        with open(fd, "wb") as file:
            file.write(data)
            file.flush()
            if before is not None:
                if os.fstat(fd).st_gid != before.st_gid:
                    os.fchown(fd, -1, before.st_gid)
                mode = before.st_mode & 0o777
            os.fchmod(fd, mode)
            os.fsync(fd)
        os.replace(beside, name, src_dir_fd=place, dst_dir_fd=place)
    except BaseException:
        with suppress(OSError):
            os.unlink(beside, dir_fd=place)
        raise
