"""`mlxtop doctor` on several machines: a report of each, or one document of all."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from functools import partial
from threading import Event, Thread
from time import monotonic
from typing import Any

from mlxtop.commands.arguments import UsageError
from mlxtop.commands.doctor import (
    UNKNOWN,
    choose,
    document,
    judged,
    matches,
    show_links,
    show_report,
)
from mlxtop.commands.mending import did_you_mean
from mlxtop.doctor.ends import inspect_ends
from mlxtop.doctor.inspect import REPORTS_S, watch
from mlxtop.ends.follow import Ends
from mlxtop.hosts.machines import Machine, Reached
from mlxtop.model.frame import Frame, PortFrame
from mlxtop.model.identity import PortId
from mlxtop.model.machine import MachineState, SeenMachine
from mlxtop.model.sample import SourceKind
from mlxtop.outputs import console
from mlxtop.outputs.document import SCHEMA
from mlxtop.sampler.source import Stop
from mlxtop.settings import Settings

TOGETHER_S = 5.0
"""Seconds that counters of several machines are read at the same time."""
PATIENCE_S = REPORTS_S + 15.0
"""Seconds until a machine that has not told all is judged by what there is."""


class Patient:
    """A machine that is looked at, in a thread of its own."""

    def __init__(self, machine: Machine, patterns: Sequence[str], everything: bool) -> None:
        self.machine = machine
        self.observed: list[Frame] = []
        self.stop = Stop()
        self.error = ""
        self.done = Event()
        """All is known of it that can be, or nothing more will come."""
        self._pick = partial(ports_of, patterns=patterns, everything=everything)
        if isinstance(machine.source, Reached):
            machine.source.listen(self._changed)
        self.thread = Thread(target=self._look, name=f"look {machine.name}", daemon=True)
        self.thread.start()

    def _changed(self) -> None:
        """Wait no longer for a machine that is lost."""
        if self.machine.reach.state is MachineState.LOST:
            self.stop.set()

    def _look(self) -> None:
        try:
            for frame in watch(self.machine.source, self.stop, self._pick, self._lingers):
                self.observed.append(frame)
        except (OSError, ValueError) as error:
            self.error = str(error)
        self.done.set()

    def _lingers(self) -> bool:
        """Note that all is known, and go on until all machines are: their counters are compared."""
        self.done.set()
        return True

    @property
    def ports(self) -> Sequence[PortId]:
        """Return the ports that are judged."""
        return self._pick(self.observed[-1]) if self.observed else ()

    @property
    def newest(self) -> Iterable[PortFrame]:
        """Return all ports as they were seen last."""
        return self.observed[-1].ports.values() if self.observed else ()

    @property
    def why(self) -> str:
        """Return why it cannot be judged; empty where it can."""
        if self.observed:
            return str(self.observed[-1].sample.absent.get("ports", ""))
        return self.error or self.machine.reach.why or "no answer"


def ports_of(frame: Frame, patterns: Sequence[str], everything: bool) -> tuple[PortId, ...]:
    """Return the ports to judge: a pattern may mean none on one of several machines."""
    names = [port.now.port for port in frame.ports.values()]
    there = [one for one in patterns if any(matches(port, one) for port in names)]
    if "ports" in frame.sample.absent or (patterns and not there):
        return ()
    return choose(frame, there, everything)


def run(args: argparse.Namespace, machines: Sequence[Machine], settings: Settings) -> int:
    """Print the reports; the worst status of all, and 3 where one could not be judged."""
    if args.probe or args.udev_rules:
        raise UsageError("--probe and --udev-rules are of this machine alone")
    patients = [Patient(one, args.port, settings.all) for one in machines]
    until = monotonic() + PATIENCE_S
    with console.waiting(f"looking at {', '.join(one.name for one in machines)}"):
        for patient in patients:
            patient.done.wait(max(0.0, until - monotonic()))
        _await_counters(patients)
    documents: list[dict[str, Any]] = []
    statuses = []
    for patient in _meant(patients, args.port):
        if patient.why:
            statuses.append(UNKNOWN)
            lost = {"check": "machine", "reason": patient.why}
            documents.append(_named(patient, {"findings": [], "could_not_tell": [lost]}))
            if not args.json:
                console.warn(f"mlxtop: {patient.machine.name}: {patient.why}")
            continue
        report = judged(patient.observed, patient.ports)
        statuses.append(report.status)
        documents.append(_named(patient, document(report)))
        if not args.json:
            mark = "DEMO  " if patient.machine.source.kind is SourceKind.DEMO else ""
            name, frame = patient.machine.name, patient.observed[-1]
            show_report(report, frame, patient.ports, name, as_json=False, mark=mark)
    links = inspect_ends(_ends(patients, settings))
    statuses += [links.status] if links.judged else []
    if args.json:
        several = {"schema": SCHEMA, "machines": documents, "links": document(links)}
        console.say_json(documents[0] if len(documents) == 1 else several)
    elif links.judged or links.findings:
        show_links(links)
    bad = [status for status in statuses if status in (1, 2)]
    return max(bad, default=max(statuses, default=UNKNOWN))


def _meant(patients: Sequence[Patient], patterns: Sequence[str]) -> Sequence[Patient]:
    """Return the machines to report on: where ports are named, those that have one.

    Raises ValueError for a name that no machine has, where all of them could be asked.
    """
    if not patterns:
        return patients
    ports = [port.now.port for one in patients for port in one.newest]
    for pattern in patterns:
        if not any(one.why for one in patients) and not any(matches(p, pattern) for p in ports):
            question = did_you_mean(pattern, [port.name for port in ports])
            raise ValueError(f"no port is called {pattern!r} on any of the machines{question}")
    return [one for one in patients if one.why or one.ports]


def _await_counters(patients: Sequence[Patient]) -> None:
    """Let counters of both ends of links be read some times, then look no more."""
    until = monotonic() + TOGETHER_S
    for patient in patients[1:]:
        while patient.thread.is_alive() and monotonic() < until:
            patient.thread.join(0.1)
    for patient in patients:
        patient.stop.set()
    for patient in patients:
        patient.thread.join(1.0)


def _ends(patients: Sequence[Patient], settings: Settings) -> Ends:
    """Return the links between machines, with all frames that came of them."""
    ends = Ends(settings.links)
    told = [one for one in patients if one.observed]
    for place in range(max((len(one.observed) for one in told), default=0)):
        ends.take([_seen(one, place) for one in told])
    return ends


def _seen(patient: Patient, place: int) -> SeenMachine:
    """Return a machine as of one of its frames, the last one where there are not so many."""
    frame = patient.observed[min(place, len(patient.observed) - 1)]
    return SeenMachine(patient.machine.name, frame, clock=patient.machine.reach.clock)


def _named(patient: Patient, document: dict[str, Any]) -> dict[str, Any]:
    return {"machine": patient.machine.name, **document}
