"""The lines of a recording, and the gzip members that hold them.

A line is a JSON object whose first member says what it is:

* `{"mlxrec": 1, …}`, the head, opens every gzip member: program, host, kind of source, interval, a
  pair of wall clock and tick, fields of all types, tables of counters by number;
* `{"key": N, …, "sample": {…}}`, a whole Sample, after every head and once a minute;
* `{"change": N, "sample": {…}}`, what has changed since the record before;
* `{"gap": N, "samples": 3, "why": "…"}`: so many samples were not written;
* `{"end": N, "why": "…"}`: the recording was ended.

N counts the records of a recording, heads left out, over all its files. Where a number is missing
nothing is known until the next key. Nothing here asks for a version: names that are not known are
left out.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any, NamedTuple

from mlxtop import __version__
from mlxtop.model.json_text import encode
from mlxtop.model.sample import Sample, SourceKind
from mlxtop.model.sample_codec import SampleEncoder, type_table

FORMAT = 1
"""Only ever shown: no reader asks for it."""
KEY_S, MEMBER_S = 60.0, 600.0
"""Seconds from one whole Sample to the next, and from one gzip member to the next."""
HEAD, KEY, CHANGE, GAP, END = "mlxrec", "key", "change", "gap", "end"
HEAD_BEGINS, KEY_BEGINS = b'{"%s":' % HEAD.encode(), b'{"%s":' % KEY.encode()
"""The beginning of a head, and of a whole Sample."""
GZIP = 31
"""`wbits` of zlib for a gzip member."""
_LEVEL = 1


class Line(NamedTuple):
    """A line without its end, and whether it opens a member."""

    data: bytes
    opens: bool = False


@dataclass(slots=True)
class Lines:
    """Makes lines of Samples."""

    kind: SourceKind = SourceKind.LIVE
    interval: float = 1.0
    member_s: float = MEMBER_S
    id: str = field(default_factory=lambda: token_hex(6))
    """What all files of a recording have in common."""
    keep: tuple[float, int] | None = None
    """Seconds and bytes that are to be kept in its folder, where somebody said."""
    number: int = 0
    """Of the next record."""
    _encoder: SampleEncoder = field(default_factory=SampleEncoder)
    _member: float | None = None
    """Tick at which this member began."""
    _key: float = 0.0

    def cut(self) -> None:
        """Let the next Sample open a member."""
        self._member = None

    def of(self, sample: Sample) -> Iterator[Line]:
        """Yield the lines of the next Sample."""
        tick = sample.tick
        opens = self._member is None or not 0 <= tick - self._member < self.member_s
        if opens:
            self._encoder.forget()
        elif 0 <= tick - self._key < KEY_S:
            change = self._encoder.change(sample)
            if change is not None:
                yield self._line({CHANGE: self._next(), "sample": change})
                return
        data, tables = self._encoder.whole(sample)
        if opens or tables:  # all tables that a member names are in its head
            self._member = tick
            yield self._line(self._head(sample, tables), opens=True)
        self._key = tick
        times = {"id": self.id, "wall": sample.wall, "tick": tick}
        yield self._line({KEY: self._next(), **times, "sample": data})

    def gap(self, samples: int, why: str) -> Line:
        """Return the line for samples that were not written."""
        return self._line({GAP: self._next(), "samples": samples, "why": why})

    def end(self, why: str) -> Line:
        """Return the last line."""
        return self._line({END: self._next(), "why": why})

    def _head(self, sample: Sample, tables: dict[str, list[str]]) -> dict[str, Any]:
        keep = {"keep": self.keep} if self.keep else {}
        return {
            HEAD: FORMAT,
            "id": self.id,
            "program": f"mlxtop {__version__}",
            "host": sample.host.name,
            "source": self.kind,
            "interval": self.interval,
            **keep,
            "wall": sample.wall,
            "tick": sample.tick,
            "types": type_table(),
            "tables": tables,
        }

    def _next(self) -> int:
        self.number += 1
        return self.number - 1

    def _line(self, record: dict[str, Any], opens: bool = False) -> Line:
        return Line(encode(record).encode(), opens)


class Members:
    """Makes gzip members of lines; what it returns can be read up to the last line."""

    def __init__(self) -> None:
        self._member: Any = None

    @property
    def is_open(self) -> bool:
        """Return whether a member has begun and has no end yet."""
        return self._member is not None

    def add(self, line: Line) -> bytes:
        """Return the next bytes; they open a member where none is open."""
        if self._member is None:
            self._member = zlib.compressobj(_LEVEL, zlib.DEFLATED, GZIP)
        data: bytes = self._member.compress(line.data + b"\n")
        return data + bytes(self._member.flush(zlib.Z_SYNC_FLUSH))

    def finish(self) -> bytes:
        """Return the end of the member."""
        member, self._member = self._member, None
        return bytes(member.flush(zlib.Z_FINISH)) if member is not None else b""
