"""What threads and widgets tell the application."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from mlxtop.model.tuning import Tuning


class FrameArrived(Message):
    """The sampling thread has put down frames."""


class SettingsRead(Message):
    """The settings of host and ports were read beside the frames."""

    def __init__(self, tuning: Tuning) -> None:
        super().__init__()
        self.tuning = tuning


class HookFailed(Message):
    """A user's script could not be run, failed, or took too long."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class LoadMoved(Message):
    """Something happened to the load test."""
