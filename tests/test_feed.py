"""The thread that samples for the screen."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event

from mlxtop.model.frame import Frame
from mlxtop.model.sample import Sample
from mlxtop.tui.feed import Feed
from tests.samples import PACU, Samples, ethernet, sample

LONG = 10.0


def samples(count: int) -> list[Sample]:
    return [sample(float(tick), ethernet(PACU, tick, 1e9, 1e9)) for tick in range(1, count + 1)]


class Staged(Samples):
    """Gives one sample, and the others when it is told to go on; fails or ends after the last."""

    def __init__(self, given: list[Sample], error: Exception | None = None) -> None:
        super().__init__(given)
        self.first, self.go_on, self.error = Event(), Event(), error

    def samples(self, stop: Event) -> Iterator[Sample]:
        yield self.given[0]
        self.first.set()
        assert self.go_on.wait(LONG)
        yield from self.given[1:]
        if self.error is not None:
            raise self.error


def test_what_came_before_anybody_listened_is_told_then() -> None:
    source = Staged(samples(3))
    feed, told = Feed(source), Event()
    feed.start()
    feed.start()
    assert source.first.wait(LONG)
    feed.listen(told.set)
    assert told.is_set()
    assert [frame.sample.tick for frame in feed.take()] == [1.0]
    told.clear()
    source.go_on.set()
    assert told.wait(LONG)
    taken: list[float] = []
    while len(taken) < 2:
        taken += [frame.sample.tick for frame in feed.take()]
    assert taken == [2.0, 3.0]


def test_what_ends_a_source_is_kept_and_told() -> None:
    source = Staged(samples(1), OSError("the machine is on fire"))
    feed, told = Feed(source), Event()
    feed.start()
    assert source.first.wait(LONG)
    assert len(list(feed.take())) == 1
    feed.listen(told.set)
    source.go_on.set()
    assert told.wait(LONG)
    assert isinstance(feed.error, OSError)


def test_a_tap_gets_every_frame_at_once() -> None:
    source = Staged(samples(4))
    feed, seen = Feed(source), Event()
    ticks: list[float] = []

    def tap(frame: Frame) -> None:
        ticks.append(frame.sample.tick)
        if len(ticks) == 3:
            seen.set()

    feed.start()
    assert source.first.wait(LONG)
    feed.tap = tap
    source.go_on.set()
    assert seen.wait(LONG)
    assert ticks == [2.0, 3.0, 4.0]
