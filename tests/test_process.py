"""Commands that talk to the person on this terminal."""

import subprocess
import sys
from pathlib import Path

import pytest

from mlxtop.system.process import foreground

ASK = "from mlxtop.system.process import can_be_continued as asked; print(asked())"


def test_what_a_command_in_the_foreground_prints_is_kept() -> None:
    done = foreground(["sh", "-c", "echo out; echo err >&2; exit 3"])
    assert (done.status, done.stdout, done.stderr) == (3, "out\n", "err\n")


def test_a_command_in_the_foreground_starts_in_the_root_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert foreground(["pwd"]).stdout == "/\n"


def test_a_command_in_the_foreground_takes_its_input_from_us() -> None:
    assert foreground(["cat"], "two\nlines").stdout == "two\nlines"


def test_a_command_that_is_not_installed_is_an_oserror() -> None:
    with pytest.raises(FileNotFoundError):
        foreground(["no-such-command"])


@pytest.mark.parametrize("between", [[], ["sh", "-c", '"$@"; exit $?', "sh"]])
@pytest.mark.parametrize("session", [False, True])
def test_a_job_can_be_continued_from_its_own_session_only(
    session: bool, between: list[str]
) -> None:
    done = subprocess.run(
        [*between, sys.executable, "-c", ASK],
        capture_output=True,
        text=True,
        check=True,
        start_new_session=session,
        process_group=None if session else 0,
    )
    assert done.stdout == f"{not session}\n"
