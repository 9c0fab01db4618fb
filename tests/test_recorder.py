"""The recorder: what was put in is in the file, and nothing that goes wrong stops anything else."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest

from mlxtop.lab import ManualClock
from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.model.sample import Sample
from mlxtop.recording import files, recorder, target
from mlxtop.recording.recorder import Recorder
from mlxtop.recording.recording import Recording, open_recording
from mlxtop.recording.target import Target
from mlxtop.system.clock import RealClock
from tests.recorded import machine
from tests.samples import PACU, ethernet, sample


def at(tick: float, *incidents: Incident) -> Sample:
    return sample(tick, ethernet(PACU, tick, 1e9, 1e9))._replace(incidents=incidents)


def fed(one: Recorder, *samples: Sample) -> None:
    for each in samples:
        one.put(each)
        assert one.flush()


def read(path: Path) -> list[Sample]:
    return [moment.sample for moment in Recording([path]).moments()]


def ticks(path: Path) -> list[float]:
    return [one.tick for one in read(path)]


def test_what_was_put_in_is_in_the_file(tmp_path: Path) -> None:
    one = Recorder(ManualClock())
    one.write_to(Target(tmp_path / "a.mlxrec"))
    samples = machine("pacu", 120)
    fed(one, *samples)
    one.close()
    assert (one.written, one.dropped, one.problem) == (120, 0, None)
    assert read(tmp_path / "a.mlxrec") == list(samples)
    assert Recording([tmp_path / "a.mlxrec"]).problems.all() == []


def test_what_is_held_is_in_the_file_that_is_begun_later(tmp_path: Path) -> None:
    one = Recorder(ManualClock(), hold_s=600.0)
    fed(one, *(at(float(tick)) for tick in range(0, 2000, 10)))
    one.write_to(Target(tmp_path / "a.mlxrec"))
    fed(one, *(at(float(tick)) for tick in range(2000, 2100, 10)))
    one.stop_writing()
    fed(one, at(2100.0))
    there = ticks(tmp_path / "a.mlxrec")
    assert there[-1] == 2090.0
    assert 1390.0 - recorder.HELD_MEMBER_S <= there[0] <= 1390.0
    assert there == [float(tick) for tick in range(int(there[0]), 2100, 10)]
    one.write_to(Target(tmp_path / "b.mlxrec"))
    one.close()
    assert ticks(tmp_path / "b.mlxrec")[-1] == 2100.0
    for name in ("a", "b"):
        assert Recording([tmp_path / f"{name}.mlxrec"]).problems.all() == []


def test_what_is_held_is_bounded_in_bytes_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "MOST_HELD", 0)
    one = Recorder(ManualClock(), hold_s=86400.0)
    fed(one, *(at(float(tick)) for tick in range(0, 3000, 50)))
    one.write_to(Target(tmp_path / "a.mlxrec"))
    one.close()
    assert ticks(tmp_path / "a.mlxrec")[0] == 2400.0


def test_without_a_file_and_nothing_to_hold_nothing_is_kept(tmp_path: Path) -> None:
    one = Recorder(ManualClock())
    fed(one, at(1.0))
    one.write_to(Target(tmp_path / "a.mlxrec"))
    fed(one, at(2.0))
    one.close()
    assert ticks(tmp_path / "a.mlxrec") == [2.0]


def test_samples_that_come_too_fast_are_dropped_and_told_but_not_what_happened(
    tmp_path: Path,
) -> None:
    one = Recorder(RealClock(), backlog=2)
    one.write_to(Target(tmp_path / "a.mlxrec"))
    fed(one, at(1.0))
    busy, go_on = Event(), Event()

    def hold() -> None:
        busy.set()
        go_on.wait()

    one._jobs.put(hold)
    busy.wait()
    flap = Incident(IncidentKind.LINK_DOWN, "link down", tick=4.0)
    for tick in (2.0, 3.0, 4.0, 5.0):
        one.put(at(tick, *((flap,) if tick == 4.0 else ())))
    go_on.set()
    assert one.flush()
    fed(one, at(6.0))
    one.close()
    moments = list(Recording([tmp_path / "a.mlxrec"]).moments())
    assert one.dropped == 2
    assert [moment.sample.tick for moment in moments] == [1.0, 2.0, 3.0, 6.0]
    assert moments[-1].gap == "2 samples were not written: writing was too slow"
    assert moments[-1].sample.incidents == (flap,)


def failing(error: int) -> Callable[..., int]:
    def fail(*_: object) -> int:
        raise OSError(error, os.strerror(error))

    return fail


def test_a_full_disk_ends_the_recording_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Recorder(ManualClock(), hold_s=60.0)
    one.write_to(Target(tmp_path / "a.mlxrec"))
    fed(one, at(1.0))
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", failing(errno.ENOSPC))
        fed(one, at(2.0))
    assert one.problem == f"recording: {tmp_path / 'a.mlxrec'}: No space left on device"
    assert not one.is_writing
    assert ticks(tmp_path / "a.mlxrec") == [1.0]
    one.write_to(Target(tmp_path / "b.mlxrec"))
    fed(one, at(3.0))
    one.close()
    assert one.problem is None
    assert ticks(tmp_path / "b.mlxrec") == [1.0, 2.0, 3.0], "what is held goes on"


def test_a_disk_that_is_nearly_full_ends_it_before_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ManualClock()
    one = Recorder(clock)
    one.write_to(Target(tmp_path / "a.mlxrec"))
    monkeypatch.setattr(files, "LEAST_BYTES", 1 << 70)
    monkeypatch.setattr(files, "LEAST_SHARE", 2.0)
    fed(one, at(1.0))
    assert one.problem is None
    clock.wait(target.SYNC_S, Event())
    fed(one, at(2.0))
    assert one.problem is not None
    assert "less than 5 % and 2 GB" in one.problem
    one.close()


def test_a_file_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.mlxrec").write_text("mine")
    one = Recorder(ManualClock())
    one.write_to(Target(tmp_path / "a.mlxrec"))
    fed(one, at(1.0))
    one.close()
    assert one.problem == f"recording: {tmp_path / 'a.mlxrec'}: File exists"


def test_a_file_in_a_folder_begins_with_the_first_sample_which_tells_its_name(
    tmp_path: Path,
) -> None:
    one = Recorder(ManualClock())
    one.write_to(Target(directory=tmp_path / "recordings"))
    assert one.flush()
    assert not (tmp_path / "recordings").exists()
    fed(one, at(1.0))
    one.close()
    (path,) = (tmp_path / "recordings").iterdir()
    assert path.name.startswith("pacu-")
    assert ticks(path) == [1.0]


def test_a_sample_that_cannot_be_written_ends_the_file_and_not_the_thread(tmp_path: Path) -> None:
    one = Recorder(ManualClock(), hold_s=60.0)
    one.write_to(Target(tmp_path / "a.mlxrec"))
    fed(one, at(1.0))
    odd: Sample = at(2.0)._replace(ports={"no port": "no sample"})  # type: ignore[dict-item]
    fed(one, odd)
    assert one.problem is not None
    one.write_to(Target(tmp_path / "b.mlxrec"))
    fed(one, at(3.0))
    one.close()
    assert ticks(tmp_path / "a.mlxrec") == [1.0]
    assert ticks(tmp_path / "b.mlxrec")[-1] == 3.0
    assert one.problem is None


def test_a_new_day_goes_on_in_another_file_of_the_same_recording(tmp_path: Path) -> None:
    one = Recorder(ManualClock())
    directory = tmp_path / "recordings"
    one.write_to(Target(directory=directory))
    noon = 1_795_158_435.0 // 86400 * 86400 + 43200.0
    days = [noon, noon + 1.0, noon + 86400.0, noon + 86401.0]
    fed(one, *(at(wall - noon)._replace(wall=wall) for wall in days))
    one.close()
    assert len(list(directory.iterdir())) == 2
    whole = open_recording(str(directory))
    moments = list(whole.moments())
    assert [moment.sample.wall for moment in moments] == days
    assert [moment.number for moment in moments] == [0, 1, 2, 3]
    assert [moment.gap for moment in moments] == [None] * 4
    assert whole.problems.all() == []


def test_a_file_is_a_part_of_what_may_be_kept_and_the_oldest_go(tmp_path: Path) -> None:
    clock = ManualClock()
    one = Recorder(clock)
    directory = tmp_path / "recordings"
    one.write_to(Target(directory=directory, most=30_000))
    for each in machine("pacu", 120):
        fed(one, each)
        clock.wait(60.0, Event())
    one.close()
    sizes = [path.stat().st_size for path in directory.iterdir()]
    assert 1 < len(sizes) < 8
    assert sum(sizes) < 60_000
    assert one.problem is None


def test_every_cut_leaves_exactly_the_samples_before_it(tmp_path: Path) -> None:
    samples = [at(float(tick)) for tick in range(0, 1200, 10)]
    path, cut_path = tmp_path / "a.mlxrec", tmp_path / "cut.mlxrec"
    one = Recorder(ManualClock())
    one.write_to(Target(path))
    sizes = []
    for each in samples:
        fed(one, each)
        sizes.append(path.stat().st_size)
    one.close()
    data = path.read_bytes()
    for cut in random.Random(17).sample(range(len(data)), 300):
        cut_path.write_bytes(data[:cut])
        there = sum(size <= cut for size in sizes)
        try:
            back = read(cut_path)
        except ValueError:
            back = []
        assert back == samples[: len(back)]
        assert there <= len(back) <= there + 1, "the last bytes of a record only end its block"


CHILD = """
import sys
from tests.test_recorder import at
from mlxtop.recording.recorder import Recorder
from mlxtop.recording.target import Target
from mlxtop.system.clock import RealClock
from pathlib import Path
one = Recorder(RealClock())
one.write_to(Target(Path(sys.argv[1])))
for tick in range(70):
    one.put(at(float(tick)))
    one.flush()
    print(one.written, flush=True)
print("end", flush=True)
sys.stdin.read()
"""


@pytest.mark.quick(8, 60)
@pytest.mark.parametrize("after", [1, 2, 3, 5, 8, 13, 21, 34, 40, 50, 59, 60])
def test_nothing_that_was_acknowledged_is_lost_by_a_kill(after: int, tmp_path: Path) -> None:
    path = tmp_path / "a.mlxrec"
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path)],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent,
    )
    assert child.stdout and child.stdin
    with child.stdout, child.stdin:
        acknowledged = 0
        while acknowledged < after:
            acknowledged = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        child.wait()
        for line in child.stdout:
            acknowledged = int(line) if line[0].isdecimal() else acknowledged
    there = read(path)
    assert len(there) >= acknowledged
    assert there == [at(float(tick)) for tick in range(len(there))]
