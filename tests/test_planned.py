"""A change of link types by mlxtop is one event, and no alarm unless something stays away."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mlxtop.lab import LabSystem, ManualClock, load_lab
from mlxtop.model.frame import Frame
from mlxtop.model.identity import PortId
from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.present.events import cause_text
from mlxtop.sampler.live import LiveSource
from mlxtop.sampler.source import Stop, frames
from mlxtop.watch.alert import Alert, AlertKind
from mlxtop.watch.causes import causes
from mlxtop.watch.planned import QUIET_S, PlannedChanges
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


def test_a_link_that_a_change_takes_is_no_flap_and_one_that_is_lost_later_is(
    machine: Machine,
) -> None:
    machine.run(3)
    machine.report("at work")
    machine.system.write(FILE, b"ib\n")
    machine.run(5)
    machine.system.write(FILE, b"eth\n")
    machine.report("taken back", machine.tick)
    machine.run(round(QUIET_S) + 2)
    assert not machine.watch.flaps
    machine.system.write(FILE, b"ib\n")  # by somebody else
    machine.run(8)
    assert machine.watch.flaps


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
    (cause,) = [c for c in causes(machine.watch.events) if c.lead.incident.source == "mlxtop"]
    assert cause.lead.incident.text == "taken back" and cause_text(cause) == "taken back"
    assert cause.until is not None and len(cause.others) > 4
    assert [a for a in alerts if a.kind in (AlertKind.LINK_DOWN, AlertKind.PORT_GONE)] == []


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


@pytest.mark.parametrize(("ago", "quiet"), [(QUIET_S, True), (QUIET_S + 0.1, False)])
def test_a_change_explains_alarms_of_its_card_for_a_while(
    machine: Machine, ago: float, quiet: bool
) -> None:
    machine.run(3)
    frame = machine.watch.frame
    assert frame is not None
    port = next(iter(frame.ports.values())).now.port
    planned = PlannedChanges()
    planned.report(change(), frame.sample.tick - ago)
    warm = Alert(AlertKind.WARNING, port, "warm", frame.sample.tick, "asic")
    lost = Alert(AlertKind.LINK_DOWN, port, "link down", frame.sample.tick)
    other = lost._replace(port=port._replace(id=PortId("0000:77:00.0", 1)))
    told = planned.quieted(frame, [warm, lost, other], machine.watch.links)
    assert told == [warm, other]
    assert planned.quieted(frame, [lost], machine.watch.links) == ([] if quiet else [lost])


def test_what_is_not_a_change_by_mlxtop_explains_nothing(machine: Machine) -> None:
    machine.run(3)
    frame = machine.watch.frame
    assert frame is not None
    planned = PlannedChanges()
    planned.report(change()._replace(key=""), frame.sample.tick)
    planned.report(change()._replace(kind=IncidentKind.LINK_DOWN), frame.sample.tick)
    port = next(iter(frame.ports.values())).now.port
    lost = Alert(AlertKind.PORT_GONE, port, "the port is gone", frame.sample.tick)
    assert planned.quieted(frame, [lost], machine.watch.links) == [lost]
