"""One incident while lines of the kernel log add to it: what they say, how often, until when."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from mlxtop.model.counters import Severity
from mlxtop.model.incident import Incident
from mlxtop.sources.kernel.kernel_log import LogLine
from mlxtop.sources.kernel.vocabulary.row import Role

_RANK = {Severity.NOTE: 0, Severity.WARNING: 1, Severity.CRITICAL: 2}
_TITLES = (Role.EVENT, Role.TITLE, Role.END)
FUNCTIONS = 64
"""Functions of a card that an incident names at most."""
OUTCOMES = 3
"""Things of how it went on that an incident names at most."""


class OpenIncident:
    """An incident that goes on, or was over a short while ago."""

    def __init__(self, line: LogLine, card: str | None, tick: float, key: str) -> None:
        first, row = line.incident, line.row
        self.cause, self.key, self.card = row.cause, key, card
        self.lasts, self.by_card = row.lasts, row.by_card
        self.each = {name: first.details.get(name, "") for name in row.each}
        self.kind, self.severity = first.kind, Severity.NOTE
        self.device, self.ifname, self.rdma = first.device, first.ifname, first.rdma
        self.since, self.last, self.tick = tick, tick, first.tick
        self.until: float | None = None
        self.afflicted: dict[str | None, None] = {}
        """Functions for which it is not over."""
        self.functions: dict[str, None] = {}
        self.changed = True
        self._title, self._title_rank, self._title_row = "", (-1, -1), -1
        self._reason, self._advice = "", ""
        self._outcomes: list[str] = []
        self._advice_rank = -1
        self._details: dict[str, str] = {}
        self._counts: dict[tuple[str | None, int], int] = {}
        self._instants: dict[int, deque[float]] = {}

    def add(self, line: LogLine, tick: float, severity: Severity | None) -> None:
        """Take a line in; a severity of None adds only its parts.

        What repeats is one step worse at most: what is harmless by itself is never critical.
        """
        one, row = line.incident, line.row
        self.last, self.changed = max(self.last, tick), True
        self.lasts = self.lasts or row.lasts
        self._details.update(one.details)
        if one.device is not None and len(self.functions) < FUNCTIONS:
            self.functions[one.device] = None
        self.device = self.device or one.device
        self.ifname, self.rdma = self.ifname or one.ifname, self.rdma or one.rdma
        if severity is None:
            return
        self.afflicted[one.device] = None
        if line.role is not Role.PART:
            place = (one.device, row.number)
            self._counts[place] = self._counts.get(place, 0) + 1
        if row.repeats is not None:
            instants = self._instants.setdefault(row.number, deque(maxlen=row.repeats.times))
            instants.append(tick)
            full = len(instants) == row.repeats.times
            worse = _RANK[row.repeats.severity] - _RANK[severity] == 1
            if full and worse and instants[-1] - instants[0] <= row.repeats.seconds:
                severity = row.repeats.severity
        self._word(line, severity)
        if _RANK[severity] > _RANK[self.severity]:
            self.severity = severity

    def _word(self, line: LogLine, severity: Severity) -> None:
        one, role = line.incident, line.role
        rank = _RANK[severity]
        if role is Role.REASON:
            self._reason = self._reason or one.text
            self.kind = one.kind if not self._title else self.kind
        elif role is Role.OUTCOME:
            if one.text not in self._outcomes and len(self._outcomes) < OUTCOMES:
                self._outcomes.append(one.text)
        else:
            title_rank = (2 if role is Role.TITLE else 1 if role in _TITLES else 0, rank)
            same = line.row.number == self._title_row
            if title_rank > self._title_rank or (same and title_rank == self._title_rank):
                self._title, self._title_rank = one.text, title_rank
                self._title_row, self.kind = line.row.number, one.kind
        if one.kind.name == "OVERHEAT":
            self.kind = one.kind
        newer = role is Role.OUTCOME and rank == self._advice_rank
        if one.advice and (rank > self._advice_rank or newer):
            self._advice, self._advice_rank = one.advice, rank

    def add_more(self, line: LogLine, count: int) -> None:
        """Count so many more lines of the kind of one that was added."""
        place = (line.incident.device, line.row.number)
        self._counts[place] = self._counts.get(place, 0) + count
        self.changed = True

    def end(self, tick: float, outcome: str = "") -> None:
        """Note that it is over."""
        self.until = self.last if tick < self.since else tick
        self._outcomes = [outcome] if outcome else self._outcomes
        self.afflicted.clear()
        self.changed = True

    def reopen(self) -> None:
        """Note that it goes on again."""
        if self.until is not None:
            self.until, self.changed = None, True

    @property
    def times(self) -> int:
        """Return how often it was reported, by the function that reported it most often."""
        return max(self._counts.values(), default=1)

    def fits(self, each: Mapping[str, str]) -> bool:
        """Return whether no part that tells incidents apart is another one."""
        return all(each.get(name, value) == value for name, value in self.each.items())

    def snapshot(self) -> Incident:
        """Return it as it is now."""
        words = [text for text in (self._title, self._reason, *self._outcomes) if text]
        return Incident(
            self.kind,
            "; ".join(dict.fromkeys(words)),
            self.severity,
            self.tick,
            self.device,
            self.ifname,
            details=dict(self._details),
            until=self.until,
            times=self.times,
            cause=self.cause,
            key=self.key,
            advice=self._advice,
            rdma=self.rdma,
            functions=tuple(self.functions),
        )
