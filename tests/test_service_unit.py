"""Units start the program that prints them, as words that systemd takes apart again."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mlxtop.system.service_unit import exec_start, own_program, protect_home


def executable(path: Path) -> str:
    """Make a program."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return str(path)


def test_the_program_that_was_called_is_started_then_one_beside_python_or_in_the_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    python = executable(tmp_path / "env" / "bin" / "python")
    monkeypatch.setattr(sys, "executable", python)
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "mlxtop" / "__main__.py")])
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert own_program() == [python, "-m", "mlxtop"]
    found = executable(tmp_path / "bin" / "mlxtop")
    assert own_program() == [found]
    beside = executable(tmp_path / "env" / "bin" / "mlxtop")
    assert own_program() == [beside]
    called = executable(tmp_path / "my tools" / "mlxtop")
    monkeypatch.setattr(sys, "argv", [called])
    assert own_program() == [called]


@pytest.mark.parametrize(
    ("word", "written"),
    [
        ("/usr/bin/mlxtop", "/usr/bin/mlxtop"),
        ("/opt/my tools/mlxtop", '"/opt/my tools/mlxtop"'),
        ("50%", "50%%"),
        ("$HOME", "$$HOME"),
        ('a"b\\c', '"a\\"b\\\\c"'),
        ("--listen=[::1]:80", '"--listen=[::1]:80"'),
    ],
)
def test_a_word_stays_one_word_as_it_is(word: str, written: str) -> None:
    assert exec_start(["mlxtop", word]) == f"mlxtop {written}"


@pytest.mark.parametrize(
    ("program", "value"),
    [
        (["/usr/bin/python3", "-m", "mlxtop"], "yes"),
        (["/homes/mlxtop"], "yes"),
        (["/home/me/env/bin/python", "-m", "mlxtop"], "read-only"),
        (["/root/env/bin/mlxtop"], "read-only"),
    ],
)
def test_a_program_below_a_home_may_be_read(program: list[str], value: str) -> None:
    assert protect_home(program) == value
