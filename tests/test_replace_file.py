"""A file is replaced as a whole, keeps owner and mode, and nobody is led anywhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mlxtop.system.owner import Owner, invoking_owner
from mlxtop.system.replace_file import replace_file

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def written(path: Path, text: str, mode: int = 0o640) -> os.stat_result:
    path.write_text(text)
    path.chmod(mode)
    return path.stat()


def test_a_new_file_and_its_directories_are_their_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "settings.toml"
    mask = os.umask(0)
    try:
        replace_file(str(path), b"x = 1\n", invoking_owner(), None)
    finally:
        os.umask(mask)
    assert path.read_text() == "x = 1\n"
    assert [one.stat().st_mode & 0o777 for one in (path, path.parent, path.parent.parent)] == [
        *(0o600, 0o700, 0o700)
    ]


def test_a_new_file_gets_the_mode_that_is_asked_for_whatever_the_umask(tmp_path: Path) -> None:
    mask = os.umask(0o077)
    try:
        replace_file(str(tmp_path / "x.prom"), b"x", invoking_owner(), None, mode=0o644)
    finally:
        os.umask(mask)
    assert (tmp_path / "x.prom").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o640])
def test_the_mode_stays_and_nothing_else_is_left_there(mode: int, tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    before = written(path, "old", mode)
    replace_file(str(path), b"new", invoking_owner(), before)
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new", mode)
    assert path.stat().st_ino != before.st_ino
    assert os.listdir(tmp_path) == ["settings.toml"]


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    target, link = tmp_path / "dotfiles" / "mlxtop.toml", tmp_path / "settings.toml"
    before = written(target, "old")
    link.symlink_to(target)
    replace_file(str(link), b"new", invoking_owner(), before)
    assert link.is_symlink()
    assert target.read_text() == "new"


@pytest.mark.parametrize("step", ["fsync", "replace", "fchmod"])
def test_what_fails_on_the_way_leaves_the_file_as_it_was(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "settings.toml"
    before = written(path, "old")

    def fail(*_: object, **__: object) -> None:
        raise OSError("no room")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OSError, match="no room"):
        replace_file(str(path), b"new", invoking_owner(), before)
    monkeypatch.undo()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["settings.toml"]


def test_a_file_that_is_read_only_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    with pytest.raises(PermissionError, match="read-only"):
        replace_file(str(path), b"new", invoking_owner(), written(path, "old", 0o444))
    assert path.read_text() == "old"


@as_root
def test_a_file_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    written(path, "old", 0o666)
    os.chown(path, NOBODY, NOBODY)
    with pytest.raises(PermissionError, match="belongs to another user"):
        replace_file(str(path), b"new", invoking_owner({}), path.stat())


@as_root
def test_root_writes_nothing_where_others_can_put_something_else(tmp_path: Path) -> None:
    folder = tmp_path / "home"
    folder.mkdir()
    os.chown(folder, NOBODY, NOBODY)
    with pytest.raises(PermissionError, match="other users can change"):
        replace_file(str(folder / "settings.toml"), b"new", Owner(0, 0, "/root"), None)
    assert os.listdir(folder) == []


@as_root
def test_with_the_rights_of_somebody_else_only_that_ones_files_are_written(
    open_directory: Path,
) -> None:
    home, roots = open_directory / "home", open_directory / "roots"
    home.mkdir()
    roots.mkdir()
    os.chown(home, NOBODY, NOBODY)
    owner = Owner(NOBODY, NOBODY, str(home))
    replace_file(str(home / "a" / "settings.toml"), b"new", owner, None)
    found = home / "a" / "settings.toml"
    assert {(one.stat().st_uid, one.stat().st_gid) for one in (found, found.parent)} == {
        (NOBODY, NOBODY)
    }
    replace_file(str(found), b"newer", owner, found.stat())
    assert (found.read_text(), found.stat().st_uid) == ("newer", NOBODY)
    found.unlink()
    found.symlink_to(roots / "file")
    with pytest.raises(PermissionError):
        replace_file(str(found), b"new", owner, None)
    assert os.listdir(roots) == []
