"""`mlxtop replay FILE`: the screen, with what was recorded; `cli` opens it."""

from __future__ import annotations

import argparse
from typing import NamedTuple

from mlxtop.commands import recordings
from mlxtop.commands.arguments import UsageError
from mlxtop.commands.recorded import time_at
from mlxtop.recording.recording import Recording, open_recording


class Replay(NamedTuple):
    """A recording, and the time at which to stand still; None to play it."""

    recording: Recording
    at: float | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the file and the time."""
    parser.add_argument("file", metavar="FILE|DIR", help=recordings.FILE_HELP)
    # Not `at`, which is the option of the program.
    parser.add_argument(
        "--at",
        dest="stand_at",
        metavar="T",
        help=f"stand still at this time: {recordings.TIMES}; else play from the beginning",
    )


def opened(args: argparse.Namespace) -> Replay:
    """Return what is to be shown. Raises OSError, ValueError and UsageError."""
    if args.json:
        raise UsageError("replay is a screen; --from FILE --once --json prints what was then")
    if args.root or args.demo is not None:
        raise UsageError("replay goes without --root and --demo: it has a machine of its own")
    recording = open_recording(args.file)
    return Replay(recording, time_at(args.stand_at, recording))
