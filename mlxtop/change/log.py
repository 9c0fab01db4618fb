"""The action log: every command that changed something, one JSON object a line.

It belongs to the person who asked, also under sudo: files are made with that user's rights, so
that root follows no link in a home directory. Standard library only: the program that takes
changes back runs without other packages.
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
from mlxtop.system.door import os_error
from mlxtop.system.owner import STATE, Owner, base_directory, invoking_owner, rights_of
from mlxtop.system.replace_file import open_own

NAME = "actions.jsonl"
READ_LIMIT = 16 << 20
"""Bytes at the end of the log that are read at most."""


def log_path(owner: Owner, environ: Mapping[str, str] = os.environ) -> str:
    """Return `$XDG_STATE_HOME/mlxtop-nic/actions.jsonl` of a person."""
    return f"{base_directory('XDG_STATE_HOME', '.local/state', owner, environ)}/{STATE}/{NAME}"


def private_directory(path: str, uid: int) -> None:
    """Make a directory, and missing ones above it, with mode 0700 whatever the umask.

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
        status = os.fstat(fd)
        if status.st_uid != uid:
            raise PermissionError(errno.EPERM, "the directory belongs to another user", path)
        if status.st_mode & 0o077:
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
            raise os_error(errno.ENOSPC)
    finally:
        os.close(fd)


@dataclass(frozen=True, slots=True)
class ActionLog:
    """The log of one person."""

    path: str
    owner: Owner

    def record(self, **entry: object) -> str | None:
        """Append an entry with the time; return a sentence about what failed, else None.

        A change goes on without its log; the sentence is shown with its result.
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
        """Return every entry, oldest first, without damaged lines. Raises OSError."""
        with open_own(self.path, self.owner) as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - READ_LIMIT))
            data = file.read(READ_LIMIT)
        return parse_log(data.decode("utf-8", "replace"))


def parse_log(text: str) -> list[dict[str, object]]:
    """Return the entries of a log, without damaged lines.

    >>> parse_log('{"time": "now"}\\nnonsense\\n')
    [{'time': 'now'}]
    """
    entries = []
    for line in text.splitlines():
        try:
            entry = decode(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            entries.append(entry)
    return entries


def own_log(environ: Mapping[str, str] = os.environ) -> ActionLog:
    """Return the log of the person who runs this program."""
    owner = invoking_owner(environ)
    return ActionLog(log_path(owner, environ), owner)
