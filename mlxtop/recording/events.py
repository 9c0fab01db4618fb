"""The events of a whole recording, while a Watch that keeps only the newest passes through it."""

from __future__ import annotations

from mlxtop.watch.watch import TimedIncident, Watch

MOST_EVENTS = 20_000
"""Events of a recording that are kept, the newest."""
_BACK = 1000
"""Events in which the earlier report of an incident is looked for: as many as a Watch keeps."""


class EventLog:
    """Collects events from one Watch after the other."""

    def __init__(self) -> None:
        self.events: list[TimedIncident] = []
        """In the order in which they were told; of what was told again the last."""
        self.dropped = 0
        self._watch: Watch | None = None
        self._passed = 0
        self._first = 0
        """Place of the first event of this Watch: keys of another one mean something else."""

    def follow(self, watch: Watch) -> None:
        """Take in what a Watch has noted since the last time."""
        if watch is not self._watch:
            self._watch, self._passed, self._first = watch, 0, len(self.events)
        if watch.event_count == self._passed:
            return
        for event in watch.events_after(self._passed):
            place = self._place_of(event.incident.key) if event.incident.key else None
            if place is not None:
                del self.events[place]
            self.events.append(event)
        self._passed = watch.event_count
        extra = len(self.events) - MOST_EVENTS
        if extra > 0:
            del self.events[:extra]
            self.dropped += extra
            self._first = max(0, self._first - extra)

    def _place_of(self, key: str) -> int | None:
        least = max(self._first, len(self.events) - _BACK)
        places = range(len(self.events) - 1, least - 1, -1)
        return next((n for n in places if self.events[n].incident.key == key), None)
