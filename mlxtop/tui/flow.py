"""Flow control: the next frame waits until the terminal has drawn the last one.

After each frame the terminal is asked for its cursor (CSI 6n); its answer comes after everything
that was written before. Without this a slow link is filled with frames that nobody sees, and a
key needs seconds to be answered.
"""

from __future__ import annotations

QUESTION = "\x1b[6n"
PATIENCE = 3.0
"""Seconds after which a terminal is taken for one that does not answer."""
QUICK, AGAIN = 0.05, 1.9
"""Seconds within which a quick terminal answers, and until it is asked again."""


class Flow:
    """Whether the terminal is ready for a frame; instants are monotonic seconds."""

    def __init__(self) -> None:
        self._asked: float | None = None
        self._last = float("-inf")
        """When it was last asked."""
        self._quick = False
        """Whether the last answer came at once."""
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

    def ask(self, now: float, held_up: bool = False) -> bool:
        """Note that a frame was drawn; whether the terminal is to be asked.

        `held_up`: the frame could not be drawn, and the answer tells when it can.
        """
        if self._silent or (self._quick and now - self._last < AGAIN and not held_up):
            return False
        self._asked = self._last = now
        return True

    def answered(self, now: float) -> None:
        """The terminal has drawn everything."""
        self._quick = self._asked is not None and now - self._asked < QUICK
        self._asked = None
        self._answers += 1
