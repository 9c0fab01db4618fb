"""Samples of simulated machines and captured hosts, for tests of what is recorded."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from itertools import islice
from pathlib import Path
from threading import Event

from mlxtop.lab import ManualClock, load_lab
from mlxtop.link_type.survey import read_stored
from mlxtop.model.frame import Frame, derive
from mlxtop.model.sample import Sample, SourceKind
from mlxtop.recording.recorder import Recorder
from mlxtop.recording.target import Target
from mlxtop.sampler.facts import EVERYTHING
from mlxtop.sampler.live import LiveSource
from mlxtop.system.captured import load_captured
from mlxtop.watch.watch import Watch

HOSTS = sorted((Path(__file__).parent / "hosts").glob("*.txt"))


@cache
def machine(name: str, count: int = 120) -> tuple[Sample, ...]:
    """Return samples of a simulated machine, a second apart, with everything that can be read."""
    source = LiveSource(
        load_lab(name, ManualClock()),
        everything=True,
        incidents=True,
        calm=0.0,
        wants=EVERYTHING,
        ask_card=read_stored,
    )
    return _taken(source, count)


@cache
def host(path: Path) -> tuple[Sample, ...]:
    """Return the sample of a captured host, with everything that can be read."""
    source = LiveSource(
        load_captured(str(path)),
        everything=True,
        patience=5.0,
        incidents=True,
        wants=EVERYTHING,
        ask_card=read_stored,
    )
    return _taken(source, 1)


def _taken(source: LiveSource, count: int) -> tuple[Sample, ...]:
    stop = Event()
    try:
        return tuple(islice(source.samples(stop), count))
    finally:
        stop.set()
        source.close()


def derived(samples: tuple[Sample, ...]) -> list[Frame]:
    """Return the frames of samples."""
    frames: list[Frame] = []
    for sample in samples:
        frames.append(derive(sample, frames[-1] if frames else None))
    return frames


def write(path: Path, samples: tuple[Sample, ...]) -> Path:
    """Record samples into a file."""
    recorder = Recorder(ManualClock(), SourceKind.DEMO)
    recorder.write_to(Target(path))
    for sample in samples:
        recorder.put(sample)
        assert recorder.flush()
    recorder.close()
    assert recorder.problem is None
    return path


def known(watch: Watch) -> dict[str, object]:
    """Return all that a Watch knows, for comparison."""
    heat = vars(watch.heat)
    return {
        "frame": watch.frame,
        "alarms": watch.alarms.all(),
        "events": list(watch.events),
        "event_count": watch.events.total,
        "highs": deepcopy(watch.highs),
        "heat": {key: track.heat for key, track in heat["_tracks"].items()},
        "optics": dict(heat["_optics"]),
        "links": deepcopy(vars(watch.links)),
        "verdicts": watch.verdicts.all(),
        "first": watch.history.first,
        "history": {
            (port, name): [
                part.tobytes() for part in (one.ticks, one.values, one.old_ticks, one.old_values)
            ]
            for port, its in vars(watch.history)["_series"].items()
            for name, one in its.items()
        },
    }
