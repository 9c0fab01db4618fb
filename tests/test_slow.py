"""Readers that may hang or fail: how long they pause after an error and without an answer."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator

import pytest

from mlxtop.lab import ManualClock
from mlxtop.sampler.slow import BACK_OFF, UNSUPPORTED_EVERY, SlowReader
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
