"""Lines of a recording to Samples; whoever wrote them is not trusted.

A record that is missing, or makes no sense, is a gap until the next whole Sample: nothing wrong is
ever shown for it. Texts and numbers are bounded by their codecs, lists by the line.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from time import localtime, strftime
from typing import Any, NamedTuple

from mlxtop.model.codec import UnreadableError
from mlxtop.model.number import real
from mlxtop.model.sample import Sample
from mlxtop.model.sample_codec import SampleDecoder, UnknownTableError
from mlxtop.recording.lines import CHANGE, END, GAP, HEAD, KEY
from mlxtop.recording.stream import Problems, RawLine

ITEMS = 400_000
"""Members and items of a line at most, by its commas."""
MOST_WALL = 1 << 36
"""Seconds of a clock at most: the year 4147."""
MOST_AGO_S = 1e9
"""Seconds between an incident and the Sample that tells of it at most."""
SAME_BOOT_S = 60.0
"""Seconds that wall clock and tick may be apart for two recordings to be of one start."""
WARM_S = 900.0
"""Seconds before a time from which a Watch is fed where it is not known what it was before."""


class Moment(NamedTuple):
    """A Sample of a recording."""

    sample: Sample
    number: int
    """Of its record."""
    gap: str | None = None
    """Why nothing is known between the Moment before and this one."""
    restarts: bool = False
    """Nothing joins it to the Moment before: another machine, or another start of it."""
    recording: str = ""
    """What all files of one recording have in common."""


class Reader:
    """Makes Moments of lines, one after the other."""

    def __init__(self, problems: Problems, before: Moment | None = None) -> None:
        """`before`: the Moment that the first one comes after."""
        self._problems = problems
        self._decoder: SampleDecoder | None = None
        self._id = ""
        self._next: int | None = None
        """Number of the record that continues; None where only a key does."""
        self._last = before
        self._gap: str | None = None
        self._faults = 0
        """Values that this decoder could not read, as far as that was told."""
        self._is_had = False
        """These Samples are of a time that another file had already."""
        self._is_ended = False
        """Recording was stopped; what comes next may be of the same recorder."""

    def read(self, line: bytes) -> Moment | None:
        """Return the Moment of a line; None where it has none."""
        record = parse_line(line)
        if record is None:
            self._lose("a line cannot be read")
        elif HEAD in record:
            self._head(record)
        elif KEY in record:
            return self._key(record)
        elif CHANGE in record:
            return self._change(record)
        elif GAP in record and self._follows(record[GAP]):
            self._note_gap(record)
        elif END in record and self._follows(record[END]):
            self._next, self._is_ended = None, True
        return None

    def _head(self, head: dict[str, Any]) -> None:
        name = name_of(head)
        if name != self._id or self._decoder is None:
            self._id, self._next, self._faults = name, None, 0
            self._decoder = SampleDecoder(head.get("types"))
        self._decoder.learn(head.get("tables"))

    def _key(self, record: dict[str, Any]) -> Moment | None:
        number = record[KEY]
        if self._decoder is None or name_of(record) != self._id:
            self._lose("the head of a part is missing")
            return None
        if type(number) is not int:
            self._lose("a whole sample has no number")
            return None
        last = self._last
        is_again = last is not None and last.recording == self._id and number <= last.number
        if not is_again:
            self._follows(number)
        self._decoder.learn(record.get("tables"))
        try:
            sample = self._decoder.whole(record.get("sample"))
        except (UnreadableError, UnknownTableError):
            self._lose("a whole sample cannot be read")
            return None
        self._tell_faults(self._decoder.faults)
        self._next = number + 1
        if last is not None and (is_again or last.recording != self._id):
            self._is_had = self._is_had or is_had(last.sample, sample)
        return self._moment(sample, number)

    def _change(self, record: dict[str, Any]) -> Moment | None:
        if not self._follows(record[CHANGE]) or self._decoder is None:
            return None
        try:
            sample = self._decoder.change(record.get("sample"))
        except (UnreadableError, UnknownTableError):
            self._lose("a sample cannot be read")
            return None
        self._tell_faults(self._decoder.faults)
        return self._moment(sample, record[CHANGE])

    def _follows(self, number: object) -> bool:
        """Return whether a record comes right after the one before."""
        if type(number) is int and number == self._next:
            self._next += 1
            return True
        if self._next is not None:
            self._lose("records are missing")
        return False

    def _note_gap(self, record: dict[str, Any]) -> None:
        count = real(record.get("samples") or 0) or 0
        text = str(record.get("why"))[:200]
        self._gap = f"{count:.0f} samples were not written: {text}" if count else text

    def _lose(self, why: str) -> None:
        self._next = None
        self._gap = self._gap or why
        if self._last is not None:
            when = strftime("%F %T", localtime(_in_range(self._last.sample.wall)))
            self._problems.tell(f"after {when}: {why}; a gap until the next whole sample")

    def _tell_faults(self, faults: int) -> None:
        """Tell once that values could not be read."""
        if faults and not self._faults:
            self._problems.tell("some values cannot be read; they are left out")
        self._faults = faults

    def _moment(self, sample: Sample, number: int) -> Moment | None:
        if not (0 <= sample.wall < MOST_WALL and abs(sample.tick) < MOST_WALL):
            self._lose("a sample is of no time")
            return None
        sample = _dated(sample)
        last, gap, self._gap = self._last, self._gap, None
        joins, self._is_had = self._is_had, False
        ended, self._is_ended = self._is_ended, False
        if last is not None and joins and is_had(last.sample, sample):
            self._is_had = True
            return None
        restarts = last is None or not _continues(last, sample, self._id)
        if last is not None and not (restarts or joins):
            was_stopped = ended or last.recording != self._id
            gap = gap or ("nothing was recorded" if was_stopped else None)
        self._last = Moment(sample, number, gap if last else None, restarts, self._id)
        return self._last


def name_of(record: dict[str, Any]) -> str:
    """Return what all files of a recording have in common."""
    return str(record.get("id"))[:64]


def _in_range(wall: float) -> float:
    return wall if 0 <= wall < MOST_WALL else 0.0


def _dated(sample: Sample) -> Sample:
    """Return a Sample whose incidents are of a time that can be shown."""
    if all(_is_near(sample, one.tick) and _is_near(sample, one.until) for one in sample.incidents):
        return sample
    dated = (
        one._replace(
            tick=one.tick if _is_near(sample, one.tick) else None,
            until=one.until if _is_near(sample, one.until) else None,
        )
        for one in sample.incidents
    )
    return sample._replace(incidents=tuple(dated))


def _is_near(sample: Sample, tick: float | None) -> bool:
    return tick is None or abs(sample.tick - tick) <= MOST_AGO_S


def is_had(last: Sample, sample: Sample) -> bool:
    """Return whether a Sample is of the same start of the same machine, and not after the other."""
    if sample.host.name != last.host.name or sample.tick > last.tick or sample.wall > last.wall:
        return False
    return abs((sample.wall - last.wall) - (sample.tick - last.tick)) < SAME_BOOT_S


def _continues(last: Moment, sample: Sample, recording: str) -> bool:
    """Return whether a Sample is of the same start of the same machine as the one before."""
    before = last.sample
    if sample.host.name != before.host.name or sample.tick < before.tick:
        return False
    apart = (sample.wall - before.wall) - (sample.tick - before.tick)
    return recording == last.recording or abs(apart) < SAME_BOOT_S


def parse_line(line: bytes) -> dict[str, Any] | None:
    """Return the record of a line; None for what is none, or is too wide or too deep."""
    if line.count(b",") > ITEMS:
        return None
    try:
        record = json.loads(line.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def moments(lines: Iterable[RawLine], problems: Problems) -> Iterator[Moment]:
    """Yield the Moments of lines, in their order."""
    reader = Reader(problems)
    for line in lines:
        moment = reader.read(line.data)
        if moment is not None:
            yield moment
