"""The machines that the command line means, and what samples them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from mlxtop.commands import arguments
from mlxtop.commands.arguments import UsageError
from mlxtop.commands.mending import not_among
from mlxtop.outputs import console
from mlxtop.settings import Settings

if TYPE_CHECKING:
    from mlxtop.model.linktype import StoredConfig
    from mlxtop.sampler.discover import Inventory
    from mlxtop.sampler.live import LiveSource
    from mlxtop.system.door import System

TOUR = "fry"
"""The simulated machine on which the tour plays."""


def is_simulated(word: str) -> bool:
    """Return whether a word after `--demo` is its value."""
    from mlxtop.lab import MACHINES

    return word == "list" or all(name in MACHINES for name in word.split("+"))


def one_system(args: argparse.Namespace, settings: Settings) -> System:
    """Return the one machine that is meant. Raises UsageError."""
    if args.root:
        from mlxtop.system.captured import load_captured

        captured = load_captured(args.root)
        console.warn(*(f"mlxtop: {args.root}: {defect}" for defect in captured.defects))
        return captured
    if args.demo is not None:
        from mlxtop.lab import DEFAULT, MACHINES, load_lab

        name = args.demo or (TOUR if args.tour else DEFAULT)
        if name not in MACHINES:
            raise UsageError(not_among("simulated machine", name, MACHINES))
        return load_lab(name)
    from mlxtop.system.local import LocalSystem

    return LocalSystem(settings.readonly)


def several_systems(args: argparse.Namespace, settings: Settings) -> dict[str, System]:
    """Return the machines that are here, by their names among several."""
    if args.demo is None:
        from mlxtop.hosts import names as hosts

        if args.root:
            raise UsageError("-H and --root exclude each other")
        return {} if args.no_local else {hosts.LOCAL: one_system(args, settings)}
    if args.hosts:
        raise UsageError("-H and --demo exclude each other")
    from mlxtop.lab import MACHINES, load_joined

    names = args.demo.split("+")
    for name in names:
        if name not in MACHINES:
            raise UsageError(not_among("simulated machine", name, MACHINES))
    if len(set(names)) < len(names):
        raise UsageError("--demo joins a machine to others, not to itself")
    return dict(load_joined(names))


def live_source(args: argparse.Namespace, system: System, settings: Settings) -> LiveSource:
    """Return what samples a machine, as far as the screen or a mode without one needs it."""
    from mlxtop.sampler.facts import IN_DOCUMENTS, ON_SCREEN
    from mlxtop.sampler.live import LiveSource

    screen = not arguments.without_screen(args)
    written = IN_DOCUMENTS if args.json or args.json_stream else frozenset()
    return LiveSource(
        system,
        settings.interval,
        settings.all,
        settings.include,
        incidents=screen or args.json or args.json_stream or args.batch,
        hurry=screen,
        wants=ON_SCREEN if screen else written,
        ask_card=ask_card,
    )


def ask_card(system: System, inventory: Inventory) -> StoredConfig:
    """Ask a card what it stores; what that takes is loaded when it is first done."""
    from mlxtop.link_type.survey import read_stored

    return read_stored(system, inventory)
