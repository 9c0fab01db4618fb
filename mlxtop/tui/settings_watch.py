"""Settings of host and ports, read now and then in a thread beside the frames."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from threading import Event, Thread
from typing import TYPE_CHECKING

from mlxtop.model.identity import PortKind
from mlxtop.tui.messages import SettingsRead

if TYPE_CHECKING:
    from mlxtop.doctor.check import Examiner
    from mlxtop.model.frame import Frame
    from mlxtop.model.tuning import Tuning
    from mlxtop.tui.app import MlxtopApp

SOON, STREAMS_EVERY, ROUNDS = 1.0, 5.0, 6
"""Seconds until settings are read, seconds between looks for streams, and how many of those there
are for each new look at the settings."""


class SettingsWatch(Thread):
    """Tells the application of settings; streams come and go faster than they."""

    def __init__(self, app: MlxtopApp, examine: Callable[[], Examiner], stop: Event) -> None:
        super().__init__(name="settings", daemon=True)
        self._app = app
        self._examine = examine
        self._ended = stop

    def run(self) -> None:
        """Read until the end."""
        tuning: Tuning | None = None
        rounds = 0
        while not self._ended.wait(STREAMS_EVERY if tuning else SOON):
            frame = self._app.state.newest
            if frame is None:
                continue
            examiner, frame = self._examine(), self._of_interest(frame)
            if tuning is None or rounds % ROUNDS == 0:
                tuning = examiner.tuning(frame)
            else:
                tuning = replace(tuning, streams=examiner.streams(frame))
            rounds += 1
            with suppress(RuntimeError):
                self._app.post_message(SettingsRead(tuning))

    def _of_interest(self, frame: Frame) -> Frame:
        """Real ports and the selected one: settings are seven questions each, under RTNL."""
        selected = self._app.state.selected
        ports = {
            port: one
            for port, one in frame.ports.items()
            if one.now.port.kind is PortKind.PHYSICAL or port == selected
        }
        return frame._replace(ports=ports)
