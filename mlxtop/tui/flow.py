"""Flow control: the next frame waits until the terminal has drawn the last one.

After each frame the terminal is asked for its cursor (CSI 6n); its answer comes after everything
that was written before. Without this a slow link is filled with frames that nobody sees, and a
key needs seconds to be answered.
"""

from __future__ import annotations

QUESTION = "\x1b[6n"
PATIENCE = 3.0
"""Seconds after which a terminal is taken for one that does not answer."""


class Flow:
    """Whether the terminal is ready for a frame; instants are monotonic seconds."""

    def __init__(self) -> None:
        self._asked: float | None = None
        self._answers = 0
        self._silent = False

    @property
    def asking(self) -> bool:
        """Whether an answer is on the way that will tell when to go on."""
        return self._asked is not None

    def ready(self, now: float) -> bool:
        """Whether a frame may be drawn."""
        if self._asked is None:
            return True
        if now - self._asked < PATIENCE:
            return False
        self._silent = self._answers == 0
        return True

    def ask(self, now: float) -> bool:
        """Note that a frame was drawn; whether the terminal is to be asked."""
        if self._silent:
            return False
        self._asked = now
        return True

    def answered(self) -> None:
        """The terminal has drawn everything."""
        self._asked = None
        self._answers += 1
