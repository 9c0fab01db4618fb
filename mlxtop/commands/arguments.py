"""What the command line takes, as values: from the parser itself, so that nothing goes stale."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from mlxtop.model.number import whole

ALONE = ("--once", "--json-stream", "-b", "--batch", "-n", "--count", "-V", "--version")
"""Options of the program that no subcommand goes with."""


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
    """Return everything that `parser` takes."""
    options = list(_options(parser))
    return Usage(
        parser.description or "",
        tuple(option for option in options if option.flags),
        tuple(option for option in options if not option.flags),
        {
            name: usage(below)
            for action in parser._actions
            if isinstance(action, argparse._SubParsersAction)
            for name, below in action.choices.items()
        },
    )


def misplaced(words: Sequence[str], whole: Usage) -> str | None:
    """Return where an option goes that stands after the subcommand and is no option of it."""
    top = {flag: option for option in whole.options for flag in option.flags}
    position = 0
    while position < len(words) and words[position] not in whole.commands:
        option = top.get(words[position])
        position += 1 if option is None or option.value is None or option.optional else 2
    if position >= len(words):
        return None
    command = words[position]
    own = {flag for option in whole.commands[command].options for flag in option.flags}
    for place in range(position + 1, len(words)):
        word = words[place]
        flag = word.partition("=")[0] if word.startswith("--") else word[:2]
        if flag not in top or flag in own:
            continue
        if flag in ALONE:
            return f"{command} goes without {flag}"
        value = words[place + 1] if word == flag and place + 1 < len(words) else "-"
        if value.startswith("-") or top[flag].value is None:
            value = ""
        elif top[flag].optional:  # it may be meant for the subcommand
            value = f"[{top[flag].value}]"
        else:
            value = shlex.quote(value)
        parts = ("mlxtop", shlex.quote(word), value, command)
        return f"{flag} goes before {command}: {' '.join(part for part in parts if part)}"
    return None


def host(text: str) -> str:
    """Return a host that no command takes for an option. Raises ArgumentTypeError."""
    from mlxtop.sources.tools.ping import valid_host

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
