"""Command lines that the parser does not take, and what they mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlxtop.commands.arguments import UsageError, parser, usage
from mlxtop.commands.mending import Mended, mend, parse, port_named
from mlxtop.system.captured import load_captured

WHOLE = usage(parser())


@pytest.mark.parametrize(
    ("words", "mended"),
    [
        ("doctor --demo pacu enp*", "--demo=pacu doctor enp*"),
        ("doctor --demo enp*", "--demo= doctor enp*"),
        ("doctor eth0 --root x --json", "--root x doctor eth0 --json"),
        ("--ascii load --all 10.0.0.3", "--ascii --all load 10.0.0.3"),
        ("load 10.0.0.3 -ieth0 -p 5", "-ieth0 load 10.0.0.3 -p 5"),
        ("-i doctor load --debug x", "-i doctor --debug load x"),
        ("--demo fry runs --ascii", "--demo fry --ascii runs"),
        ("doctor --root", "--root doctor"),
        ("doctor enp1", None),
        ("--once", None),
    ],
)
def test_options_of_the_program_go_before_the_subcommand(words: str, mended: str | None) -> None:
    found = mend(words.split(), WHOLE, {"pacu", "fry"}.__contains__)
    assert found == (Mended(mended.split()) if mended is not None else None)


@pytest.mark.parametrize(
    ("words", "left"),
    [
        ("--all enp1s0 --once", "--all --once"),
        ("-i x enp1s0", "-i x"),
        ("--demo fry enp1s0", "--demo fry"),
    ],
)
def test_a_port_may_stand_where_a_subcommand_does(words: str, left: str) -> None:
    assert mend(words.split(), WHOLE, bool) == Mended(left.split(), "enp1s0")


def test_what_stays_unclear_is_as_the_parser_said_it() -> None:
    with pytest.raises(UsageError, match="unrecognized arguments: x"):
        parse(["log", "x"], bool)
    assert parse(["enp1s0", "--once"], bool).port_name == "enp1s0"
    assert parse(["--demo", "fry", "enp1s0"], bool).port_name == "enp1s0"
    assert parse(["doctor", "--demo", "fry"], bool).demo == "fry"


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("demo", "did you mean --demo?"),
        ("doctr", "did you mean doctor?"),
        ("enp1s0", "enp1s0 is no command, and no port is here; --all"),
    ],
)
def test_on_a_machine_without_a_card_too_a_typo_is_answered(
    word: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "sys").mkdir()
    bare = load_captured(str(tmp_path))
    with pytest.raises(UsageError) as raised:
        port_named(word, bare, everything=False)
    assert said in str(raised.value)
