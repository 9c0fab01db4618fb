"""The bytes of a session with another machine: greeting, orders, and limits of what may come.

Its clocks are compared with ours by the answer that took the least time (RFC 5905, 8).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from threading import Event
from time import thread_time
from typing import TYPE_CHECKING, Any

from mlxtop.hosts.agent import WANTABLE, WANTS
from mlxtop.hosts.ssh import HELLO, NO_PYTHON, SEND, NotReached, Session
from mlxtop.model.identity import PortId
from mlxtop.model.machine import OFFSET_SHOWN_S, ClockOffset
from mlxtop.model.number import real
from mlxtop.model.sample import Sample, Slow
from mlxtop.recording.moments import parse_line
from mlxtop.sampler.facts import Fact
from mlxtop.system.clock import Clock

if TYPE_CHECKING:
    from mlxtop.hosts.remote import RemoteSource

HELLO_S = 45.0
"""Seconds until something has to run at the far side."""
SILENCE_S = 20.0
"""Seconds without a byte after which a machine counts as lost."""
CLOCK_S = 10.0
"""Seconds between two questions for its clocks, which are a sign of life too."""
LOOK_S = 1.5
"""Seconds until an order, or the end, is noticed at the latest."""
ANSWERS = 30
"""Answers from which the one that took the least time is taken."""
MOST_BYTES = 4 << 20
"""Compressed bytes without a Sample after which a machine is given up: a Sample has some kB."""
BUSY_S, BUSY_SHARE = 10.0, 0.5
"""Processor time that reading a machine may take: so much, and this share of the time."""
TOO_MANY = 30
"""Samples that may come ahead of their time."""

TOO_OLD_FOR_WANTS: Slow[Any] = Slow(absent="the mlxtop there is older and cannot be asked for it")


class Unbearable(NotReached):
    """A machine sends what would cost more than its own rows."""


@dataclass(slots=True)
class ClockPair:
    """How far a clock of another machine is ahead of ours."""

    asked: dict[int, float] = field(default_factory=dict)
    """Our clock when a question was sent, by its number."""
    answers: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=ANSWERS))
    """Seconds that an answer took, and the offset by it."""

    def answer(self, number: int, theirs: float, now: float) -> None:
        """Take in an answer that has come now."""
        sent = self.asked.pop(number, None)
        if sent is not None and now >= sent:
            self.answers.append((now - sent, theirs - (sent + now) / 2))

    @property
    def offset(self) -> float | None:
        """Return the offset; None where it is not surely more than what is worth telling."""
        took, offset = min(self.answers, default=(0.0, 0.0))
        return offset if abs(offset) - took / 2 > OFFSET_SHOWN_S else None

    @property
    def measured(self) -> ClockOffset | None:
        """Return the offset and its error, by the answer that took the least time."""
        if not self.answers:
            return None
        took, offset = min(self.answers)
        return ClockOffset(offset, took / 2)


class RemoteStream:
    """The recording of a session as a file of bytes; orders go out while it is read."""

    def __init__(self, source: RemoteSource, session: Session, stop: Event, clock: Clock) -> None:
        self.why = ""
        """Why it has ended, where that was our doing."""
        self.via = ""
        self.was_sent = False
        self.clocks, self.ticks = ClockPair(), ClockPair()
        """Of the wall clocks and of the monotonic ones."""
        self._source, self._session, self._stop, self._clock = source, session, stop, clock
        self._begun = self._heard = clock.now()
        self._busy = thread_time()
        self._bytes = self._samples = 0
        self._head: bytes | None = b""
        """What has come before the token; None after it."""
        self._asked = 0
        self._asked_at = 0.0
        self._told: tuple[float, PortId | None, bool] = (source.interval, None, False)
        self._told_wants: frozenset[Fact] = frozenset()
        self._takes_wants = False
        """The far side knows what to do with wants."""

    def read(self, size: int) -> bytes:
        """Return the next bytes of the recording, none at the end. Raises NotReached."""
        while not self._stop.is_set() and not self._source.closed.is_set():
            data = self._session.read(LOOK_S)
            now = self._clock.now()
            if thread_time() - self._busy > BUSY_S + BUSY_SHARE * (now - self._begun):
                raise Unbearable("what it sends takes too much time to read")
            if data:
                self._heard = now
                self._bytes += len(data)
            if data and self._head is not None:
                data = self._greet(self._head + data)
            if data == b"":
                return self._end("")
            if self._head is None:
                self._order(now)
            if data:
                if self._bytes > MOST_BYTES:
                    return self._end("it sends something else than samples")
                return data
            if self._head is not None and now - self._begun > HELLO_S:
                return self._end(f"nothing has answered there for {HELLO_S:.0f} s")
            patience = max(SILENCE_S, 3 * self._source.interval) if self._samples else HELLO_S
            if now - self._heard > patience:
                return self._end(f"no answer for {now - self._heard:.0f} s")
        return b""

    def _end(self, why: str) -> bytes:
        if self._head is not None and not why:
            why = self._session.why()
        self.why = why
        return b""

    def _greet(self, head: bytes) -> bytes | None:
        """Look for the token in what has come; return what follows it. Raises NotReached."""
        mark = f"\n{self._session.token} ".encode()
        place = head.find(mark)
        end = head.find(b"\n", place + 1) if place >= 0 else -1
        if end < 0:
            if len(head) > HELLO:
                raise NotReached("it prints more than a login would, and no recording")
            self._head = head
            return None
        words = head[place + len(mark) : end].decode("ascii", "replace").split()[:40]
        rest = head[end + 1 :]
        if words[:1] == [SEND]:
            self._session.send_parcel()
            self._head = rest
            return None
        if words[:1] == [NO_PYTHON]:
            here = " ".join(words[1:]).strip(", ")
            more = f" ({here})" if here else ""
            raise NotReached(f"neither mlxtop nor python3 3.11 or newer is there{more}")
        self._welcome(words)
        return rest or None

    def _welcome(self, words: list[str]) -> None:
        how, version, python = (*words, "", "", "")[:3]
        self.was_sent = how == "sent"
        self.via = f"mlxtop {version[:20]} there"
        if self.was_sent:
            self.via = f"no mlxtop there: one was sent to its Python {python[:12]}, in memory alone"
        self._head, self._takes_wants = None, WANTS in words[3:]
        self._busy = thread_time()  # what is sent was packed before that
        self._session.send(self._source.hello())

    def _order(self, now: float) -> None:
        """Ask for the clocks now and then, and tell what has changed."""
        source = self._source
        if now - self._asked_at >= CLOCK_S:
            self._asked, self._asked_at = self._asked + 1, now
            self.clocks.asked = {self._asked: self._clock.wall()}
            self.ticks.asked = {self._asked: now}
            self._session.send(b"clock %d\n" % self._asked)
        while source.orders:
            self._session.send(f"{source.orders.popleft()}\n".encode("ascii", "replace"))
        told = source.interval, source.looked_at, source.guarded
        if told != self._told:
            pace, port, guarded = told
            self._session.send(f"pace {pace:g}\n".encode())
            self._session.send(b"guard on\n" if guarded else b"guard off\n")
            if port is not None and port != self._told[1]:
                self._session.send(f"port {port}\n".encode("ascii", "replace"))
            self._told = told
        wants = source.more_wants
        if self._takes_wants and wants != self._told_wants:
            named = (name for name, fact in WANTABLE.items() if fact in wants)
            self._session.send(" ".join((WANTS, *named)).encode() + b"\n")
            self._told_wants = wants

    def complete(self, sample: Sample) -> Sample:
        """Return a sample with the reason why it lacks what is wanted."""
        if self._takes_wants or Fact.RDMA_OBJECTS not in self._source.more_wants:
            return sample
        return sample._replace(rdma_objects=TOO_OLD_FOR_WANTS)

    def learn_clock(self, line: bytes) -> None:
        """Take in an answer."""
        record = parse_line(line) or {}
        number, clock = record.get("clock"), self._clock
        if not isinstance(number, int):
            return
        for pair, name, now in (
            (self.clocks, "wall", clock.wall()),
            (self.ticks, "tick", clock.now()),
        ):
            value = record.get(name)
            theirs = real(value) if isinstance(value, int | float) else None
            if theirs is not None:
                pair.answer(number, theirs, now)

    def count_sample(self, interval: float) -> None:
        """Note that a Sample has come. Raises NotReached when there are too many."""
        self._bytes = 0
        self._samples += 1
        passed = self._clock.now() - self._begun
        if self._samples > TOO_MANY + 3 * passed / max(0.1, min(interval, self._told[0])):
            raise NotReached("it sends more samples than it was asked for")
