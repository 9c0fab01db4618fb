"""The modes without a screen, of one machine, and the user's scripts for alerts."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from threading import Event
from typing import TYPE_CHECKING

from mlxtop.cli.errors import complain
from mlxtop.outputs import console
from mlxtop.settings import Settings

if TYPE_CHECKING:
    from mlxtop.hosts.machines import Machine
    from mlxtop.model.frame import Frame
    from mlxtop.recording.on_alarm import AlarmSaver
    from mlxtop.sampler.live import LiveSource
    from mlxtop.system.door import System
    from mlxtop.watch.alert import Alert


def write(args: argparse.Namespace, source: LiveSource, system: System, settings: Settings) -> int:
    """Write the table, JSON or lines that were asked for; returns the exit status."""
    from mlxtop.health.store import store_of
    from mlxtop.outputs import headless
    from mlxtop.sampler.source import frames, set_by_signals

    stop = set_by_signals(Event())
    if args.once:
        shown = frames(source, stop)
        store = store_of(system, may_write=False) if args.json else None
        zero = args.interval == 0
        return headless.once(shown, source.kind, args.json, zero, settings.all, store=store)
    from mlxtop.path.follow import follow

    store = store_of(system, may_write=not settings.readonly)
    mode = partial(headless.stream, store=store) if args.json_stream else headless.batch
    fires = [hooks(system, settings, complain)] if args.hooks else []
    taken: Iterable[Frame] = follow(source, system, settings.path, complain).over(
        frames(source, stop)
    )
    saver = _saver(source, system, settings)
    if saver is not None:
        fires.append(saver.note)
        taken = saver.over(taken, complain)
    try:
        return mode(taken, source.kind, args.count, _fire_all(fires))
    finally:
        store.close()
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


def hooks(
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


def hooks_of(
    machine: Machine, settings: Settings, complain: Callable[[str], None]
) -> Callable[[Alert], None] | None:
    """Return what runs the user's scripts, on this machine, for the alerts of one of several."""
    if not settings.hooks:
        return None
    from mlxtop.system.local import LocalSystem

    return hooks(machine.system or LocalSystem(), settings, complain, machine.name)
