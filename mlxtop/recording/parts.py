"""Where reading can begin: the parts of a file, each with a head, and the whole Samples in them."""

from __future__ import annotations

import os
import re
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO, NamedTuple

from mlxtop.recording.lines import GZIP, HEAD_BEGINS, KEY, KEY_BEGINS
from mlxtop.recording.moments import MOST_WALL, parse_line
from mlxtop.recording.stream import CHUNK, LINE, MAGIC, Problems, RawLine, read_lines

PIECE = 4096
"""Bytes that are read at once of the beginning of a part."""
MISSES = 10_000
"""Places that look like a gzip member and are none, at most."""

_KEY = re.compile(re.escape(KEY_BEGINS) + rb"([0-9]{1,18}),")
_WALL = re.compile(rb'"wall":([0-9.e+]{1,32})')


class Part(NamedTuple):
    """A part of a file that begins with a head: where, and the first Sample in it."""

    offset: int
    head: dict[str, Any]
    number: int
    wall: float
    tick: float


def parts_of(file: BinaryIO, problems: Problems) -> Iterator[Part]:
    """Yield every part of a file."""
    if file.read(1) == b"{":
        file.seek(0)
        head: tuple[int, dict[str, Any]] | None = None
        for line in read_lines(file, 0, problems):
            if line.data.startswith(HEAD_BEGINS):
                record = parse_line(line.data)
                head = None if record is None else (line.offset, record)
            elif head is not None and (first := _first(line.data)):
                yield Part(head[0], head[1], *first)
                head = None
        return
    misses = 0
    for offset in _magic(file):
        part = _part(file, offset)
        if part is not None:
            yield part
        else:
            misses += 1
            if misses > MISSES:
                problems.tell("too damaged to be looked through")
                return


def _magic(file: BinaryIO) -> Iterator[int]:
    """Yield the places of what can be the beginning of a gzip member."""
    at, data = 0, b""
    while True:
        more = os.pread(file.fileno(), CHUNK * 16, at + len(data))
        if not more:
            return
        data += more
        place = data.find(MAGIC)
        while place >= 0:
            yield at + place
            place = data.find(MAGIC, place + 1)
        at += len(data) - 2
        data = data[-2:]


def _part(file: BinaryIO, at: int) -> Part | None:
    """Return what begins with a gzip member; None where that is no head or holds no Sample."""
    inflater, text, head = zlib.decompressobj(GZIP), b"", None
    offset = at
    while len(text) <= LINE:
        data = os.pread(file.fileno(), PIECE, at)
        at += len(data)
        try:
            text += inflater.decompress(data, LINE)
        except zlib.error:
            return None
        if head is None and not text.startswith(HEAD_BEGINS[: len(text)]):
            return None
        *lines, text = text.split(b"\n")
        for line in lines:
            if head is None:
                head = parse_line(line)
                if head is None:
                    return None
            elif first := _first(line):
                return Part(offset, head, *first)
        if not data or inflater.eof:
            return None
    return None


def _first(line: bytes) -> tuple[int, float, float] | None:
    """Return number, wall clock and tick of a whole Sample, which is not parsed for it."""
    if not line.startswith(KEY_BEGINS):
        return None
    short, separator, _ = line.partition(b',"sample":')
    record = parse_line(short + b"}" if separator else line)
    if record is None or type(record[KEY]) is not int:
        return None
    times = [record.get("wall"), record.get("tick")]
    numbers = [one for one in times if isinstance(one, float | int) and 0 <= one < MOST_WALL]
    return (record[KEY], float(numbers[0]), float(numbers[1])) if len(numbers) == 2 else None


def from_key(
    lines: Iterable[RawLine], is_behind: Callable[[bytes], bool], keys: int
) -> Iterator[RawLine]:
    """Yield the lines from the last `keys` whole Samples before a place on, with their heads.

    `is_behind` is asked of whole Samples. Lines before them are not looked into, which is what
    makes this fast.
    """
    waiting: deque[list[RawLine]] = deque(maxlen=keys)
    head: list[RawLine] = []
    last: list[RawLine] = []
    rest = iter(lines)
    for line in rest:
        if line.data.startswith(HEAD_BEGINS):
            head = [line]
        elif line.data.startswith(KEY_BEGINS):
            if waiting and is_behind(line.data):
                last = [*head, line]
                break
            waiting.append([*head, line])
        elif waiting:
            waiting[-1].append(line)
    for group in (*waiting, last):
        yield from group
    yield from rest


def number_of(line: bytes) -> int:
    """Return the number of a whole Sample."""
    match = _KEY.match(line)
    return int(match[1]) if match else -1


def wall_of(line: bytes, default: float) -> float:
    """Return the wall clock of a record as it stands near its beginning."""
    match = _WALL.search(line, 0, 256)
    try:
        return float(match[1]) if match else default
    except ValueError:
        return default
