"""The modes without a screen: one table or document, tables, a stream of JSON lines."""

from __future__ import annotations

import shutil
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from time import localtime, strftime
from typing import Any

from mlxtop.analysis.verdict import Verdict
from mlxtop.health.store import HealthStore
from mlxtop.model.counters import Severity
from mlxtop.model.frame import Frame
from mlxtop.model.identity import PortId
from mlxtop.model.sample import SourceKind
from mlxtop.outputs import console
from mlxtop.outputs.document import document
from mlxtop.present.notes import port_notes
from mlxtop.present.overview import overview
from mlxtop.present.text import clean, plain
from mlxtop.present.view import incident_text
from mlxtop.watch.alarms import Alarm
from mlxtop.watch.alert import Alert
from mlxtop.watch.event_list import TimedIncident
from mlxtop.watch.watch import Watch

Fire = Callable[[Alert], None]
"""Runs the user's script for an alert."""
_PIPE_WIDTH = 160
"""Columns of a table that does not go to a terminal."""
_MARKS = {Severity.CRITICAL: "!", Severity.WARNING: "▲", Severity.NOTE: "·"}


def table(
    frame: Frame,
    kind: SourceKind,
    bits: bool = True,
    *,
    verdicts: Mapping[PortId, Verdict] = {},
    since_boot: bool = False,
    title: str = "",
) -> str:
    """Return host and time, the overview without colours, what limits ports, and what went wrong.

    `title`: the machine's name among several. With `since_boot` errors are the kernel's totals,
    and the head says so.
    """
    width = shutil.get_terminal_size((_PIPE_WIDTH, 24)).columns
    sample = frame.sample
    clock = strftime("%Y-%m-%d %H:%M:%S", localtime(sample.wall))
    head = "  ".join(
        [clean(title or sample.host.name), *([clock] if sample.wall else []), *kind.marks]
    )
    head += "  ERRORS since boot" if since_boot else ""
    lines = [head, *map(plain, overview(frame, width, bits, since_boot=since_boot))]
    lines += port_notes(frame, verdicts, width, since_boot=since_boot)
    lines += [f"! {clean(problem.subject)}: {clean(problem.text)}" for problem in sample.problems]
    return "\n".join(line.rstrip() for line in lines)


def alarm_lines(alarms: Iterable[Alarm], events: Iterable[TimedIncident]) -> list[str]:
    """Return alarms and new events, a line each."""
    lines = []
    for alarm in alarms:
        text = alarm.text if alarm.times == 1 else f"{alarm.text} ({alarm.times} times)"
        if alarm.until is not None:
            text += f", over after {alarm.seconds(alarm.begin_tick):.0f} s"
        lines.append(_line(alarm.severity, alarm.since, alarm.port.name, text))
    for wall, incident in events:
        subject = incident.ifname or incident.device or incident.rdma or ""
        lines.append(_line(incident.severity, wall, subject, incident_text(incident)))
    return lines


def _line(severity: Severity, wall: float, subject: str, text: str) -> str:
    when = strftime("%H:%M:%S", localtime(wall))
    return f"{_MARKS[severity]} {when} {clean(subject)} {clean(text)}".rstrip()


def _watches(frames: Iterable[Frame], store: HealthStore | None = None) -> Iterator[Watch]:
    """Yield one Watch again and again, after every frame that it has taken in."""
    follower = Follower(SourceKind.LIVE, store=store)
    for frame in frames:
        follower.take(frame)
        yield follower.watch


def once(
    frames: Iterable[Frame],
    kind: SourceKind,
    as_json: bool,
    totals_only: bool,
    all_: bool,
    *,
    demo: bool = False,
    store: HealthStore | None = None,
) -> int:
    """Print one table or document; 1 when no port is selected.

    Of a recording all frames are taken in, and the last one is printed. `demo`: it is one of a
    simulated machine.
    """
    readings = 1 if totals_only or not kind.has_rates else 2
    if kind is SourceKind.REPLAY:
        readings = sys.maxsize
    last = deque(islice(_watches(frames, store), readings), maxlen=1)
    watch = last[0] if last else Watch(frames=False)
    frame = watch.frame
    if frame is None:
        return 1
    if as_json:
        if store is not None:
            store.settle()
        demo = demo or kind is SourceKind.DEMO
        console.say_json(document(frame, demo, True, **remembered(watch, watch.events)))
    elif frame.ports or frame.sample.adapters:
        verdicts = watch.verdicts.all()
        console.write(table(frame, kind, verdicts=verdicts, since_boot=True) + "\n")
    if not frame.ports:
        console.warn(f"mlxtop: {frame.sample.absent.get('ports') or nothing_found(all_)}")
        return 1
    return 0


def batch(
    frames: Iterable[Frame], kind: SourceKind, count: int | None, fire: Fire | None = None
) -> int:
    """Print a table at every interval, `count` of them or until stopped."""
    for frame, watch, events in _with_rates(frames, kind, count, fire):
        boot = not kind.has_rates
        rows = table(frame, kind, verdicts=watch.verdicts.all(), since_boot=boot)
        texts = [rows, *alarm_lines(watch.alarms.all(), events)]
        console.write("\n".join(texts) + "\n\n")
    return 0


def stream(
    frames: Iterable[Frame],
    kind: SourceKind,
    count: int | None,
    fire: Fire | None = None,
    *,
    demo: bool = False,
    store: HealthStore | None = None,
) -> int:
    """Print a JSON object a line at every interval, `count` of them or until stopped."""
    for frame, watch, events in _with_rates(frames, kind, count, fire, store):
        demo = demo or kind is SourceKind.DEMO
        console.say_json(document(frame, demo, False, **remembered(watch, events)), indent=None)
    return 0


def remembered(watch: Watch, events: Iterable[TimedIncident]) -> dict[str, Any]:
    """Return what a Watch adds to the document of its newest frame."""
    return {
        "alarms": watch.alarms.all(),
        "events": events,
        "verdicts": watch.verdicts.all(),
        "health": watch.health.all(),
    }


def _with_rates(
    frames: Iterable[Frame],
    kind: SourceKind,
    count: int | None,
    fire: Fire | None,
    store: HealthStore | None = None,
) -> Iterator[tuple[Frame, Watch, list[TimedIncident]]]:
    """Yield frames with their Watch and with what has happened since the one before.

    The first frame has no rates and is left out, but of a capture, which has only one. What
    happened before the start is left out too.
    """
    follower = Follower(kind, fire, store)
    told = (one for frame in frames if (one := follower.take(frame)) is not None)
    yield from islice(told, count)


class Follower:
    """The Watch of one machine, and which of its events were told."""

    def __init__(
        self, kind: SourceKind, fire: Fire | None = None, store: HealthStore | None = None
    ) -> None:
        self._store = store
        self.watch = Watch(frames=False)
        self.kind = kind
        self._fire = fire
        self._begin: float | None = None
        self._passed = 0

    def take(self, frame: Frame) -> tuple[Frame, Watch, list[TimedIncident]] | None:
        """Take a frame in; return it with what is new, None for the first one without rates."""
        if self.watch.frame is not None and frame.sample.tick < self.watch.frame.sample.tick:
            self.watch = Watch(frames=False)  # the machine was started anew
        for alert in self.watch.ingest(frame):
            if self._fire is not None:
                self._fire(alert)
        if self._store is not None:
            self._store.take(frame, self.watch.health)
        first = self._begin is None
        begin = self._begin = frame.sample.wall if self._begin is None else self._begin
        if first and self.kind.has_rates:
            return None
        passed = min(self._passed, self.watch.events.total)
        events = [event for event in self.watch.events.after(passed) if event.wall >= begin]
        self._passed = self.watch.events.total
        return frame, self.watch, events


def nothing_found(everything: bool) -> str:
    """Return what was looked for in vain, and what to try."""
    if everything:
        return "no network device but lo is here"
    return (
        "no ConnectX port found (looked for PCI devices of vendor 15b3 with driver "
        "mlx4_core or mlx5_core, and for mlx4/mlx5 RDMA devices); try --all for every network "
        "device, or --demo for a simulated machine"
    )
