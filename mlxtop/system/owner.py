"""The person who runs the program, looked at through sudo, and what only that person can change.

XDG Base Directory Specification 0.8: a base directory that is empty or relative is ignored.
Commands are found, for root, on a safe path, and none that others could have put there.
Standard library only: the program that takes changes back runs it without the rest.
"""

from __future__ import annotations

import errno
import os
import pwd
import shutil
import stat
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

from mlxtop.system.door import os_error

STATE = "mlxtop-nic"
"""Directory of this program below XDG_STATE_HOME."""
_NO_ID = 0xFFFFFFFF
_NOGROUP = 65534
_SETGROUPS = {"x86_64": 116, "aarch64": 159, "riscv64": 159, "ppc64le": 81, "s390x": 206}
"""The number of setgroups(2): as a bare system call it is of one thread, as setfsuid(2) is."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The person who runs the program, looked at through sudo."""

    uid: int
    gid: int
    home: str
    """An absolute path."""


def _parse_id(text: str) -> int | None:
    """Return a user or group number; None for what is none.

    >>> _parse_id("1000"), _parse_id("-1"), _parse_id("9" * 5000), _parse_id("4294967295")
    (1000, None, None, None)
    """
    if not (text.isascii() and text.isdecimal() and len(text) <= 10):
        return None
    number = int(text)
    return number if number < _NO_ID else None


def invoking_owner(environ: Mapping[str, str] = os.environ) -> Owner:
    """Return who asked: under sudo its caller, else the user of this process.

    HOME counts where it is an absolute path and belongs to that user; else the user database does.
    """
    uid, gid = os.geteuid(), os.getegid()
    caller = _parse_id(environ.get("SUDO_UID", "")) if uid == 0 else None
    homes = [environ.get("HOME", "")]
    if caller is not None and caller != uid:
        uid, gid = caller, _parse_id(environ.get("SUDO_GID", "")) or _NOGROUP
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        pass
    else:
        gid = entry.pw_gid
        homes = [entry.pw_dir] if uid != os.geteuid() else [*homes, entry.pw_dir]
    return Owner(uid, gid, next((home for home in homes if home.startswith("/")), "/"))


def base_directory(
    variable: str, default: str, owner: Owner, environ: Mapping[str, str] = os.environ
) -> str:
    """Return an XDG base directory, an absolute path: the variable's, else `default` in the home.

    >>> me = Owner(1000, 1000, "/home/me")
    >>> base_directory("XDG_STATE_HOME", ".local/state", me, {"XDG_STATE_HOME": "relative"})
    '/home/me/.local/state'
    """
    given = environ.get(variable, "")
    return given if given.startswith("/") else os.path.join(owner.home, default)


@contextmanager
def rights_of(owner: Owner) -> Iterator[None]:
    """Let this thread use files as `owner` and the owner's groups; root only, else nothing changes.

    Raises PermissionError where the kernel does not allow it.
    """
    if os.geteuid() != 0 or owner.uid == 0:
        yield
        return
    import ctypes  # only root needs it

    libc = ctypes.CDLL(None, use_errno=True)
    groups = os.getgroups()
    try:
        _set_groups(libc, groups_of(owner))
        libc.setfsgid(owner.gid)
        libc.setfsuid(owner.uid)
        if libc.setfsuid(-1) & 0xFFFFFFFF != owner.uid:
            raise PermissionError("cannot take the rights of the user who asked")
        yield
    finally:
        libc.setfsuid(0)
        libc.setfsgid(os.getegid())
        _set_groups(libc, groups)


@cache
def groups_of(owner: Owner) -> tuple[int, ...]:
    """Return the groups of a user, by their numbers."""
    try:
        name = pwd.getpwuid(owner.uid).pw_name
    except KeyError:
        return (owner.gid,)
    return tuple(os.getgrouplist(name, owner.gid))


def _set_groups(libc: object, groups: Sequence[int]) -> None:
    """Set the groups of this thread; on other processors root's groups stay."""
    import ctypes

    number = _SETGROUPS.get(os.uname().machine) if sys.maxsize > 1 << 32 else None
    if number is None:
        return
    array = (ctypes.c_uint * len(groups))(*groups)
    if libc.syscall(number, len(groups), array) != 0:  # type: ignore[attr-defined]
        raise PermissionError("cannot take the groups of the user who asked")


SAFE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Directories of root's commands, whatever PATH says."""
LONGEST, _LINKS = 4096, 40
"""Characters of a path, and links on the way to a file, at most, as the kernel has it."""


def search_path() -> str:
    """Return PATH for finding and running commands; users' often lacks the sbin directories."""
    if os.geteuid() == 0:
        return SAFE_PATH
    return os.pathsep.join(filter(None, [os.environ.get("PATH"), SAFE_PATH]))


def which(command: str) -> str | None:
    """Return path of a command by name or absolute path; None when it cannot be run.

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
    """Return whether nobody but root can change a file, or put another one in its place."""
    try:
        return weak_part(path) is None
    except OSError:
        return False


def resolve(
    path: str,
    target: Callable[[str, bool], str | None],
    last: bool = True,
    up: Callable[[str], None] = lambda directory: None,
) -> str:
    """Return where a path leads, one name after the other, like the kernel does.

    `target` gets a place, and whether more comes behind it; it returns where a link leads, None for
    what is no link. `last`: follow the last one too. `up` gets a directory that `..` leads out of.
    Raises OSError (ELOOP), and what these raise.
    """
    todo = path.split("/")[::-1]
    done: list[str] = []
    links = 0
    while todo:
        part = todo.pop()
        if part == ".." and done:
            up("/" + "/".join(done))
            done.pop()
        if part in ("", ".", ".."):
            continue
        more = any(todo)
        link = target("/" + "/".join([*done, part]), more)
        if link is None or not (more or last):
            done.append(part)
            continue
        links += 1
        if links > _LINKS or len(link) > LONGEST:
            raise os_error(errno.ELOOP, path)
        if link.startswith("/"):
            done.clear()
        todo += link.split("/")[::-1]
    return "/" + "/".join(done)


def weak_part(path: str, uid: int = 0, gid: int = 0) -> str | None:
    """Return the part of an absolute path that others than root and `uid` can change; else None.

    Every directory on the way counts, and every link. `gid` is a group of `uid` alone. Raises
    OSError where the path leads nowhere.
    """
    weak: list[str] = []

    def target(step: str, more: bool) -> str | None:
        if weak:
            return None
        status = os.lstat(step)
        if others_can_change(status, uid, gid):
            weak.append(step)
            return None
        return os.readlink(step) if stat.S_ISLNK(status.st_mode) else None

    target("/", True)
    resolve(path, target)
    return weak[0] if weak else None


def others_can_change(status: os.stat_result, uid: int = 0, gid: int = 0) -> bool:
    """Return whether others than root and `uid` can write a file, or replace what a directory has.

    A group can where root arranged it, as in /usr/local, and where it is `gid`. The sticky bit
    keeps what is in a directory to its owners. In a user namespace the machine's root is a
    stranger; who owns `/` stands for it.
    """
    root = {0, os.stat("/").st_uid}
    if status.st_uid not in {*root, uid}:
        return True
    directory = stat.S_ISDIR(status.st_mode)
    if stat.S_ISLNK(status.st_mode) or (directory and status.st_mode & stat.S_ISVTX):
        return False
    if status.st_mode & stat.S_IWOTH:
        return True
    return (
        bool(status.st_mode & stat.S_IWGRP) and status.st_uid not in root and status.st_gid != gid
    )
