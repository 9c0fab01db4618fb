"""The command line: argv to settings, to one machine, one source and one front end.

Exit status 0; 1 with one line on stderr when something cannot be done or was not understood.
`doctor` has the monitoring-plugin convention, so that what it did not understand is 3.
"""

from __future__ import annotations

import argparse
import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from dataclasses import replace
from importlib import import_module
from threading import Event
from typing import TYPE_CHECKING, Any, NoReturn

from mlxtop import __version__
from mlxtop.model.number import whole
from mlxtop.outputs import console
from mlxtop.settings import MAX_INTERVAL, MIN_INTERVAL, ROWS, Settings, load
from mlxtop.system.owner import SAFE_PATH

if TYPE_CHECKING:
    from mlxtop.model.linktype import StoredConfig
    from mlxtop.sampler.discover import Inventory
    from mlxtop.sampler.live import LiveSource
    from mlxtop.system.door import System
    from mlxtop.tui.app import MlxtopApp
    from mlxtop.watch.heat import Alert

COMMANDS: dict[str, str] = {
    "doctor": "say what slows the ports down, and what to do about it",
    "link-type": "show and change what ports speak: InfiniBand or Ethernet",
    "load": "load a port with iperf3 or RDMA and stop before it gets too hot",
    "runs": "list, show and compare recorded load tests",
    "log": "what was changed on this machine, when, and how it went",
    "capture": "write what is read of this machine into one text file, names masked",
    "completion": "print completions of bash, zsh or fish",
    "manual": "print the manual page: mlxtop manual | man -l -",
}
"""Subcommand to its help; each is a module of `mlxtop.commands`."""

GARBAGE = (20_000, 20, 50)
"""Objects until the youngest generation is searched for cycles, and rounds until the older ones.
Modules and frames hold hardly any: searching took a tenth of the start."""

MOST = 10**9
"""Tables and objects at most: thirty years of them, one a second."""

ABOUT = """Terminal monitor for Mellanox/NVIDIA ConnectX adapters (not the one for Apple's MLX)."""


class UsageError(Exception):
    """The command line was not understood."""


class _Parser(argparse.ArgumentParser):
    """Raises instead of ending the program with 2, which means CRITICAL to monitoring."""

    def error(self, message: str) -> NoReturn:
        """Say what was not understood."""
        raise UsageError(message)

    def print_help(self, file: Any = None) -> None:
        """Print the help; argparse takes no notice of what cannot be written."""
        console.write(self.format_help())


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
    """The parser, from which man page and completions are made too.

    Only subcommands in `words` know their arguments: the others' modules need not be loaded.
    """
    top = _Parser(prog="mlxtop", description=ABOUT, allow_abbrev=False)
    top.set_defaults(parser=parser)
    add = top.add_argument
    add("-V", "--version", action="store_true", help="say version and what this program is")
    add("--once", action="store_true", help="print one table and end")
    add("--json", action="store_true", help="with --once or a subcommand: one JSON document")
    add("--json-stream", action="store_true", help="print one JSON object a line")
    add("-b", "--batch", action="store_true", help="print tables instead of the screen")
    add("-n", "--count", type=_count, metavar="N", help="end after N tables or objects")
    add("--hooks", action="store_true", help="with -b or --json-stream: run the settings' hooks")
    add("--root", metavar="DIR|FILE", help="read a captured machine instead of this one")
    add("--demo", nargs="?", const="", metavar="MACHINE", help="simulated machine; list: name them")
    for name, row in ROWS.items():
        if row.flags and row.metavar is None:
            add(*row.flags, dest=name, action="store_true", default=None, help=row.help)
        elif row.flags:
            action = "append" if row.repeats else "store"
            kind = _delay if name == "interval" else str
            add(*row.flags, dest=name, action=action, type=kind, metavar=row.metavar, help=row.help)
    subcommands = top.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    for name, text in COMMANDS.items():
        command = subcommands.add_parser(name, help=text, description=text, allow_abbrev=False)
        command.add_argument(
            "--json", action="store_true", default=argparse.SUPPRESS, help="JSON instead of text"
        )
        if name in words:
            _module(name).add_arguments(command)
    return top


def _module(command: str) -> Any:
    return import_module(f"mlxtop.commands.{command.replace('-', '_')}")


def _name_default_machine(argv: Sequence[str]) -> list[str]:
    """Keep `--demo doctor` from taking the subcommand for a machine."""
    found = list(argv)
    for position, word in enumerate(found[:-1]):
        if word == "--demo" and found[position + 1] in COMMANDS:
            found[position] = "--demo="
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Run mlxtop; returns the exit status."""
    gc.set_threshold(*GARBAGE)
    console.open_streams()
    if argv is None and os.geteuid() == 0:
        # for what libraries start too: ctypes asks a compiler where it misses a library
        os.environ["PATH"] = SAFE_PATH
    words = _name_default_machine(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    wrong = 3 if "doctor" in words else 1
    if argv is None and not debug:
        _report_threads(lambda text: console.warn(f"mlxtop: {text}"))
    try:
        status = _parse_and_run(words)
        console.finish()
        return status
    except UsageError as error:
        return _fail(f"{error} (see mlxtop --help)", wrong)
    except console.ReaderGone:
        return 0
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except (OSError, ValueError) as error:
        if debug:
            raise
        return _fail(_explain(error), wrong)
    except Exception as error:
        if debug:
            raise
        return _fail(f"{_named(error)} (--debug shows where)", wrong)


def _parse_and_run(words: Sequence[str]) -> int:
    top = parser(words)
    try:
        args = top.parse_args(words)
    except SystemExit:  # --help
        return 0
    except UsageError as error:
        from mlxtop.commands.arguments import misplaced, usage

        raise UsageError(misplaced(words, usage(top)) or str(error)) from None
    return _run(args)


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _report_threads(report: Callable[[str], None]) -> None:
    """Let what ends a thread be one line."""

    def ended(what: threading.ExceptHookArgs) -> None:
        if what.exc_value is not None:
            name = what.thread.name if what.thread else "thread"
            report(f"{name}: {_named(what.exc_value)} (--debug shows where)")

    threading.excepthook = ended


def _fail(text: str, status: int) -> int:
    console.warn(f"mlxtop: {text}")
    return status


def _explain(error: OSError | ValueError) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error) or type(error).__name__


def _run(args: argparse.Namespace) -> int:
    if args.version:
        console.say(f"mlxtop {__version__} (mlxtop-nic: Mellanox/NVIDIA ConnectX adapters)")
        return 0
    if args.demo == "list":
        return _list_machines()
    settings, complaints = load(_flags(args))
    if not console.holds_glyphs():
        settings = replace(settings, ascii=True)
    console.choose_glyphs(settings.ascii)
    console.warn(*(f"mlxtop: {complaint}" for complaint in complaints))
    _check(args)
    with closing(_system(args, settings)) as system:
        if args.command:
            if system.demo:
                console.warn(f"mlxtop: DEMO, {system.label} is a simulated machine")
            return int(_module(args.command).run(args, system, settings))
        with closing(_source(args, system, settings)) as source:
            return _front_end(args, source, system, settings)


def _flags(args: argparse.Namespace) -> dict[str, object]:
    """What was given on the command line, by the names of the settings."""
    given = {name: getattr(args, name) for name, row in ROWS.items() if row.flags}
    given["interval"] = given["interval"] or None  # 0: one table of totals, at once
    if given["include"] is not None:
        given["include"] = tuple(given["include"])
    return {name: value for name, value in given.items() if value is not None}


def _check(args: argparse.Namespace) -> None:
    modes = [args.once, args.json_stream, args.batch]
    if sum(modes) > 1:
        raise UsageError("--once, --json-stream and --batch exclude each other")
    if args.command and any(modes):
        raise UsageError(f"{args.command} goes without --once, --json-stream and --batch")
    if args.json and not args.once and not args.command:
        raise UsageError("--json goes with --once or a subcommand; for a stream: --json-stream")
    if args.interval == 0 and not args.once:
        raise UsageError("--delay 0 goes with --once")
    if args.count and not (args.json_stream or args.batch):
        raise UsageError("--count goes with --json-stream or --batch")
    if args.hooks and not (args.json_stream or args.batch):
        raise UsageError("--hooks goes with --json-stream or --batch; the screen runs hooks anyway")
    if args.root and args.demo is not None:
        raise UsageError("--root and --demo exclude each other")


def _system(args: argparse.Namespace, settings: Settings) -> System:
    if args.root:
        from mlxtop.system.captured import load_captured

        captured = load_captured(args.root)
        console.warn(*(f"mlxtop: {args.root}: {defect}" for defect in captured.defects))
        return captured
    if args.demo is not None:
        from mlxtop.lab import DEFAULT, MACHINES, load_lab

        name = args.demo or DEFAULT
        if name not in MACHINES:
            raise UsageError(f"no simulated machine {name!r}; --demo list names them")
        return load_lab(name)
    from mlxtop.system.local import LocalSystem

    return LocalSystem(settings.readonly)


def _list_machines() -> int:
    from mlxtop.lab import MACHINES

    console.say(*(f"{name:<10} {text}" for name, text in MACHINES.items()))
    return 0


def _source(args: argparse.Namespace, system: System, settings: Settings) -> LiveSource:
    from mlxtop.sampler.facts import ON_SCREEN
    from mlxtop.sampler.live import LiveSource

    screen = not (args.once or args.json_stream or args.batch or args.command)
    return LiveSource(
        system,
        settings.interval,
        settings.all,
        settings.include,
        incidents=screen or args.json or args.json_stream or args.batch,
        hurry=screen,
        wants=ON_SCREEN if screen else frozenset(),
        ask_card=_ask_card,
    )


def _ask_card(system: System, inventory: Inventory) -> StoredConfig:
    """Ask a card what it stores; what that takes is loaded when it is first done."""
    from mlxtop.link_type.survey import read_stored

    return read_stored(system, inventory)


def _front_end(
    args: argparse.Namespace, source: LiveSource, system: System, settings: Settings
) -> int:
    if not (args.once or args.json_stream or args.batch):
        return _screen(source, system, settings)
    from mlxtop.outputs import headless
    from mlxtop.sampler.source import frames

    stop = _stop_on_signals()
    if args.once:
        return headless.once(
            frames(source, stop),
            source.kind,
            as_json=args.json,
            totals_only=args.interval == 0,
            all_=settings.all,
        )
    mode = headless.stream if args.json_stream else headless.batch
    complain = lambda text: console.warn(f"mlxtop: {text}")  # noqa: E731
    fire = _hooks(system, settings, complain) if args.hooks else None
    return mode(frames(source, stop), source.kind, args.count, fire)


def _screen(source: LiveSource, system: System, settings: Settings) -> int:
    """The live screen; what ended it is told when the terminal is itself again."""
    instead = "without one: --once, --batch, --json-stream"
    if not all(file and file.isatty() for file in (sys.stdin, sys.stdout, sys.stderr)):
        raise UsageError(f"the screen needs a terminal; {instead}")
    if os.environ.get("TERM") == "dumb":
        raise UsageError(f"the screen needs a terminal that can place text, not dumb; {instead}")
    gc.disable()  # until the first picture is there
    _load_asyncio()
    app = screen(source, system, settings)
    if not settings.debug:
        _report_threads(lambda text: app.notify(text, severity="error"))
    app.fire = _hooks(system, settings, app.hook_failed)
    status = app.run()
    if app.error is not None:
        raise app.error
    return status or app.return_code or 0


def _load_asyncio() -> None:
    """Without OpenSSL, that it would take along: ten milliseconds and some megabytes for nothing.

    It does without where Python was built so; who asks for `ssl` later gets it.
    """
    if "ssl" not in sys.modules:
        sys.modules["ssl"] = None  # type: ignore[assignment]
        try:
            import_module("asyncio")
        finally:
            del sys.modules["ssl"]


def screen(source: LiveSource, system: System, settings: Settings) -> MlxtopApp:
    """The live screen with all that it can do on this machine."""
    from mlxtop.tui.feed import Feed

    feed = Feed(source)
    feed.start()  # the first look at the machine is over when the rest is loaded
    from mlxtop.change.privilege import ActionContext
    from mlxtop.tui.app import MlxtopApp

    free = source.kind.may_change and not settings.readonly
    return MlxtopApp(source, settings, ActionContext(system) if free else None, feed)


def _hooks(
    system: System, settings: Settings, complain: Callable[[str], None]
) -> Callable[[Alert], None] | None:
    """What runs the user's scripts; None where there are none."""
    if not settings.hooks:
        return None
    from mlxtop.watch.hooks import Hooks

    hooks = Hooks(system, settings.hooks, settings.file, complain)
    console.warn(*(f"mlxtop: hooks: {fault}" for fault in hooks.faults()))
    return hooks.fire


def _stop_on_signals() -> Event:
    """An event that SIGTERM, SIGHUP and SIGINT set, so that everything ends in order."""
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
