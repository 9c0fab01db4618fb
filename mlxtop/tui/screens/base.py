"""Full screens, with a line on top, keys at the bottom and frames coming in; and dialogs."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.containers import Container
from textual.screen import ModalScreen, Screen, ScreenResultType

from mlxtop.present.overview import header_line
from mlxtop.present.text import Line, Role
from mlxtop.tui.commands import Scope, available, keys_of
from mlxtop.tui.textual_private import PaintedScreen
from mlxtop.tui.widgets.lines import Clickable, Lines, Styled
from mlxtop.tui.widgets.sections import Sections

if TYPE_CHECKING:
    from mlxtop.tui.app import MlxtopApp

LAST_TO_GO = ("app.help", "app.quit")
"""Actions at the front of the keys, since those at their end go on narrow screens."""


def _in_ascii(screen: Screen[ScreenResultType], ascii_only: bool) -> None:
    screen.set_class(ascii_only, "-ascii")
    for widget in screen.walk_children(Styled):
        widget.ascii = ascii_only


def key_label(key: str, name: str) -> Line:
    """Return a key and what it does."""
    return ((f" {key}", Role.ACCENT), (f" {name}", Role.DIM))


class WatchScreen(PaintedScreen):
    """A screen that follows the frames."""

    SCOPE: ClassVar[Scope] = Scope.EVERYWHERE
    _keys_shown: object = None

    # Queries for widgets look at every one of them, and each frame would ask for the same.

    def __init__(self) -> None:
        super().__init__()
        self.header = Lines(id="header")
        self.keys = Clickable(id="keys")

    def compose(self) -> ComposeResult:
        yield self.header
        yield from self.body()
        yield self.keys

    def body(self) -> ComposeResult:
        """Yield the widgets between header and keys."""
        raise NotImplementedError

    def on_mount(self) -> None:
        _in_ascii(self, self.watch_app.state.ascii)

    def on_resize(self) -> None:
        self.call_after_refresh(self.show_frame)

    def on_screen_resume(self) -> None:
        self.call_after_refresh(self.show_frame)

    def show_frame(self) -> None:
        """Draw what the state holds, and write it."""
        if self.watch_app.open:
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

    def pausing(self) -> None:
        """Follow the picture that has been frozen, or moves again."""

    def scopes(self) -> tuple[Scope, ...]:
        """Return the scopes whose commands hold now."""
        return (self.SCOPE, Scope.EVERYWHERE)

    def _show_keys(self) -> None:
        """Show the keys, which change with the width and the scopes alone."""
        bar, app, scopes = self.keys, self.watch_app, self.scopes()
        if self._keys_shown == (bar.size.width, scopes):
            return
        self._keys_shown = bar.size.width, scopes
        commands = available(*scopes, readonly=app.readonly)
        shown = sorted(
            (command for command in commands if command.bar),
            key=lambda c: (c.action not in LAST_TO_GO, c.scope is not Scope.CHART),
        )
        keys = app.settings.keys
        bar.present([(key_label(keys_of(c, keys)[0], c.bar), c.action) for c in shown])


class Dialog(ModalScreen[ScreenResultType]):
    """A dialog in one box, with a page that scrolls."""

    def __init__(self, prefix: str, title: str, ascii_only: bool) -> None:
        """Begin the ids of the widgets with `prefix`."""
        super().__init__()
        self._prefix, self._box_title, self._ascii = prefix, title, ascii_only
        self.page = Sections(id=f"{prefix}-page")

    @property
    def watch_app(self) -> MlxtopApp:
        return cast("MlxtopApp", self.app)

    def compose(self) -> ComposeResult:
        with Container(id=f"{self._prefix}-dialog", classes="dialog box") as box:
            box.border_title = self._box_title
            box.border_subtitle = "  ".join(self.watch_app.badges())
            yield from self.body()

    def body(self) -> ComposeResult:
        """Yield the widgets of the box."""
        raise NotImplementedError

    def on_mount(self) -> None:
        _in_ascii(self, self._ascii)

    def on_resize(self) -> None:
        self.call_after_refresh(self.draw)

    def draw(self) -> None:
        """Draw everything for the present size."""
        raise NotImplementedError

    def action_scroll(self, lines: int) -> None:
        self.page.scroll_relative(y=lines, animate=False)
