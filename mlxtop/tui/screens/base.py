"""What every full screen has: the line on top, the keys at the bottom, and frames coming in."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual.screen import Screen

from mlxtop.present.overview import header_line
from mlxtop.present.text import Line, Role
from mlxtop.tui.commands import Command, Scope, available, keys_of
from mlxtop.tui.textual_private import PaintedScreen
from mlxtop.tui.widgets.lines import Clickable, Header, Styled

if TYPE_CHECKING:
    from mlxtop.tui.app import MlxtopApp


def marks(screen: Screen[Any]) -> str:
    """Return the marks of the application that a dialog covers: DEMO above all."""
    return "  ".join(cast("MlxtopApp", screen.app).badges())


class WatchScreen(PaintedScreen):
    """A screen that follows the frames."""

    SCOPE: ClassVar[Scope] = Scope.EVERYWHERE
    _keys_shown = 0

    # A query looks at every widget, and each frame would ask for the same.

    @cached_property
    def header(self) -> Header:
        return self.query_one(Header)

    @cached_property
    def keys(self) -> Clickable:
        return self.query_one("#keys", Clickable)

    def on_mount(self) -> None:
        ascii_only = self.watch_app.state.ascii
        self.set_class(ascii_only, "-ascii")
        for widget in self.walk_children(Styled):
            widget.ascii = ascii_only

    def on_resize(self) -> None:
        self.call_after_refresh(self.show_frame)

    def on_screen_resume(self) -> None:
        self.call_after_refresh(self.show_frame)

    def show_frame(self) -> None:
        """Draw what the state holds, and write it."""
        if not self.watch_app.open:
            return
        with self.at_once():
            self.draw()

    def draw(self) -> None:
        app, header = self.watch_app, self.header
        self.set_class(bool(app.badges()), "-badged")
        line = header_line(
            app.state.frame,
            max(1, header.size.width),
            label=app.source.label,
            interval=app.source.interval,
            bits=app.state.bits,
            badges=app.badges(),
            alarm=app.state.headline(),
        )
        header.show([line])
        self._show_keys()

    def _show_keys(self) -> None:
        """Show the keys, which change with the width alone."""
        bar, app = self.keys, self.watch_app
        if self._keys_shown == bar.size.width:
            return
        self._keys_shown = bar.size.width
        commands = available(self.SCOPE, Scope.EVERYWHERE, readonly=app.readonly)
        labels = [
            (_label(command, keys_of(command, app.settings.keys)[0]), command.action)
            for command in commands
            if command.bar
        ]
        bar.present(_quit_first(labels))


def _label(command: Command, key: str) -> Line:
    return ((f" {key}", Role.ACCENT), (f" {command.bar}", Role.DIM))


def _quit_first(labels: list[tuple[Line, str]]) -> list[tuple[Line, str]]:
    """Put help and quit to the front, since what is last goes on narrow screens."""
    last = [label for label in labels if label[1] in ("app.help", "app.quit")]
    return [*last, *(label for label in labels if label not in last)]
