"""A recording that is open: where it begins and ends, and where reading can begin."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from threading import Event

import pytest

from mlxtop.lab import ManualClock
from mlxtop.model.sample import Sample, SourceKind
from mlxtop.recording.playback import Playback
from mlxtop.recording.recorder import Recorder
from mlxtop.recording.recording import Recording, open_recording
from mlxtop.recording.survey import Survey
from mlxtop.recording.target import Target
from tests.samples import PACU, WALL, ethernet, sample

HOUR = tuple(float(tick) for tick in range(0, 3600, 9))


def at(tick: float, host: str = "pacu") -> Sample:
    one = sample(tick, ethernet(PACU, tick, 1e9, 1e9))
    return one._replace(host=one.host._replace(name=host), wall=WALL + tick)


def record(path: Path, ticks: tuple[float, ...] = HOUR, host: str = "pacu") -> Path:
    one = Recorder(ManualClock(), SourceKind.DEMO, 9.0)
    one.write_to(Target(path))
    for tick in ticks:
        one.put(at(tick, host))
        assert one.flush()
    one.close()
    assert one.problem is None
    return path


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record(tmp_path_factory.mktemp("hour") / "a.mlxrec")


def ticks(one: Recording, place: int = 0, number: int | None = None) -> list[float]:
    return [moment.sample.tick for moment in one.moments(place, number=number)]


def test_it_tells_machine_times_and_source(hour: Path) -> None:
    one = open_recording(str(hour))
    assert (one.host, one.source, one.interval) == ("pacu", SourceKind.DEMO, 9.0)
    assert one.program.startswith("mlxtop ")
    assert (one.begin, one.end) == (WALL, WALL + HOUR[-1])
    assert [place.wall - WALL for place in one.places] == [0, 603, 1206, 1809, 2412, 3015]
    assert ticks(one) == list(HOUR)


@pytest.mark.parametrize("number", [0, 1, 7, 66, 67, 68, 100, 399, 9999])
def test_reading_begins_at_the_last_whole_sample_before_a_record(hour: Path, number: int) -> None:
    one = open_recording(str(hour))
    place = max(n for n, place in enumerate(one.places) if place.number <= number)
    numbers = [moment.number for moment in one.moments(place, number=number)]
    assert numbers == list(range(numbers[0], len(HOUR)))
    assert number - 7 <= numbers[0] <= number or number > len(HOUR)


@pytest.mark.parametrize(("wall", "place"), [(-5.0, 0), (0.0, 0), (602.9, 0), (603.0, 1), (1e6, 5)])
def test_a_time_is_found_in_the_last_part_that_begins_before_it(
    hour: Path, wall: float, place: int
) -> None:
    assert open_recording(str(hour)).find(WALL + wall) == place


@pytest.mark.parametrize("packed", [False, True], ids=["text", "packed anew"])
def test_a_recording_that_was_unpacked_opens_too(hour: Path, tmp_path: Path, packed: bool) -> None:
    text = gzip.decompress(hour.read_bytes())
    path = tmp_path / "text"
    path.write_bytes(gzip.compress(text) if packed else text)
    one = open_recording(str(path))
    assert (one.begin, one.end) == (WALL, WALL + HOUR[-1])
    assert ticks(one) == list(HOUR)
    assert len(one.places) == (1 if packed else 6)
    for place in range(len(one.places)):
        assert ticks(one, place)[-1] == HOUR[-1]


def test_recordings_that_were_joined_are_one(hour: Path, tmp_path: Path) -> None:
    later = record(tmp_path / "later", (5000.0, 5001.0))
    joined = tmp_path / "joined"
    joined.write_bytes(hour.read_bytes() + later.read_bytes())
    one = open_recording(str(joined))
    assert ticks(one) == [*HOUR, 5000.0, 5001.0]
    assert one.end == WALL + 5001.0


@pytest.mark.parametrize("is_one_recorder", [True, False])
def test_what_two_files_have_is_there_once(tmp_path: Path, is_one_recorder: bool) -> None:
    every = [float(tick) for tick in range(0, 2500, 10)]
    if is_one_recorder:  # R is pressed at 300 s, again at 1500, and once more at 2000
        one = Recorder(ManualClock(), SourceKind.DEMO, 10.0, hold_s=900.0)
        for tick in every:
            if tick in (300.0, 2000.0):
                one.write_to(Target(tmp_path / f"{tick:.0f}.mlxrec"))
            if tick == 1500.0:
                one.stop_writing()
            one.put(at(tick))
            assert one.flush()
        one.close()
    else:
        record(tmp_path / "300.mlxrec", tuple(every[:150]))
        record(tmp_path / "2000.mlxrec", tuple(every[60:]))
    assert WALL + 600.0 <= open_recording(str(tmp_path / "2000.mlxrec")).begin <= WALL + 1300.0
    both = open_recording(str(tmp_path))
    moments = list(both.moments())
    assert [one.sample.tick for one in moments] == every
    assert [one.gap for one in moments] == [None] * len(moments)
    assert [one.restarts for one in moments] == [True] + [False] * (len(moments) - 1)
    assert both.end == WALL + every[-1]
    assert both.problems.all() == []
    survey = Survey(both)
    survey.run(Event())
    for tick in (0.0, 595.0, 1495.0, 1500.0, 1505.0, 2105.0, 2490.0):
        for playback in (Playback(both), Playback(both, survey)):
            playback.seek(WALL + tick)
            assert playback.frame is not None
            assert playback.frame.sample.tick == tick // 10 * 10
            assert playback.is_exact


def test_what_one_recorder_wrote_later_has_a_gap_before_it(tmp_path: Path) -> None:
    one = Recorder(ManualClock(), SourceKind.DEMO, 10.0, hold_s=100.0)
    for tick in range(0, 4000, 10):
        if tick in (300, 3500):
            one.write_to(Target(tmp_path / f"{tick}.mlxrec"))
        if tick == 1500:
            one.stop_writing()
        one.put(at(float(tick)))
        assert one.flush()
    one.close()
    both = open_recording(str(tmp_path))
    moments = list(both.moments())
    gaps = [(moment.sample.tick > 1500, moment.gap) for moment in moments if moment.gap]
    assert gaps == [(True, "nothing was recorded")]
    assert not any(moment.restarts for moment in moments[1:])
    assert both.problems.all() == []


def test_a_file_of_a_time_that_another_has_too_is_left_out(tmp_path: Path) -> None:
    record(tmp_path / "a.mlxrec")
    record(tmp_path / "b.mlxrec", HOUR[10:20])
    one = open_recording(str(tmp_path))
    assert ticks(one) == list(HOUR)
    assert one.end == WALL + HOUR[-1]
    told = "b.mlxrec is of a time that a.mlxrec has too, and is left out"
    assert one.problems.all() == [told]


def test_a_folder_is_one_recording_of_the_newest_machine(tmp_path: Path) -> None:
    record(tmp_path / "x.mlxrec", (1000.0, 1001.0))
    record(tmp_path / "y.mlxrec", (0.0, 1.0))
    record(tmp_path / "z.mlxrec", (500.0,), host="fry")
    (tmp_path / "notes.txt").write_text("notes")
    (tmp_path / "empty.mlxrec").write_text("")
    one = open_recording(str(tmp_path))
    assert ticks(one) == [0.0, 1.0, 1000.0, 1001.0]
    assert one.problems.all() == ["z.mlxrec is of another machine and is left out"]


def test_last_is_the_newest_recording_of_who_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with pytest.raises(ValueError, match="mlxtop record makes one"):
        open_recording("last")
    folder = tmp_path / "mlxtop-nic" / "recordings"
    folder.mkdir(parents=True)
    for name, age in (("new.mlxrec", 0), ("old.mlxrec", 100)):
        path = record(folder / name, (1.0 if age else 2.0,))
        os.utime(path, (WALL - age, WALL - age))
    assert ticks(open_recording("last")) == [2.0]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"notes\n",
        b'{"a": 1}\n{"mlxrec": 1}\n',
        gzip.compress(b"notes\n", mtime=0),
        gzip.compress(b'{"mlxrec":1}\n', mtime=0),
        b"\x1f\x8b\x08" * 1000,
        b"\x1f\x8b",
        os.urandom(0) + bytes(range(256)) * 100,
    ],
)
def test_what_is_no_recording_is_told_in_a_line(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(data)
    with pytest.raises(ValueError, match="a: holds no sample of a recording"):
        open_recording(str(path))


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_recording(str(tmp_path / "missing"))
    with pytest.raises(ValueError, match="no recording"):
        open_recording(str(tmp_path))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="is not a file"):
        open_recording(str(tmp_path / "pipe"))


def test_a_file_of_nothing_but_beginnings_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlxtop.recording.parts.MISSES", 100)
    good = record(tmp_path / "good", (1.0, 2.0)).read_bytes()
    path = tmp_path / "a"
    path.write_bytes(good + b"\x1f\x8b\x08" * 1000)
    one = open_recording(str(path))
    assert ticks(one) == [1.0, 2.0]
    assert "too damaged to be looked through" in one.problems.all()
