"""A recording of two ports and of a DGX: size, CPU of writing, of opening it and of a seek.

    python -m tests.bench.recording

Samples are a second apart. CPU is that of the thread that does it; a day is as many times as long.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from threading import Event
from time import perf_counter, thread_time

from mlxtop.lab import ManualClock, load_lab
from mlxtop.model.sample import Sample, SourceKind
from mlxtop.recording.index import Index
from mlxtop.recording.lines import Lines, Members
from mlxtop.recording.playback import Playback
from mlxtop.recording.recording import Recording
from mlxtop.recording.survey import Survey
from mlxtop.sampler.live import LiveSource
from tests.bench.parts import write_part

HEADING = "## Recording"
DAY_S = 86400
SEEKS = 30
MACHINES = {"two ports": "faulty", "12 ports of a DGX": "dgx"}


@dataclass(frozen=True, slots=True)
class Figures:
    """What the recording of one machine takes."""

    name: str
    counters: int
    seconds: int
    write_us: float
    """CPU of a record, written and packed."""
    bytes: float
    """Of a record."""
    open_s: float
    survey_us: float
    """CPU of a record when the whole recording is looked through."""
    again_us: float
    """The same where an index has what was found before."""
    index: float
    """Bytes of a record in the index."""
    seek_ms: float
    slowest_ms: float

    @property
    def share(self) -> float:
        """CPU of recording at 1 Hz, percent of a core."""
        return self.write_us / 1e4

    def line(self) -> str:
        """Return a sentence."""
        return (
            f"recording of {self.name}, {self.counters} counters, {self.seconds} s: "
            f"{self.write_us:.0f} µs ({self.share:.3f} % of a core) and {self.bytes:.0f} bytes a"
            f" record, {self.bytes * DAY_S / 1e6:.0f} MB a day; opened in {self.open_s:.2f} s,"
            f" looked through with {self.survey_us:.0f} µs a record"
            f" ({self.survey_us * DAY_S / 1e6:.0f} s a day, or while it is recorded), with the"
            f" index of {self.index:.0f} bytes a record {self.again_us:.1f} µs"
            f" ({self.again_us * DAY_S / 1e6:.1f} s a day), then a seek takes"
            f" {self.seek_ms:.0f} ms in the median and {self.slowest_ms:.0f} ms at most"
        )


def measure(quick: bool) -> list[Figures]:
    """Record every machine and go about in it."""
    with tempfile.TemporaryDirectory(prefix="mlxtop-bench-") as folder:
        return [
            _measure(name, machine, Path(folder) / machine, 1900 if quick else 3600)
            for name, machine in MACHINES.items()
        ]


def _samples(machine: str, seconds: int) -> Iterator[Sample]:
    source = LiveSource(load_lab(machine, ManualClock()), incidents=True)
    stop = Event()
    try:
        yield from islice(source.samples(stop), seconds)
    finally:
        stop.set()
        source.close()


def _measure(name: str, machine: str, path: Path, seconds: int) -> Figures:
    lines, members, spent, counters = Lines(SourceKind.DEMO), Members(), 0.0, 0
    with path.open("wb") as file:
        for sample in _samples(machine, seconds):
            begin = thread_time()
            for line in lines.of(sample):
                if line.opens:
                    file.write(members.finish())
                file.write(members.add(line))
            spent += thread_time() - begin
            tables = (one for port in sample.ports.values() for one in port.readings.values())
            counters = sum(len(table.values) for table in tables)
        file.write(members.finish())
    size, begin = path.stat().st_size, perf_counter()
    recording = Recording([path])
    opened = perf_counter() - begin
    cache = path.with_suffix(".cache")
    _, looked = _survey(recording, cache)
    survey, again = _survey(recording, cache)
    index = sum(one.stat().st_size for one in cache.iterdir())
    seeks = sorted(_seeks(Playback(recording, survey)))
    return Figures(
        name,
        counters,
        seconds,
        spent / seconds * 1e6,
        size / seconds,
        opened,
        looked / seconds * 1e6,
        again / seconds * 1e6,
        index / seconds,
        seeks[SEEKS // 2] * 1000,
        seeks[-1] * 1000,
    )


def _survey(recording: Recording, cache: Path) -> tuple[Survey, float]:
    """Look through a recording; return the CPU seconds too."""
    survey, begin = Survey(recording, Index(cache)), thread_time()
    survey.run(Event())
    return survey, thread_time() - begin


def _seeks(playback: Playback) -> Iterator[float]:
    """Yield the CPU seconds of going to times at random."""
    chance, one = random.Random(17), playback.recording
    for _ in range(SEEKS):
        begin = thread_time()
        playback.seek(chance.uniform(one.begin, one.end))
        yield thread_time() - begin


def lines(recordings: Sequence[Figures]) -> list[str]:
    """Return our part of RESULTS.md."""
    return [
        f"CPU of threads, at a load of {os.getloadavg()[0]:.0f} on {os.cpu_count()} cores: what"
        " else runs on a machine takes caches away and can double these figures. Goals: recording"
        " ≤ 0.5 % of a core, a seek ≤ 300 ms, a day looked through in ≤ 15 s.",
        "",
        *(f"* {one.line()}" for one in recordings),
    ]


if __name__ == "__main__":
    write_part(HEADING, lines(measure("--quick" in sys.argv)))
