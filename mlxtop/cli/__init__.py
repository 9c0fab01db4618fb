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
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace

from mlxtop import __version__
from mlxtop.cli.errors import complain, explain, report_threads
from mlxtop.cli.machines import ask_card, is_simulated, live_source, one_system, several_systems
from mlxtop.commands import arguments
from mlxtop.commands.arguments import UsageError
from mlxtop.commands.mending import parse, port_named
from mlxtop.outputs import console
from mlxtop.settings import Settings, load
from mlxtop.system.owner import SAFE_PATH

GARBAGE = (20_000, 20, 50)
"""Objects until the youngest generation is searched for cycles, and rounds until the older ones.
Modules and frames hold hardly any: searching took a tenth of the start."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run mlxtop; returns the exit status."""
    gc.set_threshold(*GARBAGE)
    console.open_streams()
    if argv is None and os.geteuid() == 0:
        # for what libraries start too: ctypes asks a compiler where it misses a library
        os.environ["PATH"] = SAFE_PATH
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["agent"] and len(words) == 3:
        return _agent(words[1:])
    debug = "--debug" in words
    wrong = 3 if "doctor" in words else 1
    if argv is None and not debug:
        report_threads(complain)
    try:
        status = _parse_and_run(words)
        console.finish()
        return status
    except UsageError as error:
        command = next((f"{word} " for word in words if word in arguments.COMMANDS), "")
        complain(f"{error} (see mlxtop {command}--help)")
    except console.ReaderGone:
        return 0
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except Exception as error:
        if debug:
            raise
        complain(explain(error))
    return wrong


def _agent(words: list[str]) -> int:
    """Be the far side of another machine's `mlxtop -H`."""
    from mlxtop.hosts import agent

    return agent.main(words, ask_card=ask_card)


def _parse_and_run(words: list[str]) -> int:
    try:
        args = parse(words, is_simulated)
    except SystemExit:  # --help
        return 0
    return _run(args)


def _run(args: argparse.Namespace) -> int:
    if args.version:
        console.say(f"mlxtop {__version__} (mlxtop-nic: Mellanox/NVIDIA ConnectX adapters)")
        return 0
    if args.demo == "list":
        from mlxtop.lab import MACHINES

        console.say(*(f"{name:<10} {text}" for name, text in MACHINES.items()))
        return 0
    settings, complaints = load(arguments.flags(args))
    if not console.holds_glyphs():
        settings = replace(settings, ascii=True)
    console.choose_glyphs(settings.ascii)
    console.warn(*(f"mlxtop: {complaint}" for complaint in complaints))
    arguments.check(args)
    if args.root:
        from mlxtop.commands.recorded import take_root

        take_root(args)
    if args.recording is not None:
        from mlxtop.commands.recorded import say

        return say(args, settings)
    if args.command == "replay":
        from mlxtop.cli import screens

        return screens.show_replay(args, settings)
    if args.command or arguments.without_screen(args):
        return _run_on(args, settings)
    return _run_on_screen(args, settings)


def _run_on_screen(args: argparse.Namespace, settings: Settings) -> int:
    """Run screens, one after the other as the person wants them."""
    from mlxtop.cli.screens import Again

    while True:
        try:
            return _run_on(args, settings)
        except Again as again:
            if again.demo:
                args.root, args.demo = None, ""
            settings = replace(settings, all=settings.all or not again.demo)


def _run_on(args: argparse.Namespace, settings: Settings) -> int:
    """Run on one machine, or on several."""
    if args.hosts or "+" in (args.demo or ""):
        return _run_on_several(args, settings)
    with closing(one_system(args, settings)) as system:
        if args.command:
            if system.demo:
                console.warn(f"mlxtop: DEMO, {system.label} is a simulated machine")
            return int(arguments.command_module(args.command).run(args, system, settings))
        port, name = None, args.port_name
        if name is not None:
            port, *others = port_named(name, system, settings.all)
            if others or arguments.without_screen(args):
                port, settings = None, replace(settings, include=(name,))
        with closing(live_source(args, system, settings)) as source:
            if arguments.without_screen(args):
                from mlxtop.cli import modes

                return modes.write(args, source, system, settings)
            from mlxtop.cli import screens

            return screens.show_one(
                source, system, settings, port, theme=args.theme, tour=args.tour
            )


def _run_on_several(args: argparse.Namespace, settings: Settings) -> int:
    from mlxtop.commands import hosts

    if args.port_name is not None:
        settings = replace(settings, include=(args.port_name,))
    machines = hosts.machines(args, several_systems(args, settings), settings, ask_card)
    try:
        if args.command or arguments.without_screen(args):
            from mlxtop.cli.modes import hooks_of

            wanted = machines if args.hooks else ()
            fires = {one.name: hooks_of(one, settings, complain) for one in wanted}
            return hosts.say(args, machines, settings, fires)
        from mlxtop.cli import screens

        return screens.show_several(machines, args, settings)
    finally:
        for machine in machines:
            machine.close()
