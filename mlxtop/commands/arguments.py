"""The arguments of the program and its subcommands: their parser, and what it takes, as values."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection, Iterator
from functools import partial
from importlib import import_module
from typing import Any, NamedTuple, NoReturn

from mlxtop.model.number import whole
from mlxtop.outputs import console
from mlxtop.settings import MAX_INTERVAL, MIN_INTERVAL, ROWS

COMMANDS: dict[str, str] = {
    "doctor": "say what slows the ports down, and what to do about it",
    "link-type": "show and change what ports speak: InfiniBand or Ethernet",
    "load": "load a port with iperf3 or RDMA and stop before it gets too hot",
    "measure": "measure with every tool, or sweep an option, into one table and one sentence",
    "passport": "show who a card is and what is in its flash; back it up: nothing is burned",
    "fabric": "show the InfiniBand fabric: subnet managers, slow links, errors, a drawing",
    "cabling": "say which port goes where; save it, and later say what is different",
    "rdma": "show who uses RDMA: processes, their queue pairs, memory and peers",
    "path": "show the ways to other hosts, and keep the path when a fast link dies",
    "runs": "list, show and compare recorded load tests",
    "log": "what was changed on this machine, when, and how it went",
    "record": "write all that is read of this machine into a file, to be looked at later",
    "replay": "look at a recording on the screen: to any time, at any speed, from event to event",
    "report": "say what happened in a recording, in a page: text, JSON or HTML",
    "cut": "write a part of a recording into another file, names masked",
    "export": "turn a recording into CSV or a trace for Perfetto",
    "metrics": "tell Prometheus what the ports do: once, in a file, or for scrapes",
    "capture": "write what is read of this machine into one text file, names masked",
    "completion": "print completions of bash, zsh or fish",
    "help": "a chapter of the manual: mlxtop help heat; without one, which there are",
    "manual": "print the manual page: mlxtop manual | man -l -",
}
"""Subcommand to its help; each is a module of `mlxtop.commands`."""

MOST = 10**9
"""Tables and objects at most: thirty years of them, one a second."""

ABOUT = """Terminal monitor for Mellanox/NVIDIA ConnectX adapters (not for Apple's MLX)."""

EXAMPLES = {
    "mlxtop": "the screen: ? has its keys",
    "mlxtop enp67s0np0": "the screen with that port opened",
    "mlxtop --demo fry": "a simulated machine whose module gets too hot",
    "mlxtop doctor": "what is wrong, why it matters, what to do",
    "mlxtop load 10.0.0.2 -t 60": "a minute of load, stopped before it is too hot",
    "mlxtop runs compare -1 last": "what the last load test changed",
    "mlxtop --once": "one table, to paste into a question",
    "mlxtop replay last --at 03:10": "the screen as it was then",
    "mlxtop --json-stream --hooks": "an object a second, and your scripts at alarms",
}
"""Command lines with what they do."""
SETTINGS_FILE = "~/.config/mlxtop-nic/settings.toml"
EXAMPLE_SETTINGS = """interval = 0.5
theme = "light"
[keys]
quit = "f10,q"
[hooks]
link-down = "/home/me/bin/page-me"
"""
"""A settings file that shows its form."""
_WIDEST = max(map(len, EXAMPLES))
MORE = "\n".join(
    (
        "examples:",
        *(f"  {line:<{_WIDEST}}  {what}" for line, what in EXAMPLES.items()),
        "",
        f"settings: {SETTINGS_FILE}, one line each, as in",
        *(f"  {line}" for line in EXAMPLE_SETTINGS.splitlines()),
        "  MLXTOP_NIC_INTERVAL=0.5 in the environment does the same.",
        "hooks: a script is told by MLXTOP_NIC_EVENT, _PORT, _NETDEV, _TEXT and others.",
        "Chapters: mlxtop help; all settings and events: mlxtop manual | man -l -",
    )
)

ALONE = ("--once", "--json-stream", "-b", "--batch", "-n", "--count", "-V", "--version")
"""Options of the program that no subcommand goes with."""


class UsageError(Exception):
    """The command line was not understood."""


class _Parser(argparse.ArgumentParser):
    """Raises instead of ending the program with 2, which means CRITICAL to monitoring."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message)

    def print_help(self, file: Any = None) -> None:
        console.write(self.format_help())  # argparse takes no notice of what cannot be written


def _delay(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds") from None
    if seconds != 0 and not MIN_INTERVAL <= seconds <= MAX_INTERVAL:
        raise argparse.ArgumentTypeError(f"{text} is neither 0 nor from 0.1 to 60 seconds")
    return seconds


def _count(text: str) -> int:
    number = whole(text, MOST)
    if not number:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {MOST}")
    return number


def parser(words: Collection[str] = tuple(COMMANDS)) -> argparse.ArgumentParser:
    """Return the parser, from which man page and completions are made too.

    Only subcommands in `words` know their arguments: the others' modules need not be loaded.
    """
    top = _Parser(
        prog="mlxtop",
        usage="mlxtop [OPTIONS] [PORT | COMMAND ...]",
        description=ABOUT,
        epilog=MORE,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.set_defaults(port_name=None)
    _add_modes(top)
    _add_settings(top)
    subcommands = top.add_subparsers(
        dest="command", metavar="COMMAND", parser_class=_Parser, prog="mlxtop"
    )
    for name, text in COMMANDS.items():
        command = subcommands.add_parser(name, help=text, description=text, allow_abbrev=False)
        command.add_argument(
            "--json", action="store_true", default=argparse.SUPPRESS, help="JSON instead of text"
        )
        if name in words:
            command_module(name).add_arguments(command)
    return top


def _add_modes(top: argparse.ArgumentParser) -> None:
    """Add the options that say what is read, and how it is shown."""
    add = top.add_argument
    add("-V", "--version", action="store_true", help="say version and what this program is")
    add("--once", action="store_true", help="print one table and end")
    add("--json", action="store_true", help="with --once or a subcommand: one JSON document")
    add("--json-stream", action="store_true", help="print one JSON object a line")
    add("-b", "--batch", action="store_true", help="print tables instead of the screen")
    add("-n", "--count", type=_count, metavar="N", help="end after N tables or objects")
    add("--hooks", action="store_true", help="with -b or --json-stream: run the settings' hooks")
    add(
        "--root", metavar="DIR|FILE", help="read a captured or recorded machine instead of this one"
    )
    add("--from", dest="recording", metavar="FILE|DIR", help="read a recording; last: the newest")
    at = "with --from: the time, as 03:10, '2h ago' or a date; else its end"
    add("--at", metavar="TIME", help=at)
    what = "simulated machine; list: name them; A+B: joined by their links"
    add("--demo", nargs="?", const="", metavar="MACHINE", help=what)
    add("--tour", action="store_true", help="with --demo: the first story, which plays itself")
    hosts = "another machine too, over ssh; @NAME: a group of the settings"
    add("-H", "--host", action="append", dest="hosts", metavar="HOST", help=hosts)
    add("--no-local", action="store_true", help="with -H: without this machine")
    add("--sudo", action="store_true", help="with -H: read as root there, by sudo -n")


def _add_settings(top: argparse.ArgumentParser) -> None:
    """Add the options of settings; what is not given is None."""
    add = top.add_argument
    for name, row in ROWS.items():
        if row.flags and row.metavar is None:
            add(*row.flags, dest=name, action="store_true", default=None, help=row.help)
        elif row.flags:
            action = "append" if row.repeats else "store"
            kind = _delay if name == "interval" else str
            add(*row.flags, dest=name, action=action, type=kind, metavar=row.metavar, help=row.help)


def flags(args: argparse.Namespace) -> dict[str, object]:
    """Return what was given on the command line, by the names of the settings."""
    given = {name: getattr(args, name) for name, row in ROWS.items() if row.flags}
    given["interval"] = given["interval"] or None  # 0: one table of totals, at once
    if given["include"] is not None:
        given["include"] = tuple(given["include"])
    return {name: value for name, value in given.items() if value is not None}


def check(args: argparse.Namespace) -> None:
    """Raise UsageError for options that exclude each other."""
    for wrong, text in _exclusions(args):
        if wrong:
            raise UsageError(text)


def _exclusions(args: argparse.Namespace) -> Iterator[tuple[object, str]]:
    """Yield what options say when the first is true."""
    modes, repeats = [args.once, args.json_stream, args.batch], args.json_stream or args.batch
    demo, recording = args.demo is not None, args.recording is not None
    yield sum(modes) > 1, "--once, --json-stream and --batch exclude each other"
    with_modes = args.command and any(modes)
    yield with_modes, f"{args.command} goes without --once, --json-stream and --batch"
    alone = args.json and not args.once and not args.command
    yield alone, "--json goes with --once or a subcommand; for a stream: --json-stream"
    yield args.interval == 0 and not args.once, "--delay 0 goes with --once"
    yield args.count and not repeats, "--count goes with --json-stream or --batch"
    hooks = args.hooks and not repeats
    yield hooks, "--hooks goes with --json-stream or --batch; the screen runs hooks anyway"
    near = not (args.hosts or args.command in ("load", "measure"))
    yield (args.no_local or args.sudo) and near, "--no-local and --sudo go with -H"
    yield recording and args.hosts, "--from and -H exclude each other"
    yield args.root and demo, "--root and --demo exclude each other"
    tour = args.tour and (not demo or args.command or any(modes))
    yield tour, "--tour goes with --demo and the screen"
    yield args.at is not None and not recording, "--at goes with --from"
    other = args.root or demo or args.hooks
    yield recording and other, "--from goes without --root, --demo and --hooks"
    port = recording and args.port_name is not None
    yield port, f"--from goes without {args.port_name!r}: no port and no command for it"


def without_screen(args: argparse.Namespace) -> bool:
    """Return whether a mode was chosen that needs no terminal."""
    return bool(args.once or args.json_stream or args.batch)


def command_module(command: str) -> Any:
    """Return the module of a subcommand, with `add_arguments` and `run`."""
    return import_module(f"mlxtop.commands.{command.replace('-', '_')}")


class Option(NamedTuple):
    """An option, or an operand where there are no `flags`."""

    flags: tuple[str, ...]
    value: str | None
    """What stands for its value in help texts; None for a switch."""
    optional: bool
    """The value may be left out."""
    repeats: bool
    choices: tuple[str, ...]
    help: str


class Usage(NamedTuple):
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


def constants(parser: argparse.ArgumentParser, name: str) -> Callable[..., argparse.Action]:
    """Return what adds options that exclude each other, each for a value of `name`."""
    group = parser.add_mutually_exclusive_group()
    return partial(group.add_argument, dest=name, action="store_const")


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
