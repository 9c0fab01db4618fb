"""Lines of the kernel log folded into incidents: one a cause and card, from its first line to its
end.

Every function of a card prints what happens to the card, and one fault prints many lines. All
times are seconds of the log.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mlxtop.model.counters import Severity
from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.sampler.card_places import Places
from mlxtop.sampler.line_places import LinePlaces
from mlxtop.sampler.open_incident import OpenIncident
from mlxtop.sources.kernel.kernel_log import LogLine
from mlxtop.sources.kernel.vocabulary.row import Role

NOTE_AGAIN_S, AGAIN_S, REOPEN_S, FLAP_S = 60.0, 600.0, 300.0, 60.0
"""Seconds within which the same is one incident: notes, events, states that came back, links."""
AFTER_END_S = 10.0
"""Seconds after an end in which further functions of the card still tell of it."""
AGE_S = 86_400.0
"""Seconds after which an event that nothing has ended is over."""
RESET_S, FRESH_S, DOWN_BEFORE_S = 60.0, 60.0, 10.0
"""Seconds after a planned reset, after a start of the driver, and of a link that is down, in which
a link or module that goes is nothing to warn of."""
MOST_OF_A_CAUSE = 64
CAUSES_THAT_STAY = frozenset({"heat", "aer-correctable", "slot", "removal"})
"""Not over because the driver starts again."""
_BACKTRACE_S = 5.0
_FRAME = re.compile(r"\bmlx([45])\w*\+0x|\[mlx([45])_\w+\]")
"""A function of a driver of ours in a backtrace; lists of loaded modules have none."""


class IncidentFold:
    """The incidents of a machine's kernel log."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._open: dict[str, list[OpenIncident]] = {}
        self._number = 0
        self._tick = 0.0
        self._lines = LinePlaces(places)
        self._starts: dict[str, float] = {}
        """Functions whose driver started, and no link of theirs was up since."""
        self._by_code: dict[str, tuple[OpenIncident, LogLine]] = {}
        self._lockup: LogLine | None = None

    @property
    def awaits_backtrace(self) -> bool:
        """Return whether lines without a meaning may say who a core is stuck in."""
        return self._lockup is not None

    def add_backtrace(self, text: str, tick: float) -> None:
        """Take a line of a backtrace: a core that is stuck in our driver is an incident."""
        line = self._lockup
        if line is None:
            return
        if tick - (line.incident.tick or 0.0) > _BACKTRACE_S:
            self._lockup = None
        elif (frame := _FRAME.search(text)) is not None:
            self._lockup = None
            parts = {**line.incident.details, "driver": f"mlx{frame[1] or frame[2]}"}
            self._fold(line._replace(incident=line.incident._replace(details=parts)), tick)

    def add(self, line: LogLine) -> None:
        """Take a line in."""
        if line.incident.tick is not None:
            self._tick = line.incident.tick
        self._places.refresh(self._tick)
        placed = self._lines.place(line)
        if placed is None:
            return
        if line.row.cause == "lockup":
            self._lockup = placed
            return
        self._fold(placed, self._tick)

    def take(self, now: float) -> tuple[Incident, ...]:
        """Return the incidents that changed since the last call, as they are now."""
        changed = []
        for incidents in self._open.values():
            kept = []
            for one in incidents:
                self._age(one, now)
                if one.changed:
                    changed.append(one)
                    one.changed = False
                if one.until is None or now - one.until <= REOPEN_S or now < one.until:
                    kept.append(one)
            incidents[:] = kept
        changed.sort(key=lambda one: one.since)
        return tuple(one.snapshot() for one in changed)

    @staticmethod
    def _age(one: OpenIncident, now: float) -> None:
        ages = not one.lasts or one.cause == "heat"
        if one.until is None and ages and now - one.last > AGE_S:
            one.end(one.last)

    def _card(self, device: str | None) -> str | None:
        return None if device is None else self._places.card(device)

    def _fold(self, line: LogLine, tick: float) -> None:
        row, device = line.row, line.incident.device
        if row.loads:
            self._start(device, tick)
        elif row.kind is IncidentKind.RENAMED and device is not None:
            self._starts[device] = tick
        ended = self._end(line, tick) if row.ends and line.role in (Role.END, Role.IGNORED) else []
        if row.kind is IncidentKind.LINK_UP and device is not None:
            self._starts.pop(device, None)
        if line.role is Role.IGNORED or any(one.kind is line.incident.kind for one in ended):
            return
        if line.role is Role.END and line.severity is None:
            return
        severity = self._severity(line, tick)
        one = self._find(line, tick)
        if one is None:
            if line.role is Role.PART and severity is None:
                return
            one = self._begin(line, tick)
        elif one.until is not None and line.role is not Role.PART and one.lasts:
            one.reopen()
        one.add(line, tick, severity)
        if row.cause == "suppressed":
            self._add_suppressed(one, line)
        if line.code is not None:
            self._by_code[line.code] = (one, line)
        if not one.lasts:
            one.until = one.last if one.severity is Severity.NOTE else None

    def _add_suppressed(self, lost: OpenIncident, line: LogLine) -> None:
        """Count lines that the kernel left out, also with the incident that they belong to."""
        parts = line.incident.details
        count = int(parts["count"][:9])
        lost.add_more(line, count - 1)
        of = self._by_code.get(parts["function"])
        if of is not None and (of[0].until is None or not of[0].lasts):
            of[0].add_more(of[1], count)

    def _begin(self, line: LogLine, tick: float) -> OpenIncident:
        self._number += 1
        key = f"kernel log {self._number}"
        one = OpenIncident(line, self._card(line.incident.device), tick, key)
        if line.role is Role.END:
            one.lasts = False
        of_cause = self._open.setdefault(line.row.cause, [])
        of_cause.append(one)
        if len(of_cause) > MOST_OF_A_CAUSE:
            oldest = min(of_cause, key=lambda each: (each.until is None, each.changed, each.last))
            of_cause.remove(oldest)
        return one

    def _start(self, device: str | None, tick: float) -> None:
        """End what was wrong with a function whose driver starts anew."""
        if device is None:
            return
        self._starts[device] = tick
        for one in self._all():
            if one.cause not in CAUSES_THAT_STAY and one.until is None:
                self._relieve(one, device, tick)

    def _all(self) -> Iterator[OpenIncident]:
        return (one for incidents in self._open.values() for one in incidents)

    def _relieve(self, one: OpenIncident, device: str | None, tick: float, words: str = "") -> bool:
        """End an incident for one function; return whether it was one of those concerned."""
        if device not in one.afflicted:
            return False
        del one.afflicted[device]
        if not one.afflicted:
            one.end(tick, words)
        return True

    def _end(self, line: LogLine, tick: float) -> list[OpenIncident]:
        """End what a line shows to be over; return that, with what was over just before."""
        row, parts, device = line.row, line.incident.details, line.incident.device
        each = {name: parts[name] for name in row.each if name in parts}
        ended = []
        for cause in row.ends:
            for one in self._open.get(cause, ()):
                if row.spares and one.severity is Severity.CRITICAL:
                    continue
                if one.lasts is False and one.severity is Severity.NOTE:
                    continue
                if not one.fits(each) or not self._same_place(one, line, row.whole):
                    continue
                words = line.incident.text if one.kind is line.incident.kind else ""
                if one.until is not None:
                    if tick - one.until <= REOPEN_S and words:
                        one.end(one.until, words)
                        ended.append(one)
                elif row.whole or device is None or not one.by_card:
                    one.end(tick, words)
                    ended.append(one)
                elif self._relieve(one, device, tick, words):
                    ended.append(one)
        return ended

    def _same_place(self, one: OpenIncident, line: LogLine, card: bool) -> bool:
        device, ifname = line.incident.device, line.incident.ifname
        if (bond := one.each.get("bond")) is not None:
            return bond == line.incident.details.get("bond")
        if device is not None and (one.functions or one.device):
            if card:
                return one.card == self._card(device)
            if device not in one.functions:
                return False
            return not (ifname and one.ifname and ifname != one.ifname) or one.by_card
        if ifname is not None or line.incident.rdma is not None:
            return ifname == one.ifname and line.incident.rdma == one.rdma
        return device == one.device

    def _find(self, line: LogLine, tick: float) -> OpenIncident | None:
        """Return the incident that a line adds to, the newest first."""
        row, parts = line.row, line.incident.details
        each = {name: parts.get(name, "") for name in row.each}
        for cause in (*row.joins, row.cause):
            for one in reversed(self._open.get(cause, [])):
                fits = one.fits(each) or line.role is Role.PART
                if (
                    fits
                    and self._same_place(one, line, row.by_card and one.by_card)
                    and (one.kind is line.incident.kind or one.lasts or row.joins)
                    and self._still(one, line, tick)
                ):
                    return one
        return None

    @staticmethod
    def _still(one: OpenIncident, line: LogLine, tick: float) -> bool:
        """Return whether an incident is recent enough for a line to belong to it."""
        role, repeats = line.role, line.row.repeats
        if one.until is not None and one.lasts:
            if role is Role.PART or role is Role.END:
                return role is Role.PART and tick - one.until <= AFTER_END_S
            window = FLAP_S if one.kind is IncidentKind.LINK_DOWN else REOPEN_S
            return tick - one.until <= window
        if one.lasts:
            return True
        if one.severity is Severity.NOTE and repeats is None:
            return tick - one.last <= NOTE_AGAIN_S
        return tick - one.last <= max(AGAIN_S, repeats.seconds if repeats else 0.0)

    def _severity(self, line: LogLine, tick: float) -> Severity | None:
        """Return how bad a line is here and now."""
        device, severity = line.incident.device, line.severity
        if severity is None:
            return None
        if line.row.planned and self._resetting(self._card(device), tick):
            return Severity.NOTE
        if line.incident.kind is IncidentKind.LINK_DOWN and device is not None:
            started = self._starts.get(device)
            if started is not None and tick - started <= FRESH_S:
                return Severity.NOTE
        if line.incident.kind is IncidentKind.MODULE_UNPLUGGED:
            for one in self._open.get("link", ()):
                down = one.until is None and device in one.functions
                if down and one.lasts and tick - one.since > DOWN_BEFORE_S:
                    return Severity.NOTE
        return severity

    def _resetting(self, card: str | None, tick: float) -> bool:
        return any(
            one.card == card and (one.until is None or tick - one.until <= RESET_S)
            for one in self._open.get("reset", ())
        )
