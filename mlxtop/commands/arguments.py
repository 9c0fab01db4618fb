"""What the command line takes, as values: from the parser itself, so that nothing goes stale."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mlxtop.model.number import whole


@dataclass(frozen=True, slots=True)
class Option:
    """An option, or an operand where there are no `flags`."""

    flags: tuple[str, ...]
    value: str | None
    """What stands for its value in help texts; None for a switch."""
    optional: bool
    """The value may be left out."""
    repeats: bool
    choices: tuple[str, ...]
    help: str


@dataclass(frozen=True, slots=True)
class Usage:
    """A parser's description and options, and its subcommands by name."""

    about: str
    options: tuple[Option, ...]
    operands: tuple[Option, ...]
    commands: dict[str, Usage]


def usage(parser: argparse.ArgumentParser) -> Usage:
    """Everything that `parser` takes."""
    found = list(_options(parser))
    return Usage(
        parser.description or "",
        tuple(option for option in found if option.flags),
        tuple(option for option in found if not option.flags),
        {
            name: usage(below)
            for action in parser._actions
            if isinstance(action, argparse._SubParsersAction)
            for name, below in action.choices.items()
        },
    )


def host(text: str) -> str:
    """A host name or address that no command takes for an option. Raises ArgumentTypeError."""
    from mlxtop.sources.probe import valid_host

    if not valid_host(text):
        raise argparse.ArgumentTypeError(f"{text!r} is neither a host name nor an address")
    return text


def between(low: int, high: int) -> Callable[[str], int]:
    """Return what reads a whole number from `low` to `high`, or raises ArgumentTypeError."""

    def number(text: str) -> int:
        value = whole(text, high)
        if value is None or value < low:
            raise argparse.ArgumentTypeError(f"{text!r} is no number from {low} to {high}")
        return value

    return number


def _options(parser: argparse.ArgumentParser) -> Iterator[Option]:
    for action in parser._actions:
        if action.help == argparse.SUPPRESS or isinstance(action, argparse._SubParsersAction):
            continue
        yield Option(
            flags=tuple(action.option_strings),
            value=None if action.nargs == 0 else _value(action),
            optional=action.nargs in ("?", "*"),
            repeats=action.nargs in ("*", "+") or isinstance(action, argparse._AppendAction),
            choices=tuple(str(choice) for choice in action.choices or ()),
            help=(action.help or "").replace("%%", "%"),
        )


def _value(action: argparse.Action) -> str:
    if isinstance(action.metavar, tuple):
        return " ".join(action.metavar)
    if action.metavar:
        return action.metavar
    return "|".join(str(choice) for choice in action.choices or ()) or action.dest.upper()
