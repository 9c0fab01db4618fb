"""Examine the machine now and then, so that the header can count findings."""

from __future__ import annotations

from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING

from mlxtop.model.frame import Frame

if TYPE_CHECKING:
    from mlxtop.doctor.check import Report
    from mlxtop.tui.live_app import LiveApp
    from mlxtop.tui.state import State

FIRST_PULSE_S, PULSE_S = 15.0, 60.0
"""Seconds until the machine is first examined, and between two examinations."""


class Pulse:
    """Examinations of the machine in a thread, one at a time."""

    def __init__(self, app: LiveApp) -> None:
        self._app = app

    def begin(self) -> None:
        """Examine after a while, when what is shown first has long been there."""
        self._app.set_timer(FIRST_PULSE_S, self._pulse)

    def _pulse(self) -> None:
        app = self._app
        frame = app.state.newest
        app.set_timer(PULSE_S, self._pulse)
        if frame is None or (app.examination is not None and app.examination.is_alive()):
            return
        work, about = self._examine, (app.state, frame)
        app.examination = Thread(target=work, args=about, name="pulse", daemon=True)
        with suppress(RuntimeError):  # no room for a thread now
            app.examination.start()

    def _examine(self, state: State, frame: Frame) -> None:
        """Examine a frame once; what fails is told by the list of findings, not here."""
        from mlxtop.tui.screens.findings import examine

        with suppress(Exception):
            report = examine(state, frame)
            self._app.call_later(self._examined, state, report)

    def _examined(self, state: State, report: Report) -> None:
        state.report = report
        self._app.draw()
