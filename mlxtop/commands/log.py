"""`mlxtop log`: print the changes that were made, with time and result."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterable, Mapping

from mlxtop.change.log import own_log
from mlxtop.commands.arguments import between
from mlxtop.outputs import console
from mlxtop.present.text import clean
from mlxtop.system.door import System


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `mlxtop log`."""
    last = between(0, 10**6)
    parser.add_argument("--last", type=last, metavar="N", help="only the last N entries")


def run(args: argparse.Namespace, system: System, settings: object) -> int:
    """Print the action log of the person who asks; return the exit status."""
    log = own_log()
    try:
        entries = log.entries()
    except FileNotFoundError:
        entries = []
    except OSError as error:
        console.warn(f"mlxtop: {log.path}: {error.strerror}")
        return 1
    if args.last is not None:
        entries = entries[-args.last :] if args.last else []
    if args.json:
        console.say_json(entries)
    elif not entries and args.last is None:
        console.say("nothing was changed by mlxtop")
    else:
        console.say(*lines(entries))
    return 0


def lines(entries: Iterable[Mapping[str, object]]) -> Iterable[str]:
    """Yield a line for every entry, safe for a terminal."""
    for entry in entries:
        action = str(entry.get("action", "?"))
        yield clean(f"{entry.get('time', '?')}  {action:<9}  {_result(entry)}")


def _result(entry: Mapping[str, object]) -> str:
    argv = entry.get("argv")
    if isinstance(argv, list):
        return shlex.join(map(str, argv))
    if entry.get("action") == "end":
        parts = [f"{key} {entry[key]}" for key in ("status", "error", "errors") if entry.get(key)]
        return ", ".join(parts) or f"status {entry.get('status', 0)}"
    values = map(entry.get, ("device", "types", "result"))
    return " ".join(str(value) for value in values if value is not None)
