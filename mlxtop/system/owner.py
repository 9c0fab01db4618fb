"""The person who runs the program, looked at through sudo: user, home, directories and rights.

XDG Base Directory Specification 0.8: a base directory that is empty or relative is ignored.
Standard library only: the program that takes changes back runs it without the rest.
"""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

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
        _set_groups(libc, _groups_of(owner))
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
def _groups_of(owner: Owner) -> tuple[int, ...]:
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
