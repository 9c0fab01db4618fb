"""Where commands are found: for root on a safe path, and none that others could have put there."""

from __future__ import annotations

import errno
import os
import shutil
import stat

SAFE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where root's commands are looked for, whatever PATH says."""
_LINKS = 40
"""Links on the way to a file at most, as the kernel has it."""


def search_path() -> str:
    """PATH for finding and running commands; users' PATH often lacks the sbin directories."""
    if os.geteuid() == 0:
        return SAFE_PATH
    return os.pathsep.join(filter(None, [os.environ.get("PATH"), SAFE_PATH]))


def which(command: str) -> str | None:
    """Path of a command by name or absolute path; None when it cannot be run.

    When we are root, a command found by name must be one that only root can have put there.
    """
    if "/" in command:
        return shutil.which(command) if command.startswith("/") else None
    for directory in search_path().split(os.pathsep):
        # what is relative, or empty, would mean wherever we happen to be
        path = shutil.which(command, path=directory) if directory.startswith("/") else None
        if path is not None and (os.geteuid() != 0 or roots_own(path)):
            return path
    return None


def roots_own(path: str) -> bool:
    """Whether nobody but root can change a file, or put another one in its place."""
    try:
        return weak_part(path) is None
    except OSError:
        return False


def weak_part(path: str, uid: int = 0, gid: int = 0) -> str | None:
    """Return the part of an absolute path that others than root and `uid` can change; else None.

    Every directory on the way counts, and every link. `gid` is a group of `uid` alone. Raises
    OSError where the path leads nowhere.
    """
    if others_can_change(os.stat("/"), uid, gid):
        return "/"
    place, links = "", 0
    names = path.split("/")[::-1]
    while names:
        name = names.pop()
        if name == "..":
            place = place.rpartition("/")[0]
        if name in ("", ".", ".."):
            continue
        step = f"{place}/{name}"
        found = os.lstat(step)
        if others_can_change(found, uid, gid):
            return step
        if not stat.S_ISLNK(found.st_mode):
            place = step
            continue
        links += 1
        if links > _LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
        target = os.readlink(step)
        place = "" if target.startswith("/") else place
        names += target.split("/")[::-1]
    return None


def others_can_change(found: os.stat_result, uid: int = 0, gid: int = 0) -> bool:
    """Return whether others than root and `uid` can write a file, or replace what a directory has.

    A group can where root arranged it, as in /usr/local, and where it is `gid`. The sticky bit
    keeps what is in a directory to its owners. In a user namespace the machine's root is a
    stranger; who owns `/` stands for it.
    """
    root = {0, os.stat("/").st_uid}
    if found.st_uid not in {*root, uid}:
        return True
    directory = stat.S_ISDIR(found.st_mode)
    if stat.S_ISLNK(found.st_mode) or (directory and found.st_mode & stat.S_ISVTX):
        return False
    if found.st_mode & stat.S_IWOTH:
        return True
    return bool(found.st_mode & stat.S_IWGRP) and found.st_uid not in root and found.st_gid != gid
