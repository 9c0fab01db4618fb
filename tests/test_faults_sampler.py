"""The sampler when readers stumble, events are lost, counters jump and clocks are set."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any

import pytest

from mlxtop.model.catalogue import CATALOGUE, NET
from mlxtop.model.counters import Origin
from mlxtop.model.frame import Frame, PortFrame
from mlxtop.outputs.document import document
from mlxtop.sampler import devices
from mlxtop.sampler.discover import discover
from mlxtop.sampler.live import LiveSource
from mlxtop.sampler.source import frames
from mlxtop.system.door import DeviceEvent, Question
from tests.test_live import PORT, VETH, Machine, _tell


@contextmanager
def shown(machine: Machine) -> Iterator[Callable[[], Frame]]:
    """The frames of a machine, one a call."""
    stop = Event()
    source = LiveSource(machine, everything=True, patience=0.5)
    found = frames(source, stop)
    yield lambda: next(found)
    stop.set()
    source.close()
    for hang in machine.hanging.values():
        hang.set()


def raiser(error: BaseException) -> Callable[..., Any]:
    def stumble(*_: object) -> None:
        raise error

    return stumble


@pytest.mark.parametrize("error", [ValueError("odd"), KeyError("x"), RecursionError(), OSError(5)])
def test_a_discovery_that_stumbles_leaves_the_count_going(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    machine = Machine()
    with shown(machine) as one:
        ports = one().ports.keys()
        monkeypatch.setattr(devices, "discover", raiser(error))
        _tell(machine, DeviceEvent("add", "net", "odd0"))
        for _ in range(3):
            frame = one()
            assert frame.ports.keys() == ports
            assert [p.subject for p in frame.sample.problems] == ["discovery"]
            assert frame.ports[VETH].rate(NET.rx_bytes) is not None
        monkeypatch.undo()
        machine.time += 60
        assert one().sample.problems == ()


@pytest.mark.parametrize(
    "error", [ValueError("odd"), MemoryError(), UnicodeDecodeError("a", b"", 0, 1, "")]
)
def test_a_reader_that_raises_anything_is_told_and_the_rest_goes_on(error: Exception) -> None:
    machine = Machine()
    machine.ask = _ask_but(machine, Question.MAC_STATISTICS, error)  # type: ignore[method-assign]
    with shown(machine) as one:
        frame = [one() for _ in range(3)][-1]
    assert Origin.MAC not in frame.ports[PORT].now.readings
    assert frame.ports[PORT].rate(NET.rx_bytes) is not None
    assert any(type(error).__name__ in p.text for p in frame.sample.problems)


def _ask_but(machine: Machine, wrong: Question, error: Exception) -> Callable[..., Any]:
    ask = machine.ask

    def asked(question: Question, subject: str = "", *details: int) -> Any:
        if question is wrong:
            raise error
        return ask(question, subject, *details)

    return asked


@pytest.mark.slow
def test_readers_that_hang_for_a_minute_are_asked_once_and_come_back() -> None:
    machine = Machine()
    asked: list[str] = []
    read = machine.read

    def counting(path: str) -> bytes:
        if path.endswith("temp1_input"):
            asked.append(path)
        return read(path)

    machine.read = counting  # type: ignore[method-assign]
    with shown(machine) as one:
        one()
        count, threads = len(asked), threading.active_count()
        for what in ("temp1_input", Question.MAC_STATISTICS, "port_rcv_data"):
            machine.hanging[what] = Event()
        for _ in range(60):
            frame = one()
            assert frame.sample.tick == frame.ports[VETH].now.readings[Origin.NETDEV].tick
        assert len(asked) <= count + 1
        assert threading.active_count() <= threads + len(machine.hanging)
        assert len([p for p in frame.sample.problems if "no answer" in p.text]) >= 2
        for hang in machine.hanging.values():
            hang.set()
        machine.hanging.clear()
        machine.clock.wait(0.1, Event())  # nobody else waits for a reader that hung
        assert one().sample.problems == ()
        assert Origin.MAC in one().ports[PORT].now.readings


def test_a_storm_of_events_makes_one_look_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine()
    looks: list[int] = []

    def counting(*arguments: Any) -> Any:
        looks.append(1)
        return discover(*arguments)

    monkeypatch.setattr(devices, "discover", counting)
    with shown(machine) as one:
        one()
        storm = [DeviceEvent("link", "net", "enp67s0np0"), DeviceEvent("lost", "net", "")]
        for _ in range(10):
            machine.pending = storm * 500
            machine.happened.set()
            assert machine.clock.wait(5.0, machine.seen)
            machine.seen.clear()
            one()
    assert len(looks) <= 12


def counted(machine: Machine, value: int) -> None:
    """Let the kernel's first counter of bytes be `value`."""
    rows = machine.capture.answers[("link-counters",)]
    for row in rows.values():  # type: ignore[union-attr]
        row[2] = value


def follow(machine: Machine, values: list[int]) -> list[PortFrame]:
    found = []
    with shown(machine) as one:
        for value in values:
            counted(machine, value)
            found.append(one().ports[VETH])
    return found


def test_counters_that_are_reset_are_a_gap_and_never_a_spike() -> None:
    rates = [f.rate(NET.rx_bytes) for f in follow(Machine(), [10**9, 2 * 10**9, 500, 1500])]
    assert rates == [None, 1e9, None, 1000.0]


def test_a_counter_of_64_bits_that_wraps_is_a_gap_at_worst() -> None:
    top = (1 << 64) - 1
    rates = [f.rate(NET.rx_bytes) for f in follow(Machine(), [top - 500, top, 999, 1999])]
    assert rates[1] == 500.0
    assert rates[2] in (None, 1000.0)
    assert rates[3] == 1000.0


def test_a_counter_that_has_reached_its_ceiling_has_no_rate() -> None:
    narrow = next(c for c in CATALOGUE.values() if c.ceiling is not None)
    machine = Machine()
    with shown(machine) as one:
        frame = one()
    port = frame.ports[PORT]
    stuck = type(port)(port.now, {}, {})
    assert narrow.ceiling is not None
    assert stuck.rate(narrow) is None


@pytest.mark.parametrize("jump", [-86400.0, 86400.0, -1e9])
def test_a_wall_clock_that_is_set_changes_no_rate(jump: float) -> None:
    machine = Machine()
    walls = iter([1e9, 1e9 + 1, 1e9 + 2 + jump, 1e9 + 3 + jump])
    machine.wall = lambda: next(walls)  # type: ignore[method-assign]
    seen = []
    with shown(machine) as one:
        for value in (0, 1000, 2000, 3000):
            counted(machine, value)
            frame = one()
            seen.append(frame.ports[VETH].rate(NET.rx_bytes))
            document(frame, demo=False)
    assert seen == [None, 1000.0, 1000.0, 1000.0]


def test_a_suspend_is_one_long_interval_and_its_rate_is_the_mean() -> None:
    machine = Machine()
    with shown(machine) as one:
        counted(machine, 0)
        one()
        counted(machine, 1000)
        assert one().ports[VETH].rate(NET.rx_bytes) == 1000.0
        machine.time += 9999.0
        counted(machine, 11000)
        assert one().ports[VETH].rate(NET.rx_bytes) == 1.0
        counted(machine, 12000)
        assert one().ports[VETH].rate(NET.rx_bytes) == 1000.0
