"""Several machines without a screen: tables, one document, or a stream of JSON lines."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from threading import Event, Timer
from typing import Any

from mlxtop.ends.follow import Ends
from mlxtop.hosts.machines import Arrival, Machine, gather, seen_machine
from mlxtop.model.frame import Frame
from mlxtop.model.machine import MachineState
from mlxtop.model.named_links import NamedLink
from mlxtop.model.sample import SourceKind
from mlxtop.outputs import console
from mlxtop.outputs.document import SCHEMA, document, lost_document
from mlxtop.outputs.headless import (
    Fire,
    Follower,
    alarm_lines,
    nothing_found,
    remembered,
    table,
)
from mlxtop.outputs.links_document import links_document
from mlxtop.sampler.source import set_by_signals
from mlxtop.settings import Settings
from mlxtop.system.clock import Clock, RealClock

FIRST_S = 20.0
"""Seconds that one table or document waits for machines that have not answered yet."""


class Several:
    """What has come of some machines, by their names."""

    def __init__(
        self,
        machines: Sequence[Machine],
        fires: Mapping[str, Fire | None] | None = None,
        links: Sequence[NamedLink] = (),
    ) -> None:
        self.machines = machines
        self.ends = Ends(links)
        fires = fires or {}
        self.followers = {
            one.name: Follower(one.source.kind, fires.get(one.name)) for one in machines
        }
        self._told: dict[str, str] = {}

    def take(self, arrival: Arrival, frame: Frame) -> Any:
        """Take a frame in; return it with what is new, None for the first one without rates."""
        told = self.followers[arrival.machine.name].take(frame)
        now = arrival.reach.since
        watches = ((one, self.followers[one.name].watch) for one in self.machines)
        seen = (seen_machine(one.name, watch, one.reach, now) for one, watch in watches)
        self.ends.take([one for one in seen if one is not None])
        return told

    def tell(self, arrival: Arrival) -> None:
        """Say on standard error that a machine was lost, or why it cannot be reached."""
        name, reach = arrival.machine.name, arrival.reach
        why = str(arrival.error) if arrival.error is not None else ""
        if not why and reach.state is MachineState.LOST:
            why = reach.why
        if not why and reach.via and reach.state is MachineState.LIVE and reach.sent:
            why = reach.via
        if why and why != self._told.get(name):
            console.warn(f"mlxtop: {name}: {why}")
        self._told[name] = why

    def document(self) -> dict[str, Any]:
        """Return one document of all; that of the only one is as it is of this machine."""
        machines = [self._document(one) for one in self.machines]
        if len(machines) == 1:
            return machines[0]
        return {"schema": SCHEMA, "machines": machines, "links": links_document(self.ends)}

    def _document(self, machine: Machine) -> dict[str, Any]:
        watch = self.followers[machine.name].watch
        if watch.frame is None:
            return lost_document(machine.name, machine.reach.why or "no answer yet")
        demo = machine.source.kind is SourceKind.DEMO
        more = remembered(watch, watch.events)
        return document(watch.frame, demo, True, machine=self.name_of(machine), **more)

    def name_of(self, machine: Machine) -> str:
        """Return the name that documents tell: none where there is only one."""
        return machine.name if len(self.machines) > 1 else ""

    def table(self, machine: Machine, *, since_boot: bool) -> str:
        """Return the table of a machine, headed by its name; a line for one without a frame."""
        watch = self.followers[machine.name].watch
        if watch.frame is None:
            return f"{machine.name}  {machine.reach.why or 'no answer yet'}"
        kind, verdicts = machine.source.kind, watch.verdicts.all()
        return table(
            watch.frame, kind, verdicts=verdicts, since_boot=since_boot, title=machine.name
        )


def say(
    args: argparse.Namespace,
    machines: Sequence[Machine],
    settings: Settings,
    fires: Mapping[str, Fire | None] | None = None,
    clock: Clock | None = None,
) -> int:
    """Print what was asked for; 1 where a machine of one table or document has no port."""
    several, stop = Several(machines, fires, settings.links), set_by_signals(Event())
    clock = clock or RealClock()
    if args.once:
        return _once(args, several, stop, settings, clock)
    return _again(args, several, stop, clock)


def until_seen(several: Several, frames: int, stop: Event, clock: Clock) -> None:
    """Take frames in until each machine has so many, is lost, or time is over."""
    left = {one.name: frames for one in several.machines}
    timer = Timer(FIRST_S, stop.set)
    timer.daemon = True
    timer.start()
    for arrival in gather(several.machines, stop, clock):
        several.tell(arrival)
        name = arrival.machine.name
        if arrival.frame is not None:
            several.take(arrival, arrival.frame)
            left[name] = left.get(name, 0) - 1
        lost = arrival.frame is None and arrival.reach.state is MachineState.LOST
        if left.get(name, 0) <= 0 or arrival.ended or lost:
            left.pop(name, None)
        if not left:
            break
    timer.cancel()
    stop.set()


def _once(
    args: argparse.Namespace, several: Several, stop: Event, settings: Settings, clock: Clock
) -> int:
    until_seen(several, 1 if args.interval == 0 else 2, stop, clock)
    if args.json:
        console.say_json(several.document())
    else:
        tables = [several.table(one, since_boot=True) for one in several.machines]
        console.write("\n\n".join(tables) + "\n")
    status = 0
    for name, follower in several.followers.items():
        frame = follower.watch.frame
        if frame is None or not frame.ports:
            status = 1
        if frame is not None and not frame.ports:
            reason = frame.sample.absent.get("ports") or nothing_found(settings.all)
            console.warn(f"mlxtop: {name}: {reason}")
    return status


def _again(args: argparse.Namespace, several: Several, stop: Event, clock: Clock) -> int:
    """Print every sample of every machine, `--count` of each."""
    say = _say_line if args.json_stream else _say_table
    left = {one.name: args.count for one in several.machines}
    for arrival in gather(several.machines, stop, clock):
        several.tell(arrival)
        name = arrival.machine.name
        if arrival.frame is None or name not in left:
            if arrival.ended:
                left.pop(name, None)
        elif (told := several.followers[name].take(arrival.frame)) is not None:
            say(several, arrival.machine, told)
            if args.count:
                left[name] -= 1
                if not left[name]:
                    del left[name]
        if not left or stop.is_set():
            break
    stop.set()
    return 0


_Say = Callable[[Several, Machine, Any], None]


def _say_line(several: Several, machine: Machine, told: Any) -> None:
    frame, watch, events = told
    demo = machine.source.kind is SourceKind.DEMO
    more = remembered(watch, events)
    name = several.name_of(machine)
    console.say_json(document(frame, demo, False, machine=name, **more), indent=None)


def _say_table(several: Several, machine: Machine, told: Any) -> None:
    _, watch, events = told
    boot = not machine.source.kind.has_rates
    texts = [several.table(machine, since_boot=boot), *alarm_lines(watch.alarms.all(), events)]
    console.write("\n".join(texts) + "\n\n")
