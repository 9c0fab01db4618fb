"""`mlxtop cut FILE OUT`: a part of a recording as a recording of its own."""

from __future__ import annotations

import argparse
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mlxtop.commands import recordings
from mlxtop.outputs import console
from mlxtop.recording.between import cut
from mlxtop.recording.files import new_file
from mlxtop.recording.recording import open_recording

if TYPE_CHECKING:
    from mlxtop.settings import Settings
    from mlxtop.system.door import System


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add both files, the times and whether to mask."""
    parser.add_argument("file", metavar="FILE", help=recordings.FILE_HELP)
    recordings.add_times(parser)
    parser.add_argument(
        "--no-mask",
        action="store_true",
        help="keep addresses, serial numbers and the names of hosts and processes",
    )
    parser.add_argument("out", metavar="OUT.mlxrec", help="file to write, which may not exist")


def run(args: argparse.Namespace, system: System, settings: Settings) -> int:
    """Write the part; 0 when it is there."""
    recording = open_recording(args.file)
    since, until = recordings.times(args, recording)
    mask = None if args.no_mask else recordings.mask_of(recording)
    path = Path(args.out)
    fd = new_file(path)
    try:
        with os.fdopen(fd, "wb") as file:
            count = cut(recording, since, until, file.write, mask)
    except BaseException as error:
        with suppress(OSError):
            path.unlink()
        if isinstance(error, OSError) and error.filename is None:  # of a full disk
            raise OSError(error.errno, error.strerror, args.out) from error
        raise
    recordings.tell(recording)
    if not count:
        path.unlink()
        raise ValueError("nothing was recorded between these times")
    size = path.stat().st_size
    masked = "names are masked: look before you give it away" if mask else "nothing is masked"
    console.warn(f"{args.out}: {count} samples, {size:,} bytes; {masked}")
    return 0
