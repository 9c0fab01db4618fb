"""Simulated time: it stands still while anybody runs, and passes in the order of waits."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import accumulate
from threading import Event, Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.lab import ManualClock, load_lab

LONG = 30.0
"""Real seconds after which a test has failed."""
NEVER = Event()

waits = st.lists(st.floats(0.001, 50.0), min_size=1, max_size=8)


def finish(clock: ManualClock, *targets: Callable[[], object]) -> None:
    """Run each in a thread that takes part, and wait by the clock until all have ended."""
    ends = [Event() for _ in targets]

    def run(target: Callable[[], object], ended: Event) -> None:
        try:
            target()
        finally:
            ended.set()

    for target, ended in zip(targets, ends, strict=True):
        clock.thread(run, "test", target, ended)
    for ended in ends:
        clock.wait(None, ended)


@given(st.lists(waits, min_size=1, max_size=6))
def test_threads_take_turns_in_the_order_of_the_ends_of_their_waits(
    plan: list[list[float]],
) -> None:
    clock = ManualClock()
    turns: list[tuple[float, int]] = []

    def take_turns(number: int) -> None:
        for seconds in plan[number]:
            clock.wait(seconds, NEVER)
            turns.append((clock.now(), number))

    finish(clock, *(lambda number=n: take_turns(number) for n in range(len(plan))))
    assert [now for now, _ in turns] == sorted(now for now, _ in turns)
    for number, seconds in enumerate(plan):
        assert [now for now, who in turns if who == number] == list(accumulate(seconds))


@given(st.lists(waits, min_size=2, max_size=6))
def test_time_stands_still_while_a_thread_runs(plan: list[list[float]]) -> None:
    clock = ManualClock()
    moved: list[float] = []

    def work(seconds: list[float]) -> None:
        for each in seconds:
            clock.wait(each, NEVER)
            now = clock.now()
            for _ in range(20):
                time.sleep(0)  # lets every other thread have its chance
            moved.append(clock.now() - now)

    finish(clock, *(lambda seconds=s: work(seconds) for s in plan))
    assert set(moved) == {0.0}


def waits_begin(clock: ManualClock) -> None:
    """Wait, in real time, until somebody waits by the clock."""
    while not clock._waiting:
        time.sleep(0.001)


def test_time_stands_still_however_long_a_thread_runs() -> None:
    clock = ManualClock()
    go_on = Event()
    times: list[float] = []

    def watch() -> None:
        waits_begin(clock)
        for _ in range(20):
            time.sleep(0.005)
            times.append(clock.now())
        go_on.set()

    clock.thread(lambda: go_on.wait(LONG), "busy")
    Thread(target=watch).start()
    assert not clock.wait(1.0, NEVER)
    assert times == [0.0] * 20 and clock.now() == 1.0


@pytest.mark.parametrize("take_part", [True, False])
def test_a_thread_that_ends_without_a_word_holds_nobody_up(take_part: bool) -> None:
    clock = ManualClock()
    thread = Thread(target=clock.take_part if take_part else lambda: clock.wait(0.0, NEVER))
    thread.start()
    thread.join(LONG)
    assert not clock.wait(5.0, NEVER)
    assert clock.now() == 5.0


def test_a_thread_that_raises_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("threading.excepthook", lambda arguments: None)
    clock = ManualClock()

    def fail() -> None:
        raise ValueError

    thread = clock.thread(fail, "failing")
    assert not clock.wait(5.0, NEVER)
    thread.join(LONG)


@pytest.mark.parametrize("takes_part", [True, False])
def test_stop_wakes_at_once_and_costs_no_time(takes_part: bool) -> None:
    clock = ManualClock()
    stop, over = Event(), Event()
    results: list[bool] = []

    def wait() -> None:
        results.append(clock.wait(1e6, stop))
        over.set()

    clock.thread(wait, "waiting")
    waits_begin(clock)
    if takes_part:
        stop.set()
        clock.wait(None, over)
    else:
        Thread(target=stop.set).start()
        assert over.wait(LONG)
    assert results == [True] and clock.now() == 0.0
    assert clock.wait(5.0, stop) and clock.now() == 0.0


def test_who_waits_at_a_queue_lets_time_pass_and_who_took_from_it_does_not() -> None:
    clock = ManualClock()
    jobs = clock.queue()

    def serve() -> None:
        while (job := jobs.get()) is not None:
            job()

    clock.thread(serve, "worker")
    clock.wait(2.0, NEVER)
    assert clock.now() == 2.0 and jobs.empty()
    done = Event()

    def quick() -> None:
        for _ in range(100):
            time.sleep(0)
        done.set()

    jobs.put(quick)
    assert clock.wait(10.0, done) and clock.now() == 2.0
    done.clear()
    jobs.put(lambda: clock.wait(3.0, NEVER))
    jobs.put(done.set)
    assert clock.wait(10.0, done) and clock.now() == 5.0
    jobs.put(None)


def test_a_guest_takes_its_turn_while_it_waits() -> None:
    clock = ManualClock()
    turns: list[float] = []

    def visit() -> None:
        clock.wait(1.0, NEVER)
        turns.append(clock.now())

    Thread(target=visit).start()
    waits_begin(clock)
    clock.wait(2.0, NEVER)
    assert turns == [1.0] and clock.now() == 2.0


def test_what_hangs_and_what_waits_for_a_lock_let_the_machine_s_time_pass() -> None:
    system = load_lab("faulty", ManualClock())
    system.wait(30, NEVER)
    ends: list[str] = []

    def hang() -> None:
        with pytest.raises(OSError, match="Input/output error"):
            system.read("/sys/bus/pci/devices/0000:65:00.0/hwmon/hwmon2/temp1_input")
        ends.append("sensor")

    def claim(seconds: float) -> None:
        with system.claim("/sys/bus/pci/devices/0000:65:00.0", 10.0):
            system.wait(seconds, NEVER)
            ends.append(f"claimed for {seconds:g} s")

    def refused() -> None:
        system.wait(1.0, NEVER)
        with (
            pytest.raises(BlockingIOError),
            system.claim("/sys/bus/pci/devices/0000:65:00.0", 0.5),
        ):
            pass
        ends.append("refused")

    def close() -> None:
        system.wait(60.0, NEVER)
        ends.append("closed")
        system.close()

    assert isinstance(system.clock, ManualClock)
    finish(system.clock, hang, lambda: claim(5.0), lambda: claim(2.0), refused, close)
    assert set(ends[1:3]) == {"claimed for 5 s", "claimed for 2 s"}
    assert (ends[0], *ends[3:]) == ("refused", "closed", "sensor")
