"""`mlxtop manual`: the manual page, written from the parser; `mlxtop manual | man -l -`.

https://man7.org/linux/man-pages/man7/groff_man.7.html
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mlxtop import __version__
from mlxtop.commands.arguments import (
    EXAMPLE_SETTINGS,
    EXAMPLES,
    SETTINGS_FILE,
    Option,
    Usage,
    parser,
    usage,
)
from mlxtop.commands.help import PAGE, chapters, title
from mlxtop.outputs import console
from mlxtop.settings import PREFIX, ROWS, TABLES, Row
from mlxtop.watch.hooks import EVENTS, FACTS

if TYPE_CHECKING:
    from mlxtop.system.door import System

STATUS = (
    ("0", "All went well."),
    ("1", "Something cannot be done, was not understood, or no port is selected; stderr says it."),
    ("128+N", "Ended by signal N."),
)
FILES = (
    ("~/.config/mlxtop-nic/settings.toml", "Settings; $XDG_CONFIG_HOME moves it."),
    (
        "~/.local/state/mlxtop-nic/",
        "Runs, recordings, histories of links and the log of actions; $XDG_STATE_HOME moves it.",
    ),
    (
        "~/.cache/mlxtop-nic/",
        "What makes replays open sooner, 512 MB at most; $XDG_CACHE_HOME moves it.",
    ),
    ("/var/lib/mlxtop-nic/", "What the systemd units record."),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing: a page has no variants."""


def run(args: argparse.Namespace, system: System, settings: Any) -> int:
    """Print the page."""
    rows = {name: row for name, row in ROWS.items() if row.read is not None}
    console.write(page(usage(parser()), rows) + "\n")
    if sys.stdout.isatty():
        console.warn(f"mlxtop: this is the page's source; to read it: {PAGE}")
    return 0


def page(whole: Usage, settings: Mapping[str, Row]) -> str:
    """Return the manual page as roff.

    >>> page(Usage("About.", (), (), {}), {}).startswith('.TH MLXTOP 1 "" "mlxtop-nic ')
    True
    """
    return "\n".join(_page(whole, settings))


def _page(whole: Usage, settings: Mapping[str, Row]) -> Iterator[str]:
    yield f'.TH MLXTOP 1 "" "mlxtop-nic {__version__}" "User Commands"'
    yield ".SH NAME"
    yield r"mlxtop \- terminal monitor for Mellanox/NVIDIA ConnectX adapters"
    yield ".SH SYNOPSIS"
    yield from _synopsis("mlxtop", whole)
    yield ".SH DESCRIPTION"
    yield _text(whole.about)
    yield ".SH OPTIONS"
    yield from _options(whole)
    yield ".SH COMMANDS"
    for name, command in whole.commands.items():
        yield f".SS {_text(name)}"
        yield from _synopsis(f"mlxtop {name}", command)
        yield ".PP"
        yield _text(command.about)
        yield from _options(command)
    yield ".SH EXAMPLES"
    yield from _list((line, f"{what.capitalize()}.") for line, what in EXAMPLES.items())
    yield ".SH EXIT STATUS"
    yield from _list(STATUS)
    yield from _settings(settings)
    yield ".SH ENVIRONMENT"
    yield from _list(
        (PREFIX + name.upper(), f"The setting {name}. Options go before it.")
        for name in settings
        if name not in TABLES
    )
    yield ".SH HOOKS"
    yield _text(
        "A script of [hooks] is run once for an event of its name, without a shell, with"
        f" {', '.join(f'MLXTOP_NIC_{name}' for name in FACTS)} in its environment. Events:"
    )
    yield _text(", ".join(EVENTS) + ".")
    yield ".SH CHAPTERS"
    yield _text("mlxtop help CHAPTER prints one:")
    yield from _list((name, f"{title(text)}.") for name, text in chapters().items())
    yield ".SH FILES"
    yield from _list(FILES)


def _settings(settings: Mapping[str, Row]) -> Iterator[str]:
    yield ".SH SETTINGS"
    yield _text(
        "The screen shows and changes all of them with o, and keeps comments and order of the"
        " settings file. Options go before variables of the environment, and these before the file."
    )
    yield from _list((name, _about(row)) for name, row in settings.items())
    yield ".PP"
    yield _text(f"The settings file, {SETTINGS_FILE}, is in TOML:")
    yield ".EX"
    yield from map(_text, EXAMPLE_SETTINGS.splitlines())
    yield ".EE"


def _about(row: Row) -> str:
    """Return what a setting is, what it can be, and when a change is taken up.

    >>> _about(Row(None, "ring at alarms", ("--bell",), restart=True))
    'Ring at alarms. Option --bell. The screen takes a change up at its next start.'
    """
    parts = [row.help[:1].upper() + row.help[1:]]
    if row.range:
        parts.append(f"Can be {row.range}")
    if row.flags:
        parts.append(f"Option {', '.join(row.flags)}")
    if row.restart:
        parts.append("The screen takes a change up at its next start")
    return "".join(f"{part}. " for part in parts).strip()


def _synopsis(name: str, command: Usage) -> Iterator[str]:
    yield f".SY {_quoted(name)}"
    for option in command.options:
        value = f" {option.value}" if option.value else ""
        yield f".RI [ {_quoted(option.flags[0] + value)} ]"
    for operand in command.operands:
        yield f".RI {_quoted(_shown(operand))}"
    if command.commands:
        yield f".RI {_quoted('[COMMAND ...]')}"
    yield ".YS"


def _options(command: Usage) -> Iterator[str]:
    yield from _list((_shown(option), option.help) for option in command.options + command.operands)


def _shown(option: Option) -> str:
    """Return an option or operand with its value.

    >>> _shown(Option(("-n", "--count"), "N", False, False, (), ""))
    '-n, --count N'
    >>> _shown(Option((), "FILE", True, True, (), ""))
    '[FILE ...]'
    """
    value = option.value or ""
    if option.repeats and not option.flags:
        value += " ..."
    if option.optional:
        value = f"[{value}]"
    return f"{', '.join(option.flags)} {value}".strip()


def _list(items: Iterable[tuple[str, str]]) -> Iterator[str]:
    for head, body in items:
        yield ".TP"
        yield f".B {_quoted(head)}"
        yield _text(body)


def _quoted(text: str) -> str:
    return '"' + _text(text).replace('"', r"\(dq") + '"'


def _text(text: str) -> str:
    r"""Return text that is no command of roff.

    >>> print(_text(".so --all \\n"))
    \&.so \-\-all \en
    """
    plain = text.replace("\\", r"\e").replace("-", r"\-").replace("\n", " ")
    return rf"\&{plain}" if plain.startswith((".", "'")) else plain
