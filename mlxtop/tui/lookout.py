"""What becomes of the file of the flight recorder, told to the person."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from textual.timer import Timer

if TYPE_CHECKING:
    from mlxtop.tui.live_app import LiveApp

LOOK_S = 0.25
"""Seconds between two looks while something is expected."""
EXPECTED_S = 3.0
"""Seconds in which something is expected; what comes later is told with the next frame."""


class Lookout:
    """Looks with every frame, and more often for a while after a key or an alarm.

    An idle program is not woken for it.
    """

    def __init__(self, app: LiveApp) -> None:
        self._app = app
        self._timer: Timer | None = None
        self._until = 0.0

    def expect(self) -> None:
        """Look often from now on, since a file begins or ends."""
        self.tell()
        self._until = monotonic() + EXPECTED_S
        if self._timer is None:
            self._timer = self._app.set_interval(LOOK_S, self._look)

    def _look(self) -> None:
        self.tell()
        if self._timer is not None and monotonic() > self._until:
            self._timer.stop()
            self._timer = None

    def tell(self) -> None:
        """Tell what has happened since the last look."""
        news = [(name, one) for name, flight in self._app.flights() for one in flight.news()]
        for name, (text, is_bad) in news:
            self._app.notify(f"{name}{text}", severity="error" if is_bad else "information")
        if news:
            self._app.draw()
        self._app.look_through()
