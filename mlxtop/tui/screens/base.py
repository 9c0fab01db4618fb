"""Full screens, with a line on top, keys at the bottom and frames coming in; and dialogs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events
from textual.app import ComposeResult
from textual.containers import Container
from textual.screen import ModalScreen, Screen, ScreenResultType
from textual.widget import Widget

from mlxtop.present.overview import header_line
from mlxtop.present.text import Line, Role, line_width
from mlxtop.sampler.facts import Fact
from mlxtop.tui.commands import (
    BY_ID,
    Command,
    Scope,
    always,
    available,
    in_bar,
    keys_of,
    spelled,
)
from mlxtop.tui.textual_private import PaintedScreen
from mlxtop.tui.widgets.lines import Clickable, Lines, Styled
from mlxtop.tui.widgets.ribbon import AlarmRibbon
from mlxtop.tui.widgets.sections import Sections

if TYPE_CHECKING:
    from mlxtop.tui.app import MlxtopApp

GAP = 1
"""Blank columns between two keys of the bar."""


def _in_ascii(screen: Screen[ScreenResultType], ascii_only: bool) -> None:
    screen.set_class(ascii_only, "-ascii")
    for widget in screen.walk_children(Styled):
        if widget.ascii != ascii_only:
            widget.ascii = ascii_only
            widget.refresh()


def key_label(key: str, name: str) -> Line:
    """Return a key and what it does."""
    return ((f" {key}", Role.ACCENT), (f" {name}", Role.DIM))


class Header(Lines):
    """The line on top; its interval and its problems lead to where they are explained."""

    ACTIONS: ClassVar[dict[Role, str]] = {
        Role.PACE: "app.options('interval')",
        Role.PROBLEMS: "app.events",
    }

    async def on_click(self, event: events.Click) -> None:
        action = self.ACTIONS.get(self.role_at(event.x))
        if action is not None:
            await self.screen.run_action(action)


class WatchScreen(PaintedScreen):
    """A screen that follows the frames."""

    SCOPE: ClassVar[Scope] = Scope.EVERYWHERE
    LEADS_HERE: ClassVar[str] = ""
    """The command that opens this screen: the key bar has better use for its place."""
    wants: frozenset[Fact] = frozenset()
    """Slow facts that are read only while this screen is there."""
    _keys_shown: object = None

    # Queries for widgets look at every one of them, and each frame would ask for the same.

    def __init__(self) -> None:
        super().__init__()
        self.header = Header(id="header")
        self.ribbon = AlarmRibbon()
        self.keys = Clickable(id="keys")
        self.foot: Lines | None = None
        """What is told above the keys of a recording."""

    def compose(self) -> ComposeResult:
        yield from (self.header, self.ribbon)
        yield from self.body()
        self.foot = self.watch_app.foot()
        if self.foot is not None:
            yield self.foot
        yield self.keys

    def body(self) -> ComposeResult:
        """Yield the widgets between header and keys."""
        raise NotImplementedError

    def on_mount(self) -> None:
        _in_ascii(self, self.watch_app.state.ascii)

    def settings_changed(self) -> None:
        """Show keys and glyphs as the settings now have them."""
        self._keys_shown = 0
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
            max(1, self.size.width),
            label=app.source.label,
            interval=app.source.interval,
            bits=app.state.bits,
            badges=app.badges(),
            findings=app.state.findings,
            machine=app.machine,
        )
        header.show([line])
        self.ribbon.present(app.ribbon_items())
        if self.foot is not None:
            app.draw_foot(self.foot)
        self._show_keys()

    @property
    def focus_chain(self) -> list[Widget]:
        """Return what Tab goes round: from where a screen begins to the alarms, then the charts."""
        chain = super().focus_chain
        first = next((one for one in chain if f"#{one.id}" == self.AUTO_FOCUS), None)
        if self.ribbon in chain and first is not None:
            chain.remove(self.ribbon)
            chain.insert(chain.index(first) + 1, self.ribbon)
        return chain

    def alarm_keys(self) -> list[str] | None:
        """Return the keys of the alarms that the cursor stands on; None without a cursor."""
        chosen = self.ribbon.chosen if self.ribbon.has_focus else None
        return [chosen.key] if chosen else None

    def retreat(self) -> bool:
        """Undo what was opened last on this screen; return whether there was something."""
        return False

    def pausing(self) -> None:
        """Follow the picture that has been frozen, or moves again."""

    def scopes(self) -> tuple[Scope, ...]:
        """Return the scopes whose commands hold now."""
        return (self.SCOPE, Scope.EVERYWHERE, Scope.REPLAY)

    def minor_keys(self) -> frozenset[str]:
        """Return the names of commands that are of little use now: they are the last in the bar."""
        return frozenset()

    def _show_keys(self) -> None:
        """Show the keys, which change with the width and the scopes alone."""
        bar, app, scopes, ribbon = self.keys, self.watch_app, self.scopes(), self.ribbon
        alarms = ribbon.display, ribbon.has_focus
        shown = bar.size.width, scopes, self.minor_keys(), app.readonly, alarms
        if self._keys_shown == shown:
            return
        self._keys_shown = shown
        if ribbon.has_focus:
            bar.present(self._alarm_keys(), GAP)
            return
        commands = available(*scopes, readonly=app.readonly, replay=app.replay)
        bar.present(self._fitting(commands, bar.size.width), GAP)

    def _alarm_keys(self) -> list[tuple[Line, str]]:
        """Return the keys of a person who goes through the alarms."""
        rebound = self.watch_app.settings.keys
        arrows = spelled("← →", self.watch_app.state.ascii)
        own = [(arrows, "Choose", ""), ("Enter", "Go there", "screen.to_cause")]
        others = [("acknowledge", "Acknowledge"), ("help", "Help"), ("quit", "Quit")]
        keys = [
            *own,
            *((keys_of(BY_ID[id], rebound)[0], name, BY_ID[id].action) for id, name in others),
        ]
        keys.insert(3, ("Esc", "Back", "screen.from_alarms"))
        return [(key_label(key, name), action) for key, name, action in keys]

    async def action_to_cause(self) -> None:
        await self.ribbon.action_open()

    def action_from_alarms(self) -> None:
        self.ribbon.action_leave()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        self._show_keys()

    def on_descendant_blur(self) -> None:
        self._show_keys()

    def _fitting(self, commands: Iterable[Command], columns: int) -> list[tuple[Line, str]]:
        """Return as many keys as fit, the most useful, with their actions."""
        away = {self.LEADS_HERE} if self.ribbon.display else {self.LEADS_HERE, "next-part"}
        first, last = in_bar(command for command in commands if command.id not in away)
        if self.SCOPE is Scope.OVERVIEW and Scope.CHART not in self.scopes():
            # nothing lies behind it
            last = [command for command in last if command.id != "back"]
        first.sort(key=lambda command: command.id in self.minor_keys())
        keys, ascii_only = self.watch_app.settings.keys, self.watch_app.state.ascii
        shown: list[tuple[Line, str]] = []
        left = columns
        for command in (*reversed(last), *first):
            label = key_label(keys_of(command, keys, ascii_only)[0], command.bar)
            left -= line_width(label) + GAP
            if left + GAP < 0:
                break
            shown.append((label, command.action))
        kept, more = shown[: len(last)], shown[len(last) :]
        return [*more, *reversed(kept)]


class Dialog(ModalScreen[ScreenResultType]):
    """A dialog in one box, with a page that scrolls."""

    BINDINGS = always()

    def __init__(self, prefix: str, title: str, ascii_only: bool) -> None:
        """Begin the ids of the widgets with `prefix`."""
        super().__init__()
        self._prefix, self._box_title, self._ascii = prefix, title, ascii_only
        self.page = Sections(id=f"{prefix}-page")
        self.ribbon = AlarmRibbon()

    @property
    def watch_app(self) -> MlxtopApp:
        return cast("MlxtopApp", self.app)

    def compose(self) -> ComposeResult:
        with Container(id=f"{self._prefix}-dialog", classes="dialog box") as box:
            box.border_title = self._box_title
            box.border_subtitle = "  ".join(self.watch_app.badges())
            yield self.ribbon
            yield from self.body()

    def body(self) -> ComposeResult:
        """Yield the widgets of the box."""
        raise NotImplementedError

    def on_mount(self) -> None:
        _in_ascii(self, self._ascii)

    def settings_changed(self) -> None:
        """Show glyphs as the settings now have them."""
        self._ascii = self.watch_app.state.ascii
        _in_ascii(self, self._ascii)

    def on_resize(self) -> None:
        self.call_after_refresh(self.draw)

    def draw(self) -> None:
        """Draw everything for the present size."""
        raise NotImplementedError

    def action_scroll(self, lines: int) -> None:
        self.page.scroll_relative(y=lines, animate=False)
