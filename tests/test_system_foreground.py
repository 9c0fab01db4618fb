"""Commands on the person's terminal, and locks between programs."""

import subprocess
import sys
from pathlib import Path

import pytest

from mlxtop.system.foreground import claim, foreground


def test_what_a_command_in_the_foreground_prints_is_kept() -> None:
    done = foreground(["sh", "-c", "echo out; echo err >&2; exit 3"])
    assert (done.status, done.stdout, done.stderr) == (3, "out\n", "err\n")


def test_a_command_in_the_foreground_takes_its_input_from_us() -> None:
    assert foreground(["cat"], "two\nlines").stdout == "two\nlines"


def test_a_command_that_is_not_installed_is_an_oserror() -> None:
    with pytest.raises(FileNotFoundError):
        foreground(["no-such-command"])


def test_a_claimed_directory_is_refused_to_others_and_free_afterwards(tmp_path: Path) -> None:
    code = (
        "import sys; from mlxtop.system.foreground import claim\n"
        "try:\n with claim(sys.argv[1], 0.1): print('mine')\n"
        "except BlockingIOError: print('taken')"
    )

    def other() -> str:
        command = [sys.executable, "-c", code, str(tmp_path)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    with claim(str(tmp_path), 1.0):
        assert other() == "taken"
    assert other() == "mine"
