"""A frame as a table for a terminal or a file: the rows of the overview without colours."""

from __future__ import annotations

import shutil
import sys
import time

from mlxtop.model.frame import Frame
from mlxtop.present.clean import clean
from mlxtop.present.overview import overview
from mlxtop.present.text import plain
from mlxtop.sampler.source import Source

PIPE_WIDTH = 160
"""Columns of a table that does not go to a terminal."""


def table(frame: Frame, source: Source, bits: bool = True) -> str:
    """Host and time, the table of the overview, and what went wrong."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else PIPE_WIDTH
    sample = frame.sample
    clock = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(sample.wall))
    marks = ["DEMO"] if source.demo else ["captured"] if source.captured else []
    head = "  ".join([clean(sample.host.name), *([clock] if sample.wall else []), *marks])
    lines = [head, *map(plain, overview(frame, width, bits))]
    lines += [f"! {clean(problem.subject)}: {clean(problem.text)}" for problem in sample.problems]
    return "\n".join(line.rstrip() for line in lines)
