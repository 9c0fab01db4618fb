"""`mlxtop path`: show the ways to peers, watch them, and keep the path when one dies."""

from __future__ import annotations

import argparse
import signal
import time
from collections.abc import Iterable
from threading import Event
from typing import TYPE_CHECKING

from mlxtop.outputs import console
from mlxtop.settings import Settings
from mlxtop.system.door import System

if TYPE_CHECKING:
    from mlxtop.change.plan import Plan
    from mlxtop.model.path import PathSettings
    from mlxtop.path.run import PathRun
    from mlxtop.system.notify import ServiceManager

SHOW_S = 2.5
"""Seconds of probes before the table is printed."""
WATCH, KEEP = "watch", "keep"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `mlxtop path`."""
    add = parser.add_argument
    add(
        "what",
        nargs="?",
        choices=(WATCH, KEEP),
        help="watch: tell what is lost and what is back, change nothing; keep: switch routes too"
        " (root); without one: probe for a moment and show every way",
    )
    add("--propose", action="store_true", help="print peers for the settings, from routes")
    add("--dry-run", action="store_true", help="with keep: print the commands and stop; no root")
    add("--leave", action="store_true", help="with keep: leave the routes at the end as they are")
    add("--unit", action="store_true", help="with keep: print a systemd unit for it")


def run(args: argparse.Namespace, system: System, settings: Settings) -> int:
    """Show, watch or keep the paths; return the exit status."""
    for name in ("dry_run", "leave", "unit"):
        if getattr(args, name) and args.what != KEEP:
            raise ValueError(f"--{name.replace('_', '-')} goes with path keep")
    if args.unit:
        from mlxtop.path.unit import unit
        from mlxtop.system.service_unit import own_program

        console.write(unit(own_program()))
        return 0
    if args.propose:
        return _propose(system)
    if system.captured:
        raise ValueError("a captured machine answers no probe")
    shown = args.what is None or args.dry_run or system.demo
    path = settings.path if settings.path.peers else _proposed(system, settings.path, shown)
    if args.what is None:
        return _show(system, path, args.json)
    if args.what == KEEP:
        return _keep(args, system, settings, path)
    return _watch(system, settings, path, args.json)


def _propose(system: System) -> int:
    from mlxtop.model.path import settings_lines
    from mlxtop.path.peers import propose

    peers = propose(system)
    if not peers:
        console.warn("mlxtop: no route and no neighbour leads to a host behind a port of a card")
        return 1
    console.say(*settings_lines(peers))
    return 0


def _proposed(system: System, path: PathSettings, shown: bool) -> PathSettings:
    """Return the proposed peers, where no others are known and nothing is switched."""
    from mlxtop.path.peers import propose

    if not shown:
        raise ValueError("no [[path.peers]] in the settings; mlxtop path --propose prints them")
    peers = propose(system)
    if not peers:
        raise ValueError("no peer: no [[path.peers]] in the settings, and no route suggests one")
    return path._replace(peers=peers)


def _show(system: System, path: PathSettings, as_json: bool) -> int:
    """Probe for a moment and print what was seen; 1 where a peer answers by no way."""
    from mlxtop.present.path import document, text_lines

    with_end = Event()
    session = _started(system, path, keep=False, quiet=True)
    until = system.now() + SHOW_S

    def each() -> None:
        if system.now() >= until:
            with_end.set()

    session.run(with_end, each=each)
    status = session.status
    if as_json:
        console.say_json(document(status))
    else:
        columns = console.columns(120)
        console.show(*text_lines(status, columns))
    return 1 if any(peer.dead for peer in status.peers) else 0


def _started(system: System, path: PathSettings, keep: bool, quiet: bool) -> PathRun:
    """Return a run; a `quiet` one says nothing by itself."""
    from mlxtop.change.privilege import ActionContext
    from mlxtop.path.run import PathRun

    return PathRun(ActionContext(system), path, keep, _silent if quiet else _tell)


def _silent(sentence: str) -> None:
    """Say nothing."""


def _tell(sentence: str) -> None:
    console.say(f"{time.strftime('%H:%M:%S')} {sentence}")


def _watch(system: System, settings: Settings, path: PathSettings, as_json: bool) -> int:
    return _go_on(system, settings, _started(system, path, False, as_json), as_json)


def _keep(args: argparse.Namespace, system: System, settings: Settings, path: PathSettings) -> int:
    from mlxtop.path.run import OtherCopy

    if args.dry_run:
        return _dry_run(system, path, args.leave)
    if settings.readonly:
        raise ValueError("routes are not changed with --readonly")
    if not system.root:
        raise ValueError("path keep changes routes: run it as root (--dry-run needs no root)")
    try:
        session = _started(system, path, True, args.json)
    except OtherCopy:
        console.warn("mlxtop: another copy keeps the paths here: this one only watches")
        session = _started(system, path, False, args.json)
    return _go_on(system, settings, session, args.json, args.leave)


def _dry_run(system: System, path: PathSettings, leave: bool) -> int:
    from mlxtop.change.privilege import Access, RootCommands
    from mlxtop.path.switch import Switch

    switch = Switch(system, path, RootCommands(system, Access.ROOT), None)
    console.say(*_plan_lines(switch.plan(leave)))
    for peer in path.peers:
        reason = switch.left_to_others(peer)
        if reason is not None:
            console.say(f"# {peer.name} is only watched: {reason}")
    console.say(*(f"# {sentence}" for sentence in switch.obstacles()))
    return 0


def _plan_lines(plan: Plan) -> Iterable[str]:
    yield "# at first, each once its way answers"
    yield from plan.lines(sudo=False)
    yield from (f"# {note}" for note in plan.notes)
    yield "# at the end, and by the next start or a helper of its own after kill -9"
    yield from plan.undo_lines(sudo=False)


def _go_on(
    system: System, settings: Settings, session: PathRun, as_json: bool, leave: bool = False
) -> int:
    """Run until a signal; tell scripts, the service manager and whoever reads our output."""
    from mlxtop.system.notify import ServiceManager

    stop = Event()

    def end(*_: object) -> None:
        stop.set()
        session.session.wake()

    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, end)
    session.ports.follow(system, stop)
    manager = ServiceManager()
    each = _Each(system, settings, session, manager, as_json)
    try:
        session.run(stop, leave, each)
    finally:
        stop.set()
        manager.stopping()
    return 0


class _Each:
    """What is done after every round: alerts to scripts, life signs, JSON lines."""

    def __init__(
        self,
        system: System,
        settings: Settings,
        session: PathRun,
        manager: ServiceManager,
        as_json: bool,
    ) -> None:
        from mlxtop.watch.paths import PathWatch

        self._system, self._session, self._manager = system, session, manager
        self._watch, self._as_json = PathWatch(), as_json
        self._told: object = session.status
        self._ready = False
        self._hooks = None
        if settings.hooks:
            from mlxtop.watch.hooks import Hooks

            hooks = Hooks(system, settings.hooks, settings.file, _complain)
            console.warn(*(f"mlxtop: hooks: {fault}" for fault in hooks.faults()))
            self._hooks = hooks.fire

    def __call__(self) -> None:
        now = self._system.now()
        if not self._ready:
            self._ready = True
            self._manager.ready("probing")
        self._manager.alive(now)
        status = self._session.status
        if status is self._told:
            return
        self._told = status
        for alert in self._watch.observe(status, now, {}):
            bad = sum(1 for peer in status.peers for one in peer.ways if one.state != "up")
            self._manager.status(f"{bad} ways are not up; {alert.text}")
            if self._hooks is not None:
                self._hooks(alert)
        if self._as_json:
            from mlxtop.present.path import document

            console.say_json({"time": round(time.time(), 3), **document(status)}, indent=None)


def _complain(text: str) -> None:
    console.warn(f"mlxtop: {text}")
