"""The line on top, the keys at the bottom, and the tabs of the detail screen."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events

from mlxtop.present.clean import width
from mlxtop.present.text import Line, Role, Run, crop
from mlxtop.tui.widgets.lines import Lines


class Header(Lines):
    """One line about the machine."""


class Clickable(Lines):
    """One line of labels that can be clicked, each standing for an action."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._spans: list[tuple[int, int, str]] = []

    def present(self, labels: Sequence[tuple[Line, str]], gap: int = 2) -> None:
        """Show labels side by side, as many as fit, with the actions behind them."""
        runs: list[Run] = []
        self._spans = []
        at, room = 0, self.size.width
        for label, action in labels:
            columns = sum(width(text) for text, _ in label)
            if at + columns > room:
                break
            self._spans.append((at, at + columns, action))
            runs.extend((*label, (" " * gap, Role.TEXT)))
            at += columns + gap
        self.show([crop(tuple(runs), max(1, room))])

    async def on_click(self, event: events.Click) -> None:
        """Do what the label under the mouse stands for."""
        for start, end, action in self._spans:
            if start <= event.x - self.gutter.left < end:
                await self.screen.run_action(action)
