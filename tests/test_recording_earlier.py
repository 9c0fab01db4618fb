"""Recordings of a machine continue what memory holds to the past."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from mlxtop.model.history import History, Series
from mlxtop.model.sample import Sample, SourceKind
from mlxtop.recording.earlier import RecordedPast, past_of
from mlxtop.recording.playback import Playback
from mlxtop.recording.recording import Recording
from tests.recorded import derived, write
from tests.samples import PACU, WALL, ethernet, sample


def at(tick: float, wall: float | None = None) -> Sample:
    one = sample(tick, ethernet(PACU, tick, 1e9 + tick, 1e9, module=40.0))
    return one._replace(wall=WALL + tick if wall is None else wall)


HOUR = tuple(map(at, range(1000, 4600, 10)))
BEFORE = tuple(at(float(tick), WALL - 9000.0 + tick) for tick in range(50, 650, 10))
"""Of the start of the machine before."""


@pytest.fixture
def past(tmp_path: Path) -> RecordedPast:
    write(tmp_path / "pacu-20260101T000000Z.mlxrec", HOUR)
    write(tmp_path / "pacu-20260102T000000Z.mlxrec", BEFORE)
    other = at(7000.0)
    other = other._replace(host=other.host._replace(name="pacu-2"))
    write(tmp_path / "pacu-2-20260103T000000Z.mlxrec", (other,))
    found = past_of(tmp_path, at(6000.0), SourceKind.DEMO)
    assert found is not None
    return found


@pytest.mark.parametrize("tick", [1010.0, 1019.9, 1600.0, 2345.0, 4590.0, 4670.0])
def test_any_moment_is_as_it_was(past: RecordedPast, tick: float) -> None:
    frames = derived(HOUR)
    was = next(one for one in reversed(frames) if one.sample.tick <= tick)
    moment = past.moment(tick)
    assert moment is not None
    assert moment.frame.sample == was.sample
    assert {port: one.before for port, one in moment.frame.ports.items()} == {
        port: one.before for port, one in was.ports.items()
    }
    state = moment.heat.of(PACU.id, "module")
    assert state is not None
    assert state.sensor.celsius == 40.0


@pytest.mark.parametrize("tick", [-9e9, -8951.0, 0.0, 4691.0, 9e9])
def test_what_is_not_recorded_is_not_known(past: RecordedPast, tick: float) -> None:
    assert past.moment(tick) is None


def test_what_was_before_the_machine_was_started_is_by_the_wall_clock(past: RecordedPast) -> None:
    moment = past.moment(-8700.0)
    assert moment is not None
    assert moment.frame.sample == at(300.0, WALL - 8700.0)
    assert past.begin == -8950.0


def points(history: History, name: str = "rx") -> list[tuple[float, float]]:
    series = history.series(PACU.id, name)
    return [] if series is None else [one for one in series.since(-1e12) if not math.isnan(one[1])]


def test_the_history_between_two_ticks_is_read(past: RecordedPast) -> None:
    there = points(past.history(1200.0, 1900.0), "module")
    assert there == [(float(tick), 40.0) for tick in range(1200, 1900, 10)]


def test_where_nothing_was_recorded_just_before_the_last_part_is_read(past: RecordedPast) -> None:
    there = points(past.history(5000.0, 6000.0))
    assert there[-1][0] == 4590.0
    assert 0 < len(there) < 100
    earlier = points(past.history(0.0, 1000.0))
    assert earlier[-1][0] == -8360.0
    assert past.history(-9999.0, -8951.0).first is None


@pytest.mark.parametrize(("name", "kind"), [("tiny", SourceKind.DEMO), ("pacu", SourceKind.LIVE)])
def test_of_another_machine_nothing_is_taken(tmp_path: Path, name: str, kind: SourceKind) -> None:
    write(tmp_path / "pacu-20260101T000000Z.mlxrec", HOUR)
    now = at(6000.0)
    now = now._replace(host=now.host._replace(name=name))
    assert past_of(tmp_path, now, kind) is None
    assert past_of(tmp_path / "none", now, kind) is None


def test_points_are_put_before_and_dropped_again() -> None:
    live, earlier = Series(4, 8), Series(900, 8)
    for tick in range(100, 140):
        live.append(tick, 1.0)
    was = list(live.since(0))
    for tick in range(80, 120):
        earlier.append(tick, 2.0)
    live.put_before(earlier)
    joined = list(live.since(0))
    assert joined[-len(was) :] == was
    assert joined[: -len(was)] == [(tick, 2.0) for tick in range(80, int(was[0][0]))]
    for tick in range(140, 150):
        live.append(tick, 1.0)
    assert live.oldest == 80
    live.shorten()
    assert len(live.old_ticks) <= 8
    assert list(live.since(145)) == [(tick, 1.0) for tick in range(145, 150)]


def test_a_recording_that_is_played_has_the_past_of_all_its_times(tmp_path: Path) -> None:
    one = Playback(Recording([write(tmp_path / "a.mlxrec", HOUR)]))
    one.seek(WALL + 4500.0)
    moment = one.watch.past.moment(1234.0)
    assert moment is not None
    assert moment.frame.sample.tick == 1230.0
