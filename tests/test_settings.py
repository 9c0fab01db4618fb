"""Settings are written as they are read, into the file of the person who asked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mlxtop.settings import LIMIT, ROWS, Settings, config_path, in_file, load, store
from mlxtop.system.owner import invoking_owner


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"XDG_CONFIG_HOME": str(tmp_path / "config")}


def given(environ: dict[str, str], text: str, mode: int = 0o640) -> Path:
    path = config_path(environ)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def test_what_is_stored_is_loaded(environ: dict[str, str]) -> None:
    for name, value in (("interval", 0.5), ("bell", True), ("include", ("enp*", "!ibp*"))):
        store(name, value, environ)
    store("quit", "x", environ, table="keys")
    store("alarm", "~/bin/sms", environ, table="hooks")
    found, complaints = load({}, environ)
    assert complaints == []
    assert (found.interval, found.bell, found.include) == (0.5, True, ("enp*", "!ibp*"))
    assert (found.keys, found.hooks) == ({"quit": "x"}, {"alarm": "~/bin/sms"})
    store("bell", None, environ)
    assert not load({}, environ)[0].bell
    assert in_file(environ)[0]["interval"] == 0.5


def test_comments_order_unknown_settings_and_mode_stay(environ: dict[str, str]) -> None:
    path = given(environ, "# mine\nfuture = 1 # not yet\ninterval = 1 # slow\n[keys]\n# none\n")
    store("interval", 2, environ)
    assert path.read_text() == (
        "# mine\nfuture = 1 # not yet\ninterval = 2 # slow\n[keys]\n# none\n"
    )
    assert path.stat().st_mode & 0o777 == 0o640
    before = path.stat()
    store("interval", 2, environ)
    assert path.stat().st_ino == before.st_ino, "nothing differs"


@pytest.mark.parametrize("text", ["interval =", "a = 1\na = 2\n", "bell = true\nbell.x = 1"])
def test_a_file_that_is_not_understood_is_not_written(text: str, environ: dict[str, str]) -> None:
    path = given(environ, text)
    with pytest.raises(ValueError):
        store("bell", True, environ)
    assert path.read_text() == text


def test_a_file_that_cannot_be_read_is_not_written(environ: dict[str, str]) -> None:
    path = given(environ, "#" * (LIMIT + 1))
    with pytest.raises(OSError, match="larger than"):
        store("bell", True, environ)
    path.write_text("#" * (LIMIT - 4))
    with pytest.raises(OSError, match="would be larger"):
        store("bell", True, environ)
    assert path.stat().st_size == LIMIT - 4
    assert in_file(environ) == ({}, [])
    path.unlink()
    path.mkdir()
    with pytest.raises(OSError):
        store("bell", True, environ)
    assert in_file(environ)[1] != []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_under_sudo_the_file_of_the_caller_is_written(open_directory: Path) -> None:
    nobody = 65534
    home = open_directory / "home"
    home.mkdir()
    os.chown(home, nobody, nobody)
    owner = invoking_owner({"SUDO_UID": str(nobody)})
    assert owner.uid == nobody
    environ = {"SUDO_UID": str(nobody), "XDG_CONFIG_HOME": str(home / ".config")}
    store("bell", True, environ)
    path = config_path(environ)
    assert (path.stat().st_uid, path.stat().st_mode & 0o777) == (nobody, 0o600)
    assert load({}, environ)[0].bell


def test_every_setting_that_is_a_switch_says_its_range() -> None:
    switches = {name for name, row in ROWS.items() if row.switch}
    assert switches == {
        name for name in ROWS if isinstance(getattr(Settings(), name), bool) and name != "debug"
    }
    assert all(ROWS[name].range == "true or false" for name in switches)
