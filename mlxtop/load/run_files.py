"""What one run leaves behind: its record, and a file of the Samples of each end beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from mlxtop.load.far import FarEnd
from mlxtop.load.request import LoadPlan
from mlxtop.load.run_log import FAR, SUFFIX, RunWriter, fingerprint, port_fingerprint
from mlxtop.model.frame import Frame
from mlxtop.model.sample import Sample
from mlxtop.system.door import System


class SampleFile(Protocol):
    """A file that gets the Samples of a run."""

    def put(self, sample: Sample) -> None:
        """Take a Sample in; returns at once."""

    def close(self) -> str | None:
        """End the file; return why it lacks something, if it does."""


MakeSamples = Callable[[Path], SampleFile]


class RunFiles:
    """The files of one run; what cannot be written costs the record, not the run."""

    def __init__(self, system: System, runs: Path, make_samples: MakeSamples | None) -> None:
        """Begin a record below `runs`."""
        self.record: RunWriter | None = None
        self.problem: str | None = None
        """Why there is no record, or why it lacks something."""
        self._system = system
        self._runs, self._make_samples = runs, make_samples
        self._samples: SampleFile | None = None
        self._far_samples: SampleFile | None = None
        try:
            self.record = RunWriter(runs, system.wall())
        except OSError as error:
            self.problem = f"this run is not recorded: {error.filename}: {error.strerror}"
        else:
            self._samples = self._sample_file(self.record.id)

    def _sample_file(self, name: str) -> SampleFile | None:
        return self._make_samples and self._make_samples(self._runs / (name + SUFFIX))

    def begin(self, frame: Frame, plan: LoadPlan, note: str, far: FarEnd | None) -> None:
        """Write what is about to be run, with which cards at both ends."""
        if self.record is not None:
            self.record.begin(
                started=self._system.wall(),
                host=self._system.label,
                demo=self._system.demo,
                note=note,
                plan=plan.document(),
                fingerprint=fingerprint(frame, plan),
                **({} if far is None else _far(far)),
            )
            if far is not None:
                self._far_samples = self._sample_file(self.record.id + FAR)
                self.put_far(far.newest)
        self.put(frame)

    def put(self, frame: Frame) -> None:
        """Keep a Sample."""
        if self._samples is not None:
            self._samples.put(frame.sample)

    def put_far(self, frame: Frame) -> None:
        """Keep a Sample of the far end."""
        if self._far_samples is not None:
            self._far_samples.put(frame.sample)

    def close(self) -> None:
        """End the files of Samples; the run itself ends its record."""
        files = self._samples, self._far_samples
        self._samples = self._far_samples = None
        for samples in files:
            if samples is not None:
                self.problem = samples.close() or self.problem


def _far(far: FarEnd) -> dict[str, Any]:
    """Return what a record tells of the far end."""
    ports = [port_fingerprint(far.newest, port) for port in far.ports()]
    return {"far": {"host": far.host, "ports": ports}}
