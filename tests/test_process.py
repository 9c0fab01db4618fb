"""Commands that talk to the person on this terminal."""

from pathlib import Path

import pytest

from mlxtop.system.process import foreground


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
