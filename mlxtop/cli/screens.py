"""The screens: of one machine, of several, of a recording; what they take is loaded here."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING

from mlxtop.cli.errors import report_threads
from mlxtop.cli.modes import hooks, hooks_of
from mlxtop.commands.arguments import UsageError
from mlxtop.commands.mending import not_among
from mlxtop.outputs import console
from mlxtop.settings import Settings

if TYPE_CHECKING:
    from mlxtop.change.privilege import ActionContext
    from mlxtop.hosts.machines import Machine
    from mlxtop.model.identity import PortId
    from mlxtop.sampler.live import LiveSource
    from mlxtop.sampler.source import Source
    from mlxtop.system.door import System
    from mlxtop.tui.app import MlxtopApp
    from mlxtop.tui.seat import Seat

HELD_MACHINES = 4
"""Machines up to which the last minutes of those afar are held too, to be saved."""
_LIVE = "without one: --once, --batch, --json-stream"


class Again(Exception):
    """The person at the screen wants a simulated machine, or all network devices of this one."""

    def __init__(self, demo: bool) -> None:
        super().__init__(demo)
        self.demo = demo


def show_one(
    source: LiveSource,
    system: System,
    settings: Settings,
    port: PortId | None = None,
    *,
    theme: str | None = None,
    tour: bool = False,
) -> int:
    """Run the live screen of a machine."""
    _need_terminal(_LIVE)
    app = screen(source, system, settings)
    app.first_port = port
    if system.demo:
        from mlxtop.lab import MACHINES, look

        app.story, app.look = MACHINES.get(system.label, ""), look(system.label)
    if tour:
        from mlxtop.tui.tour import Tour

        app.tour = Tour(app)
    app.fire = hooks(system, settings, app.hook_failed)
    return _show(app, settings, theme)


def show_several(machines: Sequence[Machine], args: argparse.Namespace, settings: Settings) -> int:
    """Run the live screen of several machines."""
    _need_terminal(_LIVE)
    app = several_screen(machines, settings)
    if args.demo:
        _show_around(app, args.demo, args.tour)
    return _show(app, settings, args.theme)


def show_replay(args: argparse.Namespace, settings: Settings) -> int:
    """Run the screen on a recording."""
    from mlxtop.commands.replay import opened

    replay = opened(args)
    _need_terminal("without one: mlxtop --from FILE --once, mlxtop report FILE")
    from mlxtop.recording.index import Index
    from mlxtop.tui.replay import ReplayApp

    app = ReplayApp(replay.recording, settings, replay.at, index=Index.own())
    status = _show(app, settings, args.theme)
    console.warn(*(f"mlxtop: {args.file}: {text}" for text in replay.recording.problems.all()))
    return status


def _show_around(app: MlxtopApp, demo: str, tour: bool) -> None:
    """Say what to look at on machines that cables join, or play their story."""
    from mlxtop.lab import look

    app.look = look(demo)
    if tour:
        from mlxtop.tui.tour import TOURS, Tour

        if demo not in TOURS:
            raise UsageError(f"--tour plays on one machine, or on {' or '.join(TOURS)}")
        app.tour = Tour(app, TOURS[demo])


def _need_terminal(instead: str) -> None:
    """Get ready for a screen. Raises UsageError where there is no terminal for it."""
    if not all(file and file.isatty() for file in (sys.stdin, sys.stdout, sys.stderr)):
        raise UsageError(f"the screen needs a terminal; {instead}")
    if os.environ.get("TERM") == "dumb":
        raise UsageError(f"the screen needs a terminal that can place text, not dumb; {instead}")
    gc.disable()  # until the first picture is there
    _load_asyncio()


def _show(app: MlxtopApp, settings: Settings, theme: str | None) -> int:
    """Run a screen; raise what ended it when the terminal is itself again."""
    if theme and theme not in app.theme_names:
        app.feed.stop.set()
        raise UsageError(not_among("theme", theme, app.theme_names))
    if not settings.debug:
        report_threads(lambda text: app.notify(text, severity="error"))
    status = app.run()
    console.warn(*(f"mlxtop: {line}" for line in app.farewell()))
    if app.error is not None:
        raise app.error
    if app.instead is not None:
        raise Again(app.instead == "demo")
    return status or app.return_code or 0


def _load_asyncio() -> None:
    """Import asyncio without OpenSSL, which takes ten milliseconds and some megabytes.

    asyncio does without where Python was built so; who asks for `ssl` later gets it.
    """
    if "ssl" not in sys.modules:
        sys.modules["ssl"] = None  # type: ignore[assignment]
        try:
            import_module("asyncio")
        finally:
            del sys.modules["ssl"]


def screen(source: LiveSource, system: System, settings: Settings) -> MlxtopApp:
    """Return the live screen with all that it can do on this machine."""
    from mlxtop.tui.feed import Feed

    feed = Feed(source)
    feed.start()  # the first look at the machine is over when the rest is loaded
    from mlxtop.health.store import store_of
    from mlxtop.model.sample import SourceKind
    from mlxtop.tui.app import MlxtopApp

    app = MlxtopApp(source, settings, _context(source, system, settings), feed)
    app.health = store_of(system, may_write=not settings.readonly)
    if source.kind is not SourceKind.CAPTURED:
        _equip(app, source, system, settings)
    return app


def several_screen(machines: Sequence[Machine], settings: Settings) -> MlxtopApp:
    """Return the live screen of several machines; only those that are here can be changed."""
    from mlxtop.tui.feed import Feed

    feeds = [Feed(machine.source) for machine in machines]
    for machine, feed in zip(machines, feeds, strict=True):
        if machine.system is not None:  # it is looked at while the rest is loaded
            feed.start()
    from mlxtop.tui.hosts import HostsApp
    from mlxtop.tui.seat import Seat

    seats = []
    for machine, feed in zip(machines, feeds, strict=True):
        source, system = machine.source, machine.system
        seat = Seat(machine, _context(source, system, settings), feed)
        afar = system is None and len(machines) > HELD_MACHINES
        _equip(seat, source, system, replace(settings, flight=0) if afar else settings)
        seats.append(seat)
    app = HostsApp(seats, settings)
    for seat in seats:
        seat.fire = hooks_of(seat.machine, settings, app.hook_failed)
    return app


def _context(source: Source, system: System | None, settings: Settings) -> ActionContext | None:
    """Return what can change a machine; None where it is afar, or nothing may be changed."""
    from mlxtop.change.privilege import ActionContext

    free = source.kind.may_change and not settings.readonly
    return ActionContext(system) if system is not None and free else None


def _equip(
    shown: MlxtopApp | Seat, source: Source, system: System | None, settings: Settings
) -> None:
    """Give the screen of a machine its flight recorder, and the ways to peers where it is here."""
    from mlxtop.path.follow import PathFollower
    from mlxtop.sampler.live import LiveSource
    from mlxtop.system.clock import RealClock
    from mlxtop.tui.flight import Flight

    clock = system.clock if system is not None else RealClock()
    shown.flight = Flight(clock, source.kind, source.interval, settings)
    if system is not None and isinstance(source, LiveSource):
        shown.paths = PathFollower(system, settings.path)
        source.paths = shown.paths.status
