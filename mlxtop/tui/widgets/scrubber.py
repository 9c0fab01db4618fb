"""The scrubber as a widget: a click goes to that place of the recording."""

from __future__ import annotations

from textual import events
from textual.message import Message

from mlxtop.present.scrubber import Scrubber
from mlxtop.tui.widgets.lines import Lines


class ScrubberLine(Lines):
    """One row above the keys."""

    class Pointed(Message):
        """A place of the recording was clicked."""

        def __init__(self, share: float) -> None:
            super().__init__()
            self.share = share

    def __init__(self) -> None:
        super().__init__(id="scrubber")
        self._drawn = Scrubber((), 0, 0)

    def present(self, drawn: Scrubber) -> None:
        """Show it."""
        self._drawn = drawn
        self.show([drawn.line])

    def on_click(self, event: events.Click) -> None:
        share = self._drawn.share(event.x - self.gutter.left)
        if share is not None:
            self.post_message(self.Pointed(share))
