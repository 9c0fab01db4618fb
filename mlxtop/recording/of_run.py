"""The Samples of a load run, as a recording beside its record."""

from __future__ import annotations

from pathlib import Path

from mlxtop.model.sample import Sample, SourceKind
from mlxtop.recording.files import SUFFIX
from mlxtop.recording.recorder import Recorder
from mlxtop.recording.target import Target
from mlxtop.system.door import System


class RunSamples:
    """Writes the Samples of one run. A disk that is full ends this file, never the run."""

    def __init__(self, system: System, record: Path) -> None:
        """`record`: the file of the run, whose name this one has with another ending."""
        kind = SourceKind.DEMO if system.demo else SourceKind.LIVE
        self._recorder = Recorder(system.clock, kind)
        self._recorder.write_to(Target(record.with_suffix(SUFFIX)))

    def put(self, sample: Sample) -> None:
        """Take a Sample in; returns at once."""
        self._recorder.put(sample)

    def close(self) -> str | None:
        """End the file; return why it lacks something, if it does."""
        self._recorder.close("the run has ended")
        return self._recorder.problem
