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
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from importlib import import_module
from threading import Event
from typing import TYPE_CHECKING

from mlxtop import __version__
from mlxtop.commands import arguments
from mlxtop.commands.arguments import UsageError
from mlxtop.commands.mending import not_among, parse, port_named
from mlxtop.outputs import console
from mlxtop.settings import Settings, load
from mlxtop.system.owner import SAFE_PATH

if TYPE_CHECKING:
    from mlxtop.hosts.machines import Machine
    from mlxtop.model.frame import Frame
    from mlxtop.model.identity import PortId
    from mlxtop.model.linktype import StoredConfig
    from mlxtop.recording.on_alarm import AlarmSaver
    from mlxtop.sampler.discover import Inventory
    from mlxtop.sampler.live import LiveSource
    from mlxtop.system.door import System
    from mlxtop.tui.app import MlxtopApp
    from mlxtop.watch.heat import Alert

TOUR = "fry"
"""The simulated machine on which the tour plays."""
GARBAGE = (20_000, 20, 50)
"""Objects until the youngest generation is searched for cycles, and rounds until the older ones.
Modules and frames hold hardly any: searching took a tenth of the start."""


HELD_MACHINES = 4
"""Machines up to which the last minutes of those afar are held too, to be saved."""


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
        _report_threads(_complain)
    try:
        status = _parse_and_run(words)
        console.finish()
        return status
    except UsageError as error:
        _complain(f"{error} (see mlxtop --help)")
    except console.ReaderGone:
        return 0
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except Exception as error:
        if debug:
            raise
        _complain(_explain(error))
    return wrong


def _agent(words: list[str]) -> int:
    """Be the far side of another machine's `mlxtop -H`."""
    from mlxtop.hosts import agent

    return agent.main(words, ask_card=_ask_card)


def _complain(text: str) -> None:
    console.warn(f"mlxtop: {text}")


def _parse_and_run(words: list[str]) -> int:
    try:
        args = parse(words, _is_machine)
    except SystemExit:  # --help
        return 0
    return _run(args)


def _is_machine(word: str) -> bool:
    from mlxtop.lab import MACHINES

    return word == "list" or all(name in MACHINES for name in word.split("+"))


def _report_threads(report: Callable[[str], None]) -> None:
    """Let what ends a thread be one line."""

    def ended(what: threading.ExceptHookArgs) -> None:
        if what.exc_value is not None:
            name = what.thread.name if what.thread else "thread"
            report(f"{name}: {_named(what.exc_value)}")

    threading.excepthook = ended


def _explain(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, OSError | ValueError):
        return str(error) or type(error).__name__
    return _named(error)


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {error} (--debug shows where)"


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
        return _replay(args, settings)
    while True:
        try:
            return _run_on(args, settings)
        except _Again as again:
            if again.demo:
                args.root, args.demo = None, ""
            settings = replace(settings, all=settings.all or not again.demo)


def _replay(args: argparse.Namespace, settings: Settings) -> int:
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


class _Again(Exception):
    """The person at the screen wants a simulated machine, or all network devices of this one."""

    def __init__(self, demo: bool) -> None:
        super().__init__(demo)
        self.demo = demo


def _run_on(args: argparse.Namespace, settings: Settings) -> int:
    """Run on one machine, or on several."""
    if args.hosts or "+" in (args.demo or ""):
        return _run_on_several(args, settings)
    with closing(_system(args, settings)) as system:
        if args.command:
            if system.demo:
                console.warn(f"mlxtop: DEMO, {system.label} is a simulated machine")
            return int(arguments.command_module(args.command).run(args, system, settings))
        port, name = None, args.port_name
        if name is not None:
            port, *others = port_named(name, system, settings.all)
            if others or arguments.without_screen(args):
                port, settings = None, replace(settings, include=(name,))
        with closing(_source(args, system, settings)) as source:
            return _front_end(args, source, system, settings, port)


def _run_on_several(args: argparse.Namespace, settings: Settings) -> int:
    from mlxtop.commands import hosts

    machines = hosts.machines(args, _systems(args, settings), settings)
    try:
        if args.command or arguments.without_screen(args):
            wanted = machines if args.hooks else ()
            fires = {one.name: _hooks_of(one, settings, _complain) for one in wanted}
            return hosts.say(args, machines, settings, fires)
        _need_terminal("without one: --once, --batch, --json-stream")
        app = _several_screen(machines, settings)
        if args.demo:
            _show_around(app, args.demo, args.tour)
        return _show(app, settings, args.theme)
    finally:
        for machine in machines:
            machine.close()


def _systems(args: argparse.Namespace, settings: Settings) -> dict[str, System]:
    """Return the machines that are here, by their names among several."""
    if args.demo is None:
        from mlxtop.hosts import names as hosts

        if args.root:
            raise UsageError("-H and --root exclude each other")
        return {} if args.no_local else {hosts.LOCAL: _system(args, settings)}
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


def _several_screen(machines: Sequence[Machine], settings: Settings) -> MlxtopApp:
    """Return the live screen of several machines; only those that are here can be changed."""
    from mlxtop.tui.feed import Feed

    feeds = [Feed(machine.source) for machine in machines]
    for machine, feed in zip(machines, feeds, strict=True):
        if machine.system is not None:  # it is looked at while the rest is loaded
            feed.start()
    from mlxtop.change.privilege import ActionContext
    from mlxtop.path.follow import PathFollower
    from mlxtop.sampler.live import LiveSource
    from mlxtop.system.clock import RealClock
    from mlxtop.tui.flight import Flight
    from mlxtop.tui.hosts import HostsApp, Seat

    seats = []
    for machine, feed in zip(machines, feeds, strict=True):
        system, kind = machine.system, machine.source.kind
        free = system is not None and kind.may_change and not settings.readonly
        seat = Seat(machine, ActionContext(system) if system is not None and free else None, feed)
        clock = system.clock if system is not None else RealClock()
        afar = system is None and len(machines) > HELD_MACHINES
        held = replace(settings, flight=0) if afar else settings
        seat.flight = Flight(clock, kind, machine.source.interval, held)
        if system is not None and isinstance(machine.source, LiveSource):
            seat.paths = PathFollower(system, settings.path)
            machine.source.paths = seat.paths.status
        seats.append(seat)
    app = HostsApp(seats, settings)
    for seat in seats:
        seat.fire = _hooks_of(seat.machine, settings, app.hook_failed)
    return app


def _show_around(app: MlxtopApp, demo: str, tour: bool) -> None:
    """Say what to look at on machines that cables join, or play their story."""
    from mlxtop.lab import look

    app.look = look(demo)
    if tour:
        from mlxtop.tui.tour import TOURS, Tour

        if demo not in TOURS:
            raise UsageError(f"--tour plays on one machine, or on {' or '.join(TOURS)}")
        app.tour = Tour(app, TOURS[demo])


def _hooks_of(
    machine: Machine, settings: Settings, complain: Callable[[str], None]
) -> Callable[[Alert], None] | None:
    """Return what runs the user's scripts, on this machine, for the alerts of one of several."""
    if not settings.hooks:
        return None
    from mlxtop.system.local import LocalSystem

    return _hooks(machine.system or LocalSystem(), settings, complain, machine.name)


def _system(args: argparse.Namespace, settings: Settings) -> System:
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


def _source(args: argparse.Namespace, system: System, settings: Settings) -> LiveSource:
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
        ask_card=_ask_card,
    )


def _ask_card(system: System, inventory: Inventory) -> StoredConfig:
    """Ask a card what it stores; what that takes is loaded when it is first done."""
    from mlxtop.link_type.survey import read_stored

    return read_stored(system, inventory)


def _front_end(
    args: argparse.Namespace,
    source: LiveSource,
    system: System,
    settings: Settings,
    port: PortId | None,
) -> int:
    if not arguments.without_screen(args):
        return _screen(source, system, settings, port, theme=args.theme, tour=args.tour)
    from mlxtop.outputs import headless
    from mlxtop.sampler.source import frames

    stop = Event()  # so that everything ends in order
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if args.once:
        shown = frames(source, stop)
        return headless.once(shown, source.kind, args.json, args.interval == 0, settings.all)
    from mlxtop.path.follow import follow

    mode = headless.stream if args.json_stream else headless.batch
    fires = [_hooks(system, settings, _complain)] if args.hooks else []
    taken: Iterable[Frame] = follow(source, system, settings.path, _complain).over(
        frames(source, stop)
    )
    saver = _saver(source, system, settings)
    if saver is not None:
        fires.append(saver.note)
        taken = saver.over(taken, _complain)
    try:
        return mode(taken, source.kind, args.count, _fire_all(fires))
    finally:
        if saver is not None:
            saver.close()


def _saver(source: LiveSource, system: System, settings: Settings) -> AlarmSaver | None:
    """Return what records when an alarm begins; None where that is not set."""
    if not (settings.save_on_alarm and settings.flight and source.kind.may_change):
        return None
    from mlxtop.recording.on_alarm import AlarmSaver

    return AlarmSaver.holding(float(settings.flight), system.clock, source.kind, source.interval)


def _fire_all(fires: Sequence[Callable[[Alert], None] | None]) -> Callable[[Alert], None]:
    """Return what gives an alert to all."""

    def fire(alert: Alert) -> None:
        for one in fires:
            if one is not None:
                one(alert)

    return fire


def _screen(
    source: LiveSource,
    system: System,
    settings: Settings,
    port: PortId | None = None,
    *,
    theme: str | None = None,
    tour: bool = False,
) -> int:
    """Run the live screen."""
    _need_terminal("without one: --once, --batch, --json-stream")
    app = screen(source, system, settings)
    app.first_port = port
    if system.demo:
        from mlxtop.lab import MACHINES, look

        app.story, app.look = MACHINES.get(system.label, ""), look(system.label)
    if tour:
        from mlxtop.tui.tour import Tour

        app.tour = Tour(app)
    app.fire = _hooks(system, settings, app.hook_failed)
    return _show(app, settings, theme)


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
        _report_threads(lambda text: app.notify(text, severity="error"))
    status = app.run()
    console.warn(*(f"mlxtop: {line}" for line in app.farewell()))
    if app.error is not None:
        raise app.error
    if app.instead is not None:
        raise _Again(app.instead == "demo")
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
    from mlxtop.change.privilege import ActionContext
    from mlxtop.model.sample import SourceKind
    from mlxtop.tui.app import MlxtopApp

    free = source.kind.may_change and not settings.readonly
    app = MlxtopApp(source, settings, ActionContext(system) if free else None, feed)
    if source.kind is not SourceKind.CAPTURED:
        from mlxtop.path.follow import PathFollower
        from mlxtop.tui.flight import Flight

        app.paths = PathFollower(system, settings.path)
        source.paths = app.paths.status
        app.flight = Flight(system.clock, source.kind, source.interval, settings)
    return app


def _hooks(
    system: System, settings: Settings, complain: Callable[[str], None], host: str = ""
) -> Callable[[Alert], None] | None:
    """Return what runs the user's scripts; None where there are none.

    `host`: the machine of the alerts, where there are several.
    """
    if not settings.hooks:
        return None
    from mlxtop.watch.hooks import Hooks

    hooks = Hooks(system, settings.hooks, settings.file, complain, host)
    console.warn(*(f"mlxtop: hooks: {fault}" for fault in hooks.faults()))
    return hooks.fire
