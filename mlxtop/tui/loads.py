"""The load tests of the screen: one session, that outlives its dialog and not the application."""

from __future__ import annotations

from contextlib import suppress
from threading import Event
from typing import TYPE_CHECKING

from mlxtop.change.privilege import ActionContext
from mlxtop.load.run_log import own_runs
from mlxtop.load.session import LoadSession
from mlxtop.model.frame import Frame
from mlxtop.settings import MAX_INTERVAL
from mlxtop.tui.messages import LoadMoved
from mlxtop.tui.screens.load import LoadDialog

if TYPE_CHECKING:
    from mlxtop.tui.app import MlxtopApp

PACE = 1.0
"""Seconds between samples at most while a load runs: the guard sees no more than they tell."""


class Loads:
    """Made where changes are allowed; `frame` is for the thread that samples, the rest for ours."""

    def __init__(self, app: MlxtopApp, context: ActionContext) -> None:
        self.values: dict[str, str] = {}
        """What the dialog's fields held the last time."""
        self._app = app
        self._nudged = Event()
        self._slow: float | None = None
        self.session = LoadSession(context.system, own_runs(), self._changed)

    def _changed(self) -> None:
        """In whatever thread: say once that there is something to show."""
        if not self._nudged.is_set():
            self._nudged.set()
            with suppress(RuntimeError):
                self._app.post_message(LoadMoved())

    def open(self) -> None:
        """The dialog for the selected port."""
        state = self._app.state
        port = state.frame.ports.get(state.selected) if state.frame and state.selected else None
        if port is not None and not isinstance(self._app.screen, LoadDialog):
            self._app.push_screen(LoadDialog(self, port.now.port.name, state.ascii))

    def frame(self, frame: Frame) -> None:
        """Let the guard see a frame, however busy the terminal is."""
        self.session.frame(frame)

    @property
    def busy(self) -> bool:
        """A test is being planned or run."""
        return self.session.view().busy

    @property
    def longest_interval(self) -> float:
        """The most seconds between samples that may be chosen now."""
        return PACE if self.busy else MAX_INTERVAL

    def moved(self) -> None:
        """Show it; sample quickly while a test runs, and as before after it."""
        self._nudged.clear()
        source = self._app.source
        if hasattr(source, "guarded"):
            source.guarded = self.busy
        if self.busy and self._slow is None and source.interval > PACE:
            self._slow, source.interval = source.interval, PACE
        elif not self.busy and self._slow is not None:
            source.interval, self._slow = self._slow, None
        if self._app.is_running and isinstance(self._app.screen, LoadDialog):
            self._app.screen.show_session()
        else:
            self._app.redraw()

    def close(self) -> None:
        """End what runs; waits a moment for its record."""
        self.session.close()

    def interrupt(self) -> None:
        """End a test, since we are about to be stopped and could not watch temperatures."""
        if self.busy:
            self.session.close("interrupted (SIGTSTP)")
