"""A change of link types by mlxtop is one event, and no alarm unless something stays away."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mlxtop.lab import LabSystem, ManualClock, load_lab
from mlxtop.model.frame import Frame
from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.sampler.live import LiveSource
from mlxtop.sampler.source import Stop, frames
from mlxtop.watch.heat import Alert, AlertKind
from mlxtop.watch.planned import QUIET_S, PlannedChanges, is_change
from mlxtop.watch.watch import Watch

CARD = "0000:05:00.0"
FILE = f"/sys/bus/pci/devices/{CARD}/mlx4_port1"
KEY = "link type 1"


def change(text: str = "at work", until: float | None = None, tick: float = 0.0) -> Incident:
    kind = IncidentKind.LINK_TYPE
    return Incident(
        kind, text, tick=tick, device=CARD, ifname="ens2", source="mlxtop", until=until, key=KEY
    )


class Machine:
    """A simulated machine, watched second by second."""

    def __init__(self) -> None:
        self.system: LabSystem = load_lab("cx3-hp", ManualClock())
        self.watch = Watch()
        self._stop = Stop()
        self._frames: Iterator[Frame] = frames(LiveSource(self.system, 1.0, False, ()), self._stop)

    def run(self, count: int) -> list[Alert]:
        alerts = []
        for _ in range(count):
            alerts += self.watch.ingest(next(self._frames))
        return alerts

    def report(self, text: str, until: float | None = None) -> None:
        assert self.watch.frame is not None
        self.watch.note(self.watch.frame.sample, [change(text, until, self.tick)])

    @property
    def tick(self) -> float:
        assert self.watch.frame is not None
        return self.watch.frame.sample.tick

    def link_events(self) -> list[str]:
        return [
            e.incident.text
            for e in self.watch.events
            if e.incident.source == "mlxtop" and e.incident.kind is not IncidentKind.ALARM
        ]

    def close(self) -> None:
        self._stop.set()


@pytest.fixture
def machine() -> Iterator[Machine]:
    made = Machine()
    yield made
    made.close()


def test_a_change_and_its_end_are_one_event_and_no_alarm(machine: Machine) -> None:
    machine.run(3)
    machine.report("at work")
    machine.system.write(FILE, b"ib\n")
    alerts = machine.run(5)
    machine.report("on probation")
    machine.system.write(FILE, b"eth\n")
    alerts += machine.run(5)
    machine.report("taken back", machine.tick)
    alerts += machine.run(int(QUIET_S) + 4)
    assert machine.link_events() == ["taken back"]
    assert [a for a in alerts if a.kind in (AlertKind.LINK_DOWN, AlertKind.PORT_GONE)] == []
    (event,) = [e for e in machine.watch.events if is_change(e.incident)]
    parts = list(event.incident.details.values())
    assert any("ibs2 was ens2" in part for part in parts) and len(parts) > 3
    assert all(part.split(" s: ")[0].isdigit() for part in parts)


def test_a_link_that_stays_away_is_an_alarm_afterwards(machine: Machine) -> None:
    machine.run(3)
    machine.report("at work")
    port = machine.system.world.ports[1]
    port.cable_cut = True
    machine.system.world.link_changed(port)
    assert not any(a.kind is AlertKind.LINK_DOWN for a in machine.run(int(QUIET_S) - 2))
    down = [a for a in machine.run(5) if a.kind is AlertKind.LINK_DOWN]
    assert [alert.port.netdev for alert in down] == ["ens2d1"]


def test_without_a_change_a_lost_link_is_an_alarm_and_an_event_at_once(machine: Machine) -> None:
    machine.run(3)
    port = machine.system.world.ports[1]
    port.cable_cut = True
    machine.system.world.link_changed(port)
    assert any(a.kind is AlertKind.LINK_DOWN for a in machine.run(2))
    assert any("link down" in text for text in machine.link_events())


@pytest.mark.parametrize(
    ("incident", "tick", "part"),
    [
        (Incident(IncidentKind.LINK_DOWN, "", device=CARD), QUIET_S, True),
        (Incident(IncidentKind.LINK_DOWN, "", device=CARD), QUIET_S + 0.1, False),
        (Incident(IncidentKind.LINK_DOWN, "", device="0000:06:00.0"), 1.0, False),
        (Incident(IncidentKind.RENAMED, "", functions=(CARD,)), 1.0, True),
        (Incident(IncidentKind.AER, "", device=CARD), 1.0, False),
        (Incident(IncidentKind.LINK_TYPE, "", device=CARD), 1.0, True),
        (change(), 1.0, False),
        (Incident(IncidentKind.LINK_DOWN, "", ifname="ens2"), 1.0, False),
    ],
)
def test_only_what_a_change_brings_about_belongs_to_it(
    incident: Incident, tick: float, part: bool
) -> None:
    planned = PlannedChanges()
    planned.report(change(), 0.0)
    planned.report(Incident(IncidentKind.LINK_DOWN, "", device="0000:06:00.0", key="x"), 0.0)
    assert planned.part_of(incident, tick) == (KEY if part else None)


def test_a_report_ends_a_module_that_was_pulled_meanwhile_as_an_alarm(machine: Machine) -> None:
    machine.run(3)
    frame = machine.watch.frame
    assert frame is not None
    port = next(iter(frame.ports.values())).now.port
    planned = PlannedChanges()
    planned.report(change(), frame.sample.tick - QUIET_S - 1)
    gone = Alert(AlertKind.PORT_GONE, port, "the port is gone", frame.sample.tick)
    warm = Alert(AlertKind.WARNING, port, "warm", frame.sample.tick, "asic")
    assert planned.quieted(frame, [gone, warm], machine.watch.links) == [warm]
    assert planned.quieted(frame, [gone], machine.watch.links) == [gone]
