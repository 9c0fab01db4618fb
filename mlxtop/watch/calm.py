"""Verdicts that hold still: what limits each port, steady for ten seconds unless the cause changes.

Figures differ from one sample to the next, and which of the full cores is named does too.
"""

from __future__ import annotations

from collections.abc import Container
from typing import NamedTuple

from mlxtop.analysis.verdict import NO_LINK, NOT_MEASURED, Verdict
from mlxtop.model.identity import PortId

HOLD_S = 10.0
"""Seconds for which a verdict keeps its figures."""
FIRST_S = 3.0
"""Seconds for which the first one does: streams are not counted yet."""
CONFIRM_S = 2.0
"""Seconds for which another cause must have been seen before it is told."""
WINDOW_S, WINDOWS = 10.0, 2
"""Seconds after which what is held begins anew, and how many of them reach back."""


class _Held(NamedTuple):
    verdict: Verdict
    since: float
    """Tick at which it was taken."""
    confirmed: float
    """Tick of the newest sample with the same cause."""
    hold: float = HOLD_S
    """Seconds for which it is held."""


class CalmVerdicts:
    """The verdict on each port; `take` gets one sample's after the other.

    What it tells depends on the samples of two windows of `WINDOW_S` at most, so that a recording
    can be entered anywhere: what is held was begun with the window before.
    """

    def __init__(self, *, begins: bool = True) -> None:
        """`begins`: there was nothing before the first sample that it gets."""
        self._held: dict[PortId, _Held] = {}
        self._next: dict[PortId, _Held] = {}
        """The same by the samples of this window alone; it is told from the next one on."""
        self._window: float | None = None
        self._windows = WINDOWS if begins else 0
        """That have ended."""

    @property
    def is_settled(self) -> bool:
        """Return whether it no longer matters what was before the first sample."""
        return self._windows >= WINDOWS

    def take(self, port: PortId, verdict: Verdict, tick: float) -> None:
        """Take in the verdict of one sample."""
        self.advance(tick)
        for all_held in (self._held, self._next):
            all_held[port] = _after(all_held.get(port), verdict, tick)

    def advance(self, tick: float) -> None:
        """Come to a sample, whether it has a port or not."""
        window = tick // WINDOW_S
        if window != self._window:
            if self._window is not None:
                self._held, self._next = self._next, {}
                self._windows += 1
            self._window = window

    def keep(self, ports: Container[PortId]) -> None:
        """Forget all ports but these."""
        for all_held in (self._held, self._next):
            for port in [port for port in all_held if port not in ports]:
                del all_held[port]

    def of(self, port: PortId) -> Verdict | None:
        """Return what limits a port; None for one that is not followed."""
        held = self._held.get(port)
        return held.verdict if held else None

    def all(self) -> dict[PortId, Verdict]:
        """Return the verdict on every port that is followed."""
        return {port: held.verdict for port, held in self._held.items()}


def _after(held: _Held | None, verdict: Verdict, tick: float) -> _Held:
    """Return what is held after one more sample."""
    same = held is not None and verdict.cause == held.verdict.cause
    if held is None or tick < held.confirmed or not (same or _is_calm(held.verdict, verdict)):
        return _Held(verdict, tick, tick, FIRST_S)
    if same:
        over = held.since + held.hold <= tick
        return _Held(verdict, tick, tick) if over else held._replace(confirmed=tick)
    return _Held(verdict, tick, tick) if held.confirmed + CONFIRM_S <= tick else held


def _is_calm(before: Verdict, now: Verdict) -> bool:
    """Return whether another cause is a matter of figures, and not of link or first rate."""
    certain = (NO_LINK, NOT_MEASURED)
    return before.cause not in certain and now.cause not in certain
