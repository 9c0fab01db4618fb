"""Replay is one more source: the Frames are those of the live machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from mlxtop.lab import MACHINES, ManualClock
from mlxtop.model.sample import Sample, SourceKind
from mlxtop.recording.recording import Recording
from mlxtop.recording.replay import LONGEST_S, ReplaySource
from mlxtop.sampler.source import Source, frames
from tests.recorded import derived, machine, write
from tests.samples import PACU, ethernet, sample


@pytest.mark.quick("pacu", "ceph", "faulty")
@pytest.mark.parametrize("name", MACHINES)
def test_frames_of_what_was_recorded_are_those_that_were_live(name: str, tmp_path: Path) -> None:
    recording = Recording([write(tmp_path / "a.mlxrec", machine(name))])
    source: Source = ReplaySource(recording, ManualClock())
    assert (source.kind, source.interval) == (SourceKind.REPLAY, 1.0)
    assert source.label == machine(name)[0].host.name
    assert list(frames(source, Event())) == derived(machine(name))


def at(*ticks: float) -> Iterator[Sample]:
    return (sample(tick, ethernet(PACU, tick, 1e9, 1e9)) for tick in ticks)


@pytest.mark.parametrize(
    ("speed", "times"),
    [(1.0, [0, 1, 3, 8, 9]), (2.0, [0, 0.5, 1.5, 6.5, 7]), (None, [0, 0, 0, 0, 0])],
)
def test_samples_are_as_far_apart_as_they_were_by_the_speed(
    tmp_path: Path, speed: float | None, times: list[float]
) -> None:
    assert LONGEST_S == 5.0
    clock = ManualClock()
    recording = Recording([write(tmp_path / "a.mlxrec", tuple(at(1, 2, 4, 99, 100)))])
    source = ReplaySource(recording, clock, speed)
    assert [clock.now() for _ in source.samples(Event())] == times


def test_it_ends_when_it_is_stopped(tmp_path: Path) -> None:
    recording = Recording([write(tmp_path / "a.mlxrec", tuple(at(1, 2, 3)))])
    stop = Event()
    taken = []
    for one in ReplaySource(recording, ManualClock()).samples(stop):
        taken.append(one.tick)
        stop.set()
    assert taken == [1]


def test_a_machine_that_was_started_anew_has_no_frame_before_it(tmp_path: Path) -> None:
    first, again = tuple(at(5000.0, 5001.0)), tuple(at(10.0, 11.0))
    later = tuple(one._replace(wall=one.wall + 9000.0) for one in again)
    write(tmp_path / "a.mlxrec", first)
    write(tmp_path / "b.mlxrec", later)
    recording = Recording([tmp_path / "a.mlxrec", tmp_path / "b.mlxrec"])
    source = ReplaySource(recording, ManualClock(), None)
    assert list(frames(source, Event())) == [*derived(first), *derived(later)]
