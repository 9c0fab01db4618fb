"""Judge a way by its probes: pure, no sockets and no clock.

Down after three lost probes in a row or 750 ms without an answer; a fault (no carrier, a hot
module) counts at once. Up after ten seconds of good answers, doubled with each flap, to five
minutes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from mlxtop.model.path import WayState

LOST_TO_DOWN = 3
"""Lost probes in a row after which a way is down."""
SILENT_TO_DOWN_S = 0.75
"""Seconds without an answer after which it is, too, where three probes were sent meanwhile."""
UP_AFTER_S, UP_AFTER_MOST_S = 10.0, 300.0
"""Seconds of good answers until a way is up again: at first, and after many flaps."""
CALM_S = 600.0
"""Seconds up without a flap that halve the wait again."""
FIRST_ANSWERS = 3
"""Answers that a way needs at the start, when it has no past."""
LEAST_PATIENCE_S = 0.1
"""Seconds for which an answer is waited at least."""
STALL_S = 0.5
"""Seconds without a look after which nothing is held against the probes that are out."""
WINDOW_S = 5.0
"""Seconds that loss and round trip are told of."""
_SMOOTH = 0.125
MOST_PROBES = 200
"""Results that are kept."""


class Result(NamedTuple):
    """What became of a probe; `rtt_s` is None for a lost one."""

    sent: float
    rtt_s: float | None


@dataclass(slots=True)
class Stream:
    """The probes to one address by one way: which are out, lost and answered."""

    interval_s: float = 0.25
    out: dict[bytes, float] = field(default_factory=dict)
    """Nonces of the probes without an answer yet, and when they were sent."""
    results: deque[Result] = field(default_factory=lambda: deque(maxlen=MOST_PROBES))
    lost_in_row: int = 0
    answered_in_row: int = 0
    answered_at: float | None = None
    """When the newest answer came."""
    came_by: str | None = None
    """The device by which the newest answer came."""
    _smooth_s: float = 0.0
    _silent_since: float | None = None
    """When the oldest probe since the newest answer was sent."""
    _sent_since: int = 0

    @property
    def patience_s(self) -> float:
        """Return the seconds after which a probe counts as lost."""
        wait = max(self.interval_s, LEAST_PATIENCE_S, 3 * self._smooth_s)
        return min(wait, SILENT_TO_DOWN_S)

    def sent(self, nonce: bytes, now: float) -> None:
        """Note that a probe has left."""
        self.out[nonce] = now
        self._sent_since += 1
        if self._silent_since is None:
            self._silent_since = now

    def failed(self, now: float) -> None:
        """Note that the kernel did not take a probe: it is lost at once."""
        if self._silent_since is None:
            self._silent_since = now
        self._sent_since += 1
        self._lose(now)

    def answered(self, nonce: bytes, now: float, device: str | None) -> bool:
        """Take an answer; return whether it belongs to a probe that is out."""
        sent = self.out.pop(nonce, None)
        if sent is None:
            return False
        rtt = max(0.0, now - sent)
        self._smooth_s += (rtt - self._smooth_s) * (_SMOOTH if self._smooth_s else 1.0)
        self.results.append(Result(sent, rtt))
        self.lost_in_row, self.answered_in_row = 0, self.answered_in_row + 1
        self.answered_at, self.came_by = now, device
        self._silent_since = min(self.out.values(), default=None)
        self._sent_since = len(self.out)
        return True

    def look(self, now: float) -> None:
        """Count what has been out for too long as lost."""
        for nonce, sent in list(self.out.items()):
            if now - sent >= self.patience_s:
                del self.out[nonce]
                self._lose(sent)

    def forgive(self) -> None:
        """Hold nothing against the probes that are out: we did not look for a while."""
        self.out.clear()
        self._silent_since, self._sent_since = None, 0

    def restart(self) -> None:
        """Begin anew, as for another device."""
        self.out.clear()
        self.results.clear()
        self.lost_in_row = self.answered_in_row = self._sent_since = 0
        self.answered_at = self.came_by = self._silent_since = None
        self._smooth_s = 0.0

    def _lose(self, sent: float) -> None:
        self.results.append(Result(sent, None))
        self.lost_in_row, self.answered_in_row = self.lost_in_row + 1, 0

    def silent(self, now: float) -> str | None:
        """Return why nothing is heard any more; None while all is well."""
        if self.lost_in_row >= LOST_TO_DOWN:
            return f"{self.lost_in_row} probes in a row lost"
        since = self._silent_since
        if since is not None and self._sent_since >= LOST_TO_DOWN:
            quiet = now - since
            if quiet >= SILENT_TO_DOWN_S:
                return f"no answer for {quiet * 1000:.0f} ms"
        return None

    @property
    def silent_since(self) -> float | None:
        """Return when the first probe was sent since the newest answer; None without one."""
        return self._silent_since

    @property
    def doubtful(self) -> bool:
        """Return whether the newest probe that was judged is lost."""
        return self.lost_in_row > 0

    def recent(self, now: float) -> tuple[float | None, float | None]:
        """Return mean round trip and share of lost probes of the last seconds; None for none."""
        last = [one for one in self.results if now - one.sent <= WINDOW_S]
        trips = [one.rtt_s for one in last if one.rtt_s is not None]
        mean = sum(trips) / len(trips) if trips else None
        return mean, (1 - len(trips) / len(last) if last else None)

    def newest(self) -> float | None:
        """Return the round trip of the newest probe that was judged; None when it was lost."""
        return self.results[-1].rtt_s if self.results else None


class Flap(StrEnum):
    """Changes of a way that people are told of."""

    DOWN = "down"
    UP = "up"


@dataclass(slots=True)
class Judge:
    """The state of one way over time."""

    stream: Stream
    """Probes whose answers count."""
    hop: Stream | None = None
    """Probes to the first hop, where the peer is behind a third host."""
    state: WayState = WayState.UNKNOWN
    reason: str = "not probed yet"
    flaps: int = 0
    fault: str | None = None
    """Why it cannot be used whatever the probes say: no carrier, a module that is off."""
    avoid: str | None = None
    """Why another way is better though this one answers."""
    _wait_s: float = UP_AFTER_S
    _good_since: float | None = None
    _up_since: float | None = None
    _looked: float | None = None
    _dropped: str | None = None

    def look(self, now: float, is_dead: Callable[[str], bool] = lambda _: False) -> Flap | None:
        """Judge the way now; return how it has changed.

        `is_dead` tells whether the way by a device is down, which explains lost answers that used
        to come back by it.
        """
        late = self._looked is not None and not 0 <= now - self._looked < STALL_S
        self._looked = now
        for stream in filter(None, (self.stream, self.hop)):
            if late:
                stream.forgive()
            else:
                stream.look(now)
        quiet = self.stream.silent(now)
        why = self.fault or self._dropped or quiet
        if why is None:
            return self._heard(now)
        self._good_since, self._dropped = None, None
        if self.fault is None and self._excused(now, is_dead):
            return self._leave(WayState.UNPROVEN, f"{why}; its first hop answers", now)
        return self._leave(WayState.DOWN, why, now)

    def _excused(self, now: float, is_dead: Callable[[str], bool]) -> bool:
        back = self.stream.came_by
        if self.hop is None or back is None or not is_dead(back):
            return False
        return self.hop.silent(now) is None and self.hop.answered_in_row > 0

    def _leave(self, state: WayState, why: str, now: float) -> Flap | None:
        before, self.state, self.reason = self.state, state, why
        self._up_since = None
        if before is WayState.UP:
            self.flaps += 1
            if self.flaps > 1:
                self._wait_s = min(2 * self._wait_s, UP_AFTER_MOST_S)
            return Flap.DOWN
        if before is WayState.UNKNOWN and state is WayState.DOWN:
            return Flap.DOWN
        return None

    def _heard(self, now: float) -> Flap | None:
        """Go on while answers come."""
        stream = self.stream
        if self.state is WayState.UP:
            self.reason = "answers"
            self._calm(now)
            return None
        if stream.answered_in_row < 1 or stream.lost_in_row:
            self._good_since = None
            return None
        if self.state is WayState.UNKNOWN:
            if stream.answered_in_row >= FIRST_ANSWERS:
                return self._rise(now)
            self.reason = "first answers"
            return None
        if self._good_since is None:
            self._good_since = now
        if now - self._good_since >= self._wait_s:
            return self._rise(now)
        self.state, self.reason = WayState.WAITING, "answers again"
        return None

    def _rise(self, now: float) -> Flap | None:
        self.state, self.reason = WayState.UP, "answers"
        self._good_since, self._up_since = None, now
        return Flap.UP

    def _calm(self, now: float) -> None:
        """Forget flaps step by step while all is well."""
        if self._up_since is not None and now - self._up_since >= CALM_S:
            self._up_since = now
            self._wait_s = max(self._wait_s / 2, UP_AFTER_S)

    def drop(self, why: str) -> None:
        """Count it as lost, though it is back already: as if a fault had been seen."""
        if self.state in (WayState.UP, WayState.WAITING):
            self._dropped = why

    def wait_left(self, now: float) -> float | None:
        """Return the seconds of good answers still wanted; None where it does not wait."""
        if self.state is not WayState.WAITING or self._good_since is None:
            return None
        return max(0.0, self._wait_s - (now - self._good_since))
