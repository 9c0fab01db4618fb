"""The manual by chapter."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import mlxtop
from mlxtop.cli import main
from mlxtop.commands import help as manual
from mlxtop.present.text import Role, plain, width

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


@pytest.mark.parametrize("name", CHAPTERS)
def test_prose_and_tables_of_a_chapter_are_broken_for_a_narrow_terminal(name: str) -> None:
    for columns in (60, 80):
        found = list(manual.lines(CHAPTERS[name], columns))
        texts = [plain(line) for line in found if line[0][1] is not Role.ACCENT or len(line) > 1]
        assert max(map(width, texts)) <= columns
    words = " ".join(texts).split()
    wide = [plain(line) for line in manual.lines(CHAPTERS[name], 1000)]
    assert [word for word in words if word not in " ".join(wide).split()] == []


def test_what_a_command_does_is_broken_beside_it_and_a_comment_is_not() -> None:
    code = "mlxtop fabric      managers, slow links and errors\n[hooks]      # as it is"
    text = f"# T\n\n```\n{code}\n```"
    *_, one, two, three = (plain(line) for line in manual.lines(text, 45))
    assert (one, two) == (
        "    mlxtop fabric      managers, slow links",
        "                       and errors",
    )
    assert three == "    [hooks]      # as it is"


def test_a_subcommand_without_a_chapter_shows_its_options(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert "usage: mlxtop runs" in printed(capsys, "runs")


def test_a_mistyped_chapter_is_answered_with_what_was_meant(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["help", "haet"]) == 1
    assert "no chapter 'haet'; did you mean heat?" in capsys.readouterr().err
