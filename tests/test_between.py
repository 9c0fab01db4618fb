"""Parts of recordings, read and written."""

from __future__ import annotations

from math import inf
from pathlib import Path

import pytest

from mlxtop.model.sample import Sample
from mlxtop.recording.between import cut, moments_until
from mlxtop.recording.mask import SampleMask
from mlxtop.recording.recording import Recording, open_recording
from tests.recorded import derived, machine, write
from tests.samples import WALL
from tests.test_recording import HOUR, record


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return open_recording(str(record(tmp_path_factory.mktemp("hour") / "a.mlxrec")))


def part(path: Path, whole: Recording, since: float, until: float) -> tuple[Sample, ...]:
    with path.open("wb") as file:
        count = cut(whole, since, until, file.write)
    if not count:
        assert path.stat().st_size == 0
        return ()
    found = open_recording(str(path))
    samples = tuple(moment.sample for moment in found.moments())
    assert found.problems.all() == []
    assert len(samples) == count
    return samples


@pytest.mark.parametrize(
    ("since", "until"),
    [(0, 9), (1, 8), (600, 600), (603, 1206), (599, 2000.5), (-inf, 100), (3000, inf), (-inf, inf)],
)
def test_a_part_is_exactly_the_samples_between(
    hour: Recording, tmp_path: Path, since: float, until: float
) -> None:
    samples = part(tmp_path / "b", hour, WALL + since, WALL + until)
    assert [one.tick for one in samples] == [tick for tick in HOUR if since <= tick <= until]
    whole = {moment.sample.tick: moment.sample for moment in hour.moments()}
    assert all(one == whole[one.tick] for one in samples)


def test_reading_ends_soon_after_the_last_time(hour: Recording) -> None:
    taken = list(moments_until(hour, 0, WALL + 700))
    assert taken[-1].sample.tick == 693
    shares: list[float] = []
    list(moments_until(hour, 0, WALL + 3591, shares.append))
    assert shares == sorted(shares) and shares[0] >= 0 and shares[-1] <= 1


def test_frames_of_a_part_are_those_of_the_whole(tmp_path: Path) -> None:
    samples = machine("pacu", 90)
    whole = open_recording(str(write(tmp_path / "a", samples)))
    found = part(tmp_path / "b", whole, samples[40].wall, samples[80].wall)
    assert derived(found)[1:] == derived(samples[40:81])[1:]


def test_a_clock_that_was_set_back_loses_nothing(tmp_path: Path) -> None:
    samples = machine("pacu", 60)
    jumped = tuple(
        one._replace(wall=one.wall - (3600 if place >= 30 else 0))
        for place, one in enumerate(samples)
    )
    whole = open_recording(str(write(tmp_path / "a", jumped)))
    assert len(part(tmp_path / "b", whole, -inf, inf)) == 60
    assert [one.tick for one in part(tmp_path / "c", whole, -inf, samples[0].wall - 1)] == [
        one.tick for one in samples[30:]
    ]


def test_gaps_stay_gaps(tmp_path: Path) -> None:
    path = tmp_path / "a.mlxrec"
    record(path)
    data = path.read_bytes()
    middle = len(data) // 2
    path.write_bytes(data[: middle - 50] + bytes(100) + data[middle + 50 :])
    whole = open_recording(str(path))
    gaps = [(moment.sample.tick, moment.gap) for moment in whole.moments() if moment.gap]
    assert gaps
    with (tmp_path / "b").open("wb") as file:
        cut(whole, -inf, inf, file.write)
    again = open_recording(str(tmp_path / "b"))
    assert [(moment.sample.tick, moment.gap) for moment in again.moments() if moment.gap] == gaps


def test_a_masked_part_names_nobody(tmp_path: Path) -> None:
    samples = machine("fry", 30)
    whole = open_recording(str(write(tmp_path / "a", samples)))
    with (tmp_path / "b").open("wb") as file:
        cut(whole, -inf, inf, file.write, SampleMask([whole.host]))
    again = open_recording(str(tmp_path / "b"))
    assert again.host == "host"
    found = [moment.sample for moment in again.moments()]
    assert [one.tick for one in found] == [one.tick for one in samples]
    for mine, theirs in zip(found, samples, strict=True):
        assert mine.host.name == "host"
        for port, one in mine.ports.items():
            assert one.readings == theirs.ports[port].readings
