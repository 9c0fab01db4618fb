"""The Moments between two times of a recording, and a copy of them as a recording of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf

from mlxtop.recording.lines import Line, Lines, Members
from mlxtop.recording.mask import SampleMask
from mlxtop.recording.moments import Moment
from mlxtop.recording.recording import Recording

Progress = Callable[[float], None]
"""Told now and then how much is done, 0 to 1."""
_EVERY = 200


def moments_until(
    recording: Recording, first: int, until: float, progress: Progress | None = None
) -> Iterator[Moment]:
    """Yield Moments from a place on to the last one at or before a time. Raises OSError.

    Where the clock was set back, times come that are earlier again: reading ends with the first
    later time behind the part in which the last one must be.
    """
    behind = recording.find(until) + 1
    stop = recording.places[behind] if behind < len(recording.places) else None
    is_behind = False
    begin, end = recording.places[first].wall, min(until, recording.end)
    for count, moment in enumerate(recording.moments(first)):
        if stop and moment.recording == stop.recording and moment.number >= stop.number:
            is_behind = True
        if moment.sample.wall > until and is_behind:
            return
        if progress is not None and count % _EVERY == 0 and end > begin:
            progress(min(1.0, max(0.0, (moment.sample.wall - begin) / (end - begin))))
        if moment.sample.wall <= until:
            yield moment


def cut(
    recording: Recording,
    since: float,
    until: float,
    write: Callable[[bytes], object],
    mask: SampleMask | None = None,
) -> int:
    """Write the Samples between two times as a recording; return how many. Raises OSError.

    With `mask` they are read twice: so that what is known late is masked from the beginning.
    """
    first = 0 if since == -inf else recording.find(since)
    if mask is not None:
        for moment in moments_until(recording, first, until):
            if moment.sample.wall >= since:
                mask.learn(moment.sample)
    lines: Lines | None = None
    members, count = Members(), 0

    def add(line: Line) -> None:
        if line.opens:
            write(members.finish())
        write(members.add(line))

    for moment in moments_until(recording, first, until):
        if moment.sample.wall < since:
            continue
        if lines is None or lines.id != moment.recording:
            lines = Lines(recording.source, recording.interval, id=moment.recording)
        elif moment.gap is not None:
            add(lines.gap(0, moment.gap))
        sample = moment.sample if mask is None else mask.masked(moment.sample)
        for line in lines.of(sample):
            add(line)
        count += 1
    if lines is not None:
        add(lines.end("cut"))
    write(members.finish())
    return count
