"""Commands of a plan are logged before and after, whatever comes of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlxtop.change.log import ActionLog
from mlxtop.change.plan import Command
from mlxtop.change.privilege import Access, RootCommands
from mlxtop.change.run import LoggedCommands, last_words
from mlxtop.system.door import Finished
from mlxtop.system.owner import Owner
from tests.link_lab import link_lab


def commands(tmp_path: Path) -> tuple[LoggedCommands, ActionLog]:
    owner = Owner(tmp_path.stat().st_uid, tmp_path.stat().st_gid, str(tmp_path))
    log = ActionLog(str(tmp_path / "log" / "actions.jsonl"), owner)
    return LoggedCommands(RootCommands(link_lab(), Access.ROOT), log, "a title"), log


def test_a_command_is_logged_before_and_after(tmp_path: Path) -> None:
    run, log = commands(tmp_path)
    assert run.run(Command(("tee", "/tmp/x"), "", "text\n")).status == 0
    begin, end = log.entries()
    assert (begin["action"], begin["argv"]) == ("begin", ["tee", "/tmp/x"])
    assert (end["id"], end["status"], end["stdout"]) == (begin["id"], 0, "text\n")
    assert run.complaints == []


def test_what_cannot_be_started_is_logged_with_its_error(tmp_path: Path) -> None:
    run, log = commands(tmp_path)
    with pytest.raises(FileNotFoundError):
        run.run(Command(("nothing-like-it",), ""))
    assert "No such file" in str(log.entries()[1]["error"])


def test_a_log_that_cannot_be_written_is_complained_about_once(tmp_path: Path) -> None:
    run, _ = commands(tmp_path)
    (tmp_path / "log").write_text("a file")
    for _ in range(2):
        run.run(Command(("tee", "/tmp/x"), "", ""))
    assert len(run.complaints) == 1 and "cannot be written" in run.complaints[0]


def test_the_last_line_of_both_outputs_is_told() -> None:
    assert last_words(Finished(1, "one\n", "two\nthree\n")) == "three"
    assert last_words(Finished(2, "", "")) == "ended with status 2"
