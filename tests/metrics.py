"""Metrics of a machine, found by name and labels, for tests of what Prometheus is told."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from threading import Event
from typing import Any

from mlxtop.analysis.port_view import PortView, port_view
from mlxtop.lab import ManualClock, load_lab
from mlxtop.model.frame import Frame, derive
from mlxtop.model.sample import Sample
from mlxtop.outputs.machine_metrics import Machine, families_of
from mlxtop.outputs.metric_families import Families
from mlxtop.sampler.facts import ON_SCREEN
from mlxtop.sampler.live import LiveSource
from mlxtop.sampler.source import frames
from mlxtop.watch.watch import Watch

Row = tuple[dict[str, str], float]


class Told:
    """What was told."""

    def __init__(self, families: Families) -> None:
        self._families = {family.name.removeprefix("mlxtop_"): family for family in families}

    @property
    def names(self) -> list[str]:
        return list(self._families)

    @property
    def count(self) -> int:
        return sum(len(family.rows) for family in self._families.values())

    def help(self, name: str) -> str:
        return self._families[name].help

    def rows(self, name: str) -> list[Row]:
        """Labels and values of a name."""
        family = self._families.get(name)
        rows = family.rows.items() if family else ()
        labels = family.labels if family else ()
        return [(dict(zip(labels, row, strict=True)), value) for row, value in rows]

    def value(self, name: str, /, **labels: str) -> float | None:
        """The one value with exactly these labels, others empty."""
        found = [
            value
            for row, value in self.rows(name)
            if all(row.get(label) == text for label, text in labels.items())
            and not any(text for label, text in row.items() if label not in labels)
        ]
        assert len(found) <= 1
        return found[0] if found else None


def machine_of(*samples: Sample, **more: Any) -> Machine:
    """A machine that has been sampled so."""
    watch, last = Watch(), None
    for one in samples:
        last = derive(one, last)
        watch.ingest(last)
    assert last is not None
    return Machine(last, watch, **more)


def told_of(*samples: Sample, **more: Any) -> Told:
    return Told(families_of([machine_of(*samples, **more)]))


def lab_machine(name: str, count: int = 3, **more: Any) -> Machine:
    """A simulated machine after some samples, a few seconds apart."""
    system, watch, last = load_lab(name, ManualClock()), Watch(), None
    source = LiveSource(system, 4.0, incidents=True, calm=0.0, wants=ON_SCREEN)
    try:
        for frame in islice(frames(source, Event()), count):
            watch.ingest(frame)
            last = frame
    finally:
        source.close()
    assert last is not None
    return Machine(last, watch, **more)


def views(name: str) -> Iterator[PortView]:
    """The ports of a simulated machine."""
    frame: Frame = lab_machine(name).frame
    return (port_view(frame, port) for port in frame.ports)
