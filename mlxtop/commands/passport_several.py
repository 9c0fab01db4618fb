"""`mlxtop passport` on several machines: a passport of every card, and what the others run."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from threading import Event, Thread
from time import monotonic
from typing import Any

from mlxtop.commands.arguments import UsageError
from mlxtop.commands.passport import named, pick, show
from mlxtop.hosts.machines import Machine, Reached
from mlxtop.model.flash import Flash
from mlxtop.model.frame import Frame
from mlxtop.model.machine import MachineState
from mlxtop.model.sample import UNREAD, Sample
from mlxtop.outputs import console
from mlxtop.outputs.document import SCHEMA
from mlxtop.passport.card import Passport, compared, of_sample, with_others
from mlxtop.passport.images import read_folder
from mlxtop.present.passport import document
from mlxtop.sampler.source import Stop, frames
from mlxtop.settings import Settings
from mlxtop.system.local import LocalSystem

PATIENCE_S = 60.0
"""Seconds until a machine that has not told all is shown as far as it is known."""


class Visit:
    """A machine whose cards are asked, in a thread of its own."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.frame: Frame | None = None
        self.error = ""
        self.stop, self.done = Stop(), Event()
        if isinstance(machine.source, Reached):
            machine.source.listen(self._changed)
        Thread(target=self._look, name=f"passport {machine.name}", daemon=True).start()

    def _changed(self) -> None:
        """Wait no longer for a machine that is lost."""
        if self.machine.reach.state is MachineState.LOST:
            self.stop.set()
            self.done.set()

    def _look(self) -> None:
        try:
            for frame in frames(self.machine.source, self.stop):
                self.frame = frame
                if complete(frame.sample):
                    break
        except (OSError, ValueError) as error:
            self.error = str(error)
        self.done.set()

    @property
    def why(self) -> str:
        """Return why nothing is known of it; empty where something is."""
        return "" if self.frame else self.error or self.machine.reach.why or "no answer"


def complete(sample: Sample) -> bool:
    """Return whether label and flash of every card were read, or cannot be."""
    cards = [card for card in sample.adapters if card.functions]
    flashes = [sample.flash.get(card.key, UNREAD) for card in cards]
    return all(one.value is not None or one.absent not in (None, UNREAD.absent) for one in flashes)


def run(args: argparse.Namespace, machines: Sequence[Machine], settings: Settings) -> int:
    """Print the passports of all machines; 1 where a machine told nothing or no card is there."""
    if args.backup is not None:
        raise UsageError("--backup is of this machine alone: run it there")
    system = next((one.system for one in machines if one.system), None) or LocalSystem(True)
    visits = [Visit(one) for one in machines]
    until = monotonic() + PATIENCE_S
    with console.waiting(f"asking the cards of {', '.join(one.name for one in machines)}"):
        images, left = read_folder(system, args.images)
        for visit in visits:
            visit.done.wait(max(0.0, until - monotonic()))
            visit.stop.set()
    by_machine = {visit.machine.name: passports(visit, settings, images) for visit in visits}
    all_cards = iter(with_others([card for cards in by_machine.values() for card in cards]))
    told = {name: [next(all_cards) for _ in cards] for name, cards in by_machine.items()}
    if args.port is not None:
        told = {name: named(cards, args.port) for name, cards in told.items()}
        if not any(told.values()):
            pick([card for cards in by_machine.values() for card in cards], args.port)
    left += [f"{visit.machine.name}: {visit.why}" for visit in visits if visit.why]
    if args.json:
        _say_json(visits, told, args.no_mask, left)
    elif any(visit.frame is not None for visit in visits):
        show([card for cards in told.values() for card in cards], args.no_mask, left)
    else:
        console.warn(*(f"mlxtop: {text}" for text in left))
    return int(any(visit.why for visit in visits) or not any(told.values()))


def passports(
    visit: Visit, settings: Settings, images: Sequence[tuple[str, Flash]]
) -> list[Passport]:
    """Return the passports of the cards of a machine as it was seen last."""
    if visit.frame is None:
        return []
    sample, name = visit.frame.sample, visit.machine.name
    cards = (of_sample(sample, card, {}, name) for card in sample.adapters)
    return [compared(card, settings.firmware, images) for card in cards]


def _say_json(
    visits: Sequence[Visit],
    told: dict[str, list[Passport]],
    serials: bool,
    left: Sequence[str],
) -> None:
    machines: list[dict[str, Any]] = [
        {
            "machine": visit.machine.name,
            "problem": visit.why or None,
            "cards": [document(card, serials) for card in told[visit.machine.name]],
        }
        for visit in visits
    ]
    console.say_json({"schema": SCHEMA, "machines": machines, "left_out": list(left)})
