"""`mlxtop link-type`: show and change what ports speak, InfiniBand or Ethernet."""

from __future__ import annotations

import argparse
import select
import sys
from collections.abc import Collection, Sequence
from typing import Protocol

from mlxtop.change.log import own_log
from mlxtop.change.pending import PendingChange, waiting
from mlxtop.change.privilege import Access, NotAllowed, access
from mlxtop.commands.arguments import between
from mlxtop.link_type.carry_out import Outcome, carry_out, look
from mlxtop.link_type.naming import named_ports
from mlxtop.link_type.plan import Change, LinkTypeSurvey, Method, NothingToDo, Refused, prepare
from mlxtop.link_type.reset import choose_level, persist, prepare_reset, read_levels
from mlxtop.link_type.survey import Card
from mlxtop.model.identity import PortId
from mlxtop.model.linktype import LinkType
from mlxtop.outputs import console
from mlxtop.present import link_type as describe
from mlxtop.present.clean import clean
from mlxtop.sampler.discover import discover
from mlxtop.system.door import System

_TYPES = frozenset(LinkType)


class _Settings(Protocol):
    @property
    def readonly(self) -> bool:
        """Nothing may be changed."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `mlxtop link-type`."""
    add = parser.add_argument
    add(
        "words",
        nargs="*",
        metavar="PORT|TYPE",
        help="0000:43:00.0/1, a network or RDMA device; a PCI function means all its ports, "
        "a slot (0000:43:00) all of the card; last the type, ib, eth or auto; without one: show",
    )
    add("--dry-run", action="store_true", help="show the plan and stop")
    add("--yes", action="store_true", help="do not ask; never overrides the lock-out guard")
    add(
        "--i-know-it-cuts-me-off",
        action="append",
        default=[],
        metavar="PORT",
        help="go on though this port carries an SSH session, a route or storage",
    )
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--now", action="store_true", help="by the mlx4 driver, at once")
    way.add_argument("--stored", action="store_true", help="in the card, from the next boot on")
    way.add_argument(
        "--reset", action="store_true", help="firmware reset, so that what is stored takes effect"
    )
    way.add_argument(
        "--persist", action="store_true", help="keep the mlx4 driver's present types over a boot"
    )
    way.add_argument("--keep", action="store_true", help="keep a change that waits to be confirmed")
    add(
        "--level",
        type=between(3, 4),
        choices=(3, 4),
        help="of the firmware reset; 4 reboots the machine",
    )


def run(args: argparse.Namespace, system: System, settings: _Settings) -> int:
    """Show or change link types; the exit status."""
    try:
        return _Session(args, system, settings).run()
    except NothingToDo as nothing:
        console.say(str(nothing))
        return 0
    except (Refused, NotAllowed) as error:
        console.warn(f"mlxtop: {error}")
        return 1


class _Session:
    """One call of the subcommand."""

    def __init__(self, args: argparse.Namespace, system: System, settings: _Settings) -> None:
        self._args = args
        self._system = system
        if settings.readonly:
            raise Refused("link types are not changed with --readonly")
        if system.captured:
            raise Refused("a captured machine's link types cannot be changed")
        self._rights = access(system)
        self._json = bool(getattr(args, "json", False))
        self._person = sys.stdin.isatty()

    def run(self) -> int:
        """What was asked for."""
        words = list(self._args.words)
        kind = LinkType(words.pop().lower()) if words and words[-1].lower() in _TYPES else None
        inventory = discover(self._system)
        ports = tuple(dict.fromkeys(p for word in words for p in named_ports(inventory, word)))
        if self._args.keep:
            return self._keep(ports)
        change_wanted = kind is not None or self._args.reset or self._args.persist
        if change_wanted and not ports:
            raise Refused("which port? mlxtop link-type lists them")
        keys = {p.adapter for p in inventory.ports if p.id in ports and p.adapter}
        if change_wanted and len(keys) > 1:
            raise Refused("these ports are on several cards; one card at a time")
        ask = self._rights is Access.SUDO and self._person and change_wanted
        scene = look(self._system, self._rights, ask, keys or None)
        if not change_wanted:
            return self._show(scene, ports)
        return self._change(scene, ports, kind)

    def _show(self, scene: LinkTypeSurvey, ports: Collection[PortId]) -> int:
        if self._json:
            console.say_json(describe.scene_document(scene))
            return 0
        rows = [
            row
            for row in describe.table(scene)
            if not ports or row[0] in {str(port) for port in ports}
        ]
        if not rows:
            console.say("no port of a ConnectX adapter here")
            return 0
        _print_table([describe.TABLE, *rows])
        console.say(*describe.reasons(scene))
        return 0

    def _change(self, scene: LinkTypeSurvey, ports: Sequence[PortId], kind: LinkType | None) -> int:
        change = self._prepared(scene, scene.card_of(ports[0]), ports, kind)
        sudo = self._rights is not Access.ROOT
        if not self._json:
            self._show_plan(describe.plan_lines(change, sudo))
        if self._args.dry_run:
            if self._json:
                console.say_json({"plan": describe.change_document(change, sudo)})
            return 0
        if self._rights is Access.NONE:
            raise Refused("this needs root, and sudo is not installed; the commands are above")
        typed = self._typed(scene, change)
        if not self._args.yes and not self._asked("Do it? [y/N] "):
            raise Refused("not done")
        log = None if self._system.demo else own_log()
        outcome = carry_out(self._system, scene, change, self._rights, log, typed=typed)
        kept = self._kept(change, outcome)
        return self._report(change, outcome, kept, sudo)

    def _show_plan(self, lines: Sequence[str]) -> None:
        """Nothing is changed by a plan that nobody could read."""
        try:
            console.say(*lines)
        except console.ReaderGone:
            if self._args.dry_run:
                raise
            raise Refused("standard output was closed before the plan was read; not done") from None

    def _prepared(
        self, scene: LinkTypeSurvey, card: Card, ports: Sequence[PortId], kind: LinkType | None
    ) -> Change:
        args = self._args
        if args.persist:
            return persist(self._system, scene, card)
        if args.reset:
            if kind is not None:
                raise Refused("first the type, then --reset: two commands, two decisions")
            tool, levels = read_levels(self._system, card, self._rights, self._person)
            return prepare_reset(scene, card, tool, choose_level(levels, args.level))
        if kind is None:
            raise Refused("which type? ib, eth or auto")
        method = Method.NOW if args.now else Method.STORED if args.stored else None
        return prepare(scene, card, dict.fromkeys(ports, kind), method)

    def _typed(self, scene: LinkTypeSurvey, change: Change) -> tuple[PortId, ...]:
        """The ports whose names were given or are typed now; Refused where one is missing."""
        given = {
            port
            for word in self._args.i_know_it_cuts_me_off
            for port in named_ports(scene.inventory, word)
        }
        for port in change.endangered:
            if port in given:
                continue
            if self._args.yes or not self._person:
                why = "; ".join(hazard.text for hazard in change.hazards)
                raise Refused(f"{why}; --i-know-it-cuts-me-off {port} would go on")
            word = self._ask(f"To go on, type the name of the port, {port}: ")
            if word not in (str(port), *_names_of(scene, port)):
                raise Refused("that is not its name; not done")
            given.add(port)
        return tuple(given)

    def _ask(self, question: str, seconds: float | None = None) -> str:
        """A line from the person; empty when none comes in time. Raises Refused at the end."""
        console.warn(question, end="")
        if not select.select([sys.stdin], [], [], seconds)[0]:
            return ""
        line = sys.stdin.readline()
        if not line:
            raise Refused("no answer; not done")
        return line.strip()

    def _asked(self, question: str) -> bool:
        if not self._person:
            raise Refused("nobody is there to ask; --yes answers yes")
        return self._ask(question).lower() in ("y", "yes")

    def _kept(self, change: Change, outcome: Outcome) -> bool | None:
        """Whether a change that acts at once is kept; None where nothing waits."""
        keeper = outcome.keeper
        if keeper is None:
            return None
        console.warn(*outcome.said)
        if self._args.yes and not change.hazards:
            return keeper.keep()
        if self._args.yes or not self._person:
            device = change.card.device
            console.warn(
                f"taken back in {keeper.left():.0f} s, unless: mlxtop link-type --keep {device}"
            )
            return False
        return self._confirmed(keeper)

    def _confirmed(self, keeper: PendingChange) -> bool:
        """Ask until yes, no, or the time is over."""
        while (left := keeper.left()) > 0:
            word = self._ask(f"Keep it? It is taken back in {left:.0f} s. [y/n] ", left).lower()
            if word in ("y", "yes"):
                return keeper.keep()
            if word in ("n", "no"):
                break
        back = keeper.take_back()
        console.warn("", "taken back" if back else "the time is over")
        return False

    def _report(self, change: Change, outcome: Outcome, kept: bool | None, sudo: bool) -> int:
        done = outcome.done and (kept is not False or self._args.yes)
        if self._json:
            document = {
                "plan": describe.change_document(change, sudo),
                "done": outcome.done,
                "kept": kept,
                "said": list(outcome.said),
                "next": list(outcome.next),
            }
            console.say_json(document)
            return 0 if done else 1
        if outcome.keeper is None:
            console.say(*outcome.said)
        elif kept:
            console.say("kept")
        if done and outcome.next:
            console.say("", "what to do now:", *(f"  {line}" for line in outcome.next))
        return 0 if done else 1

    def _keep(self, ports: Sequence[PortId]) -> int:
        """Keep what waits: of these ports' cards, else of all."""
        devices = {port.device for port in ports}
        found = {d: k for d, k in waiting(self._system).items() if not devices or d in devices}
        if not found:
            raise Refused("no change waits to be kept")
        kept = {device: keeper.keep() for device, keeper in found.items()}
        if self._json:
            console.say_json({"kept": kept}, indent=None)
        else:
            console.say(*(f"{d}: {'kept' if done else 'too late'}" for d, done in kept.items()))
        return 0 if all(kept.values()) else 1


def _names_of(scene: LinkTypeSurvey, wanted: PortId) -> tuple[str, ...]:
    found = [port for port in scene.inventory.ports if port.id == wanted]
    return tuple(name for port in found for name in (port.netdev, port.name) if name)


def _print_table(rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as their widest cell."""
    cells = [[clean(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in cells)
    console.say(*(line.rstrip() for line in lines))
