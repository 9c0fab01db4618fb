"""The sampler on machines that misbehave: nothing that goes wrong stops anything else."""

import errno
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from mlxtop.lab.clock import Either
from mlxtop.model.counters import Origin
from mlxtop.model.identity import PortId
from mlxtop.model.sample import LinkState, Sample
from mlxtop.sampler.live import LiveSource
from mlxtop.sampler.source import Stop
from mlxtop.system.capture_file import parse_capture
from mlxtop.system.captured import CapturedSystem
from mlxtop.system.door import Answer, DeviceEvent, Question

TEXT = (Path(__file__).parent / "hosts" / "cx4-x8.txt").read_text()
PORT = PortId("0000:43:00.0", 1)
VETH = PortId("veth0", 1)


class Machine(CapturedSystem):
    """A captured machine with a clock, events, and questions that fail or hang on demand."""

    captured = False

    def __init__(self) -> None:
        self.capture = parse_capture(TEXT)
        super().__init__("pacu", self.capture, self.capture)
        self.time = 100.0
        self.failing: dict[str, int] = {}
        self.hanging: dict[str, Event] = {}
        self.slow = 0.0
        """Seconds that every answer takes."""
        self.pending: list[DeviceEvent] = []
        self.happened = Event()
        self.seen = Event()

    def now(self) -> float:
        return self.time

    def wait(self, seconds: float, stop: Event) -> bool:
        self.time += seconds
        return stop.is_set()

    def _disturb(self, what: str) -> None:
        if self.slow:
            self.clock.wait(self.slow, Event())
        if what in self.hanging:
            self.clock.wait(None, self.hanging[what])
        if what in self.failing:
            raise OSError(self.failing[what], os.strerror(self.failing[what]))

    def ask(self, question: Question, subject: str = "", *details: int) -> Answer:
        self._disturb(question)
        return super().ask(question, subject, *details)

    def read(self, path: str) -> bytes:
        self._disturb(path.rpartition("/")[2])
        return super().read(path)

    def events(self, stop: Event) -> Iterator[DeviceEvent]:
        while not stop.is_set():
            self.clock.wait(None, Either(self.happened, stop))
            if self.happened.is_set():
                self.happened.clear()
                yield from self.pending
                self.seen.set()

    def set(self, question: Question, subject: str, answer: Any) -> None:
        self.capture.answers[question, subject] = answer


@pytest.fixture
def machine() -> Iterator[Machine]:
    found = Machine()
    yield found
    for hang in found.hanging.values():
        hang.set()


@pytest.fixture
def samples(machine: Machine) -> Iterator[Iterator[Sample]]:
    stop = Event()
    source = LiveSource(machine, everything=True, patience=0.5)
    yield source.samples(stop)
    stop.set()
    source.close()


def test_samples_are_the_interval_apart(samples: Iterator[Sample]) -> None:
    ticks = [next(samples).tick for _ in range(4)]
    assert ticks == [100.0, 101.0, 102.0, 103.0]


class Clocked(Machine):
    """Its time is that of this computer."""

    def now(self) -> float:
        return time.monotonic()

    def wait(self, seconds: float, stop: Event) -> bool:
        return stop.wait(seconds)


@pytest.mark.parametrize("intervals", [(60.0, 0.1), (60.0, 30.0, 0.1), (60.0, 60.0, 0.2, 0.1)])
def test_an_interval_that_changes_wakes_who_waits_for_the_next_sample(
    intervals: tuple[float, ...],
) -> None:
    source, stop = LiveSource(Clocked(), intervals[0]), Stop()
    came = Event()

    def sample() -> None:
        for _ in source.samples(stop):
            came.set()

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    assert came.wait(20)
    for interval in intervals[1:]:
        came.clear()
        source.interval = interval
    assert came.wait(20)
    source.interval = 60.0
    stop.set()
    thread.join(20)
    assert not thread.is_alive()
    source.close()


def test_a_longer_interval_counts_from_the_last_sample_and_a_passed_one_from_now(
    machine: Machine,
) -> None:
    source, stop = LiveSource(machine, 10.0, patience=0.5), Stop()
    changes = iter([(4.0, 20.0), (8.0, 5.0)])

    def wait(seconds: float, event: Event) -> bool:
        passed, interval = next(changes, (seconds, 0.0))
        if not interval:
            machine.time += seconds
            return False
        machine.time += passed
        source.interval = interval
        return True

    machine.wait = wait  # type: ignore[assignment, method-assign]
    found = source.samples(stop)
    ticks = [next(found).tick for _ in range(3)]
    stop.set()
    source.close()
    assert ticks == [100.0, 112.0, 117.0]


def test_a_machine_that_was_suspended_is_not_sampled_to_catch_up(
    machine: Machine, samples: Iterator[Sample]
) -> None:
    next(samples)
    machine.time += 3600
    ticks = [next(samples).tick for _ in range(2)]
    assert ticks[1] - ticks[0] == 1.0


def test_a_sensor_that_hangs_is_stale_while_counters_go_on(
    machine: Machine, samples: Iterator[Sample]
) -> None:
    assert next(samples).ports[PORT].temperatures[0].celsius == 61.25
    machine.hanging["temp1_input"] = Event()
    for _ in range(10):
        found = next(samples)
    assert found.ports[PORT].temperatures[0].stale
    assert found.ports[PORT].readings[Origin.MAC].tick == found.tick
    assert any("no answer" in problem.text for problem in found.problems)
    machine.hanging.pop("temp1_input").set()
    machine.clock.wait(0.1, Event())  # nobody else waits for a reader that hung
    assert not next(samples).ports[PORT].temperatures[0].stale


def test_counters_that_hang_delay_neither_the_others_nor_the_next_sample(
    machine: Machine, samples: Iterator[Sample]
) -> None:
    next(samples)
    machine.hanging[Question.MAC_STATISTICS] = Event()
    for _ in range(8):
        found = next(samples)
    assert Origin.MAC not in found.ports[PORT].readings
    assert found.ports[PORT].readings[Origin.NETDEV].tick == found.tick
    assert found.ports[VETH].readings[Origin.NETDEV].tick == found.tick


def test_the_first_sample_of_a_machine_that_is_slow_itself_is_complete(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlxtop.sampler.live.UNHURRIED", (0.6, 30.0))
    machine.slow = 0.015
    source = LiveSource(machine)
    began = machine.clock.now()
    found = source.take()
    took = machine.clock.now() - began
    quick = LiveSource(Machine()).take()
    source.close()
    assert took > 0.6
    assert (found.pcie, found.absent) == (quick.pcie, quick.absent)
    assert found.ports[PORT].link == quick.ports[PORT].link
    assert found.ports[PORT].temperatures == quick.ports[PORT].temperatures
    assert found.ports[PORT].readings.keys() == quick.ports[PORT].readings.keys()


@pytest.mark.parametrize("number", [errno.EIO, errno.EINVAL, errno.ENODEV, errno.ETIMEDOUT])
def test_a_reader_that_fails_is_told_and_the_rest_is_there(machine: Machine, number: int) -> None:
    machine.failing["temp1_input"] = number
    machine.failing[Question.MAC_STATISTICS] = number
    source = LiveSource(machine, patience=0.5)
    found = source.take()
    source.close()
    port = found.ports[PORT]
    assert port.temperatures[0].celsius is None
    assert port.temperatures[0].problem == os.strerror(number)
    assert os.strerror(number) in [problem.text for problem in found.problems]
    assert port.readings[Origin.NETDEV].get("rx_bytes") == 1_000_000


def test_a_table_that_the_driver_does_not_have_is_no_problem(machine: Machine) -> None:
    machine.failing[Question.MAC_STATISTICS] = errno.EOPNOTSUPP
    source = LiveSource(machine, patience=0.5)
    found = source.take()
    source.close()
    assert found.problems == ()
    assert Origin.MAC not in found.ports[PORT].readings


def test_a_card_that_has_dropped_off_the_bus_is_lost_and_not_just_down(machine: Machine) -> None:
    machine.failing[Question.MAC_STATISTICS] = errno.ENODEV
    source = LiveSource(machine, patience=0.5)
    found = source.take()
    source.close()
    assert found.ports[PORT].link.state is LinkState.LOST


def test_without_standard_statistics_the_drivers_are_read_for_the_wire(
    machine: Machine, samples: Iterator[Sample]
) -> None:
    machine.failing[Question.MAC_STATISTICS] = errno.EOPNOTSUPP
    ticks = [next(samples).ports[PORT].readings[Origin.DRIVER].tick for _ in range(4)]
    assert ticks[-1] - ticks[-2] == 1.0


def test_a_rename_keeps_the_port(machine: Machine, samples: Iterator[Sample]) -> None:
    next(samples)
    links = machine.capture.answers[("links",)]
    links[1]["name"] = "lan0"  # type: ignore[index]
    path = "/sys/devices/pci0000:40/0000:40:03.0/0000:43:00.0/net/lan0/mtu"
    machine.capture.add(path, machine.capture.nodes[path.replace("lan0", "enp67s0np0")])
    _tell(machine, DeviceEvent("move", "net", "lan0"))
    found = next(samples)
    assert found.ports[PORT].port.netdev == "lan0"


def test_a_pulled_cable_is_seen_at_the_next_sample(
    machine: Machine, samples: Iterator[Sample]
) -> None:
    assert next(samples).ports[PORT].link.state is LinkState.UP
    machine.capture.answers[("links",)][1]["carrier"] = 0  # type: ignore[index]
    _tell(machine, DeviceEvent("link", "net", "enp67s0np0"))
    assert next(samples).ports[PORT].link.state is LinkState.DOWN


def test_a_port_that_goes_away_leaves_the_others(
    machine: Machine, samples: Iterator[Sample]
) -> None:
    assert VETH in next(samples).ports
    machine.capture.answers[("links",)].pop()  # type: ignore[union-attr]
    _tell(machine, DeviceEvent("remove", "net", "veth0"))
    found = next(samples)
    assert VETH not in found.ports
    assert PORT in found.ports


def test_for_a_screen_events_come_after_the_first_sample_and_nothing_is_missed(
    machine: Machine,
) -> None:
    stop, asked = Event(), Event()
    listen = machine.events

    def events(stop: Event) -> Iterator[DeviceEvent]:
        asked.set()
        yield from listen(stop)

    machine.events = events  # type: ignore[method-assign]
    source = LiveSource(machine, everything=True, patience=0.5, hurry=True)
    found = source.samples(stop)
    assert VETH in next(found).ports
    assert not asked.is_set()
    machine.capture.answers[("links",)].pop()  # type: ignore[union-attr]
    assert VETH not in next(found).ports  # though nobody heard that it went
    assert machine.clock.wait(5.0, asked)
    machine.capture.answers[("links",)][1]["carrier"] = 0  # type: ignore[index]
    _tell(machine, DeviceEvent("link", "net", "enp67s0np0"))
    assert next(found).ports[PORT].link.state is LinkState.DOWN
    stop.set()
    source.close()


def _tell(machine: Machine, event: DeviceEvent) -> None:
    """Let an event happen and wait until the sampler's thread has taken note."""
    machine.pending = [event]
    machine.happened.set()
    assert machine.clock.wait(5.0, machine.seen)
    machine.seen.clear()
