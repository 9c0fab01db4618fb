"""The alarm ribbon as a widget: one row, and none while there is nothing to tell."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events

from mlxtop.present.ribbon import EMPTY, Ribbon, RibbonItem, ribbon
from mlxtop.present.text import Line, Role, crop, cut
from mlxtop.tui.commands import unlisted
from mlxtop.tui.widgets.lines import Lines


class AlarmRibbon(Lines, can_focus=True):
    """Items side by side, each with an action; the cursor is seen while it has the focus."""

    BINDINGS = unlisted(
        *(("left", "move(-1)"), ("right", "move(1)"), ("enter", "open"), ("escape", "leave"))
    )

    def __init__(self, *, id: str = "ribbon") -> None:
        super().__init__(id=id)
        self.items: Sequence[RibbonItem] = ()
        self.key: str | None = None
        """The item under the cursor; None for the first."""
        self._drawn: Ribbon = EMPTY
        self.display = False

    def allow_focus(self) -> bool:
        return super().allow_focus() and self.display

    def present(self, items: Sequence[RibbonItem]) -> None:
        """Show these items; none takes no row."""
        self.items = sorted(items, key=lambda item: item.urgency)
        if self.display != bool(items):
            self.display = bool(items)
        self._draw()

    @property
    def chosen(self) -> RibbonItem | None:
        """Return the item under the cursor, the most urgent one without a cursor."""
        items = self.items
        return next((item for item in items if item.key == self.key), items[0] if items else None)

    def _draw(self) -> None:
        width, one = self.size.width or self.screen.size.width, self.chosen
        focused = self.has_focus and one is not None
        drawn = ribbon(self.items, width, one.key if focused and one else None)
        self._drawn = drawn
        self.show([self._marked(drawn, one.key) if focused and one else drawn.line])

    def _marked(self, drawn: Ribbon, key: str) -> Line:
        """Return the line with a mark before the item under the cursor."""
        start = next((span.start for span in drawn.spans if span.key == key), 1)
        end = max((span.end for span in drawn.spans), default=1)
        before, items = cut(drawn.line, 0, start - 1), cut(drawn.line, start, end)
        return crop((*before, ("▸", Role.ACCENT), *items), max(1, self.size.width))

    def watch_has_focus(self, has_focus: bool) -> None:
        super().watch_has_focus(has_focus)
        if not has_focus:
            self.key = None
        if self.is_mounted:
            self._draw()

    def on_resize(self) -> None:
        self._draw()

    # Commands

    def action_move(self, steps: int) -> None:
        one = self.chosen
        if one is None:
            return
        place = self.items.index(one) + steps
        self.key = self.items[max(0, min(len(self.items) - 1, place))].key
        self._draw()

    async def action_open(self) -> None:
        """Go to the cause of the item under the cursor."""
        one = self.chosen
        if one is not None and one.action:
            await self.screen.run_action(one.action)

    def action_leave(self) -> None:
        """Give the focus back to what the screen is about."""
        screen = self.screen
        if screen.AUTO_FOCUS:
            screen.query(screen.AUTO_FOCUS).first().focus()
        else:
            screen.focus_next()

    async def on_click(self, event: events.Click) -> None:
        event.stop()
        column = event.x - self.gutter.left
        for span in self._drawn.spans:
            if span.start <= column < span.end and span.action:
                await self.screen.run_action(span.action)
