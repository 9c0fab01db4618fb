"""What threads and widgets tell the application."""

from __future__ import annotations

from textual.message import Message


class FrameArrived(Message):
    """The sampling thread has put down frames."""


class HookFailed(Message):
    """A user's script could not be run, failed, or took too long."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class LoadMoved(Message):
    """Something happened to the load test."""
