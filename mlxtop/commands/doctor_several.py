"""`mlxtop doctor` on several machines: a report of each, or one document of all."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from threading import Thread
from time import monotonic
from typing import Any

from mlxtop.commands.arguments import UsageError
from mlxtop.commands.doctor import UNKNOWN, choose, document, judged, matches, show_report
from mlxtop.doctor.inspect import REPORTS_S, watch
from mlxtop.hosts.machines import Machine, Reached
from mlxtop.model.frame import Frame
from mlxtop.model.identity import PortId
from mlxtop.model.machine import MachineState
from mlxtop.model.sample import SourceKind
from mlxtop.outputs import console
from mlxtop.outputs.document import SCHEMA
from mlxtop.sampler.source import Stop
from mlxtop.settings import Settings

PATIENCE_S = REPORTS_S + 15.0
"""Seconds until a machine that has not told all is judged by what there is."""


class Patient:
    """A machine that is looked at, in a thread of its own."""

    def __init__(self, machine: Machine, patterns: Sequence[str], everything: bool) -> None:
        self.machine = machine
        self.observed: list[Frame] = []
        self.stop = Stop()
        self.error = ""
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
            for frame in watch(self.machine.source, self.stop, self._pick):
                self.observed.append(frame)
        except (OSError, ValueError) as error:
            self.error = str(error)

    @property
    def ports(self) -> Sequence[PortId]:
        """Return the ports that are judged."""
        return self._pick(self.observed[-1]) if self.observed else ()

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
            patient.thread.join(max(0.0, until - monotonic()))
            patient.stop.set()
    documents: list[dict[str, Any]] = []
    statuses = []
    for patient in patients:
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
    if args.json:
        alone = len(documents) == 1
        console.say_json(documents[0] if alone else {"schema": SCHEMA, "machines": documents})
    bad = [status for status in statuses if status in (1, 2)]
    return max(bad, default=max(statuses, default=UNKNOWN))


def _named(patient: Patient, document: dict[str, Any]) -> dict[str, Any]:
    return {"machine": patient.machine.name, **document}
