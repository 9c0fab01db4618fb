"""A recording as the modes without a screen want it: frames of a time, and what happened before."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import Any

from mlxtop.model.codec import Context, UnreadableError
from mlxtop.model.frame import Frame
from mlxtop.model.incident import Incident
from mlxtop.model.sample_codec import sample_codec
from mlxtop.recording.lines import CHANGE, HEAD_BEGINS, KEY
from mlxtop.recording.moments import SAME_BOOT_S, Moment, parse_line
from mlxtop.recording.parts import wall_of
from mlxtop.recording.recording import Recording
from mlxtop.recording.survey import played


def frames_between(recording: Recording, begin: float, end: float | None = None) -> Iterator[Frame]:
    """Yield the frames from the last at or before `begin` to the last at or before `end`.

    Raises OSError.
    """
    for _, frame in played(_moments(recording, begin, end)):
        yield frame


def _moments(recording: Recording, begin: float, end: float | None) -> Iterator[Moment]:
    before: Moment | None = None
    started = False
    for moment in recording.moments(recording.find(begin)):
        if not started:
            if before is None or moment.sample.wall <= begin:
                before = moment
                continue
            started = True
            yield before
        if end is not None and moment.sample.wall > end:
            return
        yield moment
    if before is not None and not started:
        yield before


def incidents_up_to(recording: Recording, last: Frame) -> list[Incident]:
    """Return what happened since the machine was started up to a frame. Raises OSError.

    Lines in which nothing has happened are not looked into. What two files have counts once.
    """
    codec, context = sample_codec().part("incidents"), Context()
    incidents: list[Incident] = []
    now: Any = ()
    start: float | None = None
    newest = had = -inf
    for line in recording.lines():
        is_head, wall = line.startswith(HEAD_BEGINS), wall_of(line, -inf)
        newest = newest if is_head else max(newest, wall)
        if not is_head and b'"incidents"' not in line:
            continue
        record = parse_line(line) or {}
        if is_head:
            before, start = start, _start_of(record) or start
            if before is not None and start is not None and abs(start - before) >= SAME_BOOT_S:
                incidents, newest = [], -inf
            had = newest if wall <= newest else -inf
            continue
        sample = record.get("sample")
        data = sample.get("incidents") if isinstance(sample, dict) else None
        try:
            if KEY in record:
                now = codec.read(data or [], context)
            elif CHANGE in record and data is not None:
                now = codec.apply(now, data, context)
        except UnreadableError:
            continue
        if wall > had:
            incidents += now
    tick = last.sample.tick
    return [one for one in incidents if one.tick is None or one.tick <= tick]


def _start_of(head: dict[str, Any]) -> float | None:
    """Return when the machine was started, by the clocks of a head; epoch seconds."""
    wall, tick = head.get("wall"), head.get("tick")
    if not isinstance(wall, int | float) or not isinstance(tick, int | float):
        return None
    return wall - tick
