"""The events of a whole recording, while a Watch that keeps only the newest passes through it."""

from __future__ import annotations

from mlxtop.watch.event_list import EVENTS, TimedIncident
from mlxtop.watch.watch import Watch

MOST_EVENTS = 20_000
"""Events of a recording that are kept, the newest."""


class EventLog:
    """Collects events from one Watch after the other."""

    def __init__(self) -> None:
        self.events: list[TimedIncident] = []
        """In the order in which they were told; of what was told again the last."""
        self.dropped = 0
        self.version = 0
        """Rises with every change of the events."""
        self._watch: Watch | None = None
        self._passed = self._changes = 0
        """Events and changes of this Watch that were taken in."""
        self.first = 0
        """Place of the first event of this Watch, below 0 where that is no longer kept: keys of
        another Watch mean something else."""

    def follow(self, watch: Watch) -> None:
        """Take in what a Watch has noted since the last time."""
        if watch is not self._watch:
            self._watch, self.first = watch, len(self.events)
            self._passed = self._changes = 0
        if watch.events.changes == self._changes:
            return
        kept = list(watch.events)
        if len(kept) < EVENTS:  # all that it was told
            self.events[max(0, self.first) :] = kept[max(0, -self.first) :]
        else:
            self._add(watch.events.after(self._passed))
            self._renew(kept)
        self._passed, self._changes = watch.events.total, watch.events.changes
        extra = len(self.events) - MOST_EVENTS
        if extra > 0:
            del self.events[:extra]
            self.dropped += extra
            self.first -= extra
        self.version += 1

    def go_on(self, watch: Watch, first: int) -> None:
        """Go on with a Watch whose events are the last of these; `first`: place of its first."""
        self._watch, self.first = watch, first
        self._passed, self._changes = watch.events.total, watch.events.changes
        self._renew(list(watch.events))

    def _add(self, events: list[TimedIncident]) -> None:
        """Add events behind the others, and take the earlier reports of them away."""
        known = {id(event) for event in self.events[-EVENTS:]}
        for event in events:
            if id(event) in known:  # what is told again twice counts as two that are new
                continue
            place = self._place_of(event.incident.key) if event.incident.key else None
            if place is not None:
                del self.events[place]
            self.events.append(event)

    def _renew(self, kept: list[TimedIncident]) -> None:
        """Put what a Watch keeps in the place of what it kept: some changes move no event."""
        count = min(len(kept), len(self.events) - max(0, self.first))
        self.events[len(self.events) - count :] = kept[len(kept) - count :]

    def _place_of(self, key: str) -> int | None:
        least = max(0, self.first, len(self.events) - EVENTS)
        places = range(len(self.events) - 1, least - 1, -1)
        return next((n for n in places if self.events[n].incident.key == key), None)
