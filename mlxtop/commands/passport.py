"""`mlxtop passport`: who a card is and what is in its flash; backs it up and burns nothing."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence

from mlxtop.commands.mending import did_you_mean
from mlxtop.model.identity import Adapter, slot_of
from mlxtop.outputs import console
from mlxtop.passport.backup import NoBackup, back_up
from mlxtop.passport.collect import Passport, collect
from mlxtop.passport.images import read_images
from mlxtop.present.passport import document, lines
from mlxtop.sampler.discover import Inventory, discover
from mlxtop.settings import Settings
from mlxtop.sources.tools.flint import Flash
from mlxtop.system.answers import reason
from mlxtop.system.door import System


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `mlxtop passport`."""
    add = parser.add_argument
    add("port", nargs="?", metavar="PORT", help="of this card only: a port or PCI address")
    add("--no-mask", action="store_true", help="show serial numbers whole")
    what = "copy firmware and configuration of the card into this folder, checked; burns nothing"
    add("--backup", metavar="DIR", help=what)
    add("--images", metavar="DIR", help="say which images of this folder are newer")


def run(args: argparse.Namespace, system: System, settings: Settings) -> int:
    """Print the passports of cards; 0, and 1 where there is no card."""
    inventory = discover(system)
    adapters = _chosen(inventory, args.port)
    images: list[tuple[str, Flash]] = []
    left: list[str] = []
    with console.waiting("asking the cards"):
        if args.images:
            try:
                images, left = read_images(system, args.images)
            except OSError as error:
                left = [f"{args.images}: {reason(error, system.captured)}"]
        cards = collect(system, inventory, adapters, settings.firmware, images)
    if args.backup is not None and cards:
        return _back_up(system, cards, args)
    _print(cards, args, left)
    return 0 if cards else 1


def _back_up(system: System, cards: Sequence[Passport], args: argparse.Namespace) -> int:
    """Back up one card; 0 only where its firmware is there and nothing is missing."""
    if len(cards) > 1:
        console.warn(f"mlxtop: which card? {', '.join(card.device for card in cards)}")
        return 1
    try:
        with console.waiting("reading the flash, which takes minutes"):
            made = back_up(system, cards[0], args.backup)
    except (NoBackup, OSError) as error:
        where = f"{error.filename}: " if isinstance(error, OSError) and error.filename else ""
        text = where + reason(error) if isinstance(error, OSError) else str(error)
        console.warn(f"mlxtop: {text}")
        return 1
    if args.json:
        files = [{"name": n, "bytes": size, "sha256": digest} for n, size, digest in made.files]
        console.say_json({"image": made.image, "files": files, "missing": made.missing})
    else:
        console.say(*(f"{args.backup}/{name}  {size} bytes" for name, size, _ in made.files))
        console.say(*(["The image was verified. Nothing was burned."] if made.image else []))
    for text in made.missing:
        console.warn(f"mlxtop: not read: {text}")
    return 0 if made.image and not made.missing else 1


def _chosen(inventory: Inventory, word: str | None) -> Sequence[Adapter]:
    """Return all cards, or the one that a word names. Raises ValueError."""
    adapters = inventory.adapters
    if word is None:
        return adapters
    ports = {port.id: port for port in inventory.ports}
    names: dict[str, Adapter] = {}
    for adapter in adapters:
        for function in adapter.functions:
            for place in (function.address, slot_of(function.address)):
                names |= {place: adapter, place.removeprefix("0000:"): adapter}
        for port in (ports[one] for one in adapter.ports if one in ports):
            names |= dict.fromkeys(filter(None, (port.name, port.rdma, str(port.id))), adapter)
    if word not in names:
        raise ValueError(f"no port or card is called {word!r}{did_you_mean(word, sorted(names))}")
    return (names[word],)


def _print(cards: Sequence[Passport], args: argparse.Namespace, left: Sequence[str]) -> None:
    if args.json:
        found = [document(card, args.no_mask) for card in cards]
        console.say_json({"cards": found, "left_out": list(left)})
        return
    columns = max(60, min(shutil.get_terminal_size((100, 24)).columns, 120))
    for number, card in enumerate(cards):
        if number:
            console.say("")
        console.show(*lines(card, columns, args.no_mask))
    if not cards:
        console.warn("mlxtop: no ConnectX card was found")
    for text in left:
        console.warn(f"mlxtop: {text}")
