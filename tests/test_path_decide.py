"""A way is judged by its probes, on both sides of every threshold."""

from __future__ import annotations

import pytest

from mlxtop.model.path import WayState
from mlxtop.path.decide import Flap, Judge, Stream


class Probed:
    """A way that is probed four times a second and looked at every 50 ms."""

    def __init__(self, hop: bool = False) -> None:
        self.judge = Judge(Stream(), Stream() if hop else None)
        self.now = 1000.0
        self.flaps: list[Flap] = []
        self._due = self.now
        self._count = 0

    def run(
        self, seconds: float, answers: bool = True, hop: bool = True, dead: bool = False
    ) -> None:
        """Let time pass."""
        end = self.now + seconds
        while self.now < end - 1e-9:
            if self.now >= self._due - 1e-9:
                self._due += 0.25
                self._probe(self.judge.stream, answers)
                if self.judge.hop is not None:
                    self._probe(self.judge.hop, hop)
            self.now = round(self.now + 0.05, 6)
            flap = self.judge.look(self.now, lambda _: dead)
            self.flaps += [flap] if flap else []

    def _probe(self, stream: Stream, answers: bool) -> None:
        self._count += 1
        nonce = self._count.to_bytes(16, "big")
        stream.sent(nonce, self.now)
        if answers:
            stream.answered(nonce, self.now + 0.001, "back0")

    @property
    def state(self) -> WayState:
        return self.judge.state


def up() -> Probed:
    probed = Probed()
    probed.run(1.0)
    assert probed.state is WayState.UP
    return probed


def test_three_answers_make_a_way_up_at_the_start() -> None:
    probed = Probed()
    probed.run(0.5)
    assert probed.state is WayState.UNKNOWN
    probed.run(0.05)
    assert (probed.state, probed.flaps) == (WayState.UP, [Flap.UP])


def test_two_lost_probes_are_no_loss_of_the_way_and_a_third_is() -> None:
    probed = up()
    probed.run(0.7, answers=False)
    assert probed.state is WayState.UP
    assert probed.judge.stream.doubtful
    probed.run(0.05, answers=False)
    assert (probed.state, probed.judge.flaps) == (WayState.DOWN, 1)
    assert "lost" in probed.judge.reason or "no answer" in probed.judge.reason


def test_an_answer_in_between_starts_the_count_anew() -> None:
    probed = up()
    for _ in range(6):
        probed.run(0.5, answers=False)
        probed.run(0.25)
    assert probed.state is WayState.UP


def test_silence_counts_from_750_ms_on_where_three_probes_are_out() -> None:
    stream = Stream(interval_s=0.3)
    for number in range(3):
        stream.sent(bytes([number]), 10.0 + number * 0.3)
    assert stream.silent(10.74) is None
    assert stream.silent(10.75) == "no answer for 750 ms"
    two = Stream(interval_s=0.5)
    for number in range(2):
        two.sent(bytes([number]), 10.0 + number * 0.5)
    assert two.silent(10.9) is None


def test_a_probe_is_waited_for_as_long_as_a_slow_way_takes() -> None:
    stream = Stream()
    assert stream.patience_s == 0.25
    for number in range(60):
        stream.sent(bytes([number]), number * 1.0)
        stream.answered(bytes([number]), number + 0.2, "slow0")
    assert stream.patience_s == pytest.approx(0.6, abs=0.01)
    fast = Stream(interval_s=0.05)
    assert fast.patience_s == 0.1


@pytest.mark.parametrize(("late", "state"), [(9.9, WayState.WAITING), (10.3, WayState.UP)])
def test_ten_seconds_of_good_answers_make_it_up_again(late: float, state: WayState) -> None:
    probed = up()
    probed.run(2.0, answers=False)
    probed.run(late)
    assert probed.state is state


def test_a_loss_while_it_waits_starts_the_wait_anew() -> None:
    probed = up()
    probed.run(2.0, answers=False)
    probed.run(9.0)
    probed.run(0.5, answers=False)
    probed.run(9.0)
    assert probed.state is WayState.WAITING
    left = probed.judge.wait_left(probed.now)
    assert left is not None
    assert 0.5 < left < 1.5


def test_the_wait_doubles_with_each_flap_up_to_five_minutes() -> None:
    probed = up()
    waits = []
    for _ in range(8):
        probed.run(2.0, answers=False)
        since = probed.now
        while probed.state is not WayState.UP:
            probed.run(0.25)
        waits.append(round(probed.now - since))
    assert waits == [10, 20, 40, 80, 160, 300, 300, 300]


@pytest.mark.parametrize(("calm", "wait"), [(599.0, 40), (601.0, 20)])
def test_ten_calm_minutes_halve_the_wait(calm: float, wait: int) -> None:
    probed = up()
    for _ in range(2):
        probed.run(2.0, answers=False)
        while probed.state is not WayState.UP:
            probed.run(0.25)
    probed.run(calm)
    probed.run(2.0, answers=False)
    since = probed.now
    while probed.state is not WayState.UP:
        probed.run(0.25)
    assert round(probed.now - since) == wait


def test_a_fault_counts_at_once_and_its_end_is_waited_out() -> None:
    probed = up()
    probed.judge.fault = "no carrier"
    probed.run(0.05)
    assert (probed.state, probed.judge.reason) == (WayState.DOWN, "no carrier")
    probed.judge.fault = None
    probed.run(9.0)
    assert probed.state is WayState.WAITING


def test_a_carrier_lost_between_two_looks_counts() -> None:
    probed = up()
    probed.judge.drop("lost its carrier for a moment")
    probed.run(0.05)
    assert probed.flaps[-1] is Flap.DOWN
    probed.run(1.0)
    assert probed.state is WayState.WAITING


@pytest.mark.parametrize("seconds", [0.6, 3600.0, -50.0])
def test_what_was_out_while_nobody_looked_is_not_held_against_it(seconds: float) -> None:
    probed = up()
    for number in range(3):
        probed.judge.stream.sent(bytes([9, number]), probed.now)
    probed.now += seconds
    probed.judge.look(probed.now)
    assert probed.state is WayState.UP
    assert not probed.judge.stream.out


def test_lost_answers_are_excused_where_the_way_back_is_dead() -> None:
    probed = Probed(hop=True)
    probed.run(1.0)
    states = []
    for dead, hop in ((True, True), (False, True), (True, False)):
        probed.run(1.0, answers=False, dead=dead, hop=hop)
        states.append(probed.state)
    assert states == [WayState.UNPROVEN, WayState.DOWN, WayState.DOWN]


def test_loss_and_trip_are_those_of_the_last_seconds() -> None:
    stream = Stream()
    assert stream.recent(0.0) == (None, None)
    for number in range(8):
        stream.sent(bytes([number]), number * 0.25)
        if number % 2:
            stream.answered(bytes([number]), number * 0.25 + 0.01, "fast0")
    stream.look(3.0)
    trip, loss = stream.recent(3.0)
    assert trip == pytest.approx(0.01)
    assert loss == 0.5
    assert stream.recent(60.0) == (None, None)
    assert not stream.answered(b"never sent", 3.0, None)
