"""Readers that may hang or fail: their pauses, and the threads that they share."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable, Iterator
from functools import partial
from threading import Event, get_ident

import pytest

from mlxtop.lab import ManualClock
from mlxtop.sampler.slow import BACK_OFF, HELD_UP, UNSUPPORTED_EVERY, SlowReader, Workers
from mlxtop.system.clock import RealClock

EVERY = 5.0


class Asked:
    """A source that counts how often it is asked, and answers as told."""

    def __init__(self, answer: Callable[[], object]) -> None:
        self.times = 0
        self._answer = answer

    def __call__(self) -> object:
        self.times += 1
        return self._answer()


def refuse() -> object:
    raise OSError(errno.EIO, "input/output error")


@pytest.fixture
def made() -> Iterator[Callable[[Asked], SlowReader[object]]]:
    readers: list[SlowReader[object]] = []

    def make(source: Asked) -> SlowReader[object]:
        readers.append(SlowReader("test", source, EVERY, 30.0, RealClock()))
        return readers[-1]

    yield make
    for reader in readers:
        reader.close()


def ask(reader: SlowReader[object], now: float) -> None:
    """Poll at an instant, and wait for the read if one was begun."""
    reader.poll(now)
    assert reader.settle(30.0)


def test_a_value_is_read_again_after_its_pause_and_not_before(
    made: Callable[[Asked], SlowReader[object]],
) -> None:
    source = Asked(lambda: 1)
    reader = made(source)
    for now, times in ((0.0, 1), (EVERY - 0.1, 1), (EVERY, 2)):
        ask(reader, now)
        assert source.times == times


def test_after_an_error_the_next_read_comes_later(
    made: Callable[[Asked], SlowReader[object]],
) -> None:
    source = Asked(refuse)
    reader = made(source)
    for now, times in ((0.0, 1), (EVERY, 1), (BACK_OFF * EVERY - 0.1, 1), (BACK_OFF * EVERY, 2)):
        ask(reader, now)
        assert source.times == times
    assert reader.error == "input/output error"


def test_what_the_driver_does_not_have_is_asked_for_rarely(
    made: Callable[[Asked], SlowReader[object]],
) -> None:
    source = Asked(lambda: None)
    reader = made(source)
    for now, times in ((0.0, 1), (EVERY, 1), (UNSUPPORTED_EVERY - 0.1, 1), (UNSUPPORTED_EVERY, 2)):
        ask(reader, now)
        assert source.times == times


def test_no_time_of_a_simulated_machine_passes_while_a_read_is_under_way() -> None:
    clock = ManualClock()
    source = Asked(clock.now)
    reader: SlowReader[object] = SlowReader("test", source, EVERY, 30.0, clock)
    start = clock.now()
    reader.poll(start)
    assert reader.settle(30.0)
    assert reader.value == start
    reader.close()


LONG = 10.0
"""Seconds after which a test has failed."""


def alive(workers: Workers) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == workers.name]


def until(true: Callable[[], bool]) -> None:
    pause = Event()
    for _ in range(int(LONG / 0.005)):
        if true():
            return
        pause.wait(0.005)
    pytest.fail("never")


@pytest.fixture
def workers(request: pytest.FixtureRequest) -> Workers:
    return Workers(request.node.name, RealClock())


def hanging(workers: Workers) -> Event:
    """A job that is under way until the event is set."""
    hang, began = Event(), Event()

    def job() -> None:
        began.set()
        hang.wait(LONG)

    workers.put(job)
    assert began.wait(LONG)
    return hang


def test_jobs_are_done_in_their_order_by_one_thread(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlxtop.sampler.slow.HELD_UP", LONG)  # however busy this machine is
    done: list[tuple[int, int]] = []
    last = Event()
    for number in range(100):
        workers.put(lambda number=number: done.append((number, get_ident())))  # type: ignore[misc]
    workers.put(last.set)
    assert last.wait(LONG)
    assert [number for number, _ in done] == list(range(100))
    assert len({thread for _, thread in done}) == 1
    workers.close()
    until(lambda: not alive(workers))


def test_what_hangs_holds_up_nobody_and_one_thread_is_left_afterwards(workers: Workers) -> None:
    hangs = [Event() for _ in range(3)]
    for event in hangs:
        workers.put(partial(event.wait, LONG))
    last = Event()
    workers.put(last.set)
    while not last.wait(HELD_UP):
        workers.relieve()
    assert not workers.behind
    assert len(alive(workers)) == len(hangs) + 1
    for event in hangs:
        event.set()
    until(lambda: len(alive(workers)) == 1)
    again = Event()
    workers.put(again.set)
    assert again.wait(LONG)
    workers.close()
    until(lambda: not alive(workers))


def test_closing_leaves_what_waits_and_ends_what_hangs_when_it_comes_back(workers: Workers) -> None:
    late = Event()
    hang = hanging(workers)
    workers.put(late.set)
    workers.close()
    workers.relieve()
    hang.set()
    until(lambda: not alive(workers))
    assert not late.is_set()


def test_whoever_waits_for_a_reader_gets_it_past_one_that_hangs(workers: Workers) -> None:
    hang = Event()
    stuck = SlowReader("stuck", lambda: hang.wait(LONG), 0.0, 5.0, workers)
    quick = SlowReader("quick", lambda: 42, 0.0, 5.0, workers)
    for reader in (stuck, quick):
        reader.poll(0.0)
    assert quick.settle(LONG) and quick.value == 42
    assert not stuck.settle(0.0) and stuck.hung and stuck.stale(6.0)
    quick.poll(1.0)
    assert quick.settle(LONG) and quick.tick == 1.0
    hang.set()
    assert stuck.settle(LONG) and stuck.value is True
    workers.close()


def test_a_reader_that_is_closed_while_it_waits_is_not_read(workers: Workers) -> None:
    read = Event()
    hang = hanging(workers)
    reader = SlowReader("late", read.set, 0.0, 5.0, workers)
    reader.poll(0.0)
    reader.close()
    last = Event()
    workers.put(last.set)
    hang.set()
    assert last.wait(LONG)
    assert not read.is_set()
    workers.close()


def test_what_takes_long_is_read_the_less_often() -> None:
    clock = ManualClock()
    source = Asked(lambda: clock.wait(2.0, Event()))
    reader: SlowReader[object] = SlowReader("test", source, EVERY, 30.0, clock)
    reader.rest = 10.0
    for now, times in ((0.0, 1), (19.9, 1), (20.0, 2)):
        reader.poll(now)
        assert reader.settle(30.0)
        assert source.times == times
    reader.close()
