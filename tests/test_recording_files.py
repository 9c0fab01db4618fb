"""Files of recordings: private, named by machine and time, and deleted only where they are ours."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mlxtop.lab import ManualClock
from mlxtop.recording.files import (
    OldFile,
    file_name,
    is_full,
    new_file,
    new_file_in,
    outdated,
    own_recordings,
    tidy,
)
from mlxtop.recording.lines import Lines, Members
from mlxtop.recording.target import Target, WrittenFile
from tests.samples import sample

WALL = 1_795_158_435.0
GB = 10**9


def ours(directory: Path, name: str, age: float, size: int = 0) -> Path:
    path = directory / name
    line = next(Lines().of(sample(1.0)))
    path.write_bytes(Members().add(line) + b"\0" * size)
    os.utime(path, (WALL - age, WALL - age))
    return path


def test_recordings_are_in_the_state_folder_of_who_asked() -> None:
    assert own_recordings({"HOME": "/home/me", "XDG_STATE_HOME": "/state"}) == Path(
        "/state/mlxtop-nic/recordings"
    )


def test_a_file_and_its_folder_are_their_owners_alone(tmp_path: Path) -> None:
    directory = tmp_path / "mlxtop-nic" / "recordings"
    path, fd = new_file_in(directory, "pacu", WALL)
    os.close(fd)
    assert path.name == "pacu-20261120T070715Z.mlxrec"
    assert path.stat().st_mode & 0o777 == 0o600
    assert directory.stat().st_mode & 0o777 == 0o700


def test_recordings_of_one_second_have_names_of_their_own(tmp_path: Path) -> None:
    names = []
    for _ in range(3):
        path, fd = new_file_in(tmp_path, "pacu", WALL)
        os.close(fd)
        names.append(path.name)
    assert names[1:] == ["pacu-20261120T070715Z-2.mlxrec", "pacu-20261120T070715Z-3.mlxrec"]


@pytest.mark.parametrize("host", ["../../etc", "a/b", "", "-x", "ä" * 300, ".hidden", "x" * 300])
def test_the_name_of_a_machine_leads_nowhere_else(host: str) -> None:
    name = file_name(host, WALL)
    assert "/" not in name
    assert not name.startswith((".", "-"))
    assert len(name) < 100


def test_a_file_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    victim, link = tmp_path / "victim", tmp_path / "link.mlxrec"
    victim.write_text("precious")
    link.symlink_to(victim)
    for path in (victim, link):
        with pytest.raises(FileExistsError):
            new_file(path)
    assert victim.read_text() == "precious"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be somebody under sudo")
def test_under_sudo_a_file_belongs_to_who_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    os.chown(home, 65534, 65534)
    for above in (tmp_path, *tmp_path.parents):
        if above.stat().st_mode & 0o005 != 0o005:
            above.chmod(above.stat().st_mode | 0o055) if above.is_relative_to("/tmp") else None
    monkeypatch.setenv("SUDO_UID", "65534")
    monkeypatch.setenv("SUDO_GID", "65534")
    path, fd = new_file_in(home / "mlxtop-nic" / "recordings", "pacu", WALL)
    os.close(fd)
    assert (path.stat().st_uid, path.parent.stat().st_uid) == (65534, 65534)
    roots = tmp_path / "roots"
    roots.mkdir(mode=0o755)
    os.close(new_file(roots / "one.mlxrec"))
    assert (roots / "one.mlxrec").stat().st_uid == 0, "root's place, which sudo is meant for"


@pytest.mark.parametrize(
    ("free", "total", "full"),
    [
        (int(1.9 * GB), 100 * GB, True),
        (int(2.1 * GB), 100 * GB, False),
        (int(0.49 * GB), 10 * GB, True),
        (int(0.51 * GB), 10 * GB, False),
    ],
)
def test_a_disk_is_full_under_five_percent_and_two_gigabytes(
    free: int, total: int, full: bool
) -> None:
    assert is_full(free, total) is full


def test_what_is_too_old_or_too_much_is_outdated_the_oldest_first() -> None:
    files = [OldFile(float(hour * 3600), GB // 4, str(hour)) for hour in (30, 10, 20, 40)]
    names = [one.name for one in outdated(files, 50 * 3600.0, 48 * 3600.0, GB)]
    assert names == []
    names = [one.name for one in outdated(files, 58 * 3600.0 + 1, 48 * 3600.0, GB)]
    assert names == ["10"]
    names = [one.name for one in outdated(files, 50 * 3600.0, 48 * 3600.0, GB - 1)]
    assert names == ["10"]
    names = [one.name for one in outdated(files, 50 * 3600.0, 48 * 3600.0, GB // 4)]
    assert names == ["10", "20", "30"]


def test_who_says_nothing_keeps_what_was_to_be_kept_when_it_was_recorded() -> None:
    week, hour = 7 * 86400.0, 3600.0
    files = [
        OldFile(0.0, GB, "week", week, 4 * GB),
        OldFile(1.0, GB, "plain"),
        OldFile(100 * hour, GB, "new"),
    ]
    now = 101 * hour
    assert [one.name for one in outdated(files, now, None, None)] == ["plain"]
    gone = [one.name for one in outdated(files, week + 1.0, None, None)]
    assert gone == ["week", "plain", "new"]
    assert [one.name for one in outdated(files, now, None, 2 * GB)] == ["week", "plain"]
    assert [one.name for one in outdated(files, now, 48 * hour, None)] == ["week", "plain"]
    assert outdated(files[2:], now, None, None, used=0) == []
    assert [one.name for one in outdated(files[2:], now, None, None, used=1)] == ["new"]


def test_a_recording_says_for_how_long_it_is_to_be_kept(tmp_path: Path) -> None:
    for name, keep in (("a", (7 * 86400.0, 2 * GB)), ("b", None)):
        path = tmp_path / f"{name}-20261101T000000Z.mlxrec"
        line = next(Lines(keep=keep).of(sample(1.0)))
        path.write_bytes(Members().add(line))
        os.utime(path, (WALL - 3 * 86400.0, WALL - 3 * 86400.0))
    assert tidy(tmp_path, None, WALL, None, None) == ["b-20261101T000000Z.mlxrec"]
    assert tidy(tmp_path, None, WALL, 86400.0, None) == ["a-20261101T000000Z.mlxrec"]


def test_only_files_that_mlxtop_wrote_are_deleted(tmp_path: Path) -> None:
    old = 1e6
    ours(tmp_path, "pacu-20261101T000000Z.mlxrec", old)
    ours(tmp_path, "pacu-20261101T000000Z-2.mlxrec", 60.0)
    ours(tmp_path, "ticket-4711.mlxrec", old)
    for name, data in (
        ("pacu-20261102T000000Z.mlxrec", b"notes"),
        ("pacu-20261103T000000Z.mlxrec", b""),
        ("pacu-20261104T000000Z.txt", b""),
    ):
        (tmp_path / name).write_bytes(data)
        os.utime(tmp_path / name, (WALL - old, WALL - old))
    (tmp_path / "pacu-20261105T000000Z.mlxrec").symlink_to(tmp_path / "ticket-4711.mlxrec")
    os.mkfifo(tmp_path / "pacu-20261106T000000Z.mlxrec")
    current = ours(tmp_path, "pacu-20261107T000000Z.mlxrec", old)
    before = {path.name for path in tmp_path.iterdir()}
    assert tidy(tmp_path, current, WALL, 48 * 3600.0, GB) == ["pacu-20261101T000000Z.mlxrec"]
    gone = before - {path.name for path in tmp_path.iterdir()}
    assert gone == {"pacu-20261101T000000Z.mlxrec"}


def test_the_file_that_is_written_counts_among_the_bytes_that_are_kept(tmp_path: Path) -> None:
    ours(tmp_path, "pacu-20261101T000000Z.mlxrec", 60.0, 50_000)
    current = ours(tmp_path, "pacu-20261107T000000Z.mlxrec", 0.0, 60_000)
    assert tidy(tmp_path, current, WALL, 48 * 3600.0, 130_000) == []
    assert tidy(tmp_path, current, WALL, 48 * 3600.0, 110_000) != []


def test_a_file_is_closed_once_for_its_number_may_be_anothers(tmp_path: Path) -> None:
    target = Target(tmp_path / "a.mlxrec")
    file = WrittenFile.made(target, None, ManualClock())
    file.close()
    other = os.open(tmp_path / "other", os.O_CREAT | os.O_WRONLY)
    try:
        file.close()
        assert os.write(other, b"x") == 1
    finally:
        os.close(other)
