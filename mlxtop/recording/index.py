"""What a survey of a recording found, kept in a file of the person who looked: a cache.

It lies in `$XDG_CACHE_HOME/mlxtop-nic/`, of root through sudo in its own home, never beside the
recording and never in it, and is only appended to: a step for each checkpoint. It is read as far as
it fits the recording, and is made again where it does not, or where another version of the program
wrote it.

A service that records keeps its index in `/var/cache/mlxtop-nic/`. Root begins with a copy of that,
where it belongs to whom the recording belongs to: it can tell nothing that the recording could not.

Its steps are pickled. So only a file counts that belongs to the user of this process and that
nobody else may change; and nothing is made of it but values.
"""

from __future__ import annotations

import fcntl
import os
import pickle
import pwd
import stat
import zlib
from array import array
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from enum import Enum
from hashlib import sha256
from importlib import import_module
from io import BytesIO
from pathlib import Path
from shutil import copyfileobj
from struct import Struct
from typing import Any, NamedTuple

from mlxtop import __version__
from mlxtop.change.log import private_directory
from mlxtop.model.identity import PortId
from mlxtop.recording.files import disk_is_full
from mlxtop.recording.moments import Moment
from mlxtop.recording.recording import Recording
from mlxtop.system.owner import STATE, base_directory, invoking_owner
from mlxtop.watch.watch import TimedIncident

FORMAT = 4
SUFFIX = ".index"
WORTH_S = 1800.0
"""Seconds of a recording below which looking through it anew takes no time."""
SERVICE = Path("/var/cache") / STATE
"""Where the units of `mlxtop record --unit` keep theirs."""
MOST_BYTES, MOST_STEP = 512 << 20, 64 << 20
"""Bytes of all indexes together, and of one step."""

Key = tuple[PortId, str]
"""Of a series of the history."""
Gains = dict[Key, tuple[bytes, ...]]
"""Seconds and values that a series has got, and those of what was thinned out meanwhile."""

_FRAME = Struct("<II")
_HEAD = sha256(f"{__version__} {FORMAT}".encode()).digest()
_PACKAGES = tuple(f"mlxtop.{one}." for one in ("model", "analysis", "health", "watch", "recording"))
_NOT = ("mlxtop.watch.hooks", "mlxtop.health.store")
_PLAIN = {
    ("builtins", "dict"): dict,
    ("builtins", "list"): list,
    ("builtins", "set"): set,
    ("builtins", "frozenset"): frozenset,
    ("collections", "Counter"): Counter,
    ("collections", "defaultdict"): defaultdict,
    ("collections", "deque"): deque,
    ("array", "array"): array,
    ("array", "_array_reconstructor"): import_module("array")._array_reconstructor,
}


class Mark(NamedTuple):
    """How far a series had come."""

    points: int = 0
    """That were added."""
    held: int = 0
    """The newest of them, one by one."""
    old: int = 0
    """What older ones were thinned out to."""


class Step(NamedTuple):
    """A checkpoint, and what is new since the one before."""

    moment: Moment
    place: int
    watch: bytes
    marks: Mapping[Key, Mark]
    gains: Gains
    restarts: bool
    """The history began anew."""
    same_events: int
    """Events that stayed as they were."""
    events: list[TimedIncident]
    """Those behind them."""
    dropped: int
    first_event: int


class Index:
    """The file of one recording."""

    def __init__(self, directory: Path) -> None:
        """`directory`: where indexes are, made where it is missing."""
        self.directory = directory
        self._fd = -1
        self._stamps: list[bytes] = []
        self._end = 0
        """Of what fits the recording."""
        self._may_write = False

    @classmethod
    def own(cls) -> Index | None:
        """Return one in the folder of who reads; through sudo in root's, whatever is asked for.

        Only root can read what a service records, and its index is as private as that. None where
        root has no home.
        """
        owner, uid = invoking_owner(), os.geteuid()
        if owner.uid == uid:
            return cls(Path(base_directory("XDG_CACHE_HOME", ".cache", owner)) / STATE)
        try:
            return cls(Path(pwd.getpwuid(uid).pw_dir) / ".cache" / STATE)
        except KeyError:
            return None

    def is_usable(self) -> bool:
        """Return whether there is a folder to keep it in; it is made where it is missing."""
        try:
            private_directory(str(self.directory), os.geteuid())
        except OSError:
            return False
        return True

    def steps(self, recording: Recording) -> Iterator[Step]:
        """Yield what is kept, as far as it is of this recording; then more can be added."""
        if recording.end - recording.begin < WORTH_S or not recording.is_packed:
            return
        try:
            self._stamps = _stamps(recording)
            self._open(recording)
            self._end = len(_HEAD)
            with suppress(ValueError):
                yield from self._read()
            if self._may_write:
                self._cut()
        except OSError:
            self.close()

    def add(self, step: Step) -> None:
        """Append a step; a disk that is full ends the index, never the survey."""
        if not self._may_write:
            return
        data = self._stamps[step.place] + pickle.dumps(step, pickle.HIGHEST_PROTOCOL)
        data = zlib.compress(data, 1)
        try:
            if disk_is_full(self._fd) or len(data) > MOST_STEP:
                self.close()
                return
            data = _FRAME.pack(len(data), zlib.crc32(data)) + data
            while data:
                data = data[os.write(self._fd, data) :]
        except OSError:
            self.close()

    def forget(self) -> None:
        """Drop what is kept: it does not fit after all."""
        if self._may_write:
            self._end = len(_HEAD)
            try:
                self._cut()
            except OSError:
                self.close()

    def close(self) -> None:
        """Give the file back."""
        fd, self._fd, self._may_write = self._fd, -1, False
        if fd >= 0:
            os.close(fd)

    def _open(self, recording: Recording) -> None:
        """Open the file, for writing where nobody else writes it. Raises OSError."""
        uid = os.geteuid()
        private_directory(str(self.directory), uid)
        path = self.directory / (self._stamps[0].hex()[:32] + SUFFIX)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        self._fd = os.open(path, flags, 0o600)
        status = os.fstat(self._fd)
        is_file = stat.S_ISREG(status.st_mode) and status.st_nlink == 1
        if not is_file or status.st_uid != uid or status.st_mode & 0o022:
            raise PermissionError(path)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._may_write = True
            self._tidy(path.name)
            if uid == 0:
                with suppress(OSError):
                    self._copy(SERVICE.resolve() / path.name, recording)
        except BlockingIOError:
            pass

    def _copy(self, path: Path, recording: Recording) -> None:
        """Take the file of a service where it has come further. Raises OSError."""
        owners = {one.stat().st_uid for one in recording.paths}
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with open(os.open(path, flags), "rb") as file:
            status = os.fstat(file.fileno())
            is_private = stat.S_ISREG(status.st_mode) and not status.st_mode & 0o077
            if not is_private or owners != {status.st_uid} or path.parent == self.directory:
                return
            if os.fstat(self._fd).st_size < status.st_size <= MOST_BYTES:
                os.ftruncate(self._fd, 0)
                with open(os.dup(self._fd), "r+b") as own:
                    copyfileobj(file, own)

    def _read(self) -> Iterator[Step]:
        """Yield the steps that fit. Raises OSError and ValueError."""
        with open(os.dup(self._fd), "rb") as file:
            file.seek(0)
            if file.read(len(_HEAD)) != _HEAD:
                return
            while len(head := file.read(_FRAME.size)) == _FRAME.size:
                size, check = _FRAME.unpack(head)
                data = file.read(size) if size <= MOST_STEP else b""
                if len(data) != size or zlib.crc32(data) != check:
                    return
                data = inflated(data)
                stamp, step = data[: len(_HEAD)], values_of(data[len(_HEAD) :])
                if not (isinstance(step, Step) and step.place < len(self._stamps)):
                    self._may_write = False  # it is of more files than these
                    return
                if stamp != self._stamps[step.place]:
                    return
                yield step
                self._end = file.tell()

    def _cut(self) -> None:
        """Cut off what does not fit, or begin anew. Raises OSError."""
        if self._end == len(_HEAD):
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, _HEAD, 0)
        os.ftruncate(self._fd, self._end)
        os.lseek(self._fd, self._end, os.SEEK_SET)

    def _tidy(self, current: str) -> None:
        """Delete the oldest of the others where all together are too large."""
        files = []
        for path in self.directory.glob(f"*{SUFFIX}"):
            with suppress(OSError):
                status = path.lstat()
                files.append((path.name != current, status.st_mtime, status.st_size, path))
        total = sum(size for _, _, size, _ in files)
        for is_other, _, size, path in sorted(files):
            if is_other and total > MOST_BYTES:
                total -= size
                path.unlink(missing_ok=True)


def _stamps(recording: Recording) -> list[bytes]:
    """Return for every place what tells it and all that is before it from any other recording.

    The last bytes before a place are the checksum of the part that ends there.
    """
    digest, stamps = sha256(_HEAD + recording.host.encode()), []
    for number, place in enumerate(recording.places):
        digest.update(repr(tuple(place)).encode() + recording.bytes_before(number, 8))
        stamps.append(digest.digest())
    return stamps


class _Values(pickle.Unpickler):
    """Reads values, and nothing that does anything."""

    def find_class(self, module: str, name: str, /) -> Any:
        """Return a type of values. Raises pickle.UnpicklingError for anything else."""
        if (module, name) in _PLAIN:
            return _PLAIN[module, name]
        if (module, name) == ("builtins", "getattr"):  # Python 3.11.0 to 3.11.3 write members so
            return _member
        if module.startswith(_PACKAGES) and module not in _NOT and name.isidentifier():
            kind = getattr(import_module(module), name, None)
            if isinstance(kind, type) and kind.__module__ == module:
                return kind
        raise pickle.UnpicklingError(f"{module}.{name} is no value")


def _member(kind: object, name: object) -> Enum:
    """Return a member of an enumeration. Raises pickle.UnpicklingError for anything else."""
    if isinstance(kind, type) and issubclass(kind, Enum) and isinstance(name, str):
        member = kind.__members__.get(name)
        if member is not None:
            return member
    raise pickle.UnpicklingError(f"{name!r} is no value")


def values_of(data: bytes) -> Any:
    """Return pickled values. Raises ValueError for anything that is not that."""
    try:
        return _Values(BytesIO(data)).load()
    except Exception as error:  # of damaged bytes it can be any
        raise ValueError(f"no values: {error}") from error


def inflated(data: bytes) -> bytes:
    """Return what was compressed. Raises ValueError where it is no such, or far too much."""
    inflater = zlib.decompressobj()
    try:
        inflated_data = inflater.decompress(data, MOST_STEP * 4)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if not inflater.eof:
        raise ValueError("too large")
    return inflated_data


def unpacked(data: bytes) -> dict[str, Any]:
    """Return the state of a Watch that was packed. Raises ValueError."""
    state = values_of(inflated(data))
    if not isinstance(state, dict):
        raise ValueError("no state")
    return state
