"""`mlxtop link-type`: show and change the link types of ports, InfiniBand or Ethernet."""

from __future__ import annotations

import argparse
import select
import sys
from collections.abc import Collection, Sequence

from mlxtop.change.pending import waiting
from mlxtop.change.privilege import Access, ActionContext, NotAllowed
from mlxtop.commands.arguments import between, constants
from mlxtop.commands.mending import did_you_mean
from mlxtop.link_type.card import Refused
from mlxtop.link_type.options import Change, Method, NothingToDo
from mlxtop.link_type.session import LinkTypeSession
from mlxtop.link_type.steps import Stage, Step
from mlxtop.link_type.survey import named_ports
from mlxtop.model.identity import PortId
from mlxtop.model.linktype import LinkType
from mlxtop.outputs import console
from mlxtop.present import link_type as describe
from mlxtop.present.text import clean
from mlxtop.sampler.discover import Inventory, discover
from mlxtop.settings import Settings
from mlxtop.system.door import System

_TYPES = {
    **{str(kind): kind for kind in LinkType},
    **{kind.words.lower(): kind for kind in LinkType},
}
"""Link types by their names, short and long."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `mlxtop link-type`."""
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
    way = constants(parser, "method")
    way("--now", const=Method.NOW, help="by the mlx4 driver, at once")
    way("--stored", const=Method.STORED, help="in the card, from the next boot on")
    way("--reset", const=Method.RESET, help="firmware reset, so that what is stored takes effect")
    way("--persist", const=Method.PERSIST, help="keep the mlx4 driver's present types over a boot")
    way("--keep", dest="keep", const=True, help="keep a change that waits to be confirmed")
    levels = "of the firmware reset; 4 reboots the machine"
    add("--level", type=between(3, 4), choices=(3, 4), help=levels)


def run(args: argparse.Namespace, system: System, settings: Settings) -> int:
    """Show or change link types; return the exit status."""
    try:
        if settings.readonly:
            raise Refused("link types are not changed with --readonly")
        if system.captured:
            raise Refused("a captured machine's link types cannot be changed")
        return _Call(args, system).run()
    except NothingToDo as nothing:
        console.say(str(nothing))
        return 0
    except (Refused, NotAllowed) as error:
        console.warn(f"mlxtop: {error}")
        return 1


def _ports(inventory: Inventory, word: str) -> tuple[PortId, ...]:
    """Return the ports that a word names. Raises Refused, with what was probably meant."""
    try:
        return named_ports(inventory, word)
    except Refused as refused:
        names = [port.name for port in inventory.ports if port.is_mlx]
        question = did_you_mean(word.lower(), [*names, *_TYPES])
        types = f"; types, the last word: {', '.join(LinkType)}"
        raise Refused(f"{refused}{question or types}") from None


class _Call:
    """One call of the subcommand: its words and questions around a session."""

    def __init__(self, args: argparse.Namespace, system: System) -> None:
        self._args = args
        self._system = system
        self._session = LinkTypeSession(ActionContext(system), self._run_step)
        self._person = sys.stdin.isatty()

    def _run_step(self, step: Step, terminal: bool) -> None:
        """Run a step here and now, where the terminal is free; raise why it failed."""
        step()()
        if self._session.error is not None:
            raise self._session.error

    def run(self) -> int:
        args, session = self._args, self._session
        words = list(args.words)
        kind = _TYPES[words.pop().lower()] if words and words[-1].lower() in _TYPES else None
        inventory = discover(self._system)
        ports = tuple(dict.fromkeys(p for word in words for p in _ports(inventory, word)))
        if args.keep:
            return self._keep(ports)
        wanted = kind is not None or args.method in (Method.RESET, Method.PERSIST)
        if wanted and not ports:
            raise Refused("which port? mlxtop link-type lists them")
        keys = {p.adapter for p in inventory.ports if p.id in ports and p.adapter}
        if wanted and len(keys) > 1:
            raise Refused("these ports are on several cards; one card at a time")
        session.look(keys or None, session.rights is Access.SUDO and self._person and wanted)
        return self._change(self._plan(ports, kind)) if wanted else self._show(ports)

    def _show(self, ports: Collection[PortId]) -> int:
        survey = self._session.survey
        if self._args.json:
            console.say_json(describe.survey_document(survey))
            return 0
        names = {str(port) for port in ports}
        rows = [row for row in describe.table(survey) if not ports or row[0] in names]
        if not rows:
            console.say("no port of a ConnectX adapter here")
            return 0
        _print_table([describe.TABLE, *rows])
        console.say(*describe.reasons(survey))
        return 0

    def _plan(self, ports: Sequence[PortId], kind: LinkType | None) -> Change:
        args, session = self._args, self._session
        resets = args.method is Method.RESET
        if resets and kind is not None:
            raise Refused("first the type, then --reset: two commands, two decisions")
        session.prepare(ports, args.method, kind, args.level, resets and self._person)
        assert session.change is not None
        return session.change

    def _change(self, change: Change) -> int:
        args, session = self._args, self._session
        if not self._args.json:
            self._show_plan(change)
        if args.dry_run:
            if self._args.json:
                console.say_json({"plan": describe.change_document(change, session.sudo)})
            return 0
        if session.rights is Access.NONE:
            raise Refused("this needs root, and sudo is not installed; the commands are above")
        self._type_names(change)
        if not args.yes and not self._asked("Do it? [y/N] "):
            raise Refused("not done")
        session.carry_out()
        if session.stage is Stage.KEEP:
            self._confirm(change)
        return self._report(change)

    def _show_plan(self, change: Change) -> None:
        """Print the plan; a change whose plan nobody could read is not made."""
        try:
            console.say(*describe.block_lines(describe.plan_blocks(change, self._session.sudo)))
        except console.ReaderGone:
            if self._args.dry_run:
                raise
            raise Refused("standard output was closed before the plan was read; not done") from None

    def _type_names(self, change: Change) -> None:
        """Take the names that were given, and ask for the others. Raises Refused without one."""
        session = self._session
        for word in self._args.i_know_it_cuts_me_off:
            session.typed.extend(named_ports(session.survey.inventory, word))
        while session.missing:
            port = session.missing[0]
            if self._args.yes or not self._person:
                why = "; ".join(hazard.text for hazard in change.hazards)
                raise Refused(f"{why}; --i-know-it-cuts-me-off {port} would go on")
            if not session.type_name(self._ask(f"To go on, type the name of the port, {port}: ")):
                raise Refused("that is not its name; not done")

    def _ask(self, question: str, seconds: float | None = None) -> str:
        """Return a line from the person; empty when none comes in time. Raises Refused at EOF."""
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

    def _confirm(self, change: Change) -> None:
        """Keep a change, have it taken back, or tell how to keep it in time."""
        session = self._session
        assert session.outcome is not None
        console.warn(*session.outcome.lines)
        if self._args.yes and not change.hazards:
            session.answer(keep=True)
        elif self._args.yes or not self._person:
            device = change.card.device
            console.warn(
                f"taken back in {session.left:.0f} s, unless: mlxtop link-type --keep {device}"
            )
        else:
            word = ""
            while word not in ("y", "yes", "n", "no") and (left := session.left) > 0:
                question = f"Keep it? It is taken back in {left:.0f} s. [y/n] "
                word = self._ask(question, left).lower()
            session.answer(keep=word in ("y", "yes"))
        if session.stage is Stage.BACK:
            console.warn("", "taken back")
        elif session.stage is Stage.FAILED:
            console.warn("", session.text)

    def _report(self, change: Change) -> int:
        session, outcome = self._session, self._session.outcome
        assert outcome is not None
        kept = None if outcome.pending is None else session.stage is Stage.DONE
        done = outcome.done and session.stage not in (Stage.BACK, Stage.FAILED)
        if self._args.json:
            document = {
                "plan": describe.change_document(change, session.sudo),
                "done": outcome.done,
                "kept": kept,
                "said": list(outcome.lines),
                "next": list(outcome.next),
            }
            console.say_json(document)
            return 0 if done else 1
        if kept is None:
            console.say(*outcome.lines)
        elif kept:
            console.say("kept")
        if done and outcome.next:
            console.say("", "what to do now:", *(f"  {line}" for line in outcome.next))
        return 0 if done else 1

    def _keep(self, ports: Sequence[PortId]) -> int:
        """Keep the changes that wait: those of these ports' cards, else all."""
        devices = {port.device for port in ports}
        changes = {d: c for d, c in waiting(self._system).items() if not devices or d in devices}
        if not changes:
            raise Refused("no change waits to be kept")
        kept = {device: change.keep() for device, change in changes.items()}
        if self._args.json:
            console.say_json({"kept": kept}, indent=None)
        else:
            console.say(*(f"{d}: {'kept' if done else 'too late'}" for d, done in kept.items()))
        return 0 if all(kept.values()) else 1


def _print_table(rows: Sequence[Sequence[str]]) -> None:
    cells = [[clean(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in cells)
    console.say(*(line.rstrip() for line in lines))
