"""Command lines that the parser does not take: what they mean, or what was probably meant."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from mlxtop.commands.arguments import ALONE, COMMANDS, Option, Usage, UsageError, parser, usage
from mlxtop.settings import ROWS

if TYPE_CHECKING:
    from mlxtop.model.identity import PortId
    from mlxtop.system.door import System

CLOSE = 0.7
"""Likeness of two words from which one is taken for the other mistyped."""


class Mended(NamedTuple):
    """Words that the parser takes, and the port that stood where a subcommand stands."""

    words: list[str]
    port: str | None = None


def closest(word: str, words: Iterable[str]) -> str | None:
    """Return the one of `words` that was probably meant.

    >>> closest("doctr", ("doctor", "load")), closest("enp1s0", ("doctor", "load"))
    ('doctor', None)
    """
    from difflib import get_close_matches  # a millisecond, only for what was mistyped

    return next(iter(get_close_matches(word, list(words), 1, CLOSE)), None)


def did_you_mean(word: str, names: Iterable[str]) -> str:
    """Return a question for what was probably meant; empty where nothing is like it."""
    meant = closest(word, names)
    return f"; did you mean {meant}?" if meant else ""


def not_among(what: str, word: str, names: Collection[str]) -> str:
    """Return that a word is no name of that kind, which was probably meant, and all there are.

    >>> not_among("theme", "drak", ("dark", "light"))
    "no theme 'drak'; did you mean dark? There are dark, light"
    """
    meant = closest(word, names)
    question = f"did you mean {meant}? There" if meant else "there"
    return f"no {what} {word!r}; {question} are {', '.join(names)}"


def parse(words: Sequence[str], is_machine: Callable[[str], bool]) -> argparse.Namespace:
    """Return the arguments of a command line; `is_machine` knows the simulated machines' names.

    Raises UsageError, and SystemExit after --help.
    """
    words = list(words)
    for place, word in enumerate(words[1:]):
        if word in COMMANDS and words[place] == "--demo":
            words[place] = "--demo="  # or the subcommand would be taken for a machine
    top = parser(words)
    try:
        return top.parse_args(words)
    except UsageError as error:
        whole = usage(top)
        meant = mend(words, whole, is_machine)
        if meant is None:
            raise
        if meant.port is not None and _operand(meant.words, whole) is not None:
            raise UsageError(f"{meant.port} is no command; {_meant(meant.port, ())}") from error
    args = top.parse_args(meant.words)
    args.port_name = meant.port
    return args


def port_named(word: str, system: System, everything: bool) -> list[PortId]:
    """Return the ports that a name or glob selects. Raises UsageError where there is none."""
    from mlxtop.sampler.devices import selected
    from mlxtop.sampler.discover import discover

    ports = discover(system, everything).ports
    chosen = [port.id for port in ports if selected(port, (word,))]
    if not chosen:
        if not ports and _closest(word, ()) is None:
            others = "" if everything else "; --all shows every network device"
            raise UsageError(f"{word} is no command, and no port is here{others}")
        names = [port.name for port in ports]
        raise UsageError(f"{word} is neither a port nor a command; {_meant(word, names)}")
    return chosen


def _meant(word: str, ports: Sequence[str]) -> str:
    """Return what was probably meant by a word where a port or a subcommand stands."""
    meant = _closest(word, ports)
    if meant is not None:
        return f"did you mean {meant}?"
    return f"ports: {', '.join(ports)}" if ports else f"commands: {', '.join(COMMANDS)}"


def _closest(word: str, ports: Sequence[str]) -> str | None:
    """Return the subcommand, option or port that was probably meant by a word."""
    flags = {
        flag.lstrip("-"): flag for option in usage(parser(())).options for flag in option.flags
    }
    meant = closest(word, [*COMMANDS, *flags, *ports])
    return flags.get(meant, meant) if meant is not None else None


def mend(words: Sequence[str], whole: Usage, is_machine: Callable[[str], bool]) -> Mended | None:
    """Return the words as they were meant; None where that is not known. Raises UsageError.

    Options of the program may stand after the subcommand, and a port in its place.
    """
    place = _operand(words, whole)
    if place is None:
        _check_flags(words, whole.options)
        return None
    if words[place] not in whole.commands:
        _check_flags(words, whole.options)
        return Mended([*words[:place], *words[place + 1 :]], words[place])
    command = whole.commands[words[place]]
    own = {flag for option in command.options for flag in option.flags}
    front, rest = list(words[:place]), [words[place]]
    left = list(words[place + 1 :])
    while left:
        word = left.pop(0)
        flag = word.partition("=")[0] if word.startswith("--") else word[:2]
        option = _top(whole).get(flag)
        if option is None or flag in own:
            rest.append(word)
        elif flag in ALONE:
            raise UsageError(f"{words[place]} goes without {flag}")
        else:
            front += _with_value(word, option, left, is_machine)
    if len(front) == place:
        _check_flags(rest, (*whole.options, *command.options))
        return None
    return Mended([*front, *rest])


def _top(whole: Usage) -> dict[str, Option]:
    return {flag: option for option in whole.options for flag in option.flags}


def _operand(words: Sequence[str], whole: Usage) -> int | None:
    """Return the place of the first word that is neither an option nor its value."""
    top, place = _top(whole), 0
    while place < len(words) and words[place].startswith("-"):
        option = top.get(words[place])
        takes = option is not None and option.value is not None and not option.optional
        place += 2 if takes else 1
        if option is not None and option.optional and place < len(words):
            place += not words[place].startswith("-") and words[place] not in whole.commands
    return place if place < len(words) else None


def _with_value(
    word: str, option: Option, left: list[str], is_machine: Callable[[str], bool]
) -> list[str]:
    """Return an option with its value, which is taken from the words that are left."""
    if option.value is None or word not in option.flags:
        return [word]
    if not option.optional:
        return [word, left.pop(0)] if left else [word]
    return [f"{word}={left.pop(0) if left and is_machine(left[0]) else ''}"]


def _check_flags(words: Iterable[str], options: Iterable[Option]) -> None:
    """Raise UsageError for a long option that is nearly one that there is, or its setting."""
    flags = {flag: flag for option in options for flag in option.flags if flag.startswith("--")}
    settings = {
        f"--{name.replace('_', '-')}": row.flags[-1] for name, row in ROWS.items() if row.flags
    }
    for word in words:
        name = word.partition("=")[0]
        near = {**settings, **flags}
        if name.startswith("--") and name not in flags and (meant := closest(name, near)):
            raise UsageError(f"there is no option {name}; did you mean {near[meant]}?")
