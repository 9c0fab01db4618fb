"""What happened to a machine: incidents of all sources in one list, each once, with their ends."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple, overload

from mlxtop.model.counters import Severity
from mlxtop.model.frame import Frame
from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.model.sample import Sample
from mlxtop.watch.settled import SETTLE_S, settled

EVENTS = 1000
"""Events that are kept."""
RECENT, SAME_S = 40, 3.0
"""Events, and seconds, within which a second source may report the same."""
COUNTED = 1000
"""Kinds and devices of incidents that are counted apart; those beyond, without their device."""


class TimedIncident(NamedTuple):
    """An incident with its time, epoch seconds."""

    wall: float
    incident: Incident

    @property
    def until(self) -> float | None:
        """Epoch second of its end; None while it goes on. What has no key is over at once."""
        one = self.incident
        if one.until is None:
            return None if one.key else self.wall
        return self.wall + max(0.0, one.until - (one.until if one.tick is None else one.tick))


class IncidentCount(NamedTuple):
    """The kind of incidents that are counted together, and their device."""

    kind: IncidentKind
    severity: Severity
    device: str | None
    ifname: str | None


class EventList(Sequence[TimedIncident]):
    """The newest events, the oldest first."""

    def __init__(self) -> None:
        self.total = 0
        """Events since the start, those that are no longer kept too."""
        self.changes = 0
        """Changes of the list since the start."""
        self.counts: Counter[IncidentCount] = Counter()
        """How many incidents there were since the start, by kind, severity and device."""
        self._events: deque[TimedIncident] = deque(maxlen=EVENTS)
        self._going_on: dict[str, float] = {}
        """Keys of incidents without an end that readings may show to be over, and the tick at which
        each was last reported."""

    def __len__(self) -> int:
        return len(self._events)

    def __iter__(self) -> Iterator[TimedIncident]:
        return iter(self._events)

    @overload
    def __getitem__(self, place: int) -> TimedIncident: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[TimedIncident]: ...
    def __getitem__(self, place: int | slice) -> TimedIncident | Sequence[TimedIncident]:
        return self._events[place] if isinstance(place, int) else list(self._events)[place]

    def after(self, total: int) -> list[TimedIncident]:
        """Return the events since `total` was that, the oldest first; kept ones only."""
        new = min(self.total - total, len(self._events))
        return list(islice(self._events, len(self._events) - new, None))

    def note(self, sample: Sample, incident: Incident) -> None:
        """Add an incident, once for all sources that report it.

        One that was reported before takes the place of its earlier report.
        """
        if incident.key and self._replace(incident, sample.tick):
            return
        ago = 0.0 if incident.tick is None else max(0.0, sample.tick - incident.tick)
        wall = sample.wall - ago
        if not self._is_repeated(wall, incident):
            self._append(TimedIncident(wall, incident))
            self._count(incident)
            if incident.key and incident.until is None and incident.cause:
                self._going_on[incident.key] = incident.tick or sample.tick

    def end(self, key: str, until: float, tick: float, text: str | None = None) -> None:
        """End the incident of a key, where there is one; `text` takes the place of its own."""
        place = self._place_of(key)
        if place is not None:
            incident = self._events[place].incident._replace(until=until)
            self._replace(incident if text is None else incident._replace(text=text), tick)

    def settle(self, frame: Frame) -> None:
        """End what the machine shows to be over, some seconds after it was last reported."""
        for key, reported in list(self._going_on.items()):
            place = self._place_of(key)
            if place is None:
                del self._going_on[key]
            elif not 0 <= frame.sample.tick - reported < SETTLE_S:
                incident = settled(self._events[place].incident, frame)
                if incident.until is not None:
                    self._replace(incident, frame.sample.tick)

    def _count(self, incident: Incident) -> None:
        what = IncidentCount(incident.kind, incident.severity, incident.device, incident.ifname)
        if what not in self.counts and len(self.counts) >= COUNTED:
            what = what._replace(device=None, ifname=None)
        self.counts[what] += 1

    def _append(self, event: TimedIncident) -> None:
        self._events.append(event)
        self.total += 1
        self.changes += 1

    def _replace(self, incident: Incident, tick: float) -> bool:
        """Put an incident in the place of its earlier report; return whether there is one.

        Whoever follows the events gets it again where more than its count has changed.
        """
        place = self._place_of(incident.key)
        if place is None:
            return False
        before = self._events[place]
        if before.incident.source != incident.source:  # whose words are kept
            words = before.incident
            incident = words._replace(key=incident.key, until=incident.until, times=incident.times)
        if incident.until is None and incident.cause:
            self._going_on[incident.key] = tick
        else:
            self._going_on.pop(incident.key, None)
        if incident._replace(times=0, details={}) == before.incident._replace(times=0, details={}):
            self._events[place] = before._replace(incident=incident)
            self.changes += 1
        else:
            del self._events[place]
            self._append(before._replace(incident=incident))
        return True

    def _place_of(self, key: str) -> int | None:
        place = len(self._events)
        for event in reversed(self._events):
            place -= 1
            if event.incident.key == key:
                return place
        return None

    def _is_repeated(self, wall: float, incident: Incident) -> bool:
        """Return whether another source has reported it of the same device just before.

        What that source had no key for gets the key, so that its end is found.
        """
        last = len(self._events) - 1
        for place in range(last, max(last - RECENT, -1), -1):
            then, other = self._events[place]
            if (
                other.kind is incident.kind
                and other.source != incident.source
                and other.ifname == incident.ifname
                and abs(then - wall) < SAME_S
            ):
                if incident.key and not other.key:
                    keyed = other._replace(key=incident.key, until=incident.until)
                    self._events[place] = TimedIncident(then, keyed)
                    self.changes += 1
                return True
        return False
