"""The loop that every front end runs: samples in, frames out."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from threading import Event
from typing import Protocol, TypeVar

from mlxtop.model.frame import Frame, derive
from mlxtop.model.identity import PortId
from mlxtop.model.sample import Sample, SourceKind
from mlxtop.sampler.facts import Fact


class Stop(Event):
    """An event that ends a source for good; its `nudged` only wakes the source while it waits."""

    def __init__(self) -> None:
        super().__init__()
        self.nudged = Event()

    def set(self) -> None:
        """End it, and wake it."""
        super().set()
        self.nudged.set()


AnyEvent = TypeVar("AnyEvent", bound=Event)


def set_by_signals(stop: AnyEvent) -> AnyEvent:
    """Have an event set when we are told to end, so that everything ends in order; return it."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


class Source(Protocol):
    """A source of samples: this machine, a captured or a simulated one."""

    interval: float
    """Seconds between samples; may be changed while running, from any thread."""
    guarded: bool
    """A load is watched: modules are read more often, where that is cheap."""

    looked_at: PortId | None
    """The port that somebody looks at: of it more is read."""
    more_wants: frozenset[Fact]
    """Slow facts that somebody wants for a while."""

    @property
    def label(self) -> str:
        """Return the name of the machine, for titles."""

    @property
    def kind(self) -> SourceKind:
        """Return what kind of machine it is."""

    def samples(self, stop: Event) -> Iterator[Sample]:
        """Yield samples, `interval` apart, until `stop` is set; ends at once then."""

    def read_again(self) -> None:
        """Read slow facts anew: somebody changed settings."""

    def close(self) -> None:
        """Stop every reader and close the machine."""


def frames(source: Source, stop: Event) -> Iterator[Frame]:
    """Yield every sample of `source` beside the one before it.

    A tick that is lower than the one before is of another start of the machine, in a recording.
    """
    last: Frame | None = None
    for sample in source.samples(stop):
        if last is not None and sample.tick < last.sample.tick:
            last = None
        last = derive(sample, last)
        yield last
