"""`mlxtop passport`: who a card is and what is in its flash; backs it up and burns nothing."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from mlxtop.commands.mending import did_you_mean
from mlxtop.model.identity import Adapter, slot_of
from mlxtop.outputs import console
from mlxtop.passport.backup import NoBackup, back_up
from mlxtop.passport.card import Passport
from mlxtop.passport.collect import collect
from mlxtop.passport.images import read_folder
from mlxtop.present.passport import document, lines
from mlxtop.sampler.discover import Inventory, discover
from mlxtop.settings import Settings
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
    with console.waiting("asking the cards"):
        images, left = read_folder(system, args.images)
        cards = collect(system, inventory, adapters, settings.firmware, images)
    if args.backup is not None and cards:
        return _back_up(system, cards, args)
    if args.json:
        documents = [document(card, args.no_mask) for card in cards]
        console.say_json({"cards": documents, "left_out": list(left)})
    else:
        show(cards, args.no_mask, left)
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
    if word is None:
        return inventory.adapters
    ports = {port.id: port for port in inventory.ports}
    cards = [
        Passport(card, tuple(ports[one] for one in card.ports if one in ports), card.place)
        for card in inventory.adapters
    ]
    return [pick(cards, word).adapter]


def named(cards: Sequence[Passport], word: str) -> list[Passport]:
    """Return the cards that a word names: a port, an RDMA device or a PCI address."""
    return [card for card in cards if word in _names(card)]


def pick(cards: Sequence[Passport], word: str) -> Passport:
    """Return the first card that a word names. Raises ValueError."""
    for card in named(cards, word):
        return card
    names = sorted({name for card in cards for name in _names(card)})
    raise ValueError(f"no port or card is called {word!r}{did_you_mean(word, names)}")


def _names(card: Passport) -> set[str]:
    places = [one for f in card.adapter.functions for one in (f.address, slot_of(f.address))]
    names = [name for port in card.ports for name in (port.name, port.rdma, str(port.id))]
    short = [place.removeprefix("0000:") for place in places]
    return {name for name in (*places, *short, *names) if name}


def show(cards: Sequence[Passport], serials: bool, left: Sequence[str]) -> None:
    """Print the passports, and what was left out."""
    columns = console.columns(120)
    for number, card in enumerate(cards):
        if number:
            console.say("")
        console.show(*lines(card, columns, serials))
    if not cards:
        console.warn("mlxtop: no ConnectX card was found")
    for text in left:
        console.warn(f"mlxtop: {text}")
