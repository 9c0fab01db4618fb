"""Samples of another machine: an ssh, the lines of a recording, and trying again when it is lost.

Whoever is at the far side is not trusted: what it sends is bounded, and costs this machine's rows
alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Event
from typing import Any

from mlxtop.hosts.remote_stream import RemoteStream, Unbearable
from mlxtop.hosts.ssh import NotReached, Session
from mlxtop.model.identity import PortId
from mlxtop.model.json_text import encode
from mlxtop.model.machine import MachineState, Reach
from mlxtop.model.sample import Sample, SourceKind
from mlxtop.recording.moments import Reader, parse_line
from mlxtop.recording.stream import Problems, read_lines
from mlxtop.sampler.facts import Fact
from mlxtop.system.clock import Clock, RealClock

FIRST_BACKOFF_S, MOST_BACKOFF_S = 1.0, 30.0
MOST_PORTS = 2048
"""Ports and cards of a machine at most: the screen works on each, every second."""
MOST_INCIDENTS = 1000
"""Incidents that are taken from a Sample, the newest: as many as a Watch keeps."""
_CLOCK = b'{"clock":'
_ANSWERS = (b'{"addresses":', b'{"server":')


@dataclass(frozen=True, slots=True)
class Wants:
    """What the far side is to read."""

    all: bool = False
    include: tuple[str, ...] = ()
    everything: bool = False
    flash: bool = False
    """Labels and flash of its cards, at once."""
    serve: bool = False
    """It may be asked to start servers of load tests."""
    sudo: bool = False


class RemoteSource:
    """A machine that is read over ssh; see `Source`."""

    kind = SourceKind.REMOTE

    def __init__(
        self,
        host: str,
        interval: float = 1.0,
        wants: Wants = Wants(),
        clock: Clock | None = None,
    ) -> None:
        self.label = host
        self.guarded = False
        self.looked_at: PortId | None = None
        self.more_wants: frozenset[Fact] = frozenset()
        self.interval = interval
        self._wants = wants
        self._clock = clock or RealClock()
        self.reach = Reach(MachineState.CONNECTING, self._clock.now())
        self._session: Session | None = None
        self._listeners: list[Callable[[], None]] = []
        self.closed = Event()
        self.orders: deque[str] = deque()
        """What is to be sent to the far side; from any thread."""
        self.answered: Callable[[dict[str, Any]], None] = lambda _: None
        """Gets its answers, in the thread that samples."""

    def listen(self, tell: Callable[[], None]) -> None:
        """Have `tell` called, in the thread that samples, when `reach` has changed."""
        self._listeners.append(tell)

    def read_again(self) -> None:
        pass

    def close(self) -> None:
        """End the session."""
        self.closed.set()
        session = self._session
        if session is not None:
            session.end()

    def samples(self, stop: Event) -> Iterator[Sample]:
        """Yield samples as they come; a lost machine is tried again."""
        self._clock.take_part()
        backoff = FIRST_BACKOFF_S
        while not (stop.is_set() or self.closed.is_set()):
            try:
                for sample in self._connected(stop):
                    backoff = FIRST_BACKOFF_S
                    yield sample
            except (NotReached, OSError) as error:
                self._lose(str(error))
                if isinstance(error, Unbearable):
                    backoff = MOST_BACKOFF_S
            if self._clock.wait(backoff, stop):
                return
            backoff = min(MOST_BACKOFF_S, 2 * backoff)

    def _connected(self, stop: Event) -> Iterator[Sample]:
        """Yield the samples of one session. Raises NotReached and OSError."""
        session = self._session = Session(self.label, sudo=self._wants.sudo)
        try:
            stream = RemoteStream(self, session, stop, self._clock)
            reader = Reader(Problems())
            for line in read_lines(stream, 0, Problems()):
                if line.data.startswith(_CLOCK):
                    stream.learn_clock(line.data)
                    continue
                if line.data.startswith(_ANSWERS):
                    self.answered(parse_line(line.data) or {})
                    continue
                moment = reader.read(line.data)
                if moment is not None:
                    stream.count_sample(self.interval)
                    self._reached(stream)
                    yield stream.complete(_bounded(moment.sample))
            if not (stop.is_set() or self.closed.is_set()):
                raise NotReached(stream.why or session.why())
        finally:
            self._session = None
            session.close()

    def hello(self) -> bytes:
        """Return the options for the far side."""
        wants = self._wants
        options = {
            "interval": self.interval,
            "all": wants.all,
            "include": list(wants.include),
            "everything": wants.everything,
            "flash": wants.flash,
            "serve": wants.serve,
        }
        return encode(options).encode() + b"\n"

    def _reached(self, stream: RemoteStream) -> None:
        before = self.reach
        self.reach = Reach(
            MachineState.LIVE,
            self._clock.now(),
            via=stream.via,
            sent=stream.was_sent,
            offset=stream.clocks.offset,
            clock=stream.ticks.measured,
        )
        if before.state is not MachineState.LIVE:
            self._tell()

    def _lose(self, why: str) -> None:
        self.reach = self.reach._replace(state=MachineState.LOST, why=why)
        self._tell()

    def _tell(self) -> None:
        for tell in self._listeners:
            tell()


def _bounded(sample: Sample) -> Sample:
    """Return a sample that a screen can bear. Raises NotReached."""
    most = max(len(sample.ports), len(sample.adapters))
    if most > MOST_PORTS:
        raise Unbearable(f"it tells of {most} ports or cards: {MOST_PORTS} at most")
    if len(sample.incidents) > MOST_INCIDENTS:
        return sample._replace(incidents=sample.incidents[-MOST_INCIDENTS:])
    return sample
