"""The newest frame of a machine with its Watch and the doctor's findings, told as metrics."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from shlex import quote
from threading import Lock

from mlxtop.doctor.check import Report, card_name
from mlxtop.doctor.inspect import inspect
from mlxtop.health.store import HealthStore
from mlxtop.model.counters import Counter
from mlxtop.model.frame import Frame
from mlxtop.model.identity import PortId, PortKind
from mlxtop.model.sample import SourceKind
from mlxtop.outputs import console
from mlxtop.outputs.http_server import NOT_YET
from mlxtop.outputs.machine_metrics import FindingCount, Machine
from mlxtop.outputs.openmetrics import Rendered, chosen, render, text
from mlxtop.watch.watch import Watch

EXAMINE_S = 60.0
"""Seconds between looks of the doctor."""
FRESH_S = 1.0
"""Seconds for which an answer is given again: many scrapes at once cost one."""


class Exporter:
    """The newest frame of a machine, its Watch and the doctor's findings, for scrapes.

    One thread takes frames in, another may ask for the metrics.
    """

    def __init__(
        self,
        kind: SourceKind,
        now: Callable[[], float],
        with_vfs: bool = False,
        *,
        host: str = "",
        health: HealthStore | None = None,
    ) -> None:
        """`kind`: of the source of the frames; `now`: monotonic seconds of their machine.

        `host`: the machine's name among several. `health` remembers its links.
        """
        self._health = health
        self._kind = kind
        ages = kind.may_change or kind is SourceKind.REMOTE  # a recorded instant does not
        self._now = now if ages else None
        self._host = host
        self._with_vfs = with_vfs
        self._lock = Lock()
        self._watch = Watch(verdicts=False, frames=False)
        self._findings: tuple[FindingCount, ...] = ()
        self._examined: Frame | None = None
        self._trouble = ""
        self._answers: dict[tuple[str, bool], tuple[float, Rendered]] = {}

    @property
    def frame(self) -> Frame | None:
        return self._watch.frame

    def take(self, frame: Frame, examine: bool = True) -> None:
        """Take a frame in; from the second on the doctor looks at it now and then."""
        with self._lock:
            first = self._watch.frame is None
            self._watch.ingest(frame)
            if self._health is not None:
                self._health.take(frame, self._watch.health)
        last = self._examined
        due = last is None or frame.sample.tick - last.sample.tick >= EXAMINE_S
        if examine and due and not (first and self._kind.has_rates):
            self.examine()

    def close(self, last: Frame | None = None) -> None:
        """Remember the links; with a `last` frame take one more summary of them before."""
        if self._health is not None:
            self._health.settle()
        if last is not None:
            self._watch.health.sum_up(last)
        if self._health is not None:
            self._health.close()
            if self._health.problem:
                console.warn(f"mlxtop: the history of links: {self._health.problem}")

    def examine(self) -> None:
        """Let the doctor look at the newest frame."""
        frame = self._watch.frame
        if frame is None:
            return
        incidents = [event.incident for event in self._watch.events]
        ports = [port for port, its in frame.ports.items() if self._is_told(its.now.port.kind)]
        trouble = ""
        findings: tuple[FindingCount, ...] = ()
        try:
            report = inspect(
                *(frame, ports, incidents),
                before=self._examined,
                congestion=self._watch.congestion,
                health=self._watch.health.all(),
            )
            findings = tuple(counted(report, frame))
        except Exception as error:  # of one check, and no reason to end
            trouble = f"the doctor stumbled: {type(error).__name__}: {error}"
        if trouble and trouble != self._trouble:
            console.warn(f"mlxtop: {trouble}")
        with self._lock:
            self._findings, self._examined, self._trouble = findings, frame, trouble

    def _is_told(self, kind: PortKind) -> bool:
        return kind is PortKind.PHYSICAL or (kind is PortKind.VF and self._with_vfs)

    def machines(self) -> list[Machine]:
        """Return the machine as it is now; empty before the first frame."""
        frame = self._watch.frame
        if frame is None:
            return []
        examined = self._examined.sample.tick if self._examined else None
        return [
            Machine(
                frame,
                self._watch,
                self._findings,
                examined=None if self._trouble else examined,
                now=self._now() if self._now else None,
                kind=self._kind,
                with_vfs=self._with_vfs,
                host=self._host,
            )
        ]

    def locked_machines(self) -> list[Machine]:
        """Return the machine as it is now, while no frame is being taken in."""
        with self._lock:
            return self.machines()

    def text(self) -> bytes:
        """Return the text format."""
        with self._lock:
            return text(self.machines)

    def render(self, accept: str, zipped: bool) -> Rendered:
        """Return the answer to a scrape, the one before where that is not a second old."""
        what = chosen(accept), zipped
        with self._lock:
            if self._watch.frame is None:
                raise NOT_YET
            told = self._answers.get(what)
            now = time.monotonic()
            if told is None or now - told[0] > FRESH_S:
                told = self._answers[what] = now, render(self.machines, accept, zipped)
            return told[1]


class Exporters:
    """Several machines, for scrapes."""

    def __init__(self, each: Mapping[str, Exporter]) -> None:
        self.each = each

    def _machines(self) -> list[Machine]:
        """Return the machines of which something is known, as they are now."""
        return [machine for one in self.each.values() for machine in one.locked_machines()]

    def text(self) -> bytes:
        """Return the text format."""
        return text(self._machines)

    def render(self, accept: str, zipped: bool) -> Rendered:
        """Return the answer to a scrape."""
        if not self._machines():
            raise NOT_YET
        return render(self._machines, accept, zipped)


def counted(report: Report, frame: Frame) -> Iterator[FindingCount]:
    """Yield the findings of a report by check, with the port or card that each is about."""
    about: dict[str, PortId | str] = {}
    for card in frame.sample.adapters:
        name = card_name(card)
        about[name] = card.place
        for slot, function in card.slots.items():
            about[f"{name}, slot {slot}"] = function.address
    for port, its in frame.ports.items():
        about[quote(its.now.port.name)] = port
    for finding in report.findings:
        topic = finding.topic
        name = topic.key if isinstance(topic, Counter) else topic.name if topic else ""
        yield FindingCount(name, finding.severity, about.get(finding.subject))
