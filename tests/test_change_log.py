"""The action log belongs to the person who asked, and leads root nowhere."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.change.log import ActionLog, log_path, parse_log
from mlxtop.system.owner import Owner, invoking_owner, rights_of

SELF = Owner(os.geteuid(), os.getegid(), "/home/me")


STRANGER = Owner(65534, 65534, "/nonexistent")


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def test_the_log_lies_in_the_state_directory_of_the_person_who_asked() -> None:
    assert log_path(SELF, {}) == "/home/me/.local/state/mlxtop-nic/actions.jsonl"
    assert log_path(SELF, {"XDG_STATE_HOME": "/s"}) == "/s/mlxtop-nic/actions.jsonl"
    assert log_path(SELF, {"XDG_STATE_HOME": "not/absolute"}).startswith("/home/me/")


@as_root
def test_under_sudo_the_caller_is_the_owner() -> None:
    owner = invoking_owner({"SUDO_UID": "65534", "HOME": "/root"})
    assert owner.uid == 65534 and owner.home != "/root"
    assert invoking_owner({"HOME": "/elsewhere"}) == Owner(0, 0, "/elsewhere")


def test_entries_come_back_in_order(tmp_path: Path) -> None:
    log = ActionLog(str(tmp_path / "a" / "b.jsonl"), SELF)
    assert log.record(action="begin", argv=["x\x1b[31m"]) is None
    assert log.record(action="end", status=0) is None
    assert [entry["action"] for entry in log.entries()] == ["begin", "end"]
    assert os.stat(log.path).st_mode & 0o077 == 0
    assert b"\x1b" not in Path(log.path).read_bytes()


@as_root
def test_under_sudo_files_belong_to_the_caller_and_links_lead_nowhere(open_directory: Path) -> None:
    home = open_directory / "home"
    home.mkdir()
    os.chown(home, STRANGER.uid, STRANGER.gid)
    log = ActionLog(str(home / "state" / "actions.jsonl"), STRANGER)
    assert log.record(action="begin") is None
    made = [home / "state", Path(log.path)]
    assert {(os.stat(p).st_uid, os.stat(p).st_gid) for p in made} == {(65534, 65534)}
    secret = open_directory / "secret"
    secret.touch(0o600)
    Path(log.path).unlink()
    Path(log.path).symlink_to(secret)
    assert "cannot be written" in str(log.record(action="begin"))
    assert secret.read_bytes() == b""
    with rights_of(STRANGER), pytest.raises(PermissionError):
        secret.read_bytes()
    assert secret.read_bytes() == b""


def test_what_is_no_file_is_not_written_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert "cannot be written" in str(ActionLog(str(pipe), SELF).record(action="x"))


@given(st.text())
def test_no_text_makes_the_log_reader_raise(text: str) -> None:
    parse_log(text)
