"""Where commands are found: for root on a safe path, and none that others could have put there."""

from __future__ import annotations

import os
import shutil
import stat

SAFE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where root's commands are looked for, whatever PATH says."""


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
    """Whether nobody but root can change a file, or put another one in its place.

    In a user namespace the machine's root is a stranger; who owns `/` stands for it.
    """
    try:
        real = os.path.realpath(path, strict=True)
        places = {real, os.path.dirname(real), os.path.dirname(path)}
        found = [os.stat(place) for place in places]
        trusted = {0, os.stat("/").st_uid}
    except OSError:
        return False
    return all(one.st_uid in trusted and not one.st_mode & stat.S_IWOTH for one in found)
