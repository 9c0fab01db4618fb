"""Bytes of a recording to lines; whoever wrote them is not trusted.

What is good is read, and what is not is told in a sentence: a torn end, damage in the middle,
another program's file. A line is bounded, so that memory is too.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from mlxtop.recording.lines import GZIP

LINE = 8 << 20
"""Bytes of a line that are read at most; a machine of 141 ports has a thirtieth of it."""
CHUNK = 1 << 16
SMALL = 64
"""Bytes that are read, and looked at one piece after the other where there is damage."""
MAGIC = b"\x1f\x8b\x08"
TOLD = 20
"""Problems of a recording that are told at most."""


class Inflater(Protocol):
    """What zlib makes to decompress with."""

    def decompress(self, data: bytes, /) -> bytes:
        """Return the text of the next bytes. Raises zlib.error."""


class Readable(Protocol):
    """A file of bytes."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes; none at the end."""


class Problems:
    """What is wrong with a recording, a sentence each; of very many only the number."""

    def __init__(self) -> None:
        self._told: list[str] = []
        self._more = 0

    def tell(self, text: str) -> None:
        """Add a sentence, once."""
        if text not in self._told:
            if len(self._told) < TOLD:
                self._told.append(text)
            else:
                self._more += 1

    def all(self) -> list[str]:
        """Return the sentences."""
        return [*self._told, *([f"{self._more} more of this kind"] if self._more else [])]


class RawLine(NamedTuple):
    """A line as it stands in a file; `offset` of the gzip member, or of a plain line."""

    offset: int
    data: bytes


def read_lines(file: Readable, offset: int, problems: Problems) -> Iterator[RawLine]:
    """Yield the lines of a file, which has been sought to `offset`: gzip members or plain text."""
    data = file.read(CHUNK)
    if data.startswith(b"{"):
        yield from _plain_lines(file, data, offset, problems)
    elif data:
        yield from _zipped_lines(file, data, offset, problems)


def _plain_lines(file: Readable, data: bytes, at: int, problems: Problems) -> Iterator[RawLine]:
    cutter = _Cutter(problems)
    while data:
        for line in cutter.cut(data):
            yield RawLine(at, line)
            at += len(line) + 1
        data = file.read(CHUNK)
    cutter.end()


def _zipped_lines(file: Readable, data: bytes, at: int, problems: Problems) -> Iterator[RawLine]:
    """`at` is the place of `data` in the file."""
    begin, inflater, cutter = at, zlib.decompressobj(GZIP), _Cutter(problems)
    while data:
        before = inflater.copy()
        try:
            text, damaged = inflater.decompress(data, CHUNK * 16), False
        except zlib.error:
            text, damaged = _salvaged(before, data), True
        for line in cutter.cut(text):
            yield RawLine(begin, line)
        if damaged:
            problems.tell(f"damaged {_place(at)}: what follows is read from the next good part on")
            at, data = _next_member(file, data, at)
        elif inflater.eof:
            cutter.end()
            at += len(data) - len(inflater.unused_data)
            data = inflater.unused_data or file.read(CHUNK)
            if data and not MAGIC.startswith(data[:3]):
                problems.tell(f"something else than a recording {_place(at)}")
                at, data = _next_member(file, data, at)
        else:
            at += len(data) - len(inflater.unconsumed_tail)
            data = inflater.unconsumed_tail or file.read(CHUNK)
            if not data:
                yield from (RawLine(begin, line) for line in cutter.cut(inflater.flush()))
            continue
        begin, inflater, cutter = at, zlib.decompressobj(GZIP), _Cutter(problems)
    if at > begin:
        problems.tell("the end is missing; all that was written before it is here")


def _salvaged(inflater: Inflater, data: bytes) -> bytes:
    """Return the text before the damage in `data`, as far as it can be had."""
    parts = []
    try:
        for start in range(0, len(data), SMALL):
            parts.append(inflater.decompress(data[start : start + SMALL]))
    except zlib.error:
        pass
    return b"".join(parts)


def _place(at: int) -> str:
    return f"after {at} bytes"


def _next_member(file: Readable, data: bytes, at: int) -> tuple[int, bytes]:
    """Return the place of the next gzip member after the first byte of `data`, and its bytes."""
    data, at = data[1:], at + 1
    while True:
        place = data.find(MAGIC)
        if place >= 0:
            return at + place, data[place:]
        kept = data[-2:]
        more = file.read(CHUNK)
        if not more:
            return at + len(data), b""
        at += len(data) - len(kept)
        data = kept + more


class _Cutter:
    """Cuts text into lines, without those that are too long."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._parts: list[bytes] = []
        self._size = 0
        self._skips = False

    def cut(self, text: bytes) -> Iterator[bytes]:
        """Yield the lines that end in `text`."""
        *ended, rest = text.split(b"\n")
        for line in ended:
            self._add(line)
            if self._skips:
                self._problems.tell("a line is too long for a recording")
            else:
                yield b"".join(self._parts)
            self._parts, self._size, self._skips = [], 0, False
        self._add(rest)

    def _add(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > LINE:
            self._parts, self._skips = [], True
        elif part:
            self._parts.append(part)

    def end(self) -> None:
        """Tell of a line without an end."""
        if self._size:
            self._problems.tell("the last line has no end")
