"""Several machines by the command line: which they are, and what runs on all of them."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mlxtop.commands.arguments import UsageError, without_screen
from mlxtop.hosts.machines import Machine
from mlxtop.hosts.names import LOCAL, host_names
from mlxtop.outputs import console
from mlxtop.sampler.facts import JOINED, JUDGED, AskCard, Fact
from mlxtop.sampler.live import LiveSource
from mlxtop.settings import Settings
from mlxtop.system.door import System

if TYPE_CHECKING:
    from mlxtop.outputs.headless import Fire


_WANTS = {"doctor": JUDGED, "passport": frozenset({Fact.FLASH})}
"""Slow facts that a subcommand needs."""
_LOADS = ("load", "measure")
"""Subcommands that start servers at the far end."""


def machines(
    args: argparse.Namespace,
    systems: Mapping[str, System],
    settings: Settings,
    ask_card: AskCard | None = None,
) -> list[Machine]:
    """Return the machines that are here, `systems` by their names, and those that are afar."""
    from mlxtop.hosts.remote import RemoteSource, Wants

    here = [
        Machine(name, _live(args, one, settings, ask_card), one) for name, one in systems.items()
    ]
    loads = args.command in _LOADS or not (args.command or without_screen(args))
    wants = Wants(
        all=settings.all,
        include=settings.include,
        everything=args.command == "doctor",
        flash=args.command == "passport",
        serve=loads and not settings.readonly,
        sudo=args.sudo,
    )
    names = host_names(args.hosts or (), settings.hosts)
    if LOCAL in names and LOCAL not in systems:
        raise UsageError("--no-local and -H local exclude each other")
    afar = (name for name in names if name != LOCAL)
    return here + [Machine(name, RemoteSource(name, settings.interval, wants)) for name in afar]


def _live(
    args: argparse.Namespace, system: System, settings: Settings, ask_card: AskCard | None
) -> LiveSource:
    """Return the source of a machine that is here."""
    screen = not (without_screen(args) or args.command)
    return LiveSource(
        system,
        settings.interval,
        settings.all,
        settings.include,
        incidents=True,
        hurry=screen,
        calm=0.0 if args.command else 5.0,
        wants=_WANTS.get(args.command, JOINED),
        ask_card=ask_card,
    )


def say(
    args: argparse.Namespace,
    machines: Sequence[Machine],
    settings: Settings,
    fires: Mapping[str, Fire | None],
) -> int:
    """Run a subcommand or a mode without a screen on all machines.

    `fires`: what runs the user's scripts for a machine.
    """
    if any(one.system is not None and one.system.demo for one in machines):
        names = ", ".join(one.name for one in machines)
        if args.command:
            console.warn(f"mlxtop: DEMO, {names} are simulated machines")
    if args.command is None:
        from mlxtop.commands import several

        return several.say(args, machines, settings, fires)
    if args.command == "doctor":
        from mlxtop.commands import doctor_several

        return doctor_several.run(args, machines, settings)
    if args.command == "passport":
        from mlxtop.commands import passport_several

        return passport_several.run(args, machines, settings)
    if args.command == "metrics":
        from mlxtop.commands import metrics_several

        return metrics_several.run(args, machines)
    if args.command in _LOADS and len(machines) == 2 and (system := machines[0].system) is not None:
        from mlxtop.commands import load, measure

        work = load.run if args.command == "load" else measure.run
        return work(args, system, settings, machines[1])
    if args.command in _LOADS:
        raise UsageError(f"{args.command} has two ends: this machine and one -H, or --demo A+B")
    there = f"; for another machine: ssh HOST mlxtop {args.command}" if args.hosts else ""
    raise UsageError(f"{args.command} is of one machine: without -H and A+B{there}")
