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


class _Held(NamedTuple):
    verdict: Verdict
    since: float
    """Tick at which it was taken."""
    confirmed: float
    """Tick of the newest sample with the same cause."""
    hold: float = HOLD_S
    """Seconds for which it is held."""


class CalmVerdicts:
    """The verdict on each port; `take` gets one sample's after the other."""

    def __init__(self) -> None:
        self._held: dict[PortId, _Held] = {}

    def take(self, port: PortId, verdict: Verdict, tick: float) -> None:
        """Take in the verdict of one sample."""
        held = self._held.get(port)
        same = held is not None and verdict.cause == held.verdict.cause
        if held is None or tick < held.confirmed or not (same or _is_calm(held.verdict, verdict)):
            self._held[port] = _Held(verdict, tick, tick, FIRST_S)
        elif same:
            over = held.since + held.hold <= tick
            self._held[port] = _Held(verdict, tick, tick) if over else held._replace(confirmed=tick)
        elif held.confirmed + CONFIRM_S <= tick:
            self._held[port] = _Held(verdict, tick, tick)

    def keep(self, ports: Container[PortId]) -> None:
        """Forget all ports but these."""
        for port in [port for port in self._held if port not in ports]:
            del self._held[port]

    def of(self, port: PortId) -> Verdict | None:
        """Return what limits a port; None for one that is not followed."""
        held = self._held.get(port)
        return held.verdict if held else None

    def all(self) -> dict[PortId, Verdict]:
        """Return the verdict on every port that is followed."""
        return {port: held.verdict for port, held in self._held.items()}


def _is_calm(before: Verdict, now: Verdict) -> bool:
    """Return whether another cause is a matter of figures: not the link, or the first measurement.
    """
    certain = (NO_LINK, NOT_MEASURED)
    return before.cause not in certain and now.cause not in certain
