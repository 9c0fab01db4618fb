"""What the command line takes, as values."""

from __future__ import annotations

import argparse

import pytest

from mlxtop.commands.arguments import COMMANDS, parser, usage

WHOLE = usage(parser())


OPTIONS = [
    (name, flag)
    for name, taken in [("", WHOLE), *WHOLE.commands.items()]
    for option in taken.options
    for flag in option.flags
]


def test_the_usage_is_all_that_the_parser_takes() -> None:
    assert set(WHOLE.commands) == set(COMMANDS)
    assert {"--once", "--root", "-i", "--help"} <= {flag for name, flag in OPTIONS if not name}


def test_the_parser_names_values_that_are_tuples_and_choices() -> None:
    made_up = argparse.ArgumentParser()
    made_up.add_argument("--pair", nargs=2, metavar=("A", "B"))
    made_up.add_argument("--one", choices=(1, 2))
    made_up.add_argument("--hidden", help=argparse.SUPPRESS)
    _, pair, one = usage(made_up).options
    assert (pair.value, one.value) == ("A B", "1|2")


def test_the_help_fits_a_terminal_of_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    top = parser()
    action = next(one for one in top._actions if isinstance(one, argparse._SubParsersAction))
    for one in (top, *action.choices.values()):
        assert max(map(len, one.format_help().splitlines())) <= 80
