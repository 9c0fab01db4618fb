"""The frames of what a flight recorder holds, read back from its bytes when somebody asks."""

from __future__ import annotations

import re
import zlib
from bisect import bisect_right

from mlxtop.model.frame import Frame, derive
from mlxtop.model.history import HELD_S
from mlxtop.recording.lines import GZIP, HEAD_BEGINS, KEY_BEGINS
from mlxtop.recording.moments import Reader
from mlxtop.recording.recorder import Piece, Recorder
from mlxtop.recording.stream import Problems
from mlxtop.watch.heat import HeatWatch
from mlxtop.watch.past import Moment

_KEY = re.compile(re.escape(KEY_BEGINS) + rb'[0-9]+,.*?"tick":([0-9.e+-]{1,32})')


class HeldPast:
    """The past as a flight recorder has it.

    The states of the sensors are by their readings alone: what was foretold then is not known.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._frames: list[Frame] = []
        """The last that were read, one after the other."""

    def moment(self, tick: float) -> Moment | None:
        """Return what was the newest at a monotonic second; None where it is not held."""
        if not (len(self._frames) > 1 and _tick(self._frames[1]) <= tick < _tick(self._frames[-1])):
            self._frames = self._read(tick)
        # The first one has no rates: it is only there for the second.
        place = bisect_right(self._frames, tick, key=_tick)
        if place < 2 or tick - _tick(self._frames[place - 1]) > HELD_S:
            return None
        frame, heat = self._frames[place - 1], HeatWatch()
        heat.observe(frame)
        return Moment(frame, heat.then())

    def reach_s(self) -> float:
        """Return the seconds from the oldest to the newest moment that is held."""
        held = [member for member in self._recorder.held() if member]
        return held[-1][-1].tick - held[0][0].tick if held else 0.0

    def _read(self, tick: float) -> list[Frame]:
        """Return the frames around an instant: those of a minute or two, and one after it."""
        members = [member for member in self._recorder.held() if member]
        place = bisect_right(members, tick, key=lambda member: member[0].tick) - 1
        if place < 0:
            return []
        lines = _lines(members[place])
        if place and not _keys_before(lines, tick)[1:]:  # the frame before is in another member
            lines = [*_lines(members[place - 1]), *lines]
        frames: list[Frame] = []
        reader = Reader(Problems())
        for line in _from_last_but_one(lines, tick):
            moment = reader.read(line)
            if moment is not None:
                before = frames[-1] if frames and not moment.restarts else None
                frames.append(derive(moment.sample, before))
                if moment.sample.tick > tick:
                    break
        return frames


def _tick(frame: Frame) -> float:
    return frame.sample.tick


def _lines(member: list[Piece]) -> list[bytes]:
    data = zlib.decompressobj(GZIP).decompress(b"".join(piece.data for piece in member))
    return data.splitlines()


def _keys_before(lines: list[bytes], tick: float) -> list[int]:
    """Return the places of the whole Samples up to an instant."""
    keys = ((place, _KEY.match(line)) for place, line in enumerate(lines))
    return [place for place, match in keys if match and float(match[1]) <= tick]


def _from_last_but_one(lines: list[bytes], tick: float) -> list[bytes]:
    """Return the lines from the last but one whole Sample before an instant on, and all heads."""
    keys = _keys_before(lines, tick)
    first = keys[-2] if len(keys) > 1 else keys[0] if keys else len(lines)
    return [line for line in lines[:first] if line.startswith(HEAD_BEGINS)] + lines[first:]
