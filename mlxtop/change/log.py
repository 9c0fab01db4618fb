"""The action log: every command that changed something, one JSON object a line.

It belongs to the person who asked, also under sudo: files are made with that user's rights, so
that a link in a home directory leads root nowhere.
Standard library only: the program that takes changes back runs it without the rest.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from mlxtop.model.json_text import decode
from mlxtop.system.owner import Owner, base_directory, invoking_owner, rights_of

NAME = "actions.jsonl"
STATE = "mlxtop-nic"
"""The directory of ours among the states of programs."""
READ_LIMIT = 16 << 20
"""Bytes of the end of the log that are read at most."""


def log_path(owner: Owner, environ: Mapping[str, str] = os.environ) -> str:
    """`$XDG_STATE_HOME/mlxtop-nic/actions.jsonl` of the person who asked."""
    return f"{base_directory('XDG_STATE_HOME', '.local/state', owner, environ)}/{STATE}/{NAME}"


def private_directory(path: str, uid: int) -> None:
    """Make a directory, and what is missing above it, for its owner alone whatever the umask.

    Raises OSError, also where it is a link, belongs to somebody else than `uid`, or is relative.
    """
    if not path.startswith("/"):
        raise OSError(errno.EINVAL, "is not an absolute path", path)
    missing = []
    above = path
    while not os.path.lexists(above):
        missing.append(above)
        above = os.path.dirname(above)
    for place in reversed(missing):
        with suppress(FileExistsError):
            os.mkdir(place, 0o700)
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        found = os.fstat(fd)
        if found.st_uid != uid:
            raise PermissionError(errno.EPERM, "the directory belongs to another user", path)
        if found.st_mode & 0o077:
            os.fchmod(fd, 0o700)
    finally:
        os.close(fd)


def _append(path: str, line: bytes, uid: int) -> None:
    private_directory(os.path.dirname(path), uid)
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    fd = os.open(path, flags, 0o600)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(f"{path} is not a file")
        written = os.write(fd, line)
        if written < len(line):  # a part of an entry would spoil the next one
            os.ftruncate(fd, max(0, os.fstat(fd).st_size - written))
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    finally:
        os.close(fd)


@dataclass(frozen=True, slots=True)
class ActionLog:
    """The log of one person."""

    path: str
    owner: Owner

    def record(self, **entry: object) -> str | None:
        """Append an entry with the time; what went wrong in words, None when all is well.

        A change does not fail for its log: it is told, and goes on.
        """
        stamped = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), **entry}
        line = json.dumps(stamped, default=str).encode() + b"\n"
        try:
            with rights_of(self.owner):
                _append(self.path, line, self.owner.uid)
        except OSError as error:
            return f"the action log {self.path} cannot be written: {error.strerror or error}"
        return None

    def entries(self) -> list[dict[str, object]]:
        """Every entry, oldest first; lines that are none are left out. Raises OSError."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with rights_of(self.owner), open(os.open(self.path, flags), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise OSError(errno.EINVAL, "is not a file", self.path)
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - READ_LIMIT))
            data = file.read(READ_LIMIT)
        return parse_log(data.decode("utf-8", "replace"))


def parse_log(text: str) -> list[dict[str, object]]:
    """The entries of a log.

    >>> parse_log('{"time": "now"}\\nnonsense\\n')
    [{'time': 'now'}]
    """
    found = []
    for line in text.splitlines():
        try:
            entry = decode(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            found.append(entry)
    return found


def own_log(environ: Mapping[str, str] = os.environ) -> ActionLog:
    """The log of the person who runs this program."""
    owner = invoking_owner(environ)
    return ActionLog(log_path(owner, environ), owner)
