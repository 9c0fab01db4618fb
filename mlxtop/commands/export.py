"""`mlxtop export FILE`: a recording as CSV, a row a port and sample, or as a trace."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime
from math import isinf
from typing import TYPE_CHECKING

from mlxtop.analysis.fields import PORT_FIELDS, values
from mlxtop.analysis.port_view import port_view
from mlxtop.commands import recordings
from mlxtop.commands.arguments import UsageError
from mlxtop.model.frame import Frame
from mlxtop.outputs import console, csv_rows
from mlxtop.recording.between import moments_until
from mlxtop.recording.moments import Moment
from mlxtop.recording.recording import Recording, open_recording
from mlxtop.recording.survey import played

if TYPE_CHECKING:
    from mlxtop.settings import Settings
    from mlxtop.system.door import System

_AT_ONCE = 200
"""Lines, or samples, that are written at once."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the file, the times and the form."""
    parser.add_argument("file", metavar="FILE", help=recordings.FILE_HELP)
    recordings.add_times(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="a row a port and sample")
    form.add_argument(
        "--perfetto", action="store_true", help="JSON trace: counters by port, and incidents"
    )
    parser.add_argument(
        "--monotonic",
        action="store_true",
        help="with --perfetto: times of CLOCK_MONOTONIC instead of microseconds since 1970",
    )


def run(args: argparse.Namespace, system: System, settings: Settings) -> int:
    """Print the recording in another form."""
    if args.json or not (args.csv or args.perfetto):
        raise UsageError("export takes --csv or --perfetto")
    if args.monotonic and not args.perfetto:
        raise UsageError("--monotonic goes with --perfetto")
    recording = open_recording(args.file)
    since, until = recordings.times(args, recording)
    if args.csv:
        _csv(recording, since, until)
    else:
        _trace(recording, (since, until), args.monotonic)
    recordings.tell(recording)
    return 0


def _frames(recording: Recording, since: float, until: float) -> Iterator[tuple[Moment, Frame]]:
    """Yield the frames between two times; the first one has its rates where there are any."""
    first = 0 if isinf(since) else recording.find(since)
    for moment, frame in played(moments_until(recording, first, until)):
        if moment.sample.wall >= since:
            yield moment, frame


def _csv(recording: Recording, since: float, until: float) -> None:
    names = (field.name for field in PORT_FIELDS if not field.private)
    console.write(csv_rows.rows([["time", "tick", *names]]))
    waiting: list[list[object]] = []
    for _, frame in _frames(recording, since, until):
        sample = frame.sample
        when = datetime.fromtimestamp(sample.wall, UTC).isoformat(timespec="milliseconds")
        for port in frame.ports:
            told = values(PORT_FIELDS, port_view(frame, port)).values()
            cells = (" ".join(one) if isinstance(one, list) else one for one in told)
            waiting.append([when, round(sample.tick, 3), *cells])
        if len(waiting) >= _AT_ONCE:
            console.write(csv_rows.rows(waiting))
            waiting.clear()
    console.write(csv_rows.rows(waiting))


def _trace(recording: Recording, span: tuple[float, float], monotonic: bool) -> None:
    from mlxtop.outputs.trace import Trace
    from mlxtop.recording.events import EventLog
    from mlxtop.watch.watch import Watch

    trace, watch, log, last = (
        Trace(recording.host, monotonic),
        Watch(verdicts=False, frames=False, forecasts=False),
        EventLog(),
        None,
    )
    console.write(trace.begin())
    waiting: list[str] = []
    for moment, frame in _frames(recording, *span):
        if moment.restarts and last is not None:
            waiting += trace.incidents(log.events, last)
            watch, log = Watch(verdicts=False, frames=False, forecasts=False), EventLog()
        watch.ingest(frame)
        log.follow(watch)
        waiting += trace.frame(frame, moment.restarts)
        last = frame.sample
        if len(waiting) >= _AT_ONCE:
            console.write("".join(waiting))
            waiting.clear()
    if last is not None:
        waiting += trace.incidents(log.events, last)
    console.write("".join(waiting) + trace.end())
