"""The manual by chapter."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import mlxtop
from mlxtop.cli import main
from mlxtop.commands import help as manual

CHAPTERS = manual.chapters()


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(("help", *words)) == 0
    return capsys.readouterr().out


def test_every_chapter_has_a_place_and_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    place = Path(mlxtop.__file__).parent / "share" / "manual"
    assert set(CHAPTERS) == {path.stem for path in place.glob("*.md")}
    listed = printed(capsys)
    for name, text in CHAPTERS.items():
        assert re.search(rf"^  {name} +{re.escape(manual.title(text))}$", listed, re.M)


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_fits_a_terminal_and_has_no_marks_left(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = printed(capsys, name)
    assert text.startswith(f"{manual.title(CHAPTERS[name])}\n\n")
    assert not re.search(r"^\||```|\*\*|^ *---", text, re.M)
    assert max(map(len, text.splitlines())) <= 110


def test_a_subcommand_without_a_chapter_shows_its_options(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert "usage: mlxtop runs" in printed(capsys, "runs")


def test_a_mistyped_chapter_is_answered_with_what_was_meant(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["help", "haet"]) == 1
    assert "no chapter 'haet'; did you mean heat?" in capsys.readouterr().err
