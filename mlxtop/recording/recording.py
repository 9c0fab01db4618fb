"""A recording that is open: one file, or all of one machine in a folder, from beginning to end.

    recording = open_recording("last")
    for moment in recording.moments(recording.find(wall)):
        moment.sample, moment.gap, moment.restarts
    recording.problems.all()

`Place` is where reading can begin: at a gzip member, whose first Sample is a whole one. What is
wrong with the files is told in `problems`, a sentence each, and what is good is read.
"""

from __future__ import annotations

import errno
import os
import stat
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from time import localtime, strftime
from typing import Any, BinaryIO, NamedTuple

from mlxtop.model.sample import SourceKind
from mlxtop.recording.files import SUFFIX, own_recordings, run_recording
from mlxtop.recording.lines import GZIP, HEAD_BEGINS, MEMBER_S
from mlxtop.recording.moments import SAME_BOOT_S, Moment, Reader, name_of
from mlxtop.recording.parts import Part, from_key, number_of, parts_of, wall_of
from mlxtop.recording.stream import MAGIC, Problems, RawLine, read_lines
from mlxtop.recording.when import Named, time_in
from mlxtop.system.owner import invoking_owner, rights_of

MOST_FILES = 1000


class Place(NamedTuple):
    """Where reading can begin: a file, a byte in it, and the first Sample there."""

    file: int
    offset: int
    wall: float
    tick: float
    recording: str
    """What all files of one recording have in common."""
    number: int
    """Of the first Sample's record."""


class Recording:
    """Files of one machine, the oldest first."""

    def __init__(self, paths: Iterable[Path]) -> None:
        """Look through the files. Raises OSError, and ValueError where none holds a Sample."""
        self.problems = Problems()
        self.host = self.program = ""
        self.source = SourceKind.LIVE
        """What was recorded."""
        self.interval = 1.0
        """Seconds between Samples, as the recording began."""
        self.paths: list[Path] = []
        self.places: list[Place] = []
        """All places, in the order of reading."""
        files: list[tuple[Path, list[Part]]] = []
        for path in paths:
            with _open(path) as file:
                files.append((path, list(parts_of(file, self.problems))))
        files = sorted((one for one in files if one[1]), key=lambda one: one[1][0].wall)
        if not files:
            raise ValueError("holds no sample of a recording")
        self._tell(files[-1][1][0].head)
        for path, parts in files:
            if str(parts[0].head.get("host")) != self.host:
                self.problems.tell(f"{path.name} is of another machine and is left out")
                continue
            new = self._new(path, parts)
            if not new:
                continue
            file_number = len(self.paths)
            self.paths.append(path)
            self.places += (
                Place(file_number, one.offset, one.wall, one.tick, name_of(one.head), one.number)
                for one in new
            )
        self.begin = self.places[0].wall
        """Epoch second of the first Sample."""
        self.end = self._end(self.paths[-1], self.places[-1].offset, self.places[-1].wall)
        """Epoch second of the last Sample, as far as can be told without reading them all."""

    def _tell(self, head: dict[str, Any]) -> None:
        self.host = str(head.get("host"))
        self.program = str(head.get("program"))[:64]
        if head.get("source") in list(SourceKind):
            self.source = SourceKind(head["source"])
        interval = head.get("interval")
        if isinstance(interval, float | int) and 0 < interval < 1e6:
            self.interval = float(interval)

    @property
    def span(self) -> str:
        """Return the times of the first and last Sample in words."""
        times = (strftime("%F %T", localtime(wall)) for wall in (self.begin, self.end))
        return " to ".join(times)

    def time(self, text: str, events: Callable[[], Iterable[Named]] | None = None) -> float:
        """Return the epoch second within this recording that is meant; see `when`.

        Raises ValueError with one line.
        """
        wall = time_in(text, self.begin, self.end, events)
        if not self.begin <= wall <= self.end + self.interval:
            raise ValueError(f"{text!r} is not in this recording: {self.span}")
        return wall

    def find(self, wall: float) -> int:
        """Return the number of the last place at or before a time, 0 where there is none."""
        numbers = range(len(self.places) - 1, -1, -1)
        return next((n for n in numbers if self.places[n].wall <= wall), 0)

    def moments(
        self,
        place: int = 0,
        *,
        number: int | None = None,
        wall: float | None = None,
        before: Moment | None = None,
    ) -> Iterator[Moment]:
        """Yield Moments from a place on, to the end of the last file. Raises OSError.

        `number`: they may begin as late as the last whole Sample at or before that record; `wall`:
        as late as the last but one at or before that second.
        `before`: the Moment before, so that a gap behind it is told.
        """
        reader = Reader(self.problems, before)
        lines: Iterable[RawLine] = self._lines(place)
        if number is not None:
            own = f'"id":"{self.places[place].recording}"'.encode()
            lines = from_key(lines, lambda line: own not in line or number_of(line) > number, 1)
        elif wall is not None:
            lines = from_key(lines, lambda line: wall_of(line, 0.0) > wall, 2)
        for line in lines:
            moment = reader.read(line.data)
            if moment is not None:
                yield moment

    def at(self, place: int, done: Moment) -> tuple[Moment, Iterator[Moment]] | None:
        """Return a Moment that was read before from a place on, and those that come after it.

        None where it is not there any more. Raises OSError.
        """
        moments = self.moments(place, number=done.number)
        for moment in moments:
            if (moment.recording, moment.number) == (done.recording, done.number):
                return moment._replace(gap=done.gap, restarts=done.restarts), moments
        return None

    @property
    def is_packed(self) -> bool:
        """Return whether all files begin with a gzip member. Raises OSError."""
        for path in self.paths:
            with _open(path) as file:
                if file.read(len(MAGIC)) != MAGIC:
                    return False
        return True

    def bytes_before(self, place: int, count: int) -> bytes:
        """Return the last bytes before a place, in its file or the one before. Raises OSError."""
        one = self.places[place]
        number, end = one.file, one.offset
        if not end and number:
            number, end = number - 1, os.stat(self.paths[number - 1]).st_size
        with _open(self.paths[number]) as file:
            file.seek(max(0, end - count))
            return file.read(min(count, end))

    def lines(self) -> Iterator[bytes]:
        """Yield all lines, as they stand in the files. Raises OSError."""
        return (line.data for line in self._lines(0))

    def _lines(self, place: int) -> Iterator[RawLine]:
        first = self.places[place]
        for number in range(first.file, len(self.paths)):
            with _open(self.paths[number]) as file:
                offset = first.offset if number == first.file else 0
                file.seek(offset)
                yield from read_lines(file, offset, self.problems)

    def _new(self, path: Path, parts: list[Part]) -> list[Part]:
        """Return the parts of a file that are new behind those before; tell where none is.

        A screen that is told to record again saves minutes that an earlier file of its has too.
        What is not new in the first of them is left out when it is read.
        """
        if not self.places:
            return parts
        first, last = parts[0], self.places[-1]
        is_same = abs((first.wall - first.tick) - (last.wall - last.tick)) < SAME_BOOT_S
        if not is_same or first.wall - last.wall > 2 * MEMBER_S:  # longer than a part is
            return parts
        end = self._end(self.paths[-1], last.offset, last.wall)
        if first.wall > end:
            return parts
        if self._end(path, parts[-1].offset, parts[-1].wall) <= end:
            told = f"{path.name} is of a time that {self.paths[-1].name} has too, and is left out"
            self.problems.tell(told)
            return []
        new = [one for one in parts if one.wall > end]
        return [parts[-len(new) - 1]._replace(wall=end), *new]

    def _end(self, path: Path, offset: int, wall: float) -> float:
        """Return the epoch second of the last Sample of a file; a place in it with its time."""
        with _open(path) as file:
            file.seek(offset)
            for line in read_lines(file, offset, self.problems):
                wall = wall_of(line.data, wall)
        return wall


def open_recording(where: str) -> Recording:
    """Open a file, a folder, a load run, or `last`: the newest in the folder of who asked.

    Raises OSError and ValueError.
    """
    if where == "last":
        paths = recordings_in(own_recordings())
        if not paths:
            raise ValueError(f"no recording in {own_recordings()} yet; mlxtop record makes one")
        paths = paths[-1:]
    elif os.path.isdir(where):
        paths = recordings_in(Path(where))
        if not paths:
            raise ValueError(f"{where}: no recording (*{SUFFIX}) in this folder")
    else:
        run = None if os.path.lexists(where) else run_recording(where)
        paths = [run or Path(where)]
    try:
        return Recording(paths)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def is_recording(path: str) -> bool:
    """Return whether a file begins as a recording does, packed or as text."""
    try:
        with _open(Path(path)) as file:
            begin = file.read(512)
    except OSError:
        return False
    if begin.startswith(MAGIC):
        try:
            begin = zlib.decompressobj(GZIP).decompress(begin, 64)
        except zlib.error:
            return False
    return begin.startswith(HEAD_BEGINS)


def recordings_in(directory: Path) -> list[Path]:
    """Return the recordings in a folder, those that were written last at the end."""
    with rights_of(invoking_owner()):
        try:
            files = [one for one in directory.iterdir() if one.suffix == SUFFIX and one.is_file()]
        except FileNotFoundError:
            return []
        files.sort(key=lambda one: one.stat().st_mtime)
    return files[-MOST_FILES:]


def _open(path: Path) -> BinaryIO:
    """Open a file that the person who asked may read, or root where that is who runs this."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    try:
        with rights_of(invoking_owner()):
            fd = os.open(path, flags)
    except PermissionError:
        fd = os.open(path, flags)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "is not a file", str(path))
    return os.fdopen(fd, "rb")
