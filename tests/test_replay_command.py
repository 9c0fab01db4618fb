"""`mlxtop replay`: what it opens, and what it says where it cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlxtop.cli import main
from mlxtop.commands.arguments import parser
from mlxtop.commands.replay import opened
from tests.recorded import machine, write


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write(tmp_path / "a.mlxrec", machine("pacu", 120))


def test_without_a_time_it_plays_and_with_one_it_stands(path: Path) -> None:
    take = parser().parse_args
    replay = opened(take(["replay", str(path)]))
    assert replay.at is None
    assert replay.recording.paths == [path]
    begin = replay.recording.begin
    assert opened(take(["replay", str(path), "--at", "+50s"])).at == begin + 50.0
    assert opened(take(["replay", str(path.parent), "--at", "begin"])).at == begin


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--at", "+1h"], "is not in this recording"),
        (["--at", "nonsense"], "is no time"),
        (["--json"], "--from FILE --once --json"),
    ],
)
def test_what_cannot_be_shown_is_a_line(
    path: Path, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    assert main(["replay", str(path), *words]) == 1
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("option", [["--demo", "pacu"], ["--root", "/"]])
def test_it_has_a_machine_of_its_own(
    path: Path, capsys: pytest.CaptureFixture[str], option: list[str]
) -> None:
    assert main([*option, "replay", str(path)]) == 1
    assert "machine of its own" in capsys.readouterr().err


def test_without_a_terminal_it_says_what_goes(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", str(path)]) == 1
    assert "needs a terminal; without one: mlxtop --from FILE" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("missing.mlxrec", None, "No such file"),
        ("empty.mlxrec", b"", "holds no sample"),
        ("other.mlxrec", b"\x00\xff" * 99, "holds no sample"),
    ],
)
def test_what_is_no_recording_is_a_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    content: bytes | None,
    told: str,
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert main(["replay", str(tmp_path / name)]) == 1
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
