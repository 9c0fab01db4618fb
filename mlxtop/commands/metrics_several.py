"""`mlxtop metrics` of several machines: each is named by the label `host`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from threading import Event, Timer

from mlxtop.commands.arguments import UsageError
from mlxtop.commands.exporter import Exporter, Exporters
from mlxtop.commands.metrics import EVERY_S, check
from mlxtop.commands.metrics_target import serve, write, write_again
from mlxtop.hosts.machines import Machine, gather
from mlxtop.model.machine import MachineState
from mlxtop.outputs import console
from mlxtop.sampler.source import Stop
from mlxtop.system.clock import RealClock

FIRST_S = 15.0
"""Seconds that what is told once waits for two frames of each machine."""


def run(args: argparse.Namespace, machines: Sequence[Machine]) -> int:
    """Print, write or serve; 0, and 1 where a machine has told nothing."""
    check(args)
    if args.shared:
        raise UsageError(f"--{args.shared} goes without -H")
    every = args.every or args.interval
    again = args.listen or (args.textfile and every)
    exporters = Exporters(
        {one.name: _exporter(one, args.vfs, len(machines) > 1) for one in machines}
    )
    for one in machines:
        one.source.interval = (every or EVERY_S) if again else 1.0
    follow = partial(_follow, machines, exporters)
    if args.listen:
        return serve(args, exporters.render, follow)
    if again:
        return write_again(args.textfile, exporters.text, follow)
    _take_twice(machines, exporters)
    if args.textfile:
        write(args.textfile, exporters.text())
    else:
        console.write(exporters.text().decode())
    return 0 if all(one.frame is not None for one in exporters.each.values()) else 1


def _exporter(machine: Machine, with_vfs: bool, named: bool) -> Exporter:
    source, system = machine.source, machine.system
    exporter: Exporter
    clock = RealClock()

    def now() -> float:
        """Return the machine's monotonic seconds: since its last sample by our clock."""
        if system is not None:
            return system.now()
        tick = exporter.frame.sample.tick if exporter.frame is not None else 0.0
        return tick + max(0.0, clock.now() - machine.reach.since)

    exporter = Exporter(source.kind, now, with_vfs, host=machine.name if named else "")
    return exporter


def _take_twice(machines: Sequence[Machine], exporters: Exporters) -> None:
    """Take two frames of each machine in, or what comes in time."""
    stop, left = Stop(), {one.name: 2 for one in machines}
    timer = Timer(FIRST_S, stop.set)
    timer.daemon = True
    timer.start()
    for arrival in gather(machines, stop, RealClock()):
        name = arrival.machine.name
        if arrival.frame is not None and name in left:
            exporters.each[name].take(arrival.frame, examine=False)
            left[name] -= 1
        lost = arrival.reach.state is MachineState.LOST
        if lost:
            console.warn(f"mlxtop: {name}: {arrival.reach.why}")
        if left.get(name, 0) <= 0 or lost or arrival.ended:
            left.pop(name, None)
        if not left:
            break
    timer.cancel()
    stop.set()
    for exporter in exporters.each.values():
        exporter.examine()


def _follow(
    machines: Sequence[Machine], exporters: Exporters, stop: Event, after: Callable[[], None]
) -> None:
    """Take frames in until stopped; a lost machine is told of once, and keeps its last values."""
    told: dict[str, str] = {}
    for arrival in gather(machines, stop, RealClock()):
        name, reach = arrival.machine.name, arrival.reach
        if arrival.frame is not None:
            exporters.each[name].take(arrival.frame)
            after()
        why = reach.why if reach.state is MachineState.LOST else ""
        if why and why != told.get(name):
            console.warn(f"mlxtop: {name}: {why}")
        told[name] = why
