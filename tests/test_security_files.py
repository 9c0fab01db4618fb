"""Files that are written are their owner's alone, whatever lies in the way."""

from __future__ import annotations

import json
import os
import pwd
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from mlxtop import settings
from mlxtop.change import revert
from mlxtop.change.log import ActionLog, own_log, private_directory
from mlxtop.change.port_types import claim
from mlxtop.cli import main
from mlxtop.load.run_log import RunWriter, own_runs, read_run
from mlxtop.system.owner import Owner, invoking_owner, rights_of

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home directory that others may enter, unlike those of pytest; the umask is 0."""
    with TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        place = Path(name) / "home"
        place.mkdir()
        monkeypatch.setenv("XDG_STATE_HOME", str(place / ".local" / "state"))
        monkeypatch.setenv("XDG_CONFIG_HOME", str(place / ".config"))
        monkeypatch.delenv("SUDO_UID", raising=False)
        mask = os.umask(0)
        yield place
        os.umask(mask)


@pytest.fixture
def under_sudo(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of nobody, who called us with sudo."""
    monkeypatch.setenv("SUDO_UID", str(NOBODY))
    os.chown(home, NOBODY, NOBODY)
    return home


@pytest.fixture
def victim(home: Path) -> Path:
    """A directory that only root may write, with a file in it."""
    place = home.parent / "victim"
    place.mkdir(0o755)
    (place / "file").write_text("precious")
    return place


@pytest.fixture
def group_of_root() -> Iterator[None]:
    """We are in root's group, as after a login."""
    groups = os.getgroups()
    os.setgroups([0])
    yield
    os.setgroups(groups)


def write_everything(home: Path) -> list[str | None]:
    """Log an action, record a run, capture a machine; what went wrong."""
    complaints = [own_log().record(action="begin", argv=["x"])]
    try:
        writer = RunWriter(own_runs(), 0.0)
        writer.begin(note="x")
        writer.close()
        complaints.append(writer.problem)
    except OSError as error:
        complaints.append(str(error))
    return complaints


def modes(home: Path) -> dict[str, int]:
    return {str(path.relative_to(home)): path.lstat().st_mode & 0o7777 for path in home.rglob("*")}


def test_what_is_written_is_for_its_owner_alone_whatever_the_umask(home: Path) -> None:
    assert write_everything(home) == [None, None]
    assert main(["--root", "tests/hosts/cx4-x8.txt", "capture", str(home / "x.txt")]) == 0
    found = modes(home)
    assert found.keys() >= {".local/state/mlxtop-nic/actions.jsonl", "x.txt"}
    for name, mode in found.items():
        assert mode == (0o700 if (home / name).is_dir() else 0o600), name


def test_the_run_log_makes_its_directories_as_closed(home: Path) -> None:
    RunWriter(own_runs(), 0.0).close()
    assert modes(home)[".local/state/mlxtop-nic"] == 0o700
    assert modes(home)[".local"] == 0o700


def test_a_directory_that_was_left_open_is_closed(home: Path) -> None:
    state = home / ".local" / "state" / "mlxtop-nic"
    (state / "runs").mkdir(parents=True)
    assert write_everything(home) == [None, None]
    assert modes(home)[".local/state/mlxtop-nic"] == 0o700
    assert modes(home)[".local/state/mlxtop-nic/runs"] == 0o700


@pytest.mark.parametrize("name", ["mlxtop-nic", "mlxtop-nic/runs"])
def test_a_directory_that_is_a_link_is_not_written_to(home: Path, victim: Path, name: str) -> None:
    place = home / ".local" / "state" / name
    place.parent.mkdir(parents=True)
    place.symlink_to(victim)
    assert write_everything(home)[1] is not None
    assert os.listdir(victim) == ["file"]
    assert (victim.stat().st_mode & 0o777, (victim / "file").read_text()) == (0o755, "precious")


@as_root
@pytest.mark.parametrize("name", ["mlxtop-nic", "mlxtop-nic/runs"])
def test_a_directory_of_somebody_else_is_not_written_to(home: Path, name: str) -> None:
    place = home / ".local" / "state" / name
    place.mkdir(parents=True)
    os.chown(place, NOBODY, NOBODY)
    assert "belongs to another user" in str(write_everything(home)[1])
    assert os.listdir(place) == []


@pytest.mark.parametrize("what", ["link", "pipe", "directory", "nothing's link"])
def test_what_lies_in_place_of_the_log_is_left_alone(home: Path, victim: Path, what: str) -> None:
    path = Path(own_log().path)
    path.parent.mkdir(parents=True)
    if what == "pipe":
        os.mkfifo(path)
    elif what == "directory":
        path.mkdir()
    else:
        path.symlink_to(victim / ("file" if what == "link" else "new"))
    assert "cannot be written" in str(own_log().record(action="x"))
    assert [(p.name, p.read_text()) for p in victim.iterdir()] == [("file", "precious")]
    with pytest.raises(OSError):
        own_log().entries()


@as_root
def test_under_sudo_everything_belongs_to_who_asked(under_sudo: Path) -> None:
    assert write_everything(under_sudo) == [None, None]
    assert main(["--root", "tests/hosts/cx4-x8.txt", "capture", str(under_sudo / "x.txt")]) == 0
    found = list(under_sudo.rglob("*"))
    assert len(found) >= 6
    assert {(p.lstat().st_uid, p.lstat().st_gid) for p in found} == {(NOBODY, NOBODY)}


@as_root
def test_under_sudo_no_link_of_who_asked_leads_root_anywhere(
    under_sudo: Path, victim: Path
) -> None:
    state = under_sudo / ".local"
    state.symlink_to(victim)
    assert None not in write_everything(under_sudo)
    assert os.listdir(victim) == ["file"]
    state.unlink()
    assert write_everything(under_sudo) == [None, None]
    runs = own_runs()
    (victim / "file").chmod(0o600)
    (runs / "20200101T000000Z.jsonl").symlink_to(victim / "file")
    with pytest.raises(OSError):
        read_run(runs, "20200101T000000Z")
    shutil.rmtree(runs)
    victim.chmod(0o700)
    runs.symlink_to(victim)
    with pytest.raises(OSError):
        read_run(runs, "file")


@as_root
def test_root_still_writes_a_capture_where_who_asked_may_not(
    under_sudo: Path, victim: Path
) -> None:
    path = victim / "x.txt"
    assert main(["--root", "tests/hosts/cx4-x8.txt", "capture", str(path)]) == 0
    assert (path.stat().st_uid, path.stat().st_mode & 0o777) == (0, 0o600)


@as_root
def test_under_sudo_the_settings_are_those_of_who_asked(
    under_sudo: Path, victim: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_CONFIG_HOME")
    owner = Owner(NOBODY, NOBODY, str(under_sudo))
    monkeypatch.setattr(settings, "invoking_owner", lambda environ: owner)
    path = settings.config_path()
    assert path == under_sudo / ".config" / "mlxtop-nic" / "settings.toml"
    path.parent.mkdir(parents=True)
    path.write_text("interval = 2.0\n")
    assert settings.load({})[0].interval == 2.0
    secret = victim / "secret"
    secret.write_text("root_password = 1\n")
    secret.chmod(0o600)
    path.unlink()
    path.symlink_to(secret)
    assert settings.load({})[1] == [f"{path}: Permission denied"]


@as_root
@pytest.mark.usefixtures("group_of_root")
@pytest.mark.parametrize("mode", [0o700, 0o750])
def test_nothing_is_quoted_of_settings_that_who_asked_cannot_reach(
    under_sudo: Path, victim: Path, mode: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = victim / "mlxtop-nic" / "settings.toml"
    path.parent.mkdir()
    path.write_text("root_password = 1\n[hooks]\nsecret = '/x'\n")
    path.chmod(0o644)
    path.parent.chmod(0o755)
    victim.chmod(mode)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(victim))
    found, complaints = settings.load({})
    assert complaints == [f"{path}: Permission denied"]
    assert (found.hooks, found.file) == ({}, None)
    monkeypatch.delenv("SUDO_UID")
    assert "root_password" in settings.load({})[1][0]


@as_root
@pytest.mark.usefixtures("group_of_root")
def test_the_rights_of_who_asked_are_given_back(victim: Path) -> None:
    (victim / "file").chmod(0o640)
    with rights_of(Owner(NOBODY, NOBODY, "/")), pytest.raises(PermissionError):
        (victim / "file").read_text()
    assert (victim / "file").read_text() == "precious"
    assert os.getgroups() == [0]


@as_root
def test_the_home_of_who_asked_is_theirs_by_the_user_database() -> None:
    assert invoking_owner({"SUDO_UID": str(NOBODY), "HOME": "/root"}).home != "/root"
    for wrong in ("", "x", "9" * 5000, "-1", "१"):
        assert invoking_owner({"SUDO_UID": wrong, "HOME": "/root"}).home == "/root"


HOMELESS = [{}, {"HOME": ""}, {"HOME": "no/where"}, {"HOME": "."}]


@pytest.mark.parametrize("environ", HOMELESS, ids=str)
@pytest.mark.parametrize("base", [{}, {"XDG_STATE_HOME": "", "XDG_CONFIG_HOME": "x/y"}], ids=str)
def test_a_home_that_is_no_absolute_path_is_that_of_the_user_database(
    environ: dict[str, str], base: dict[str, str]
) -> None:
    environ = environ | base
    home = pwd.getpwuid(os.geteuid()).pw_dir
    assert invoking_owner(environ).home == home
    assert own_log(environ).path == f"{home}/.local/state/mlxtop-nic/actions.jsonl"
    assert str(own_runs(environ)) == f"{home}/.local/state/mlxtop-nic/runs"
    assert str(settings.config_path(environ)) == f"{home}/.config/mlxtop-nic/settings.toml"


@pytest.mark.parametrize("path", ["", "no/where/x", "./x"])
def test_a_relative_directory_is_an_error_and_no_endless_loop(path: str) -> None:
    with pytest.raises(OSError, match="not an absolute path"):
        private_directory(path, os.geteuid())
    log = ActionLog(f"{path}/log", invoking_owner())
    if path:
        assert "not an absolute path" in str(log.record(action="x"))


def test_the_socket_that_waits_for_a_word_is_its_owners_alone(home: Path) -> None:
    run, device = home / "run", "0000:09:00.0"
    lock = claim(str(run), device)
    path = Path(revert.socket_path(str(run), device))
    server = revert.listen(str(path), os.geteuid())
    try:
        assert (run / f"lock-{device}").stat().st_mode & 0o777 == 0o600
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o022 == 0
        assert os.umask(0) == 0, "the umask is as before"
    finally:
        server.close()
        os.close(lock)


def test_entries_are_written_as_json_that_no_terminal_obeys(home: Path) -> None:
    hostile = "\x1b]0;owned\x07\x9b2J\n"
    assert own_log().record(action=hostile, argv=[hostile]) is None
    data = Path(own_log().path).read_bytes()
    assert data.count(b"\n") == 1 and all(32 <= byte < 127 for byte in data[:-1])
    assert json.loads(data)["argv"] == [hostile]
