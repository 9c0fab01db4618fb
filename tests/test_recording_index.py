"""What a survey found is kept, fits only its recording, and is never more than a cache."""

from __future__ import annotations

import os
import pickle
import pwd
import zlib
from collections.abc import Container
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple

import pytest

from mlxtop.model.sample import Sample, SourceKind
from mlxtop.recording import index as index_module
from mlxtop.recording import survey as survey_module
from mlxtop.recording.index import Index, values_of
from mlxtop.recording.playback import Playback
from mlxtop.recording.recording import Recording
from mlxtop.recording.survey import Survey
from mlxtop.watch.watch import Watch
from tests.recorded import known, machine, write
from tests.samples import PACU, ethernet, sample

COUNT = 60


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_module, "WORTH_S", 0.0)
    monkeypatch.setattr(survey_module, "EVERY", 10)
    monkeypatch.setattr(survey_module, "COST_S", 1e9)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "mlxtop-nic"


def faulty(count: int) -> tuple[Sample, ...]:
    return machine("faulty", 120)[:count]


def surveyed(path: Path, cache: Path) -> Survey:
    survey = Survey(Recording([path]), Index(cache))
    survey.run(Event())
    assert survey.is_done
    return survey


def read_samples(survey: Survey, monkeypatch: pytest.MonkeyPatch) -> int:
    """Return how many samples a survey looks at that goes on where the index ends."""
    seen = 0

    class Counting(Watch):
        def ingest(self, frame: Any) -> Any:
            nonlocal seen
            seen += 1
            return super().ingest(frame)

    with monkeypatch.context() as patch:
        patch.setattr(survey_module, "Watch", Counting)
        survey.run(Event())
    assert survey.is_done
    return seen


def index_of(cache: Path) -> Path:
    (found,) = cache.iterdir()
    return found


def everywhere(survey: Survey) -> list[dict[str, object]]:
    playback, all_known = Playback(survey.recording, survey), []
    for number in (0, 7, 23, 41, COUNT - 1):
        playback.seek(survey.recording.begin + number + 0.5)
        assert playback.is_exact
        all_known.append(known(playback.watch))
    return all_known


def test_a_second_survey_reads_what_the_first_one_kept(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.mlxrec", faulty(COUNT))
    first = surveyed(path, cache)
    again = Survey(Recording([path]), Index(cache))
    assert read_samples(again, monkeypatch) < 10
    assert everywhere(again) == everywhere(first)
    assert again.events == first.events
    assert again.events
    assert [one.place for one in again.checkpoints] == [one.place for one in first.checkpoints]


def test_a_recording_that_goes_on_is_looked_through_from_there(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = write(tmp_path / "a.mlxrec", faulty(COUNT))
    size, data = whole.stat().st_size, whole.read_bytes()
    whole.write_bytes(data[: size // 2])
    surveyed(whole, cache)
    whole.write_bytes(data)
    longer = Survey(Recording([whole]), Index(cache))
    assert 10 < read_samples(longer, monkeypatch) < COUNT - 10
    plain = Survey(Recording([whole]))
    plain.run(Event())
    assert everywhere(longer) == everywhere(plain)
    assert longer.events == plain.events
    assert read_samples(Survey(Recording([whole]), Index(cache)), monkeypatch) < 10


def test_another_recording_of_the_same_name_is_looked_through_anew(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.mlxrec", faulty(COUNT))
    surveyed(path, cache)
    path.unlink()
    write(path, faulty(COUNT))
    assert read_samples(Survey(Recording([path]), Index(cache)), monkeypatch) == COUNT


def hours(folder: Path, second_bps: float = 1e9) -> Path:
    def at(tick: float) -> Sample:
        bps = second_bps if tick >= 1200 else 1e9
        return sample(tick, ethernet(PACU, tick, bps, bps))

    return write(folder / f"{second_bps}.mlxrec", tuple(map(at, range(0, 3600, 60))))


def test_a_part_that_was_edited_is_looked_through_anew(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = hours(tmp_path)
    survey = surveyed(path, cache)
    places = [place.offset for place in survey.recording.places]
    data = bytearray(path.read_bytes())
    data[places[3] - 8] ^= 1  # the checksum of the third part
    path.write_bytes(data)
    edited = Survey(Recording([path]), Index(cache))
    assert 20 < read_samples(edited, monkeypatch) < COUNT


@pytest.mark.quick(40, -1)
@pytest.mark.parametrize("end", [0, 5, 40, -1, -3000])
def test_a_torn_index_counts_as_far_as_it_is_whole(tmp_path: Path, cache: Path, end: int) -> None:
    path = write(tmp_path / "a.mlxrec", faulty(COUNT))
    whole = everywhere(surveyed(path, cache))
    torn = index_of(cache)
    torn.write_bytes(torn.read_bytes()[:end])
    assert everywhere(surveyed(path, cache)) == whole
    assert everywhere(surveyed(path, cache)) == whole


def test_it_can_be_read_and_changed_by_its_owner_alone(tmp_path: Path, cache: Path) -> None:
    surveyed(write(tmp_path / "a.mlxrec", faulty(COUNT)), cache)
    assert index_of(cache).stat().st_mode & 0o777 == 0o600
    assert cache.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("how", ["others may write it", "a link", "two names", "a pipe"])
def test_what_somebody_else_could_have_put_there_is_not_read(
    how: str, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.mlxrec", faulty(COUNT))
    surveyed(path, cache)
    mine = index_of(cache)
    if how == "others may write it":
        mine.chmod(0o622)
    elif how == "two names":
        os.link(mine, tmp_path / "other")
    else:
        mine.rename(tmp_path / "there")
        if how == "a link":
            mine.symlink_to(tmp_path / "there")
        else:
            os.mkfifo(mine)
    assert read_samples(Survey(Recording([path]), Index(cache)), monkeypatch) == COUNT


class Planted:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


def test_a_planted_step_does_nothing(tmp_path: Path, cache: Path) -> None:
    path = write(tmp_path / "a.mlxrec", faulty(COUNT))
    whole = everywhere(surveyed(path, cache))
    mine, planted = index_of(cache), tmp_path / "planted"
    stamp = index_module._stamps(Recording([path]))[0]
    data = zlib.compress(stamp + pickle.dumps(Planted(planted)))
    frame = index_module._FRAME.pack(len(data), zlib.crc32(data))
    mine.write_bytes(index_module._HEAD + frame + data)
    assert everywhere(surveyed(path, cache)) == whole
    assert not planted.exists()


def test_a_step_of_another_shape_makes_it_anew(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.mlxrec", faulty(COUNT))
    whole = everywhere(surveyed(path, cache))
    recording, index = Recording([path]), Index(cache)
    steps = list(index.steps(recording))
    index.forget()
    for step in steps:
        index.add(step._replace(marks={}))
    index.close()
    assert read_samples(Survey(Recording([path]), Index(cache)), monkeypatch) == COUNT
    again = Survey(Recording([path]), Index(cache))
    assert read_samples(again, monkeypatch) < 10
    assert everywhere(again) == whole


@pytest.mark.parametrize(
    "data",
    [
        pickle.dumps(os.system),
        b"cmlxtop.recording.index\nos.system\n.",
        b"cmlxtop.watch.hooks\nHooks\n.",
        b"cmlxtop.recording.index\nimport_module\n.",
        b"cmlxtop.recording.index\nPath\n.",
        b"",
        b"\x80\x05]",
    ],
)
def test_only_values_are_read(data: bytes) -> None:
    with pytest.raises(ValueError, match="no values"):
        values_of(data)


class _AsOlderPythonsDo(NamedTuple):
    """Is pickled as members of enumerations are by Python 3.11.0 to 3.11.3."""

    kind: object
    name: str

    def __reduce__(self) -> tuple[object, tuple[object, str]]:
        return getattr, (self.kind, self.name)


def test_members_of_enumerations_are_read_from_every_python() -> None:
    data = pickle.dumps(_AsOlderPythonsDo(SourceKind, "REPLAY"))
    assert values_of(data) is SourceKind.REPLAY


@pytest.mark.parametrize(("kind", "name"), [(SourceKind, "mro"), (Sample, "_make"), (3, "real")])
def test_nothing_else_is_taken_out_of_anything(kind: object, name: str) -> None:
    with pytest.raises(ValueError, match="no values"):
        values_of(pickle.dumps(_AsOlderPythonsDo(kind, name)))


def test_a_disk_that_is_full_ends_the_index_and_not_the_survey(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.mlxrec", faulty(COUNT))
    monkeypatch.setattr(index_module, "disk_is_full", lambda fd: True)
    assert everywhere(surveyed(path, cache))
    assert index_of(cache).stat().st_size == 32


def test_all_together_are_bounded(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    surveyed(write(tmp_path / "a.mlxrec", faulty(COUNT)), cache)
    first = index_of(cache)
    os.utime(first, (0, 0))
    surveyed(write(tmp_path / "b.mlxrec", faulty(COUNT)), cache)
    monkeypatch.setattr(index_module, "MOST_BYTES", 1)
    assert first.exists()
    surveyed(write(tmp_path / "c.mlxrec", faulty(COUNT)), cache)
    assert len(list(cache.iterdir())) == 1


def test_a_recording_as_text_has_none(tmp_path: Path, cache: Path) -> None:
    import gzip

    path = write(tmp_path / "a.mlxrec", faulty(COUNT))
    path.write_bytes(gzip.decompress(path.read_bytes()))
    surveyed(path, cache)
    assert not cache.exists()


def test_what_root_reads_for_somebody_else_is_kept_where_only_root_can_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("SUDO_UID", "1000")
    index = Index.own()
    assert index is not None
    assert index.directory == Path(pwd.getpwuid(0).pw_dir) / ".cache" / "mlxtop-nic"
    monkeypatch.delenv("SUDO_UID")
    index = Index.own()
    assert index is not None
    assert index.directory == tmp_path / "mlxtop-nic"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root reads what a service recorded")
@pytest.mark.parametrize(
    ("access", "read"),
    [((64000, 0o600), range(10)), ((64001, 0o600), [COUNT]), ((64000, 0o644), [COUNT])],
)
def test_root_begins_with_the_index_of_a_service(
    tmp_path: Path,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    access: tuple[int, int],
    read: Container[int],
) -> None:
    path, service = write(tmp_path / "a.mlxrec", faulty(COUNT)), tmp_path / "service"
    surveyed(path, service)
    owner, mode = access
    os.chown(path, 64000, 64000)
    os.chown(index_of(service), owner, owner)
    index_of(service).chmod(mode)
    (tmp_path / "link").symlink_to("service")
    monkeypatch.setattr(index_module, "SERVICE", tmp_path / "link")
    assert read_samples(Survey(Recording([path]), Index(cache)), monkeypatch) in read
    monkeypatch.setattr(index_module, "SERVICE", tmp_path / "nothing")
    assert read_samples(Survey(Recording([path]), Index(cache)), monkeypatch) < 10
    assert index_of(cache).stat().st_uid == 0
