"""Probes leave when they are due, and only answers with their nonce from their target count."""

from __future__ import annotations

import errno
import os
from threading import Event

import pytest

from mlxtop.path.probe import Prober, Target
from mlxtop.system.door import Echo


class Wire:
    """A pinger that keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, bytes, int]] = []
        self.broken = 0

    def send(self, address: str, device: str, nonce: bytes, mark: int = 0) -> None:
        if self.broken:
            raise OSError(self.broken, os.strerror(self.broken))
        self.sent.append((address, device, nonce, mark))

    def wait(self, seconds: float, stop: Event) -> list[Echo]:
        return []

    def wake(self) -> None:
        pass

    def close(self) -> None:
        pass


class Lane:
    """Two targets and their prober, with a clock that is set."""

    def __init__(self) -> None:
        self.wire, self.now = Wire(), 100.0
        self.targets = [Target("10.0.0.2", "fast0"), Target("10.0.0.3", "fast1", mark=7)]
        self.prober = Prober(self.wire, self.targets, 0.25)
        self.prober.begin(self.now)

    def send(self, **names: str | None) -> None:
        self.prober.send(lambda: self.now, {"fast0": "fast0", "fast1": "fast1", **names})


def test_probes_are_spread_over_the_interval() -> None:
    lane = Lane()
    lane.send()
    assert [address for address, *_ in lane.wire.sent] == ["10.0.0.2"]
    lane.now += 0.125
    lane.send()
    assert lane.wire.sent[-1][:2] == ("10.0.0.3", "fast1")
    assert lane.wire.sent[-1][3] == 7
    assert lane.prober.next_due() == 100.25


def test_late_probes_are_not_made_up_for() -> None:
    lane = Lane()
    lane.send()
    lane.now += 60.0
    lane.send()
    lane.send()
    assert len(lane.wire.sent) == 3
    assert lane.prober.next_due() == lane.now + 0.25


def test_each_probe_has_a_nonce_and_answers_count_once() -> None:
    lane = Lane()
    lane.send()
    nonce = lane.wire.sent[0][2]
    answer = Echo(nonce, "10.0.0.2", "back0", 100.01)
    lane.prober.take([answer, answer])
    stream = lane.targets[0].stream
    assert (stream.answered_in_row, stream.came_by, lane.prober.forged) == (1, "back0", 1)


def test_forged_answers_and_those_from_elsewhere_do_not_count() -> None:
    lane = Lane()
    lane.send()
    nonce = lane.wire.sent[0][2]
    lane.prober.take(
        [Echo(b"x" * 16, "10.0.0.2", None, 100.0), Echo(nonce, "10.6.6.6", None, 100.0)]
    )
    assert lane.targets[0].stream.answered_in_row == 0
    assert (lane.prober.forged, lane.prober.elsewhere) == (2, {"10.0.0.2": "10.6.6.6"})


def test_nothing_leaves_by_a_device_that_is_not_there_and_new_names_are_used() -> None:
    lane = Lane()
    lane.send(fast0=None)
    assert lane.wire.sent == []
    lane.now += 0.25
    lane.send(fast0="quick0")
    assert ("10.0.0.2", "quick0") in [sent[:2] for sent in lane.wire.sent]


def test_what_the_kernel_does_not_send_is_lost_with_its_reason() -> None:
    lane = Lane()
    lane.wire.broken = errno.ENETUNREACH
    for _ in range(3):
        lane.send()
        lane.now += 0.25
    target = lane.targets[0]
    assert target.error == "Network is unreachable"
    assert target.stream.silent(lane.now) == "3 probes in a row lost"


@pytest.mark.parametrize("answered", [False, True])
def test_probes_that_may_not_be_sent_say_nothing_until_one_was_answered(answered: bool) -> None:
    lane = Lane()
    target = lane.targets[0]
    if answered:
        lane.send()
        nonce = lane.wire.sent[0][2]
        lane.prober.take([Echo(nonce, target.address, "fast0", lane.now)])
        lane.now += 0.25
    lane.wire.broken = errno.EPERM
    for _ in range(3):
        lane.send()
        lane.now += 0.25
    assert target.error == "Operation not permitted"
    assert target.stream.silent(lane.now) == ("3 probes in a row lost" if answered else None)


def test_lost_nonces_are_forgotten() -> None:
    lane = Lane()
    for _ in range(400):
        lane.send()
        lane.now += 0.25
        for target in lane.targets:
            target.stream.look(lane.now)
        lane.prober.tidy()
    assert len(lane.prober._by_nonce) <= 4
