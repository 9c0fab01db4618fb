"""One of a few words, changed with ← → or a click."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from mlxtop.present.text import Role
from mlxtop.tui.widgets.lines import Lines


class Choice(Lines, can_focus=True):
    """A field whose value is one of its options."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,space,l", "turn(1)", show=False),
        Binding("left", "turn(-1)", show=False),
    ]

    class Changed(Message):
        """Another option was chosen."""

    def __init__(self, options: Sequence[str], *, id: str) -> None:
        super().__init__(id=id)
        self._options = tuple(options)
        self._place = 0

    @property
    def value(self) -> str:
        """The chosen option."""
        return self._options[self._place]

    @value.setter
    def value(self, value: str) -> None:
        self._place = self._options.index(value)
        self._draw()

    def on_mount(self) -> None:
        """Show the first option."""
        self._draw()

    def on_focus(self) -> None:
        """Arrows show that it can be turned."""
        self._draw()

    def on_blur(self) -> None:
        """No arrows."""
        self._draw()

    def _draw(self) -> None:
        role = Role.ACCENT if self.has_focus else Role.TEXT
        left, right = ("‹ ", " ›") if self.has_focus else ("  ", "  ")
        self.show([((left, Role.DIM), (self.value, role), (right, Role.DIM))])

    def action_turn(self, steps: int) -> None:
        """The option after or before this one."""
        self._place = (self._place + steps) % len(self._options)
        self._draw()
        self.post_message(self.Changed())

    def on_click(self, _: events.Click) -> None:
        """The next option."""
        self.action_turn(1)
