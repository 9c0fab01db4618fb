"""The window of the terminal: its title has the most urgent alarm, and the desktop hears of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mlxtop.present.alarms import alert_text, headline
from mlxtop.present.text import clean
from mlxtop.tui.terminal import notification
from mlxtop.watch.alert import Alert

if TYPE_CHECKING:
    from mlxtop.tui.live_app import LiveApp

SAVE_TITLE, OLD_TITLE = "\x1b[22;2t", "\x1b[23;2t"
"""Keep the title of the terminal's window, and bring it back."""


class TerminalWindow:
    """Writes the title of the window and notifications of the desktop, where there is a window."""

    def __init__(self, app: LiveApp) -> None:
        self._app = app
        self._title = ""

    @property
    def exists(self) -> bool:
        """Return whether the terminal has a window, as far as its name tells."""
        return not self._app.is_headless and os.environ.get("TERM", "dumb") not in ("dumb", "linux")

    @property
    def _label(self) -> str:
        return f"mlxtop {clean(self._app.source.label)}"

    def show_headline(self) -> None:
        """Put the most urgent alarm into the title."""
        worst = headline(self._app.state.watch)
        title = self._label if worst is None else f"{worst} – {self._label}"
        if title != self._title and self.exists:
            save = "" if self._title else SAVE_TITLE
            if self._app.control_terminal(f"{save}\x1b]2;{title}\x07"):
                self._title = title

    def notify(self, kind: str | None, alerts: Sequence[Alert]) -> None:
        """Have the desktop tell alerts, by OSC `kind`; by none it is told nothing."""
        if kind and alerts and self.exists:
            text = clean(alert_text(alerts))
            self._app.control_terminal(notification(kind, self._label, text, os.environ))

    def close(self) -> None:
        """Bring the old title back."""
        if self._title:
            self._app.control_terminal(OLD_TITLE)
