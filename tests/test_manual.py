"""The manual page says what the parser takes, all of it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from mlxtop.cli import main
from mlxtop.commands.arguments import COMMANDS, parser, usage

WHOLE = usage(parser())


OPTIONS = [
    (name, flag)
    for name, taken in [("", WHOLE), *WHOLE.commands.items()]
    for option in taken.options
    for flag in option.flags
]


def need(command: str) -> str:
    path = shutil.which(command)
    if path is None:
        pytest.skip(f"{command} is not installed")
    return path


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(words) == 0
    return capsys.readouterr().out


def test_the_manual_renders_without_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, "manual")
    done = subprocess.run(
        [need("groff"), "-man", "-Tutf8", "-ww", "-P-cbou"],
        input=text.encode(),
        capture_output=True,
        check=True,
    )
    assert done.stderr == b""
    shown = done.stdout.decode()
    for flag in {flag for _, flag in OPTIONS}:
        assert flag in shown
    for name in (*COMMANDS, "MLXTOP_NIC_INTERVAL", "settings.toml", "EXIT STATUS"):
        assert name in shown


def test_man_shows_the_manual(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    place = tmp_path / "mlxtop.1"
    place.write_text(printed(capsys, "manual"))
    done = subprocess.run(
        [need("man"), "--warnings", "-l", str(place)], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    assert "terminal monitor for Mellanox" in done.stdout


def test_on_a_terminal_it_is_said_how_the_page_is_read(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["manual"]) == 0
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert main(["manual"]) == 0
    assert "to read it: mlxtop manual | man -l -" in capsys.readouterr().err
