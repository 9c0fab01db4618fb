"""`mlxtop report FILE`: what happened in a recording, in a page."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from math import isinf
from typing import TYPE_CHECKING

from mlxtop.commands import recordings
from mlxtop.model.sample import SourceKind
from mlxtop.outputs import console
from mlxtop.recording.recording import Recording, open_recording
from mlxtop.report.collect import collect
from mlxtop.report.values import LoadRun, Report

if TYPE_CHECKING:
    from mlxtop.load.record import Run
    from mlxtop.settings import Settings
    from mlxtop.system.door import System

_DAY_S = 86400.0
"""Seconds that a load takes at most; older ones need not be read."""
_COLUMNS = 100
_PLAN = ("tool", "port_name", "target", "direction")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the file, the times and the form."""
    parser.add_argument("file", metavar="FILE", help=recordings.FILE_HELP)
    recordings.add_times(parser)
    parser.add_argument(
        "--html",
        action="store_true",
        help="one HTML file on standard output, to attach to a ticket",
    )
    parser.add_argument(
        "--no-mask",
        action="store_true",
        help="keep addresses, serial numbers and the names of hosts and processes",
    )


def run(args: argparse.Namespace, system: System, settings: Settings) -> int:
    """Print the report."""
    if args.html and args.json:
        raise ValueError("--html and --json exclude each other")
    recording = open_recording(args.file)
    report = _report(args, recording)
    if args.json:
        from mlxtop.outputs.report_document import document

        console.say_json(document(report))
    elif args.html:
        from mlxtop.outputs.report_html import html

        console.write(html(report))
    else:
        _say(report)
    return 0


def _report(args: argparse.Namespace, recording: Recording) -> Report:
    since, until = recordings.times(args, recording)
    loads = list(_loads(recording))
    peers = {load.target for load in loads}
    mask = None if args.no_mask else recordings.mask_of(recording, peers)
    return collect(
        recording,
        None if isinf(since) else since,
        None if isinf(until) else until,
        loads=loads,
        mask=mask,
        progress=recordings.progress(),
    )


def _loads(recording: Recording) -> Iterator[LoadRun]:
    """Yield the loads of this machine that may have run in the time of a recording."""
    from mlxtop.load.run_log import list_ids, own_runs, read_head, read_run

    directory = own_runs(demo=recording.source is SourceKind.DEMO)
    first, last = (
        time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(wall))
        for wall in (max(0.0, recording.begin - _DAY_S), recording.end)
    )
    for name in list_ids(directory):
        if not first <= name[:16] <= last:
            continue
        try:
            if read_head(directory, name).host != recording.host:
                continue
            load = _load(read_run(directory, name))
        except OSError as error:
            console.warn(f"mlxtop: {name}: {error.strerror}")
            continue
        if load is not None:
            yield load


def _load(run: Run) -> LoadRun | None:
    """Return what ran; None where the record does not say when."""
    from mlxtop.load.record import number

    if run.started is None:
        return None
    ends = (number(line.get("end")) for line in run.intervals)
    seconds = max((end for end in ends if end is not None), default=0.0)
    plan = {key: str(run.plan.get(key) or "–") for key in _PLAN}
    end = run.started + max(seconds, number(run.result.get("seconds")) or 0.0)
    tool, port, target, direction = plan.values()
    told = (tool, port, target, direction, run.rate, run.ended, run.note)
    return LoadRun(run.id, run.started, end, *told)


def _say(report: Report) -> None:
    from mlxtop.present.report import sections
    from mlxtop.present.text import plain

    columns = console.columns(_COLUMNS, least=40) - 2
    for place, section in enumerate(sections(report, columns)):
        lines = (f"  {plain(line)}".rstrip() for line in section.lines)
        console.say(*([""] if place else []), section.title, *lines)
