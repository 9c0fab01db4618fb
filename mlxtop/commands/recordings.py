"""What the commands about recordings share: the file, the times, and what is told beside."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable
from functools import partial
from math import inf
from time import localtime, strftime

from mlxtop.outputs import console
from mlxtop.recording.between import Progress
from mlxtop.recording.mask import SampleMask
from mlxtop.recording.recording import Recording
from mlxtop.recording.when import Named, time_in

FILE_HELP = (
    "a recording, a folder of recordings of one machine, the id of a load run, or last: the newest"
    " of your own"
)
TIMES = "03:10, 2026-11-28 03:10, 2h ago (before its end), +10m, an event's number or words"


def add_times(parser: argparse.ArgumentParser) -> None:
    """Add the options for a part of a recording."""
    parser.add_argument("--since", metavar="T", help=f"from this time on: {TIMES}")
    parser.add_argument("--until", metavar="T", help="up to this time, told in the same way")


def times(args: argparse.Namespace, recording: Recording) -> tuple[float, float]:
    """Return the times between which is asked for. Raises ValueError with one line."""
    end = max(recording.begin, recording.end)
    events = partial(events_of, recording)
    since, until = (
        default if text is None else time_in(text, recording.begin, end, events)
        for text, default in ((args.since, -inf), (args.until, inf))
    )
    if since > until:
        raise ValueError(f"--until ({_shown(until)}) is before --since ({_shown(since)})")
    if since > end or until < recording.begin:
        raise ValueError(f"nothing was recorded then: the recording is from {recording.span}")
    return since, until


def events_of(recording: Recording) -> Iterable[Named]:
    """Return the events of a recording with their numbers; all of it is played for that."""
    from mlxtop.report.collect import named_events

    return named_events(recording, progress())


def _shown(wall: float) -> str:
    return strftime("%F %T", localtime(wall))


def mask_of(recording: Recording, others: Iterable[str] = ()) -> SampleMask:
    """Return what masks a recording of this machine and the names of others."""
    from mlxtop.commands.vocabulary import vocabulary

    return SampleMask([recording.host, *others], vocabulary())


def progress() -> Progress | None:
    """Return what shows how far reading is, where somebody looks on and it takes its time."""
    if not sys.stderr.isatty():
        return None
    begun = time.monotonic()

    def show(share: float) -> None:
        if time.monotonic() - begun > 1.0:
            end = "\r" if share < 1.0 else "\n"
            console.warn(f"reading: {share:.0%} ", end=end)

    return show


def tell(recording: Recording) -> None:
    """Say on standard error what is wrong with a recording."""
    console.warn(*(f"mlxtop: {text}" for text in recording.problems.all()))
